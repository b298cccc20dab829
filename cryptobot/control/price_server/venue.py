"""A real exchange as the server sees it: asked on the reader's loop, and never more than it takes well.

Limits of exchanges count per address, bots in this process included. So answers are kept for a moment, questions about
the same thing are asked once, and there is an upper bound to all of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar, cast

import numpy as np

from cryptobot.control.price_server.failures import answered
from cryptobot.control.price_server.reader import LOGGER, Reader
from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.errors import ConfigError, CryptobotError
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.connector.candles import before as bars_before
from cryptobot.exchange.feed.ticks import opening
from cryptobot.exchange.protocol import Exchange
from cryptobot.exchange.rules import MarketStatus
from cryptobot.market.source import CandleSource
from mcp_server.errors import Busy, Unavailable
from mcp_server.events import Event
from mcp_server.models.market import Tick
from mcp_server.security.rate import Bucket

Result = TypeVar("Result")

MOST_WATCHED: Final = 50
_LEAST_PAUSE: Final = 1.0
_PAUSE_A_MARKET: Final = 0.25
_FRESH: Final = 1.0
_QUESTIONS_A_SECOND: Final = 4.0
_QUESTIONS_AT_ONCE: Final = 20
_REMEMBERED: Final = 200


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, or a question under way."""

    task: asyncio.Task[Any]
    until: float


