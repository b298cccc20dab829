"""A simulated market without a bot: the server lets it run, so that there are prices."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Final, cast

import numpy as np

from cryptobot.control.price_server.columns import Columns
from cryptobot.control.price_server.shapes import bar_of
from cryptobot.core.bars import COLUMNS, BarColumns, problem_of, time_text
from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.events import BarClosed, ExchangeEvent
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.simulated import SimulatedExchange
from mcp_server.errors import Unavailable
from mcp_server.events import BarClosed as BarNews
from mcp_server.events import Event
from mcp_server.models.market import Tick

_HISTORY: Final = 20_000
_TOLD: Final = 100


class PlayedMarket:
    """Streams a practice market or a recording and keeps its candles; a `PriceSource`.

    Parameters
    ----------
    exchange
        Nobody else may be reading it.
    clock
        Says when a price was observed: such a market has a time of its own.
    """

    def __init__(self, exchange: SimulatedExchange, clock: Clock | None = None) -> None:
        if exchange.symbol is None or exchange.timeframe is None:
            raise ConfigError(f"{exchange.name} names no market. Give an exchange that has one.")
        self._exchange = exchange
        self._symbol = exchange.symbol
        self._timeframe = exchange.timeframe
        self._clock = clock or SystemClock()
        self._columns = Columns(COLUMNS)
        self._grid = PriceGrid(None)
        self._untold: deque[Bar] = deque(maxlen=_TOLD)
        self._ticks: Mapping[str, Tick] = {}

    @property
    def symbols(self) -> Sequence[str]:
        """Its one market."""
        return (self._symbol,)

    @property
    def ticks(self) -> Mapping[str, Tick]:
        """Its newest close."""
        return self._ticks

    def timeframes(self, symbol: str) -> Sequence[str]:
        """Return the interval of its candles."""
        return (str(self._timeframe),) if symbol == self._symbol else ()

    async def begin(self) -> None:
        """Take its past candles."""
        self._grid = await self._exchange.grid(self._symbol)
        past = await self._exchange.history(self._symbol, self._timeframe, _HISTORY)
        time, _ = self._columns.newest(1)
        self._add([bar for bar in past if not time.size or bar.time > time[0]])
        self._untold.clear()

    async def keep(self) -> None:
        """Let it run to its end, or until cancelled."""
        stream = cast("AsyncGenerator[ExchangeEvent, None]", self._exchange.stream(self._symbol, self._timeframe))
        async with aclosing(stream):
            async for event in stream:
                if isinstance(event, BarClosed):
                    self._take(event.bar)

    async def end(self) -> None:
        """Do nothing: there is no network."""

    def _take(self, bar: Bar) -> None:
        problem = problem_of(bar)
        if problem is not None:
            raise DataError(f"The bar of {time_text(bar.time)} cannot be: {problem}. No more are played.")
        self._add([bar])

    def look(self) -> list[Event]:
        """Return what has closed since the last look."""
        events: list[Event] = []
        while self._untold:
            events.append(BarNews(bar_of(self._symbol, str(self._timeframe), self._untold.popleft())))
        return events

    async def tick(self, symbol: str) -> Tick:
        """Return its newest close."""
        tick = self._ticks.get(symbol)
        if tick is None:
            raise Unavailable(f"No candle of {symbol} has closed yet. Ask again later.")
        return tick

    async def bars(self, symbol: str, timeframe: Timeframe, n: int, before: int | None) -> BarColumns:
        """Return the newest of its candles."""
        time, values = self._columns.newest(n, before=before)
        return BarColumns(time=time, **values, timeframe=timeframe, grid=self._grid)

    async def market(self, symbol: str) -> Market:
        """Return its rules."""
        return await self._exchange.market(symbol)

    def _add(self, bars: list[Bar]) -> None:
        if not bars:
            return
        time, *values = (np.array(column) for column in zip(*bars, strict=True))
        self._columns.extend(time, dict(zip(COLUMNS, values, strict=True)))
        self._untold.extend(bars)
        source = f"{self._exchange.name}, last candle"
        self._ticks = {self._symbol: Tick(self._symbol, bars[-1].close, self._clock.now(), source)}
