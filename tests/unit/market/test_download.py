"""Downloads ask only for what is missing, keep what arrived, and name what is not there."""

from __future__ import annotations

import asyncio

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import AuthError, ConfigError, TransientError
from cryptobot.core.types import Bar
from cryptobot.market.download import download
from cryptobot.market.moments import moment
from cryptobot.market.store.spans import Span
from cryptobot.market.store.store import BarStore

MINUTE = 60 * 10**9
START = moment("2024-01-31T20:00", "start")


class Exchange:
    """Has some of the minutes since START; the newest candle is still open."""

    name = "scripted"

    def __init__(self, minutes, now: int, page: int = 100) -> None:
        self.minutes = sorted(minutes)
        self.clock = now  # in minutes since START
        self.page_limit = page
        self.questions: list[int] = []
        self.failures: list[Exception] = []
        self.wrong: dict[int, Bar] = {}

    async def now(self):
        return START + self.clock * MINUTE

    async def candles(self, symbol, timeframe, since, limit=None):
        self.questions.append((since - START) / MINUTE)
        if self.failures:
            raise self.failures.pop(0)
        found = [i for i in self.minutes if START + i * MINUTE >= since and i <= self.clock]
        return [self.wrong.get(i) or self.bar(i) for i in found[: self.page_limit]]

    def bar(self, i: int) -> Bar:
        closed = i + 1 <= self.clock
        price = 100.0 + i
        return Bar(START + i * MINUTE, price, price + 1, price - 1, price + (0.5 if closed else 0.1), 1.0)


def span(first: int, last: int) -> Span:
    return Span(START + first * MINUTE, START + last * MINUTE)


@pytest.fixture
def series(tmp_path):
    return BarStore(tmp_path).series("scripted", "BTC/USDT", "1m")


def run(exchange, series, stretch, **options):
    """Download on a clock whose pauses take no time."""

    class Hasty(SimulatedClock):
        async def sleep(self, seconds):
            self.advance(seconds)

    clock = Hasty()
    return asyncio.run(download(exchange, series, stretch, clock=clock, **options)), clock


