"""Paper trading: real prices of a real exchange, fills that are only simulated, no keys."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final, cast

from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError, DataError, OrderNotSent, OrderRejected, TransientError
from cryptobot.core.events import BarClosed, ConnectionChanged, ExchangeEvent
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import ZERO, Market, decimal_of
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order
from cryptobot.core.quotes import Quote
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Bar, Fill, Intent, Mode, OcoIntent
from cryptobot.exchange.capabilities import Capabilities
from cryptobot.exchange.connector.stream import Events, merged
from cryptobot.exchange.filters import rounded
from cryptobot.exchange.matching import Costs, MatchingCore
from cryptobot.exchange.protocol import Exchange
from cryptobot.exchange.rules import MarketRules
from cryptobot.exchange.simulated_account import new_account, rest_again
from cryptobot.exchange.telling import told

# A quote that is older than this is not traded on.
MAX_AGE: Final = 10.0
# So often prices are looked at while orders rest.
_LOOK: Final = 2.0


class PaperExchange:
    """Trades on paper against the live prices of a real exchange.

    A market order is filled at the bid or ask that the exchange shows at that moment, in any quantity; other orders rest
    until a quote, or a bar that opened after them, reaches their price. Nothing is ever sent to the exchange, and no
    keys are needed or used. A quote older than 10 seconds is not traded on.

    Parameters
    ----------
    id
        The exchange that prices come from, as for `CcxtExchange`.
    cash
        Starting balance, in the quote currency of the first market that is used.
    fee
        Fraction of an order's value, taken in the quote currency.
    slippage_bps
        Basis points by which market orders are filled worse than the quote.
    symbol, timeframe
        What it offers when a bot names none.
    source
        Where prices come from instead: any exchange; its account is not touched.
    clock
        For all waiting.

    Attributes
    ----------
    costs
        Fee and slippage.
    """

    mode = Mode.PAPER

    def __init__(
        self,
        id: str = "binance",  # noqa: A002 - ccxt's own word for it
        *,
        cash: float | Decimal = 10_000,
        fee: float | Decimal = 0.001,
        slippage_bps: float | Decimal = 0,
        symbol: str | None = None,
        timeframe: str | Timeframe | None = None,
        source: Exchange | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._cash = decimal_of(cash, "cash")
        if self._cash <= 0:
            raise ConfigError(f"cash: {cash} is not allowed. Give an amount above 0 in the quote currency.")
        self.costs = Costs(decimal_of(fee, "fee"), decimal_of(slippage_bps, "slippage_bps"))
        self._clock = clock or SystemClock()
        if source is None:
            from cryptobot.exchange.connector.exchange import CcxtExchange

            source = CcxtExchange(id, clock=self._clock)
        self._source: Exchange = source
        self.name = f"{source.name} on paper"
        self.symbol = symbol if symbol is not None else source.symbol
        self.timeframe = source.timeframe if timeframe is None else Timeframe.parse(timeframe)
        self._core: MatchingCore | None = None
        self._currency = ""
        self._events = Events()
        self._unread: deque[BarClosed | ConnectionChanged] = deque()
        self._played: dict[str, int] = {}
        self._streaming = False

    @property
    def capabilities(self) -> Capabilities:
        """What the source offers of prices, and every kind of order."""
        return replace(
            self._source.capabilities,
            order_types=frozenset(OrderType),
            time_in_force=frozenset(TimeInForce),
            orders=True,
            oco=True,
            quote_amount=True,
            cancel=True,
            query_by_client_id=True,
            order_stream=True,
            key_rights=False,
            keeps_account=False,
            order_deadline=0.0,
        )

    @property
    def source(self) -> Exchange:
        """Where its prices come from."""
        return self._source

    async def connect(self) -> None:
        """Reach the exchange for its prices."""
        await self._source.connect()

    async def close(self) -> None:
        """Let go of the network. Paper orders and balances stay."""
        await self._source.close()

    async def now(self) -> int:
        """Return the exchange's own time."""
        return await self._source.now()

    async def markets(self) -> Mapping[str, MarketRules]:
        """Return the rules of every market, by symbol."""
        return await self._source.markets()

    async def rules(self, symbol: str) -> MarketRules:
        """Return all rules of a market; see `Exchange.rules`."""
        rules = await self._source.rules(symbol)
        core = self._core
        if core is None:
            self._currency = rules.market.quote
            self._core = new_account(rules, {self._currency: self._cash, rules.market.base: ZERO}, self.costs)
        elif symbol not in core.symbols or core.rules(symbol) != rules:
            if rules.market.quote != self._currency:
                raise ConfigError(
                    f"symbol: this paper account holds {self._currency}, and {symbol} is paid in {rules.market.quote}. "
                    "Make one paper exchange a currency."
                )
            self._events.put(told(core.set_rules(rules, await self.now())))
        return rules

    async def market(self, symbol: str) -> Market:
        """Return a market's tick size, lot size and minimum notional; see `Exchange.market`."""
        return (await self.rules(symbol)).market

    async def grid(self, symbol: str) -> PriceGrid:
        """Return the decimal grid that the market's prices lie on."""
        await self.rules(symbol)
        return await self._source.grid(symbol)

    async def balances(self) -> Mapping[str, Balance]:
        """Return what the paper account holds."""
        if self._core is None:
            if self.symbol is None:
                raise ConfigError(
                    f"{self.name}: nobody knows yet which currency the cash is in. Name the market: symbol='BTC/USDT'."
                )
            await self.rules(self.symbol)
        return self._account.balances

    async def quote(self, symbol: str) -> Quote:
        """Return the exchange's best bid and ask."""
        return await self._source.quote(symbol)

    async def history(self, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
        """Return up to ``limit`` closed bars before the stream's first, oldest first."""
        return await self._source.history(symbol, timeframe, limit)

    async def stream(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[ExchangeEvent]:
        """Yield the exchange's closed bars and what happens to paper orders; see `Exchange.stream`."""
        await self.rules(symbol)
        if self._streaming:
            raise ConfigError(f"{self.name}: somebody is reading this exchange already. Make one exchange a bot.")
        self._streaming = True
        feed = cast("AsyncGenerator[BarClosed | ConnectionChanged, None]", self._source.stream(symbol, timeframe))
        looking = asyncio.create_task(self._look_at_prices(symbol))

        async def play(event: BarClosed) -> None:
            self._play(symbol, event.bar, timeframe)

        try:
            async for event in merged(
                feed, self._events, before_bar=play, check=lambda: _raise_end_of(looking), unread=self._unread
            ):
                yield event
        finally:
            self._streaming = False
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            await feed.aclose()

    async def submit(self, intent: Intent) -> Order:
        """Take an order, rounded to the market's steps, and fill it against the live quote; see `Exchange.submit`."""
        rules = await self._rules_for(intent.symbol, intent.id)
        time = await self._fresh(intent.symbol, intent.id)
        events = self._account.submit(rounded(rules, intent), time)
        self._events.put(told(events))
        return self._account.order(intent.symbol, client_id=intent.id)

    async def submit_oco(self, pair: OcoIntent) -> Sequence[Order]:
        """Take two orders of which one cancels the other; see `Exchange.submit_oco`."""
        rules = await self._rules_for(pair.above.symbol, pair.id)
        time = await self._fresh(pair.above.symbol, pair.id)
        legs = [rounded(rules, leg) for leg in (pair.above, pair.below)]
        self._events.put(told(self._account.submit_oco(OcoIntent(pair.id, *legs), time)))
        return [self._account.order(leg.symbol, client_id=leg.id) for leg in legs]

    async def cancel(self, symbol: str, client_id: str) -> Order:
        """Cancel an order if it is open, and return what is known of it; see `Exchange.cancel`."""
        order = await self.order(symbol, client_id)
        if order.is_open:
            self._events.put(told(self._account.cancel(symbol, await self.now(), client_id=client_id)))
        return self._account.order(symbol, client_id=client_id)

    async def order(self, symbol: str, client_id: str) -> Order:
        """Return the newest order of this client id; see `Exchange.order`."""
        await self.rules(symbol)
        return self._account.order(symbol, client_id=client_id)

    async def open_orders(self, symbol: str) -> list[Order]:
        """Return the open paper orders of a market, oldest first."""
        await self.rules(symbol)
        return self._account.open_orders(symbol)

    async def fills(self, symbol: str, since: int = 0) -> list[Fill]:
        """Return the paper executions in a market since a time, oldest first."""
        await self.rules(symbol)
        return [fill for fill in self._account.fills(symbol) if fill.time >= since]

    async def restore(
        self,
        symbol: str,
        balances: Mapping[str, Decimal],
        orders: Sequence[Intent | OcoIntent],
        after: int | None,
    ) -> list[str]:
        """Take over an account and its resting orders from an earlier session; see `ForgetfulExchange.restore`."""
        rules = await self._source.rules(symbol)
        self._currency = rules.market.quote
        self._core = new_account(rules, balances, self.costs, first_id=max(after or 0, self._clock.now()))
        return await rest_again(self, orders)

    def __repr__(self) -> str:
        return f"PaperExchange({self._source.name!r}, on paper: real prices, simulated fills, no orders are sent)"

    @property
    def _account(self) -> MatchingCore:
        if self._core is None:
            raise ConfigError(f"{self.name}: no market is known yet. Ask for its rules first.")
        return self._core

    async def _rules_for(self, symbol: str, order_id: str) -> MarketRules:
        try:
            return await self.rules(symbol)
        except TransientError as error:
            raise OrderNotSent(f"order {order_id} was not taken: {error}") from error

    async def _fresh(self, symbol: str, order_id: str) -> int:
        """Tell the core the live quote and return its time.

        Raises
        ------
        OrderRejected
            If the quote is too old, or no price to trade at.
        OrderNotSent
            If there is none to be had now.
        """
        try:
            quote = await self._source.quote(symbol)
            now = await self._source.now()
        except DataError as error:
            raise OrderRejected(f"order {order_id}: {error}") from error
        except TransientError as error:
            raise OrderNotSent(f"order {order_id} was not taken, because there is no quote: {error}") from error
        if quote.age(now) > MAX_AGE:
            raise OrderRejected(
                f"order {order_id}: the newest quote of {symbol} is {quote.age(now):,.0f} s old; at most {MAX_AGE:.0f} s "
                "are allowed. Nothing was traded."
            )
        self._events.put(told(self._account.set_quote(symbol, quote.bid, quote.ask, quote.time)))
        return now

    async def _look_at_prices(self, symbol: str) -> None:
        """Let resting orders see the live quote every two seconds."""
        while True:
            await self._clock.sleep(_LOOK)
            if not self._account.has_open_orders(symbol):
                continue
            try:
                quote = await self._source.quote(symbol)
                if quote.age(await self._source.now()) > MAX_AGE:
                    continue
            except (TransientError, DataError):
                continue  # the next look is two seconds away, and bars are told all the same
            self._events.put(told(self._account.set_quote(symbol, quote.bid, quote.ask, quote.time)))

    def _play(self, symbol: str, bar: Bar, timeframe: Timeframe) -> None:
        """Let orders that rested all through a bar see where its price went between two looks."""
        resting = self._account.open_orders(symbol)
        if self._played.get(symbol, -1) >= bar.time:
            return
        self._played[symbol] = bar.time
        if resting and all(order.created <= bar.time for order in resting):
            self._events.put(told(self._account.play_bar(symbol, bar, bar.time + timeframe.nanoseconds)))


def _raise_end_of(task: asyncio.Task[None]) -> None:
    if task.done() and not task.cancelled() and (error := task.exception()) is not None:
        raise error
