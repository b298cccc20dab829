"""Candles of intervals that an exchange does not have: made of shorter candles, or of trades."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.suggest import listed
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.feed.ticks import Tick, TickBars, TickSource, merged, opening
from cryptobot.market.source import CandleSource, CandleWatcher

_CANDLES_A_QUESTION: Final = 100


class MergedCandles:
    """Makes candles of shorter ones; a `CandleSource`, and a `CandleWatcher` if it is given one.

    Parameters
    ----------
    source
        Has the shorter candles.
    watcher
        Tells of them, or None.
    finer
        Their interval; it must divide the intervals that are asked for.
    """

    def __init__(self, source: CandleSource, watcher: CandleWatcher | None, finer: Timeframe) -> None:
        self.name = source.name
        self._source = source
        self._watcher = watcher
        self._finer = finer

    @property
    def page_limit(self) -> int:
        """The most candles that one call of `candles` returns."""
        return _CANDLES_A_QUESTION

    async def now(self) -> int:
        """Return the source's own time."""
        return await self._source.now()

    async def candles(self, symbol: str, timeframe: Timeframe, since: int, limit: int | None = None) -> list[Bar]:
        """Return candles made of the shorter ones; see `CandleSource.candles`. Only the last may be unfinished."""
        wanted = min(limit or self.page_limit, self.page_limit)
        start = _first_opening(since, timeframe)
        rows: list[Bar] = []
        while True:
            page = await self._source.candles(symbol, self._finer, start)
            rows += page
            made = _merge(rows, timeframe)
            full = len(page) >= self._source.page_limit
            # The last candle of a full answer may be cut: it counts only once a later one has begun.
            if not full or len(made) > wanted:
                return made[:wanted]
            start = page[-1].time + self._finer.nanoseconds

    async def watch(self, symbol: str, timeframe: Timeframe) -> int:
        """Wait for a message about the shorter candles; see `CandleWatcher.watch`."""
        return opening(await self._watching().watch(symbol, self._finer), timeframe)

    async def unwatch(self, symbol: str, timeframe: Timeframe) -> None:
        """Drop the connection that `watch` uses."""
        await self._watching().unwatch(symbol, self._finer)

    def _watching(self) -> CandleWatcher:
        if self._watcher is None:
            raise ConfigError(f"{self.name} tells nothing by itself: ask for its candles instead.")
        return self._watcher


class TickCandles:
    """Makes candles of trades; a `CandleSource`. Intervals in which nobody traded have none.

    Parameters
    ----------
    source
        Has the trades.
    """

    def __init__(self, source: TickSource) -> None:
        self.name = source.name
        self._source = source

    @property
    def page_limit(self) -> int:
        """The most candles that one call of `candles` returns."""
        return _CANDLES_A_QUESTION

    async def now(self) -> int:
        """Return the source's own time."""
        return await self._source.now()

    async def candles(self, symbol: str, timeframe: Timeframe, since: int, limit: int | None = None) -> list[Bar]:
        """Return candles made of trades; see `CandleSource.candles`. Only the last may be unfinished.

        Raises
        ------
        DataError
            If so many trades share one moment that the source can never show what came after them.
        """
        wanted = min(limit or self.page_limit, self.page_limit)
        bars, made = TickBars(timeframe), list[Bar]()
        start = _first_opening(since, timeframe)
        seen: set[Tick] = set()
        while len(made) <= wanted:
            page = await self._source.ticks(symbol, start)
            new = [tick for tick in page if tick not in seen]
            made += [bar for tick in new if (bar := bars.add(tick)) is not None]
            if len(page) < self._source.tick_limit:
                made += [bar for bar in (bars.end(),) if bar is not None]
                break
            if not new:
                raise DataError(
                    f"{self.name} shows {len(page)} trades of {symbol} at one moment and never those after it, so no "
                    f"{timeframe} bars can be made of them. Choose an interval that the exchange has itself."
                )
            # The next question begins in the same moment: an answer may have ended within it.
            start = page[-1].time
            seen = {tick for tick in page if tick.time == start}
        return made[:wanted]


def candles_for(
    source: CandleSource,
    watcher: CandleWatcher | None,
    timeframe: Timeframe,
    offered: Iterable[str | Timeframe] | None,
    ticks: TickSource | None = None,
) -> tuple[CandleSource, CandleWatcher | None]:
    """Choose where candles of an interval come from.

    Parameters
    ----------
    source, watcher
        What the exchange has.
    timeframe
        What is wanted.
    offered
        The intervals that the exchange has; None for any.
    ticks
        Its trades, for intervals that are no multiple of one it has.

    Returns
    -------
    tuple
        The source itself where it has the interval; else one that merges the longest of its candles that divide the
        interval; else one that gathers trades, which is asked and not listened to.

    Raises
    ------
    ConfigError
        If the interval can be made of nothing that the exchange has.
    """
    known = None if offered is None else sorted({Timeframe.parse(one) for one in offered})
    if known is None or timeframe in known:
        return source, watcher
    finer = [one for one in known if timeframe.seconds % one.seconds == 0]
    if finer:
        made = MergedCandles(source, watcher, finer[-1])
        return made, (made if watcher is not None else None)
    if ticks is not None:
        return TickCandles(ticks), None
    nearest = min(known, key=lambda one: abs(one.seconds - timeframe.seconds), default=None)
    raise ConfigError(
        f"timeframe: {source.name} has no {timeframe} bars and none that they could be made of. "
        f"Did you mean `{nearest}`? It has {listed(map(str, known))}."
    )


def _first_opening(since: int, timeframe: Timeframe) -> int:
    """Return when the first bar opens at a time or later."""
    return opening(since + timeframe.nanoseconds - 1, timeframe)


def _merge(rows: list[Bar], timeframe: Timeframe) -> list[Bar]:
    groups = groupby(rows, key=lambda bar: opening(bar.time, timeframe))
    return [merged(list(group), opened) for opened, group in groups]