def minutes_in(series) -> list[int]:
    part = series.scan(span(-10_000, 1_000_000)).part
    return [int((time - START) // MINUTE) for time in part.time]


def test_only_what_is_missing_is_asked_for(series):
    exchange = Exchange(range(5000), 4999)
    done, _ = run(exchange, series, span(0, 1000))
    assert (done.bars, done.questions) == (1000, 10)
    assert minutes_in(series) == list(range(1000))
    done, _ = run(exchange, series, span(0, 1000))
    assert (done.bars, done.questions) == (0, 0)
    done, _ = run(exchange, series, span(2000, 2100))
    done, _ = run(exchange, series, span(900, 2150))
    assert minutes_in(series) == list(range(2150))
    assert (done.bars, done.questions) == (1000 + 50, 10 + 1)


def test_the_open_candle_is_never_kept(series):
    exchange = Exchange(range(5000), 50)
    run(exchange, series, span(0, 10**6))
    assert minutes_in(series) == list(range(49))  # 49 has closed this very moment: its last trades may be missing
    exchange.clock = 60
    run(exchange, series, span(0, 10**6))
    part = series.scan(span(0, 10**6)).part
    assert minutes_in(series) == list(range(59))
    assert part.columns[3].tolist() == [100.5 + i for i in range(59)]


def test_holes_are_asked_for_once_and_new_ones_again_until_they_are_old(series):
    exchange = Exchange(set(range(1000)) - {5, 6, 280, 290}, 300)
    run(exchange, series, span(0, 10**6))
    assert series.scan(span(0, 298)).missing == [span(280, 281), span(290, 291)]
    exchange.minutes = sorted({*exchange.minutes, 290})
    done, _ = run(exchange, series, span(0, 299))
    assert done.bars == 1
    exchange.clock = 400
    done, _ = run(exchange, series, span(0, 299))
    assert done.bars == 0
    done, _ = run(exchange, series, span(0, 299))
    assert done.questions == 0
    assert minutes_in(series) == [i for i in range(299) if i not in {5, 6, 280}]


def test_the_newest_minutes_may_still_come_also_before_an_end_that_was_named(series):
    exchange = Exchange(set(range(1000)) - {288, 289}, 300)
    run(exchange, series, span(0, 290))
    assert series.scan(span(0, 290)).missing == [span(288, 290)]
    exchange.minutes = list(range(1000))
    done, _ = run(exchange, series, span(0, 290))
    assert (done.bars, done.questions) == (2, 1)


def test_a_market_that_was_listed_later_or_delisted_is_not_asked_about_again(series):
    exchange = Exchange(range(5000, 5100), 200_000)
    done, _ = run(exchange, series, span(0, 100_000))
    assert (done.bars, done.questions) == (100, 2)
    done, _ = run(exchange, series, span(0, 100_000))
    assert (done.bars, done.questions) == (0, 0)


def test_passing_faults_are_waited_out(series):
    exchange = Exchange(range(500), 499)
    exchange.failures = [TransientError("502")] * 6
    done, clock = run(exchange, series, span(0, 400))
    assert done.bars == 400
    assert clock.monotonic() == 1 + 2 + 4 + 8 + 16 + 30


@pytest.mark.parametrize(
    "errors", [[TransientError("down")] * 100, [AuthError("key")], [ConfigError("symbol")], [asyncio.CancelledError()]]
)
def test_what_arrived_before_the_end_is_kept_and_not_asked_for_again(series, errors):
    exchange = Exchange(range(5000), 4999)
    told = []

    def progress(done, total):
        told.append((done, total))
        if done == 300:
            exchange.failures = list(errors)

    with pytest.raises(type(errors[0])):
        run(exchange, series, span(0, 1000), progress=progress)
    assert minutes_in(series) == list(range(300))
    exchange.failures, exchange.questions = [], []
    done, _ = run(exchange, series, span(0, 1000))
    assert (done.bars, exchange.questions[0]) == (700, 300)
    assert told == [(100, 1000), (200, 1000), (300, 1000)]


def test_a_damaged_file_is_named_and_downloaded_again(series):
    exchange = Exchange(range(5000), 4999)
    run(exchange, series, span(0, 1000))
    file = min(series.folder.glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:1000])
    done, _ = run(exchange, series, span(0, 1000))
    assert done.damaged == [str(file)]
    assert str(file) in done.words
    assert done.bars == 240  # January's
    assert minutes_in(series) == list(range(1000))


def test_candles_that_are_impossible_are_left_out_and_named(series):
    exchange = Exchange(range(5000), 4999)
    exchange.wrong = {
        7: exchange.bar(7)._replace(low=0.0, close=0.0),
        9: exchange.bar(9)._replace(high=float("nan")),
        11: exchange.bar(11)._replace(time=START + 11 * MINUTE + 30 * 10**9),
    }
    done, _ = run(exchange, series, span(0, 20))
    assert minutes_in(series) == [i for i in range(20) if i not in exchange.wrong]
    assert [(time - START) // MINUTE for time, _ in done.refused] == [7, 9, 11]
    assert "3 candles are impossible" in done.words
    assert "2024-01-31 20:07:00 UTC: low is 0.0" in done.words


@settings(deadline=None, max_examples=40)
@given(
    gone=st.sets(st.integers(0, 400), max_size=60),
    asked=st.lists(st.tuples(st.integers(-20, 450), st.integers(1, 450)), min_size=1, max_size=5),
    page=st.integers(1, 70),
    now=st.integers(0, 600),
)
def test_any_downloads_in_any_order_leave_what_the_exchange_has(tmp_path_factory, gone, asked, page, now):
    exchange = Exchange(set(range(401)) - gone, now, page)
    series = BarStore(tmp_path_factory.mktemp("store")).series("scripted", "BTC/USDT", "1m")
    wanted: set[int] = set()
    for first, n in asked:
        stretch = span(first, first + n)
        run(exchange, series, stretch)
        wanted |= {i for i in exchange.minutes if first <= i < first + n and i + 1 < now}
        part = series.scan(stretch).part
        assert [(time - START) // MINUTE for time in part.time.tolist()] == [
            i for i in sorted(wanted) if first <= i < first + n
        ]
    assert minutes_in(series) == sorted(wanted)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-01-01", "2024-01-01"),
        ("2024-01-01T12:30", "2024-01-01 12:30"),
        ("2024-01-01T12:30:00+02:00", "2024-01-01 10:30"),
        (pd.Timestamp("2024-01-01 12:30", tz="Europe/Berlin"), "2024-01-01 11:30"),
        (pd.Timestamp("2024-01-01").date(), "2024-01-01"),
    ],
)
def test_moments_are_utc_unless_they_say_otherwise(value, expected):
    assert moment(value, "since") == pd.Timestamp(expected, tz="UTC").value


@pytest.mark.parametrize(
    "value", ["yesterday", "", None, 1_704_067_200, "1969-12-31", pd.NaT, "2024-01-01T00:00:00.5", "9999-01-01"]
)
def test_moments_that_are_none_are_refused(value):
    with pytest.raises(ConfigError, match="since: .* is not allowed"):
        moment(value, "since")
