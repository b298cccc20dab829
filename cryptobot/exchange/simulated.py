"""A simulated exchange around a source of bars: orders fill at the next bar's open, in exact books of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError, OrderRejected
from cryptobot.core.events import BarClosed, ExchangeEvent, OrderFilled, OrderRefused
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market, exact_money
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.suggest import closest
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Fill, Intent, Mode, Side
from cryptobot.exchange.matching import Costs, fill_market_order

# At full speed the loop is handed over now and then, so that a stop is heard within a few milliseconds.
_BARS_A_TURN = 64
_PAST = 20_000


class SimulatedExchange:
    """Base of `ReplayExchange` and `PracticeExchange`.

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
    ledger
        The exchange's own books: the truth that tests hold a bot against.
    fills
        Every execution, oldest first.
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
        cash: float,
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
        self.ledger = Portfolio(cash)
        self.fills: list[Fill] = []
        self._market = market
        self._grid = grid
        self._seconds = timeframe.seconds / speed
        self._past = deque(past, maxlen=max(_PAST, len(past)))
        self._bars = bars
        self._clock = clock or SystemClock()
        self._waiting: list[Intent] = []
        self._untold: deque[ExchangeEvent] = deque()
        self._streaming = False

    async def connect(self) -> None:
        """Do nothing: there is no network."""

    async def close(self) -> None:
        """Forget orders that have not been filled, unless somebody still listens for their answers."""
        if not self._streaming:
            self._waiting.clear()

    async def market(self, symbol: str) -> Market:
        """Return the market's rules; see `Exchange.market`."""
        if symbol != self._market.symbol:
            known = self._market.symbol
            raise ConfigError(
                f"symbol: {self.name} has no market {symbol!r}.{closest(symbol, [known])} It has `{known}`."
            )
        return self._market

    async def grid(self, symbol: str) -> PriceGrid:
        """Return the grid of the bars it streams."""
        await self.market(symbol)
        return self._grid

    async def balances(self) -> dict[str, Decimal]:
        """Return the ledger's balances."""
        return {self._market.quote: self.ledger.cash, self._market.base: self.ledger.quantity}

    async def history(self, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
        """Return the latest of the past bars."""
        await self.market(symbol)
        self._check_timeframe(timeframe)
        return list(self._past)[-limit:] if limit > 0 else []

    async def submit(self, intent: Intent) -> None:
        """Take a market order; it is answered at the next bar's open.

        Raises
        ------
        OrderRejected
            If it is for another market, or an order with this client id is open already.
        """
        if intent.symbol != self._market.symbol:
            raise OrderRejected(
                f"order {intent.id}: {self.name} has no market {intent.symbol!r}. It has `{self._market.symbol}`."
            )
        if intent.id in {waiting.id for waiting in self._waiting}:
            raise OrderRejected(f"order {intent.id}: an open order has this client id already.")
        self._waiting.append(intent)

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
                bar = next(self._bars, None)
                if bar is None:
                    return
                self._untold.extend(self._answers(bar))
                self._untold.append(BarClosed(bar))
        finally:
            self._streaming = False

    @exact_money
    def _answers(self, bar: Bar) -> list[ExchangeEvent]:
        answers: list[ExchangeEvent] = []
        for intent in self._waiting:
            answer = fill_market_order(
                intent, bar.open, bar.time, self.costs, self._market, f"{self.name}-{len(self.fills) + 1}"
            )
            if isinstance(answer, OrderFilled):
                held = self.ledger.quantity if intent.side is Side.SELL else self.ledger.cash
                fill = answer.fill
                needed = fill.quantity if intent.side is Side.SELL else fill.price * fill.quantity + fill.fee
                if needed > held:
                    reason = f"it needs {needed:.12g}, the account holds {held:.12g}"
                    answers.append(OrderRefused(intent.id, bar.time, reason))
                    continue
                self.ledger.apply(fill)
                self.fills.append(fill)
            answers.append(answer)
        self._waiting.clear()
        return answers

    def _check_timeframe(self, timeframe: Timeframe) -> None:
        if timeframe != self.timeframe:
            raise ConfigError(f"timeframe: {self.name} has bars of {self.timeframe}, not {timeframe}. Use its own.")
