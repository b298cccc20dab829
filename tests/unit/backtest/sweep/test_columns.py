"""Columns, crossings and volatilities of the sweep against those of the strategy, bit for bit."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cryptobot as cb
from cryptobot.backtest.sweep import columns as columns_module
from cryptobot.backtest.sweep import crossings, doubled, gates
from cryptobot.backtest.sweep.columns import ColumnStore
from cryptobot.backtest.sweep.features import FeatureList
from cryptobot.core.bars import BarColumns
from cryptobot.strategy.batch import feature_columns
from cryptobot.strategy.indicators import SMA

BARS = BarColumns.of(cb.practice_bars(3_000, seed=9))


@pytest.mark.parametrize("window", [1, 2, 3, 7, 64, 999, 3_000, 3_001])
@pytest.mark.parametrize("source", ["close", "high", "volume"])
def test_averages_have_the_bits_of_their_kernel(window, source):
    feature = SMA(window, of=source)
    store = ColumnStore(BARS, FeatureList())
    wanted = feature_columns({"x": feature}, BARS)["x"]
    leaf = store.leaf(feature)
    assert np.array_equal(store.values(leaf), wanted, equal_nan=True)
    span = store.span(leaf)
    assert span.first == min(window - 1, len(BARS))
    assert span.whole


def test_features_of_features_and_holes_are_seen():
    store = ColumnStore(BARS, FeatureList())
    inner = cb.SMA(5, of=cb.RSI(14))
    leaf = store.leaf(inner)
    assert store.span(leaf).first == 14 + 4
    assert np.array_equal(store.values(leaf), feature_columns({"x": inner}, BARS)["x"], equal_nan=True)
    volume = BARS.volume.copy()
    volume[100:2_000:50] = 0.0
    holed = ColumnStore(
        BarColumns(BARS.time, BARS.open, BARS.high, BARS.low, BARS.close, volume, BARS.timeframe, BARS.grid),
        FeatureList(),
    )
    assert not holed.span(holed.leaf(cb.EwmaVolatility(0.5, of="volume"))).whole


def test_equal_features_are_one_column_and_others_are_not():
    store = ColumnStore(BARS, FeatureList())
    assert store.leaf(cb.SMA(5)) == store.leaf(cb.SMA(5))
    leaves = {
        store.leaf(f)
        for f in (
            cb.SMA(5),
            cb.EMA(5),
            cb.SMA(6),
            cb.SMA(5, of="open"),
            cb.SMA(5, of=cb.SMA(6)),
            cb.SMA(5, of=cb.SMA(7)),
        )
    }
    assert len(leaves) == 6


def test_columns_are_forgotten_when_there_is_no_room(monkeypatch):
    monkeypatch.setattr(columns_module, "_ROOM", 3 * 8 * len(BARS))
    store = ColumnStore(BARS, FeatureList())
    for window in (*range(5, 25), *range(5, 25)):
        values = store.values(store.leaf(cb.EMA(window)))
        assert np.array_equal(values, feature_columns({"x": cb.EMA(window)}, BARS)["x"], equal_nan=True)
        assert store._bytes <= 3 * 8 * len(BARS)
        assert sum(kept.nbytes for kept in store._kept.values()) == store._bytes


def words(kind, n, **more):
    up, down = np.full(n // 64 + 1, 7, np.uint64), np.full(n // 64 + 1, 7, np.uint64)
    nothing = np.zeros(1)
    given_ = {"sums": nothing, "a": nothing, "b": nothing, "number": 0.0, "fast": 0, "slow": 0, "first": 0, **more}
    crossings.crossing_words(kind, *given_.values(), n, up, down)
    for packed in (up, down):
        assert crossings.count_bits(packed) == crossings.rows_of_words(packed).size
    return crossings.rows_of_words(up).tolist(), crossings.rows_of_words(down).tolist()


@settings(max_examples=120, deadline=None)
@given(st.integers(1, 400), st.integers(0, 2**32), st.integers(0, 70), st.integers(1, 4))
def test_crossings_are_those_of_the_conditions(n, seed, first, spread):
    """Many ties, any length, the first rows undefined."""
    random = np.random.default_rng(seed)
    a, b = random.integers(0, spread + 1, (2, n)).astype(float)
    first = min(first, n)
    a[:first] = np.nan
    up, down = np.flatnonzero(cb.crossed_above(a, b)), np.flatnonzero(cb.crossed_below(a, b))
    assert words(crossings.COLUMNS, n, a=a, b=b, first=first) == (up.tolist(), down.tolist())
    up, down = np.flatnonzero(cb.crossed_above(a, 1.0)), np.flatnonzero(cb.crossed_below(a, 1.0))
    assert words(crossings.NUMBER, n, a=a, number=1.0, first=first) == (up.tolist(), down.tolist())


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(0, 2**32), st.integers(1, 90), st.integers(1, 90))
def test_crossings_of_sums_are_those_of_averages(n, seed, fast, slow):
    random = np.random.default_rng(seed)
    ticks = random.integers(1, 6, n).astype(float)
    sums = np.append(0.0, np.cumsum(ticks))
    first = max(fast, slow) - 1
    if first >= n:
        assert words(crossings.SUMS, n, sums=sums, fast=fast, slow=slow, first=first) == ([], [])
        return
    bars = cb.practice_bars(n, seed=1)
    bars["close"] = bars["open"] = bars["high"] = bars["low"] = ticks / 100.0
    decided = feature_columns({"a": cb.SMA(fast), "b": cb.SMA(slow)}, BarColumns.of(bars))
    up = np.flatnonzero(cb.crossed_above(decided["a"], decided["b"])).tolist()
    down = np.flatnonzero(cb.crossed_below(decided["a"], decided["b"])).tolist()
    assert words(crossings.SUMS, n, sums=sums, fast=fast, slow=slow, first=first) == (up, down)


@pytest.mark.parametrize("window", [2, 5, 20, 700])
@pytest.mark.parametrize("flat", [False, True])
def test_the_bounds_hold_the_volatility(window, flat):
    close = BARS.close.copy()
    if flat:
        close[500:1_500] = close[499]
    bars = BarColumns(BARS.time, close, close, close, close, BARS.volume, BARS.timeframe, BARS.grid)
    exact = feature_columns({"v": cb.RollingVolatility(window)}, bars)["v"]
    prefixes, most = crossings.prefix_returns(close)
    rows = np.arange(window, close.size)
    lower, upper = np.empty(rows.size), np.empty(rows.size)
    gates.variances(rows, rows.size, window, prefixes, most, lower, upper)
    assert (lower <= exact[rows] ** 2).all()
    assert (exact[rows] ** 2 <= upper).all()
    clear = exact[rows] > 1e-5
    assert (upper - lower < 1e-6 * exact[rows] ** 2)[clear].all()


def test_prefixes_are_rounded_once():
    close = BARS.close
    prefixes, most = crossings.prefix_returns(close)
    sums, squares = prefixes.T
    assert most == np.abs(sums).max()
    returns = close[1:] / close[:-1] - 1.0
    total = square = Fraction(0)
    for t, r in enumerate(returns.tolist(), start=1):
        total += Fraction(r)
        square += Fraction(r * r)
        if t % 500 == 0:
            assert sums[t] == pytest.approx(float(total), rel=3e-16, abs=1e-19)
            assert squares[t] == pytest.approx(float(square), rel=3e-16)


pairs = st.tuples(st.floats(1e-6, 1e9), st.floats(-1.0, 1.0)).map(lambda p: (p[0], p[0] * p[1] * 2.0**-54))


def value(pair) -> Fraction:
    return Fraction(pair[0]) + Fraction(pair[1])


@given(pairs, pairs)
def test_doubled_numbers_keep_thirty_digits(a, b):
    for got, wanted in (
        (doubled.product(a, b), value(a) * value(b)),
        (doubled.quotient(a, b), value(a) / value(b)),
        (doubled.total(a, b), value(a) + value(b)),
    ):
        assert abs(value(got) - wanted) <= abs(wanted) * Fraction(1, 2**98)
