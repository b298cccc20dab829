"""Bars are checked once, at the door, with an error that names the bar."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cryptobot.core.bars import COLUMNS, BarColumns, Hole, problem_of, time_text
from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.types import Bar

N = 12
START = pd.Timestamp("2024-03-01", tz="UTC")


def frame(n=N):
    close = 100.0 + np.arange(n) / 4
    index = pd.date_range(START, periods=n, freq="min", name="time")
    return pd.DataFrame(
        {"open": close - 0.25, "high": close + 0.5, "low": close - 0.5, "close": close, "volume": np.arange(n) * 1.5},
        index=index,
    )


def cell(column, row, value):
    def change(bars):
        bars.loc[bars.index[row], column] = value
        return bars

    return change


def reindexed(index):
    return lambda bars: bars.set_axis(index, axis=0)


def times(*minutes):
    return START + pd.to_timedelta(list(minutes), unit="min")


BAD = {
    "missing column": (lambda b: b.drop(columns="low"), ["column `low` is not there", "`open`, `high`", "once"]),
    "capital column": (lambda b: b.rename(columns={"open": "Open"}), ["column `open`", "Did you mean `Open`?"]),
    "column twice": (lambda b: pd.concat([b, b[["high"]]], axis=1), ["column `high` is twice or more"]),
    "no columns": (lambda b: b[[]], ["column `open` is not there", "no columns"]),
    "empty": (lambda b: b.iloc[:0], ["no rows", "at least one bar"]),
    "row numbers": (lambda b: b.reset_index(drop=True), ["RangeIndex", "not a DatetimeIndex", "utc=True"]),
    "naive": (lambda b: b.tz_localize(None), ["no time zone", "tz_localize('UTC')"]),
    "other zone": (lambda b: b.tz_convert("Europe/Berlin"), ["Europe/Berlin, not UTC", "tz_convert('UTC')"]),
    "no time": (reindexed(times(0, 1, 2, 3, np.nan, *range(5, N))), ["row 4 has no time"]),
    "unsorted": (
        reindexed(times(0, 1, 2, 3, 4, 7, 6, *range(8, N + 1))),
        ["bar 6 (2024-03-01 00:06:00 UTC)", "sort_index"],
    ),
    "reversed": (lambda b: b.iloc[::-1], ["bar 1 (2024-03-01 00:10:00 UTC)", "older than the one before"]),
    "repeated": (
        reindexed(times(0, 1, 2, 3, 4, 4, *range(6, N))),
        ["bar 5 (2024-03-01 00:04:00 UTC)", "same time", "drop"],
    ),
    "half seconds": (reindexed(START + pd.to_timedelta(np.arange(N) / 2, unit="s")), ["0.5 s apart", "whole seconds"]),
    "far future": (reindexed(pd.date_range("2400-01-01", periods=N, freq="min", tz="UTC", unit="s")), ["2400", "unit"]),
    "text": (lambda b: b.astype({"close": str}), ["column `close` holds", "pd.to_numeric"]),
    "objects": (lambda b: b.astype({"volume": object}), ["column `volume` holds object", "pd.to_numeric"]),
    "flags": (lambda b: b.assign(volume=True), ["column `volume` holds bool"]),
    "times as prices": (lambda b: b.assign(open=b.index), ["column `open` holds datetime"]),
    "NA": (lambda b: cell("open", 3, pd.NA)(b.astype({"open": "Float64"})), ["open"]),
    "nan": (cell("close", 5, np.nan), ["bar 5 (2024-03-01 00:05:00 UTC)", "close is nan", "above 0"]),
    "inf": (cell("high", 5, np.inf), ["bar 5", "high is inf", "finite number above 0"]),
    "zero price": (cell("low", 2, 0.0), ["bar 2", "low is 0.0", "above 0"]),
    "negative price": (cell("open", 0, -1.0), ["bar 0", "open is -1.0", "above 0"]),
    "negative volume": (cell("volume", N - 1, -0.5), ["bar 11", "volume is -0.5", "at least 0"]),
    "nan volume": (cell("volume", 1, np.nan), ["bar 1", "volume is nan", "at least 0"]),
    "high under low": (cell("high", 7, 50.0), ["bar 7", "high 50.0 is under"]),
    "high under close": (
        cell("high", 7, 101.6),
        ["bar 7", "high 101.6 is under its open 101.5, low 101.25 or close 101.75"],
    ),
    "low over open": (cell("low", 7, 101.6), ["bar 7", "low 101.6 is above its open 101.5"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_bars_are_refused_by_name(name):
    change, words = BAD[name]
    bars = change(frame())
    before = bars.copy(deep=True)
    with pytest.raises(DataError) as caught:
        BarColumns.of(bars, source="prices.csv")
    text = str(caught.value)
    assert text.startswith("prices.csv: ")
    for word in words:
        assert word in text
    assert "\n" not in text
    pd.testing.assert_frame_equal(bars, before)


def test_only_the_first_bad_bar_is_named_and_the_others_counted():
    bars = frame()
    bars.iloc[[4, 8, 9], 3] = np.nan
    with pytest.raises(DataError, match=r"bar 4 .*close is nan.*\(2 more such bars\)"):
        BarColumns.of(bars)


@pytest.mark.parametrize("thing", [None, [1, 2], "bars.csv", np.ones((3, 5)), 5])
def test_what_is_no_table_is_refused(thing):
    with pytest.raises(ConfigError, match=f"a {type(thing).__name__} is not a table of bars"):
        BarColumns.of(thing)


def test_good_bars_come_through_unchanged_and_read_only():
    bars = frame()
    before = bars.copy(deep=True)
    columns = BarColumns.of(bars)
    pd.testing.assert_frame_equal(bars, before)
    bars.iloc[0, 0] = 1.0  # still the caller's own
    assert columns.open[0] == before["open"].iloc[0]
    for name in ("time", *COLUMNS):
        with pytest.raises(ValueError, match="read-only"):
            getattr(columns, name)[0] = 1
    pd.testing.assert_frame_equal(columns.to_frame(), before, check_freq=False, check_index_type=False)
    assert columns.to_frame().index.name == "time"
    assert BarColumns.of(columns) is columns
    assert (len(columns), columns.timeframe.seconds, columns.grid.decimals) == (N, 60, 2)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_every_resolution_of_pandas_gives_the_same_nanoseconds(unit):
    bars = frame()
    bars.index = bars.index.as_unit(unit)
    np.testing.assert_array_equal(BarColumns.of(bars).time, START.value + np.arange(N) * 60_000_000_000)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint16", "Int64"])
def test_whole_numbers_are_numbers(dtype):
    bars = frame().assign(open=100.0, high=200.0, low=50.0, close=100.0, volume=3.0).astype(dtype)
    columns = BarColumns.of(bars)
    assert columns.close.dtype == np.float64
    assert columns.close[3] == 100.0


def test_further_columns_and_zero_volume_are_fine():
    bars = frame().assign(volume=0.0, note="x")
    assert not BarColumns.of(bars).volume.any()


def test_utc_by_any_name():
    for zone in ("Etc/UTC", "UTC"):
        assert len(BarColumns.of(frame().tz_convert(zone))) == N


def test_one_bar_is_enough():
    columns = BarColumns.of(frame(1))
    assert (len(columns), columns.timeframe.seconds, columns.holes()) == (1, 60, [])


def test_rows_and_parts():
    columns = BarColumns.of(frame())
    assert columns.bar(3) == Bar(START.value + 180 * 10**9, 100.5, 101.25, 100.25, 100.75, 4.5)
    assert columns.rows() == [columns.bar(row) for row in range(N)]
    assert all(type(value) is float for value in columns.rows()[2][1:])
    part = columns.head(4)
    assert part.rows() == columns.rows()[:4]
    assert (part.grid, part.timeframe) == (columns.grid, columns.timeframe)


def test_holes_are_named():
    minutes = [0, 1, 2, 5, 6, 20, 21, 22, 23, 24, 25, 26]
    columns = BarColumns.of(frame().set_axis(times(*minutes)))
    at = [START.value + minute * 60 * 10**9 for minute in minutes]
    assert columns.holes() == [Hole(at[2], at[3], 2), Hole(at[4], at[5], 13)]
    assert sum(hole.missing for hole in columns.holes()) == 26 + 1 - N


def test_a_bar_between_the_steps_of_the_others_is_refused():
    late = times(0, 1, 2.5, *range(4, N + 1))
    with pytest.raises(DataError, match=r"bar 2 .* opens 90 s after .* no whole number of 1m bars"):
        BarColumns.of(frame().set_axis(late))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"volume": 0.0}, None),
        ({"close": float("nan")}, "close is nan"),
        ({"open": float("inf")}, "open is inf"),
        ({"low": 0.0}, "low is 0.0"),
        ({"low": -1.0}, "low is -1.0"),
        ({"volume": -1.0}, "volume is -1.0"),
        ({"volume": float("nan")}, "volume is nan"),
        ({"high": 1.0}, "high 1.0 and low 0.5 do not hold open 1.5 and close 1.5"),
        ({"low": 1.6}, "high 2.0 and low 1.6 do not hold open 1.5 and close 1.5"),
    ],
)
def test_a_single_live_bar_is_judged_the_same_way(change, words):
    bar = Bar(START.value, 1.5, 2.0, 0.5, 1.5, 10.0)._replace(**change)
    assert problem_of(bar) == words
    table = pd.DataFrame([bar._asdict()], index=pd.DatetimeIndex([START]))
    if words is None:
        BarColumns.of(table)
    else:
        with pytest.raises(DataError, match="bar 0"):
            BarColumns.of(table)


def test_times_in_messages():
    assert time_text(START.value) == "2024-03-01 00:00:00 UTC"
