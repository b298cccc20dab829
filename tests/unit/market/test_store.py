"""The store: what is put in comes out, whatever is cut off, changed, killed or written twice at once."""

from __future__ import annotations

import json
import multiprocessing
import random
import subprocess
import sys
import threading
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.market.store.layout import Period, SeriesName
from cryptobot.market.store.lock import locked
from cryptobot.market.store.part import DamagedError, Part, decode, encode
from cryptobot.market.store.series import Series
from cryptobot.market.store.spans import Span, union, without
from cryptobot.market.store.store import BarStore

HOUR = 3600 * 10**9
MINUTE = HOUR // 60
START = pd.Timestamp("2024-01-31 20:00", tz="UTC").value
NAME = SeriesName("binance", "BTC/USDT", Timeframe(60))


def bar(time: int, version: int = 0) -> Bar:
    """Return a bar that says which it is."""
    price = 100.0 + (time - START) / MINUTE + version * 0.25
    return Bar(time, price, price + 1, price - 1, price + 0.5, 1.0 + version)


def bars_of(part: Part) -> list[Bar]:
    return [Bar(int(time), *map(float, row)) for time, row in zip(part.time, part.columns.T, strict=True)]


@pytest.fixture
def series(tmp_path) -> Series:
    return BarStore(tmp_path).series("binance", "BTC/USDT", "1m")


ANYWHEN = Span(0, START + 10**18)


def span_of(first: int, last: int) -> Span:
    return Span(START + first * MINUTE, START + last * MINUTE)