class Venue:
    """Quotes and candles of one exchange; a `PriceSource`.

    Parameters
    ----------
    exchange
        It is opened and closed on the reader's loop.
    symbols
        Markets to look at all the time; those are then the only ones. None: its own, or all on demand.
    ask
        Runs a coroutine on the reader's loop: `Reader.ask`.
    """

    def __init__(self, exchange: Exchange, symbols: Sequence[str] | None, ask: Callable[[], Reader]) -> None:
        own = [exchange.symbol] if exchange.symbol is not None else []
        self._exchange = exchange
        self._watched = tuple(dict.fromkeys(own if symbols is None else symbols))
        if len(self._watched) > MOST_WATCHED:
            raise ConfigError(f"symbols: {len(self._watched)} are given, and at most {MOST_WATCHED} are looked at.")
        self._symbols: Sequence[str] = self._watched
        self._reader = ask
        self._opened = False
        self._ticks: dict[str, Tick] = {}
        self._kept: dict[tuple[Any, ...], _Kept] = {}
        self._bucket = Bucket(_QUESTIONS_A_SECOND, _QUESTIONS_AT_ONCE, time.monotonic)
        offered = exchange.capabilities.timeframes if hasattr(exchange, "candles") else ()
        self._timeframes = ("1m", "1h", "1d") if offered is None else tuple(offered)

    @property
    def symbols(self) -> Sequence[str]:
        """The markets that are looked at, or all that trade."""
        return self._symbols

    @property
    def ticks(self) -> Mapping[str, Tick]:
        """The newest quotes."""
        return self._ticks

    def timeframes(self, symbol: str) -> Sequence[str]:
        """Return the intervals that it has candles of."""
        return self._timeframes

    def look(self) -> list[Event]:
        """Return nothing: its only news are prices."""
        return []

    async def begin(self) -> None:
        """Reach it and look whether it has the markets."""
        exchange = self._exchange
        await exchange.connect()
        self._opened = True
        markets = await exchange.markets()
        for symbol in self._watched:
            await exchange.market(symbol)  # raises with the closest name
        if not self._watched:
            trading = (name for name, rules in markets.items() if rules.status is MarketStatus.TRADING)
            self._symbols = tuple(sorted(trading))

    async def keep(self) -> None:
        """Ask for the quotes of the watched markets, again and again."""
        failing: set[str] = set()
        while True:
            for symbol in self._watched:
                try:
                    await self._quote(symbol)
                    failing.discard(symbol)
                except CryptobotError as error:
                    if symbol not in failing:  # said once; the age of the price says the rest
                        LOGGER.warning("no quote of %s: %s", symbol, error)
                    failing.add(symbol)
            await asyncio.sleep(max(_LEAST_PAUSE, _PAUSE_A_MARKET * len(self._watched)) if self._watched else 3600)

    async def end(self) -> None:
        """Close the connection, if it was opened here."""
        for kept in self._kept.values():
            kept.task.cancel()
        self._kept.clear()
        if self._opened:
            self._opened = False
            await self._exchange.close()

    async def tick(self, symbol: str) -> Tick:
        """Return the newest quote."""
        known = self._ticks.get(symbol)
        if known is not None and symbol in self._watched:
            return known
        with answered():
            return await self._ask(("quote", symbol), _FRESH, partial(self._quote, symbol))

    async def bars(self, symbol: str, timeframe: Timeframe, n: int, before: int | None) -> BarColumns:
        """Return the newest closed candles."""
        if not hasattr(self._exchange, "candles"):
            raise Unavailable(f"{self._exchange.name} has no candles to ask for.")
        # A closed candle stays as it is: what is wrong after a while is only which is the newest.
        fresh = 60.0 if before is not None else min(timeframe.seconds / 2, 5.0)
        with answered():
            return await self._ask(
                ("bars", symbol, timeframe, n, before), fresh, partial(self._bars, symbol, timeframe, n, before)
            )

    async def market(self, symbol: str) -> Market:
        """Return a market's rules."""
        with answered():
            return await self._reader().ask(partial(self._exchange.market, symbol))

    async def _ask(self, key: tuple[Any, ...], fresh: float, make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        return await self._reader().ask(partial(self._once, key, fresh, make))

    async def _once(
        self, key: tuple[Any, ...], fresh: float, make: Callable[[], Coroutine[Any, Any, Result]]
    ) -> Result:
        """Return an answer that is fresh enough, or ask for it, once for all who want it."""
        now = time.monotonic()
        kept = self._kept.get(key)
        if kept is None or (kept.task.done() and now >= kept.until):
            wait = self._bucket.take()
            if wait:
                raise Busy(f"{self._exchange.name} has been asked a lot. Ask again in {wait:.1f} s.")
            if len(self._kept) >= _REMEMBERED:
                self._kept = {name: one for name, one in self._kept.items() if not one.task.done() or one.until > now}
            kept = self._kept[key] = _Kept(asyncio.create_task(make()), now + fresh)
            kept.task.add_done_callback(partial(self._forget_failure, key))
        return cast("Result", await asyncio.shield(kept.task))

    def _forget_failure(self, key: tuple[Any, ...], task: asyncio.Task[Any]) -> None:
        if task.cancelled() or task.exception() is not None:
            self._kept.pop(key, None)

    async def _quote(self, symbol: str) -> Tick:
        quote = await self._exchange.quote(symbol)
        source = f"{self._exchange.name}, middle of bid and ask"
        middle = float((quote.bid + quote.ask) / 2)
        tick = Tick(symbol, middle, quote.time, source, bid=float(quote.bid), ask=float(quote.ask))
        kept = {name: old for name, old in self._ticks.items() if name != symbol}
        while len(kept) >= _REMEMBERED:
            kept.pop(next(iter(kept)))
        self._ticks = {**kept, symbol: tick}
        return tick

    async def _bars(self, symbol: str, timeframe: Timeframe, n: int, before: int | None) -> BarColumns:
        source = cast("CandleSource", self._exchange)
        now = opening(await source.now(), timeframe)
        end = now if before is None else min(before, now)
        return columns_of(await bars_before(source, symbol, timeframe, end, n), timeframe, await self._grid(symbol))

    async def _grid(self, symbol: str) -> PriceGrid:
        return await self._exchange.grid(symbol)


def columns_of(bars: Sequence[Bar], timeframe: Timeframe, grid: PriceGrid) -> BarColumns:
    """Return bars as columns; there may be none."""
    time_ = np.array([bar.time for bar in bars], dtype=np.int64)
    values = {name: np.array([getattr(bar, name) for bar in bars], dtype=np.float64) for name in COLUMNS}
    return BarColumns(time=time_, **values, timeframe=timeframe, grid=grid)
