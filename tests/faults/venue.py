"""The exchange as one life of the bot sees it: `Exchange` over a network that fails."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from cryptobot.core.errors import (
    ExchangeError,
    OrderNotFound,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    TransientError,
)
from cryptobot.core.events import BarClosed, ConnectionChanged, ExchangeEvent
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order
from cryptobot.core.quotes import Quote
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Bar, Fill, Intent, Mode, OcoIntent
from cryptobot.exchange.capabilities import Capabilities
from cryptobot.exchange.filters import rounded
from cryptobot.exchange.matching import CoreEvent
from cryptobot.exchange.rules import MarketRules
from cryptobot.exchange.telling import told
from tests.faults.loop import Life
from tests.faults.market import STEP, SYMBOL, TIMEFRAME
from tests.faults.network import RECV_WINDOW, Network
from tests.faults.truth import HIDDEN, Truth

SECRET: Final = "canary-4f1c2a-secret"  # must be found nowhere


class Venue:
    """One connection to the exchange.

    It behaves as the connectors do: it names failures for what they are, repeats nothing, and knows the client ids of
    executions only for orders that it sent or was asked for.

    Parameters
    ----------
    truth, network, life
        What is at the other end, the way there, and whose connection it is.
    sending
        Told of each order when it leaves.
    unsure
        Told of each order whose fate it could not learn.
    """

    name = "venue"
    mode = Mode.TESTNET
    symbol: str | None = SYMBOL
    timeframe: Timeframe | None = TIMEFRAME

    def __init__(
        self,
        truth: Truth,
        network: Network,
        life: Life,
        *,
        sending: Callable[[Intent | OcoIntent], None],
        unsure: Callable[[str], None],
    ) -> None:
        self.secret = SECRET
        self._truth = truth
        self._network = network
        self._life = life
        self._sending = sending
        self._unsure = unsure
        self._rules: MarketRules | None = None
        self._named: set[str] = set()
        self._inbox: deque[ExchangeEvent] = deque()
        self._bell: asyncio.Future[None] | None = None
        self._next_bar = 0
        self._up = True

    def __repr__(self) -> str:
        return f"Venue({self.mode})"

    @property
    def capabilities(self) -> Capabilities:
        """All that matching can do, and how long an order may hide."""
        return Capabilities(
            order_types=frozenset(OrderType),
            time_in_force=frozenset(TimeInForce),
            timeframes=(str(TIMEFRAME),),
            oco=True,
            bar_stream=True,
            order_stream=True,
            order_deadline=RECV_WINDOW + HIDDEN + 3,
        )

    async def connect(self) -> None:
        """Load the markets."""
        self._rules = await self._ask("markets", lambda: self._truth.core.rules(SYMBOL))

    async def close(self) -> None:
        """Let go."""
        self._life.check()

    async def now(self) -> int:
        """Return the exchange's time."""
        return int(await self._ask("time", self._truth.now))

    async def markets(self) -> Mapping[str, MarketRules]:
        """Return the rules of its market."""
        return {SYMBOL: await self.rules(SYMBOL)}

    async def market(self, symbol: str) -> Market:
        """Return the market's steps."""
        return (await self.rules(symbol)).market

    async def rules(self, symbol: str) -> MarketRules:
        """Return the rules of the market, as they are now."""
        self._rules = await self._ask("rules", lambda: self._truth.core.rules(symbol))
        return self._rules

    async def grid(self, symbol: str) -> PriceGrid:
        """Return the grid of the market's prices."""
        return PriceGrid.of_tick((await self.market(symbol)).tick_size)

    async def balances(self) -> Mapping[str, Balance]:
        """Return what the account holds."""
        found: Mapping[str, Balance] = await self._ask("balances", lambda: self._truth.core.balances)
        return found

    async def quote(self, symbol: str) -> Quote:
        """Return the last price, as bid and as ask."""
        found: Quote | None = await self._ask("quote", lambda: self._truth.core.quote(symbol))
        if found is None:
            raise TransientError("quote: there is no price yet.")
        return found

    async def history(self, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
        """Return closed bars before the stream's first."""
        bars: list[Bar] = await self._ask("history", lambda: self._truth.bars(0))
        self._next_bar = max(self._next_bar, len(bars))
        return bars[: self._next_bar][-limit:]

    async def submit(self, intent: Intent) -> Order:
        """Send an order."""
        self._sending(intent)
        order = rounded(await self._fresh_rules(intent.id), intent)
        self._named.add(intent.id)
        found: Order = await self._send(f"order {intent.id}", intent.id, lambda: self._truth.submit(order))
        return found

    async def submit_oco(self, pair: OcoIntent) -> Sequence[Order]:
        """Send a pair of orders."""
        self._sending(pair)
        rules = await self._fresh_rules(pair.id)
        legs = OcoIntent(pair.id, rounded(rules, pair.above), rounded(rules, pair.below))
        self._named |= {pair.above.id, pair.below.id}
        found: Sequence[Order] = await self._send(f"order {pair.id}", pair.id, lambda: self._truth.submit_oco(legs))
        return found

    async def cancel(self, symbol: str, client_id: str) -> Order:
        """Cancel an order, then ask for it: a cancel that fails proves nothing."""
        failure: ExchangeError | None = None
        try:
            await self._ask(f"cancel {client_id}", lambda: self._truth.cancel(client_id), acts=True)
        except ExchangeError as error:
            failure = error
        try:
            order = await self.order(symbol, client_id)
        except (TransientError, OrderNotFound) as error:
            if isinstance(error, OrderNotFound) and isinstance(failure, OrderNotFound):
                raise
            self._unsure(client_id)
            raise OrderUnknown(
                f"cancel {client_id}: nobody knows whether it is cancelled ({failure or error})."
            ) from None
        if order.is_open:
            self._unsure(client_id)
            raise OrderUnknown(f"cancel {client_id}: it is not cancelled yet ({failure}). Ask for it again.")
        return order

    async def order(self, symbol: str, client_id: str) -> Order:
        """Return the newest order of a client id."""
        found: Order = await self._ask(f"order {client_id}", lambda: self._truth.order(client_id))
        self._named.add(client_id)
        return found

    async def open_orders(self, symbol: str) -> list[Order]:
        """Return the open orders."""
        found: list[Order] = await self._ask("open orders", self._truth.open_orders)
        return found

    async def fills(self, symbol: str, since: int = 0) -> list[Fill]:
        """Return the account's executions; whose they are is known of the orders that were asked for."""
        found: list[Fill] = await self._ask("fills", lambda: self._truth.fills(since))
        return [fill if fill.intent_id in self._named else replace(fill, intent_id="") for fill in found]

    async def stream(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[ExchangeEvent]:
        """Yield closed bars and what happens to orders."""
        while True:
            while self._inbox:
                event = self._inbox.popleft()
                self._life.point(f"event {type(event).__name__}")
                yield event
            self._bell = asyncio.get_running_loop().create_future()
            await self._bell
            self._life.check()

    # -- what comes by itself

    def happened(self, events: Sequence[CoreEvent]) -> None:
        """Let the account's stream tell of what happened."""
        for event in told(events):
            self._network.deliver(lambda event=event: self._put(event))  # type: ignore[misc]

    def bars_closed(self) -> None:
        """Let the feed tell of the bars that have closed, as far as it can be reached."""
        network, first = self._network, self._next_bar
        if self._life.dead or first == 0 or network.cut:
            return
        bars = self._truth.bars(first)
        self._next_bar = first + len(bars)
        if network.at_work("bars_missing") and len(bars) == 1:
            return
        for bar in bars:
            self._put(BarClosed(bar, late=bar is not bars[-1]))
        if network.at_work("bars_twice") and bars:
            self._put(BarClosed(bars[-1]))
            self._put(BarClosed(bars[0]._replace(time=bars[0].time - STEP)))

    @property
    def up(self) -> bool:
        """Whether the bot was told that the connection works."""
        return self._up

    def connection(self, up: bool, why: str, time: int) -> None:
        """Say that the connection has gone, or is back."""
        if up is not self._up:
            self._up = up
            self._put(ConnectionChanged(up, time, why))

    def _put(self, event: ExchangeEvent) -> None:
        if not self._life.dead:
            self._inbox.append(event)
            if self._bell is not None and not self._bell.done():
                self._bell.set_result(None)

    # -- inside

    async def _fresh_rules(self, client_id: str) -> MarketRules:
        """Return the rules to round by: after a refusal they are asked for anew, as connectors do."""
        if self._rules is None:
            try:
                return await self.rules(SYMBOL)
            except TransientError as error:
                raise OrderNotSent(f"order {client_id}: {error} Nothing was sent.") from None
        return self._rules

    async def _send(self, what: str, client_id: str, act: Callable[[], object]) -> Any:
        try:
            return await self._ask(what, act, moves_money=True)
        except OrderUnknown:
            self._unsure(client_id)
            raise
        except OrderRejected:
            self._rules = None
            raise

    async def _ask(self, what: str, act: Callable[[], object], *, moves_money: bool = False, acts: bool = False) -> Any:
        self._life.point(f"before {what}")
        try:
            return await self._network.ask(what, act, moves_money=moves_money, acts=acts)
        finally:
            if not self._life.dead:
                self._life.point(f"after {what}")
