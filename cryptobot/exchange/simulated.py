"""A simulated exchange around a source of bars: market orders fill at the next bar's open, others when a bar gets there."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import chain

from cryptobot.core.bars import problem_of
from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError, OrderRejected, TransientError
from cryptobot.core.events import BarClosed, ExchangeEvent, OrderChanged, OrderRefused
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import ZERO, Market
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.quotes import Quote
from cryptobot.core.suggest import closest
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Bar, Fill, Intent, Mode, OcoIntent
from cryptobot.exchange.capabilities import Capabilities
from cryptobot.exchange.filters import rounded
from cryptobot.exchange.matching import Costs, Refused
from cryptobot.exchange.rules import MarketRules
from cryptobot.exchange.simulated_account import new_account, rest_again
from cryptobot.exchange.telling import told
from cryptobot.exchange.waiting import WaitingOrders

# At full speed the loop is handed over now and then, so that a stop is heard within a few milliseconds.
_BARS_A_TURN = 64
_PAST = 20_000


class SimulatedExchange:
    """Base of `ReplayExchange` and `PracticeExchange`.

    Between two bars its market stands still. A market order is filled at the next bar's open, as in a backtest, and so
    is a limit order that could have been filled at the last close. Any other order rests until a bar gets there: see
    `MatchingCore.finish_bar` for the way a price takes through a bar. Fees are taken in the quote currency.

    Parameters
    ----------
    name
        For people.
    market
        The one market it offers.
    timeframe
        Interval of its bars.
    grid
        The decimal grid of its prices.
    past
        Bars before the stream's first, for `history`.
    bars
        The bars to stream, oldest first; taken one by one.
    speed
        How many times faster than real time bars arrive; ``math.inf`` for as fast as they are taken.
    cash
        Starting balance in the quote currency.
    costs
        Fee and slippage.
    clock
        For the waiting between bars.

    Attributes
    ----------
    core
        The exchange's own truth: its orders, executions and balances.
    """

    mode = Mode.PRACTICE

    def __init__(
        self,
        name: str,
        market: Market,
        timeframe: Timeframe,
        grid: PriceGrid,
        past: list[Bar],
        bars: Iterator[Bar],
        *,
        speed: float,
        cash: float | Decimal,
        costs: Costs,
        clock: Clock | None = None,
    ) -> None:
        if isinstance(speed, bool) or not isinstance(speed, int | float) or not speed > 0:
            raise ConfigError(
                f"speed: {speed!r} is not allowed. Give a number above 0: 1 is real time, 60 a minute a second, "
                "math.inf as fast as possible."
            )
        self.name = name
        self.symbol: str | None = market.symbol
        self.timeframe: Timeframe | None = timeframe
        self.speed = speed
        self.costs = costs
        self._cash = Portfolio(cash).initial_cash
        self._rules = MarketRules(market)
        self.core = new_account(self._rules, {market.quote: self._cash, market.base: ZERO}, costs)
        self._market = market
        self._grid = grid
        self._step = timeframe.nanoseconds
        self._seconds = timeframe.seconds / speed
        self._past = deque(past, maxlen=max(_PAST, len(past)))
        self._bars = bars
        self._clock = clock or SystemClock()
        self._waiting = WaitingOrders()
        self._untold: deque[ExchangeEvent] = deque()
        self._streaming = False
        self._inside: Bar | None = None  # a bar that has opened; the rest of it has not happened yet
        self._now = past[-1].time + self._step if past else None
        # A price that the core has not been told, since nobody had an order there.
        self._close = past[-1].close if past else None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.symbol} {self.timeframe}, {self.mode}: simulated money)"

    @property
    def capabilities(self) -> Capabilities:
        """Everything but a dead man's switch, which nobody needs here."""
        return Capabilities(
            order_types=frozenset(OrderType),
            time_in_force=frozenset(TimeInForce),
            timeframes=(str(self.timeframe),),
            oco=True,
            bar_stream=True,
            order_stream=True,
            keeps_account=False,
            order_deadline=0.0,
        )

    @property
    def executed(self) -> list[Fill]:
        """Every execution, oldest first."""
        return self.core.fills(self._market.symbol)

    @property
    def ledger(self) -> Portfolio:
        """The books that follow from its executions: the truth that tests hold a bot against."""
        books = Portfolio(self._cash, self._market)
        for executed in self.core.executions(self._market.symbol):
            books.apply(executed.fill, complete=not executed.order.is_open)
        return books

    async def connect(self) -> None:
        """Do nothing: there is no network."""

    async def close(self) -> None:
        """Forget market orders that have not been filled, unless somebody still listens for their answers."""
        if not self._streaming:
            self._waiting.drop_all(await self.now())

    async def now(self) -> int:
        """Return the time in its market: when the last bar ended."""
        if self._now is None:
            first = next(self._bars, None)
            if first is None:
                return 0
            self._bars = chain([first], self._bars)
            self._now = first.time
        return self._now

    async def markets(self) -> dict[str, MarketRules]:
        """Return the rules of its one market."""
        return {self._market.symbol: self._rules}

    async def market(self, symbol: str) -> Market:
        """Return the market's tick, lot and minimum notional; see `Exchange.market`."""
        if symbol != self._market.symbol:
            known = self._market.symbol
            raise ConfigError(
                f"symbol: {self.name} has no market {symbol!r}.{closest(symbol, [known])} It has `{known}`."
            )
        return self._market

    async def rules(self, symbol: str) -> MarketRules:
        """Return all rules of the market."""
        await self.market(symbol)
        return self._rules

    async def grid(self, symbol: str) -> PriceGrid:
        """Return the grid of the bars it streams."""
        await self.market(symbol)
        return self._grid

    async def balances(self) -> dict[str, Balance]:
        """Return what the account holds."""
        return self.core.balances

    async def quote(self, symbol: str) -> Quote:
        """Return the last close, as bid and as ask.

        Raises
        ------
        TransientError
            If no bar has closed yet.
        """
        await self.market(symbol)
        self._tell_price(await self.now())
        quote = self.core.quote(symbol)
        if quote is None:
            raise TransientError(f"{self.name}: no bar of {symbol} has closed yet. Ask again once one has.")
        return quote

    async def history(self, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
        """Return the latest of the past bars."""
        await self.market(symbol)
        self._check_timeframe(timeframe)
        return list(self._past)[-limit:] if limit > 0 else []

    async def submit(self, intent: Intent) -> Order | None:
        """Take an order, rounded to the market's steps. A market order is answered at the next bar's open.

        Raises
        ------
        OrderRejected
            If it is for another market, breaks a rule that can be checked already, or an order with this client id is
            open.
        """
        self._check_symbol(intent.symbol, intent.id)
        order = rounded(self._rules, intent)
        if self._waiting.has(intent.id):
            raise Refused(intent.id, "DUPLICATE", "an open order has this client id already")
        time = await self.now()
        if self._inside is not None:
            return self._submit_inside(self._inside, order)
        if order.type is OrderType.MARKET:
            self.core.check_form(order)
            self._waiting.add(order, time)
            return None
        self._tell_price(time)
        events = self.core.submit(order, time, at_next_price=True)
        self._waiting.forget(order.id)
        self._untold.extend(told(events))
        return events[0].order

    async def submit_oco(self, pair: OcoIntent) -> list[Order]:
        """Take two orders of which one cancels the other; raises as `submit` does."""
        self._check_symbol(pair.above.symbol, pair.id)
        legs = [rounded(self._rules, leg) for leg in (pair.above, pair.below)]
        for leg in legs:
            if self._waiting.has(leg.id):
                raise Refused(leg.id, "DUPLICATE", "an open order has this client id already")
        time = await self.now() if self._inside is None else self._inside.time
        self._tell_price(time)
        events = self.core.submit_oco(OcoIntent(pair.id, *legs), time)
        for leg in legs:
            self._waiting.forget(leg.id)
        self._untold.extend(told(events))
        return [event.order for event in events]

    async def cancel(self, symbol: str, client_id: str) -> Order:
        """Cancel an order if it is open, and return how it ended; see `Exchange.cancel`."""
        known = await self.order(symbol, client_id)
        if not known.is_open:
            return known
        time = await self.now()
        dropped = self._waiting.drop(client_id, time)
        if dropped is not None:
            self._untold.append(OrderChanged(dropped))
            return dropped
        self._untold.extend(told(self.core.cancel(symbol, time, client_id=client_id)))
        return self.core.order(symbol, client_id=client_id)

    async def order(self, symbol: str, client_id: str) -> Order:
        """Return the newest order of this client id; see `Exchange.order`.

        A market order has no exchange id before the next bar's open.
        """
        await self.market(symbol)
        return self._waiting.order(client_id) or self.core.order(symbol, client_id=client_id)

    async def open_orders(self, symbol: str) -> list[Order]:
        """Return the open orders, oldest first, those that wait for the next open last."""
        await self.market(symbol)
        return self.core.open_orders(symbol) + self._waiting.orders()

    async def fills(self, symbol: str, since: int = 0) -> list[Fill]:
        """Return the executions since a time, oldest first."""
        await self.market(symbol)
        return [fill for fill in self.core.fills(symbol) if fill.time >= since]

    async def restore(
        self,
        symbol: str,
        balances: Mapping[str, Decimal],
        orders: Sequence[Intent | OcoIntent],
        after: int | None,
    ) -> list[str]:
        """Take over an account and its resting orders from an earlier session; see `ForgetfulExchange.restore`."""
        await self.market(symbol)
        while after is not None and (bar := next(self._bars, None)) is not None:
            if bar.time > after:
                self._bars = chain([bar], self._bars)
                break
            self._past.append(bar)
            self._now, self._close = bar.time + self._step, bar.close
        self.core = new_account(self._rules, balances, self.costs, first_id=max(after or 0, self._clock.now()))
        return await rest_again(self, orders)

    async def stream(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[ExchangeEvent]:
        """Yield answers to orders and closed bars; see `Exchange.stream`."""
        await self.market(symbol)
        self._check_timeframe(timeframe)
        if self._streaming:
            raise ConfigError(f"{self.name}: somebody is reading this exchange already. Make one exchange a bot.")
        self._streaming = True
        try:
            due = self._clock.monotonic()
            turn = 0
            while True:
                # A reader that leaves between a fill and its bar finds the bar here when it comes back.
                while self._untold:
                    event = self._untold.popleft()
                    if isinstance(event, BarClosed):
                        self._past.append(event.bar)
                    yield event
                if self._seconds > 0.001:
                    due = max(due + self._seconds, self._clock.monotonic() - self._seconds)
                    await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
                else:
                    turn += 1
                    if turn % _BARS_A_TURN == 0:
                        await asyncio.sleep(0)
                bar = self._inside or next(self._bars, None)
                if bar is None:
                    return
                if self._inside is None:
                    self._untold.extend(self._open(bar))
                    while self._untold:  # whoever is told what happened at the open may act on it within the bar
                        yield self._untold.popleft()
                self._untold.extend(self._finish(bar))
                self._untold.append(BarClosed(bar))
        finally:
            self._streaming = False

    def _open(self, bar: Bar) -> list[ExchangeEvent]:
        """Let a bar open: market orders that waited for it are filled."""
        core, symbol = self.core, self._market.symbol
        if not self._waiting and not core.has_open_orders(symbol):
            return []
        if problem_of(bar) is not None:  # nothing is traded on it; the reader is told by the bar itself
            return []
        self._close, self._inside = None, bar
        answers = told(core.open_bar(symbol, bar))
        for intent in self._waiting.take():
            try:
                answers += told(core.submit(intent, bar.time))
            except Refused as refusal:
                self._waiting.refuse(intent, bar.time)
                answers.append(OrderRefused(intent.id, bar.time, refusal.reason, refusal.rule))
        return answers

    def _finish(self, bar: Bar) -> list[ExchangeEvent]:
        """Let the rest of a bar happen to the orders that are open."""
        self._now = bar.time + self._step
        opened, self._inside = self._inside is not None, None
        if not opened:
            self._close = bar.close
            return []
        return told(self.core.finish_bar(self._market.symbol, bar, self._now))

    def _submit_inside(self, bar: Bar, order: Intent) -> Order:
        """Take an order just after a bar has opened, at the price it opened at."""
        events = self.core.submit(order, bar.time)
        self._waiting.forget(order.id)
        self._untold.extend(told(events))
        return self.core.order(order.symbol, client_id=order.id)

    def _tell_price(self, time: int) -> None:
        if self._close is not None:
            self.core.set_price(self._market.symbol, self._close, time)
            self._close = None

    def _check_symbol(self, symbol: str, order_id: str) -> None:
        if symbol != self._market.symbol:
            raise OrderRejected(
                f"order {order_id}: {self.name} has no market {symbol!r}. It has `{self._market.symbol}`."
            )

    def _check_timeframe(self, timeframe: Timeframe) -> None:
        if timeframe != self.timeframe:
            raise ConfigError(f"timeframe: {self.name} has bars of {self.timeframe}, not {timeframe}. Use its own.")
