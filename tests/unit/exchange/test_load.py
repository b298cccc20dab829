"""`load_bars`: the usual DataFrame, from disk where it is, from the exchange where it is not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

from cryptobot.core.errors import ConfigError, DataError, TransientError
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.load import fetch, load_bars
from cryptobot.exchange.progress import Progress, finish
from cryptobot.market.practice import practice_bars
from cryptobot.market.read import read_bars

START = pd.Timestamp("2024-01-31T20:00", tz="UTC")
MINUTE = 60 * 10**9


class Table:
    """An exchange that has a DataFrame of bars; its time is the end of the last one."""

    name = "table"
    page_limit = 100

    def __init__(self, bars: pd.DataFrame) -> None:
        self.bars = bars
        self.questions = 0
        self.reachable = True

    async def now(self):
        if not self.reachable:
            raise TransientError("no route to host")
        return self.bars.index[-1].value + 10 * MINUTE

    async def candles(self, symbol, timeframe, since, limit=None):
        assert symbol == "BTC/USDT"
        if not self.reachable:
            raise TransientError("no route to host")
        self.questions += 1
        rows = self.bars[self.bars.index >= pd.Timestamp(since, tz="UTC")].head(self.page_limit)
        return [Bar(row.Index.value, *map(float, row[1:])) for row in rows.itertuples()]


@pytest.fixture
def bars():
    return practice_bars(500, timeframe="1m", seed=3, start="2024-01-31T20:00", holes=2)


@pytest.fixture
def table(bars):
    return Table(bars)


@pytest.fixture
def load(table, tmp_path, monkeypatch):
    """Load from the table, into a store of the test's own, without pauses after failures."""
    monkeypatch.setattr("cryptobot.market.download._PAUSES", (0.0,))

    def load(since="2024-01-31T20:00", until=None, timeframe="1m", **options):
        given = {"source": table, "directory": tmp_path / "store", "progress": False, **options}
        return load_bars("BTC/USDT", timeframe, since=since, until=until, **given)

    return load


def test_the_bars_are_those_of_the_exchange_in_the_usual_shape(load, bars, tmp_path):
    loaded = load()
    pd.testing.assert_frame_equal(loaded, bars, check_freq=False)
    assert loaded.attrs == {"source": "table BTC/USDT 1m", "timeframe": "1m", "holes": bars.attrs["holes"]}
    loaded.to_feather(tmp_path / "again.feather")
    pd.testing.assert_frame_equal(read_bars(tmp_path / "again.feather"), bars, check_freq=False)


def test_a_stretch_that_is_stored_needs_no_exchange(load, table, bars):
    load(until="2024-02-01T02:00")
    asked = table.questions
    table.reachable = False
    again = load(until="2024-02-01T02:00")
    assert table.questions == asked
    pd.testing.assert_frame_equal(again, bars[bars.index < "2024-02-01T02:00"], check_freq=False)
    part = load(since="2024-01-31T21:00", until="2024-01-31T22:00")
    assert (part.index[0].hour, part.index[-1].hour) == (21, 21)


def test_the_interval_is_what_was_asked_for_even_of_one_bar(load):
    loaded = load(until="2024-01-31T20:01")
    assert len(loaded) == 1
    assert loaded.attrs["timeframe"] == "1m"


def test_without_the_exchange_the_newest_stored_bars_are_given_with_a_warning(load, table, bars):
    load()
    table.reachable = False
    with pytest.warns(UserWarning, match=r"cannot be reached .* stored bars, up to that of"):
        again = load()
    pd.testing.assert_frame_equal(again, bars, check_freq=False)


@pytest.mark.parametrize("stored", [None, ("2024-01-31T22:00", "2024-01-31T23:00")])
def test_bars_missing_in_between_are_never_passed_off_as_holes(load, table, stored):
    if stored:
        load(*stored)
    table.reachable = False
    for until in (None, "2024-02-01T00:00"):
        with pytest.raises(TransientError, match=r"bars from 2024-01-31 20:00:00 UTC on are not stored yet"):
            load(until=until)


def test_a_damaged_file_is_told(load, tmp_path, bars):
    load()
    file = min((tmp_path / "store" / "table" / "BTC-USDT" / "1m").glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:500])
    with pytest.warns(UserWarning, match="was cut off or damaged; its bars were downloaded again"):
        again = load()
    pd.testing.assert_frame_equal(again, bars, check_freq=False)


