"""Intervals that an exchange does not have: from shorter candles where they divide, else from trades."""

from __future__ import annotations

import asyncio
import bisect

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.feed.derived import MergedCandles, TickCandles, candles_for
from cryptobot.exchange.feed.ticks import Tick, TickBars

SECOND = 1_000_000_000


class Shelf:
    """Candles of 1 s and trades, given out page by page."""

    name = "shelf"

    def __init__(self, ticks: list[Tick], page: int) -> None:
        self.all = sorted(ticks)
        self.page_limit = self.tick_limit = page
        self.questions = 0

    async def now(self) -> int:
        return self.all[-1].time if self.all else 0

    async def candles(self, symbol, timeframe, since, limit=None):
        assert timeframe == Timeframe(1)
        self.questions += 1
        return [bar for bar in bars_of(self.all, timeframe) if bar.time >= since][
            : min(limit or 10**9, self.page_limit)
        ]

    async def ticks(self, symbol, since):
        self.questions += 1
        return self.all[bisect.bisect_left(self.all, since, key=lambda tick: tick.time) :][: self.tick_limit]

    async def watch(self, symbol, timeframe):
        assert timeframe == Timeframe(1)
        return 25 * SECOND

    async def unwatch(self, symbol, timeframe):
        assert timeframe == Timeframe(1)
        self.questions = -1


def bars_of(ticks, timeframe) -> list[Bar]:
    bars = TickBars(timeframe)
    made = [bar for tick in ticks if (bar := bars.add(tick)) is not None]
    return [*made, *([last] if (last := bars.end()) is not None else [])]


TRADES = st.lists(
    st.tuples(st.integers(0, 90_000), st.integers(1, 999), st.integers(0, 99)), min_size=1, max_size=80
).map(lambda rows: [Tick(t * 1_000_000, p / 10, q / 100, str(i)) for i, (t, p, q) in enumerate(rows)])


EACH_SECOND = [Tick(second * SECOND, 1.0 + second, 1.0, str(second)) for second in range(30)]


@settings(deadline=None)
@given(ticks=TRADES, page=st.integers(1, 30), since=st.integers(0, 60), limit=st.none() | st.integers(1, 5))
@example(ticks=EACH_SECOND, page=15, since=0, limit=2)  # the second candle is cut by the end of the first answer
def test_merged_candles_are_those_of_the_trades_whatever_the_pages(ticks, page, since, limit):
    shelf = Shelf(ticks, page)
    wanted = [bar for bar in bars_of(shelf.all, Timeframe(10)) if bar.time >= since * SECOND]
    made = asyncio.run(MergedCandles(shelf, None, Timeframe(1)).candles("X/Y", Timeframe(10), since * SECOND, limit))
    assert made == wanted[:limit]


@settings(deadline=None)
@given(ticks=TRADES, page=st.integers(1, 30), since=st.integers(0, 60), limit=st.none() | st.integers(1, 5))
def test_candles_of_trades_are_those_of_the_trades_whatever_the_pages(ticks, page, since, limit):
    shelf = Shelf(ticks, page)
    wanted = [bar for bar in bars_of(shelf.all, Timeframe(10)) if bar.time >= since * SECOND]
    crowded = any(sum(1 for other in ticks if other.time == tick.time) >= page for tick in ticks)
    asked = TickCandles(shelf).candles("X/Y", Timeframe(10), since * SECOND, limit)
    try:
        made = asyncio.run(asked)
    except DataError:
        assert crowded
    else:
        assert made == wanted[:limit]


def test_messages_about_shorter_candles_tell_of_the_longer_one():
    shelf = Shelf([], 10)
    merged = MergedCandles(shelf, shelf, Timeframe(1))
    assert asyncio.run(merged.watch("X/Y", Timeframe(10))) == 20 * SECOND
    asyncio.run(merged.unwatch("X/Y", Timeframe(10)))
    assert shelf.questions == -1
    with pytest.raises(ConfigError, match="tells nothing by itself"):
        asyncio.run(MergedCandles(shelf, None, Timeframe(1)).watch("X/Y", Timeframe(10)))


@pytest.mark.parametrize(
    ("wanted", "offered", "finer"),
    [("1m", ["1s", "1m"], None), ("10s", None, None), ("10s", ["1s", "1m"], "1s"), ("45m", ["1m", "15m", "1h"], "15m")],
)
def test_the_longest_candles_that_divide_an_interval_are_taken(wanted, offered, finer):
    shelf = Shelf([], 10)
    source, watcher = candles_for(shelf, shelf, Timeframe.parse(wanted), offered, shelf)
    if finer is None:
        assert (source, watcher) == (shelf, shelf)
    else:
        assert isinstance(source, MergedCandles)
        assert watcher is source
        assert source._finer == Timeframe.parse(finer)
    assert candles_for(shelf, None, Timeframe.parse(wanted), offered)[1] is None


def test_trades_are_the_last_resort_and_without_them_the_closest_interval_is_named():
    shelf = Shelf([], 10)
    source, watcher = candles_for(shelf, shelf, Timeframe(10), ["1m", "5m"], shelf)
    assert isinstance(source, TickCandles)
    assert watcher is None
    with pytest.raises(ConfigError, match=r"no 10s bars .* Did you mean `1m`\? It has `1m`, `5m`"):
        candles_for(shelf, shelf, Timeframe(10), ["5m", "1m"])


def test_the_feed_gives_bars_of_10_seconds_made_of_trades(play, venue):
    made = venue(0)
    ticks = [Tick(second * SECOND, 100.0 + second % 7, 0.1, str(second)) for second in range(90) if second // 10 != 4]
    shelf = Shelf(ticks, 1000)

    async def trades(symbol, since):
        return [tick for tick in shelf.all if since <= tick.time <= made.clock.now()][:1000]

    async def now():
        return made.clock.now()

    shelf.ticks, shelf.now = trades, now
    source = TickCandles(shelf)
    made.candles, made.now = source.candles, source.now
    run = play(lambda run: run.pass_time(75), made, watched=False, step=10)
    assert run.bars == bars_of([tick for tick in ticks if tick.time < 70 * SECOND], Timeframe(10))
    assert [hole.missing for hole in run.feed.holes] == [1]
