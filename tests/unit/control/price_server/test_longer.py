"""Longer candles of a bot's own: the same as whole ones that pandas makes of them, and never one that is unfinished."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cryptobot as cb
from cryptobot.control.price_server.longer import longer_than, merged, rows_needed
from cryptobot.core.timeframe import Timeframe

MINUTE = Timeframe.parse("1m")
BARS = cb.practice_bars(3_000, seed=11)


def rows(bars):
    return bars.index.as_unit("ns").asi8, {name: bars[name].to_numpy() for name in bars.columns}


@given(
    first=st.integers(0, 200),
    last=st.integers(300, 2_999),
    name=st.sampled_from(["5m", "15m", "1h", "4h"]),
    gone=st.sets(st.integers(0, 2_999), max_size=40),
)
def test_they_are_what_pandas_makes_of_them(first, last, name, gone):
    bars = BARS.iloc[[row for row in range(first, last) if row not in gone]]
    wanted = Timeframe.parse(name)
    times, prices = merged(*rows(bars), MINUTE, wanted)
    whole = bars.resample(f"{wanted.seconds}s").agg(
        {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    )
    whole = whole.dropna(subset=["open"])
    kept = np.ones(len(whole), dtype=bool)
    kept[0] = bars.index[0] == whole.index[0]
    kept[-1] &= bars.index[-1].value + MINUTE.nanoseconds >= whole.index[-1].value + wanted.nanoseconds
    assert times.tolist() == whole.index.as_unit("ns").asi8[kept].tolist()
    for column in ("open", "high", "low", "close"):
        assert prices[column].tolist() == whole[column].to_numpy()[kept].tolist()
    assert prices["volume"] == pytest.approx(whole["volume"].to_numpy()[kept])


def test_nothing_makes_nothing():
    times, prices = merged(*rows(BARS.iloc[:0]), MINUTE, Timeframe.parse("1h"))
    assert times.size == prices["open"].size == 0


def test_only_whole_multiples_are_offered():
    assert longer_than(MINUTE)[:4] == ("1m", "3m", "5m", "15m")
    assert longer_than(Timeframe.parse("4h")) == ("4h", "12h", "1d")
    assert longer_than(Timeframe(7)) == ("7s",)


def test_enough_rows_are_asked_for():
    asked = rows_needed(10, MINUTE, Timeframe.parse("5m"))
    for cut in range(5):
        bars = BARS.iloc[1_000 - asked + cut : 1_000 + cut]
        assert merged(*rows(bars), MINUTE, Timeframe.parse("5m"))[0].size >= 10