ADDS = st.lists(
    st.tuples(st.integers(0, 700), st.integers(1, 300), st.sets(st.integers(0, 299), max_size=20)),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(adds=ADDS, asked=st.tuples(st.integers(-50, 1000), st.integers(1, 700)))
def test_what_is_put_in_comes_out_and_what_is_unknown_is_missing(tmp_path_factory, adds, asked):
    """Against a model: a dict of bars and a set of known minutes. The bars span the end of a month."""
    series = Series(tmp_path_factory.mktemp("store"), NAME)
    bars: dict[int, Bar] = {}
    known: set[int] = set()
    for version, (first, n, gone) in enumerate(adds):
        fresh = [bar(START + (first + i) * MINUTE, version) for i in range(n) if i not in gone]
        series.add(random.Random(version).sample(fresh, len(fresh)), span_of(first, first + n))
        bars.update({one.time: one for one in fresh})
        if fresh:
            known |= set(range(first, first + n))
    stored = series.scan(span_of(asked[0], asked[0] + asked[1]))
    minutes = range(asked[0], asked[0] + asked[1])
    assert bars_of(stored.part) == [bars[START + i * MINUTE] for i in minutes if START + i * MINUTE in bars]
    unknown = {i for gap in stored.missing for i in range((gap.start - START) // MINUTE, (gap.end - START) // MINUTE)}
    # Nothing may count as known that is not; a stretch without bars, beside no file, may be forgotten.
    assert set(minutes) - known <= unknown
    assert not unknown & {(time - START) // MINUTE for time in bars}
    assert stored.damaged == []


def test_a_year_is_twelve_files_that_any_tool_can_read(series):
    step = 6 * HOUR
    times = range(pd.Timestamp("2023-01-01", tz="UTC").value, pd.Timestamp("2024-01-01", tz="UTC").value, step)
    series.add([bar(time) for time in times], Span(times[0], times[-1] + step))
    files = sorted(path.name for path in series.folder.glob("*.parquet"))
    assert files == [f"2023-{month:02}.parquet" for month in range(1, 13)]
    table = pd.read_parquet(series.folder / "2023-03.parquet")
    assert list(table.columns) == ["time", "open", "high", "low", "close", "volume"]
    assert str(table["time"].dtype) == "datetime64[ns, UTC]"
    assert series.scan(ANYWHEN).part.time.tolist() == list(times)


def test_holes_are_marked_in_the_file(series):
    series.add([bar(START + i * MINUTE) for i in (0, 1, 5, 6)], span_of(0, 20))
    (file,) = series.folder.glob("*.parquet")
    note = json.loads(pq.read_schema(file).metadata[b"cryptobot"])
    assert note["holes"] == [[START + 2 * MINUTE, 3]]
    assert note["covered"] == [list(span_of(0, 20))]
    assert series.scan(span_of(0, 20)).missing == []
    assert series.scan(span_of(-5, 25)).missing == [span_of(-5, 0), span_of(20, 25)]


def test_that_nothing_follows_is_kept_with_the_bars_before(series):
    series.add([], span_of(0, 10))
    assert series.scan(span_of(0, 10)).missing == [span_of(0, 10)]
    series.add([bar(START)], span_of(0, 10))
    series.add([], span_of(10, 100_000))
    assert series.scan(span_of(0, 100)).missing == []
    month = Period.of(START + 400 * MINUTE, Timeframe(60))
    assert series.scan(Span(START, month.end)).missing == []


def test_what_a_lost_file_held_counts_as_unknown_again(series):
    """No other file may speak for its time."""
    series.add([bar(START + i * MINUTE) for i in range(0, 200_000, 977)], span_of(0, 200_000))
    periods = [Period.named(path.name) for path in sorted(series.folder.glob("*.parquet"))]
    assert len(periods) > 3
    for period in periods:
        content = (series.folder / period.file).read_bytes()
        (series.folder / period.file).unlink()
        stored = series.scan(span_of(0, 200_000))
        held = Span(max(period.start, START), min(period.end, START + 200_000 * MINUTE))
        assert stored.missing == [held]
        (series.folder / period.file).write_bytes(content)
    assert series.scan(span_of(0, 200_000)).missing == []


@pytest.mark.parametrize("seed", range(4))
def test_a_file_that_is_cut_or_changed_anywhere_is_found_and_named(series, seed):
    series.add([bar(START + i * MINUTE) for i in range(200)], span_of(0, 200))
    (file,) = series.folder.glob("*.parquet")
    good, chance = file.read_bytes(), random.Random(seed)
    before = series.scan(span_of(0, 200))
    assert before.damaged == []
    for _ in range(150):
        place = chance.randrange(len(good))
        cut = chance.random() < 0.3
        broken = (
            good[:place]
            if cut
            else good[:place] + bytes([good[place] ^ (1 << chance.randrange(8))]) + good[place + 1 :]
        )
        file.write_bytes(broken)
        try:
            stored = series.scan(span_of(0, 200))
        except ConfigError as error:
            # a changed bit in the note may make it that of other bars; this is said, and nothing is overwritten
            pytest.fail(f"harm was taken for intent: {error}")
        if stored.damaged:
            assert stored.damaged == [file]
            assert stored.missing == [span_of(0, 200)]
        else:
            # bits that carry nothing, such as padding
            assert bars_of(stored.part) == bars_of(before.part)
            assert stored.missing == []
    file.write_bytes(good[: len(good) // 2])
    series.add([bar(START)], span_of(0, 1))
    assert series.scan(span_of(0, 200)).missing == [span_of(1, 200)]


def test_a_file_of_other_bars_or_of_a_newer_version_is_left_alone(series, tmp_path):
    other = BarStore(tmp_path).series("binance", "ETH/USDT", "1m")
    other.add([bar(START)], span_of(0, 1))
    (theirs,) = other.folder.glob("*.parquet")
    series.add([bar(START)], span_of(0, 1))
    (mine,) = series.folder.glob("*.parquet")
    mine.write_bytes(theirs.read_bytes())
    for act in (lambda: series.scan(ANYWHEN), lambda: series.add([bar(START)], span_of(0, 1))):
        with pytest.raises(ConfigError, match="it holds binance ETH/USDT 1m, not binance BTC/USDT 1m"):
            act()
    table = pq.read_table(theirs)
    note = json.loads(table.schema.metadata[b"cryptobot"])
    pq.write_table(table.replace_schema_metadata({"cryptobot": json.dumps({**note, "format": 2})}), mine)
    for act in (lambda: series.scan(ANYWHEN), lambda: series.add([bar(START)], span_of(0, 1))):
        with pytest.raises(ConfigError, match="a newer version of cryptobot wrote this file"):
            act()


WRITER = """
import sys
from pathlib import Path
from cryptobot.core.types import Bar
from cryptobot.market.store.store import BarStore
from cryptobot.market.store.spans import Span
folder, start, offset = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
series = BarStore(folder).series("binance", "BTC/USDT", "1m")
minute = 60 * 10**9
print("ready", flush=True)
for chunk in range(offset, 40_000, 200):
    bars = [Bar(start + i * minute, 100.0 + i, 101.0 + i, 99.0 + i, 100.5 + i, 1.0) for i in range(chunk, chunk + 100)]
    series.add(bars, Span(bars[0].time, bars[-1].time + minute))
    print(chunk, flush=True)
"""


def expected(i: int) -> Bar:
    return Bar(START + i * MINUTE, 100.0 + i, 101.0 + i, 99.0 + i, 100.5 + i, 1.0)


@pytest.mark.slow
def test_writers_that_are_killed_at_any_moment_and_two_at_once_spoil_nothing(series, tmp_path):
    """Two processes write alternate hundreds of the same files; both are killed, again and again, and start anew."""
    chance = random.Random(7)
    told: set[int] = set()
    for _ in range(5):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(tmp_path), str(START), str(offset)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for offset in (0, 100)
        ]
        for writer in writers:
            assert writer.stdout.readline() == "ready\n"
        # so many answers of one of them, and then however far both have got
        for _ in range(chance.randrange(1, 25)):
            told.add(int(writers[chance.randrange(2)].stdout.readline()))
        for writer in chance.sample(writers, 2):
            writer.kill()
        for writer in writers:
            told |= {int(line) for line in writer.stdout.read().splitlines() if line.endswith("00") or line == "0"}
            writer.wait()
            writer.stdout.close()
        stored = series.scan(ANYWHEN)
        assert stored.damaged == []
        there = bars_of(stored.part)
        assert there == [expected((one.time - START) // MINUTE) for one in there]
        minutes = {(one.time - START) // MINUTE for one in there}
        assert {chunk + i for chunk in told for i in range(100)} <= minutes, "what was said to be written is there"
        assert len(minutes) % 100 == 0, (
            "each addition to a file is there whole or not at all" if len(minutes) < 200 else ""
        )


def test_what_killed_writers_left_behind_is_swept_away(series):
    series.add([bar(START)], span_of(0, 1))
    orphan = series.folder / ".2024-01.parquet.123-abcd.tmp"
    orphan.write_bytes(b"half of a file")
    assert bars_of(series.scan(ANYWHEN).part) == [bar(START)]
    series.add([bar(START + MINUTE)], span_of(1, 2))
    assert not orphan.exists()
    assert len(series.scan(ANYWHEN).part.time) == 2


def test_threads_that_write_at_once_lose_nothing(series):
    def write(offset: int) -> None:
        for i in range(offset, 200, 4):
            series.add([bar(START + i * MINUTE)], span_of(i, i + 1))

    threads = [threading.Thread(target=write, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    stored = series.scan(span_of(0, 200))
    assert stored.missing == []
    assert bars_of(stored.part) == [bar(START + i * MINUTE) for i in range(200)]


def _hold(folder, held, let_go):
    with locked(folder):
        held.set()
        let_go.wait(60)


def test_a_lock_held_by_another_process_is_waited_for_and_then_named(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    held, let_go = spawn.Event(), spawn.Event()
    other = spawn.Process(target=_hold, args=(tmp_path, held, let_go))
    other.start()
    try:
        assert held.wait(60)
        with (
            pytest.raises(ConfigError, match=f"process {other.pid} has been writing here"),
            locked(tmp_path, seconds=0.05),
        ):
            pytest.fail("two hold it at once")
        let_go.set()
        with locked(tmp_path, seconds=60):
            pass
    finally:
        let_go.set()
        other.join(60)
    assert other.exitcode == 0


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    code = (
        "import sys, pathlib; from cryptobot.market.store.lock import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline().strip() == b"held"
    other.kill()
    other.communicate()
    with locked(tmp_path, seconds=10):
        pass


def test_a_write_that_fails_leaves_the_old_file(series, monkeypatch):
    series.add([bar(START)], span_of(0, 1))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cryptobot.market.store.atomic.os.fsync", full)
    with pytest.raises(ConfigError, match=r"cannot be written there \(No space left on device\)"):
        series.add([bar(START + MINUTE)], span_of(1, 2))
    monkeypatch.undo()
    assert bars_of(series.scan(ANYWHEN).part) == [bar(START)]
    assert [path.name for path in series.folder.iterdir() if path.suffix == ".tmp"] == []


def test_bars_outside_of_what_they_are_said_to_fill_are_refused(series):
    with pytest.raises(DataError, match="1 bars lie outside"):
        series.add([bar(START + 5 * MINUTE)], span_of(0, 5))


def test_names_that_are_none_are_refused(tmp_path):
    store = BarStore(tmp_path)
    for exchange, symbol in (
        ("../etc", "A/B"),
        ("Binance", "A/B"),
        ("binance", "../../x"),
        ("binance", ""),
        ("", "A/B"),
    ):
        with pytest.raises(ConfigError, match=r"exchange: |symbol: "):
            store.series(exchange, symbol, "1m")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is a file, not a folder"):
        BarStore(tmp_path / "file")
    with pytest.raises(ConfigError, match="directory: 7"):
        BarStore(7)


def test_folders_have_names_that_every_file_system_takes():
    assert SeriesName("okx", "BTC/USDT:USDT", Timeframe(60)).folder.as_posix() == "okx/BTC-USDT%3AUSDT/1m"


@given(st.integers(0, 4 * 10**18), st.sampled_from(["1s", "10s", "1m", "15m", "1h", "1d", "1w"]))
def test_every_time_has_one_period_and_its_file_names_it(time, text):
    period = Period.of(time, Timeframe.parse(text))
    assert period.start <= time < period.end
    assert Period.named(period.file) == period
    assert Period.of(period.end, Timeframe.parse(text)).start == period.end
    assert Period.of(period.end - 1, Timeframe.parse(text)) == period


@pytest.mark.parametrize(
    "file", ["2024-13.parquet", "notes.parquet", "2024-01.csv", ".2024-01.parquet.1-2.tmp", ".lock"]
)
def test_other_files_in_the_folder_are_none_of_the_stores(file):
    assert Period.named(file) is None


@pytest.mark.parametrize(("text", "every"), [("10s", "D"), ("1m", "MS"), ("1h", "YS")])
def test_periods_are_those_of_the_calendar(text, every):
    edges = [moment.value for moment in pd.date_range("2019-01-01", "2025-01-01", freq=every, tz="UTC")]
    for start, end in pairwise(edges):
        period = Period.of(start, Timeframe.parse(text))
        assert (period.start, period.end) == (start, end)


SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8)


@given(SPANS, st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_spans_are_sets_of_moments(spans, asked):
    covered = {i for start, end in spans for i in range(start, end)}
    joined = union(spans)
    assert [i for span in joined for i in range(*span)] == sorted(covered)
    assert all(a.end < b.start for a, b in pairwise(joined))
    assert [i for span in without(asked, spans) for i in range(*span)] == sorted(set(range(*asked)) - covered)


@given(rows=st.lists(st.tuples(st.integers(0, 50), st.floats(0.1, 1e9)), max_size=40))
def test_a_part_survives_the_way_to_disk_and_back_bit_by_bit(rows):
    part = Part.of([Bar(i * MINUTE, x, x, x, x, x) for i, x in rows], [(0, 60 * MINUTE)])
    assert part.time.tolist() == sorted({i * MINUTE for i, _ in rows})
    again = decode(encode(part, NAME), NAME, "file")
    assert np.array_equal(again.time, part.time)
    assert np.array_equal(again.columns, part.columns)
    assert list(again.covered) == list(part.covered)
    with pytest.raises(DamagedError, match=r"^file: the file is cut off or damaged"):
        decode(encode(part, NAME)[:-9], NAME, "file")