def test_an_interval_that_the_exchange_lacks_is_made_of_shorter_bars(load, table, bars):
    table.capabilities = type("Some", (), {"timeframes": ("1m",)})()
    loaded = load(timeframe="5m")
    expected = bars.resample("5min").agg({"open": "first", "high": "max", "low": "min", "close": "last"}).dropna()
    pd.testing.assert_frame_equal(loaded[["open", "high", "low", "close"]], expected, check_freq=False)
    assert loaded["volume"].sum() == pytest.approx(bars["volume"].sum())
    assert loaded.attrs["timeframe"] == "5m"
    with pytest.raises(ConfigError, match="Did you mean `1m`"):
        load(timeframe="30s")


def test_bars_that_do_not_exist_are_an_error(load):
    with pytest.raises(DataError, match="there are no closed bars from 2030"):
        load(since="2030-01-01", until="2030-02-01")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"since": "soon"}, "since: 'soon'"),
        ({"until": "2020-01-01"}, "until: '2020-01-01' is not after"),
        ({"timeframe": "1x"}, "timeframe: '1x'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_asked(load, table, options, words):
    with pytest.raises(ConfigError, match=words):
        load(**options)
    assert table.questions == 0


def test_a_symbol_that_is_none_is_refused(tmp_path):
    for symbol in (None, 7, "", "BTC USDT"):
        with pytest.raises(ConfigError, match="symbol: "):
            load_bars(symbol, "1m", since="2024-01-01", directory=tmp_path)


def test_it_works_where_an_event_loop_is_running_as_in_a_notebook(load, bars):
    async def cell():
        return load()

    pd.testing.assert_frame_equal(asyncio.run(cell()), bars, check_freq=False)


def test_it_tells_how_far_it_is(table, tmp_path, bars):
    told = []

    class Told(Progress):
        def __call__(self, done, total):
            told.append((done, total))

    loaded = fetch(
        "BTC/USDT",
        "1m",
        exchange="",
        since=START,
        until=bars.index[-1],
        directory=tmp_path,
        source=table,
        progress=Told("bars"),
    )
    assert loaded.downloaded.bars == len(bars) - 1
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_progress_bar_is_drawn_and_taken_away(capsys):
    progress = Progress("BTC/USDT 1m")
    progress.show()
    progress.close()
    progress(3, 10)
    progress.show()
    progress(10, 10)
    progress.show()
    assert progress._bar.n == progress._bar.total == 10
    progress.close()
    assert capsys.readouterr().out == ""


def test_what_the_work_raises_is_raised_here():
    async def fail():
        raise DataError("no")

    async def work():
        return threading.current_thread().name

    with pytest.raises(DataError, match="no"):
        finish(fail())
    assert finish(work()) != threading.current_thread().name


INTERRUPTED = """
import asyncio, signal, sys, time
from cryptobot.core.types import Bar
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
from cryptobot.exchange.load import load_bars
class Slow:
    name, page_limit = "slow", 10
    def __init__(self): self.pages = 0
    async def now(self): return 1_800_000_000 * 10**9
    async def candles(self, symbol, timeframe, since, limit=None):
        self.pages += 1
        if self.pages == 4:
            print("waiting", flush=True)
            await asyncio.sleep(600)
        return [Bar(since + i * 60 * 10**9, 1.0, 1.0, 1.0, 1.0, 1.0) for i in range(10)]
load_bars("BTC/USDT", "1m", since="2024-01-01", until="2024-02-01", directory=sys.argv[1], source=Slow(), progress=False)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C cannot be sent to one process alone there")
def test_ctrl_c_keeps_what_arrived(tmp_path):
    from cryptobot.market.store.spans import Span
    from cryptobot.market.store.store import BarStore

    other = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert other.stdout.readline() == b"waiting\n"
    os.kill(other.pid, signal.SIGINT)
    _, errors = other.communicate(timeout=60)
    assert b"KeyboardInterrupt" in errors
    stored = BarStore(tmp_path).series("slow", "BTC/USDT", Timeframe(60)).scan(Span(0, time.time_ns()))
    assert len(stored.part.time) == 30
    assert stored.damaged == []


def test_ctrl_c_before_the_thread_is_told_to_have_begun_keeps_what_arrived(monkeypatch):
    """`Thread.start` returns only when the main thread has its turn again: Ctrl-C may be faster."""
    begun, cancelled = threading.Event(), threading.Event()

    async def work():
        begun.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    start = threading.Thread.start

    def interrupted(thread):
        start(thread)
        if thread.name == "cryptobot-download":
            assert begun.wait(30)
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        finish(work())
    assert cancelled.is_set()
