"""Volatilities against exact arithmetic and against the formulas of their papers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError
from cryptobot.strategy.indicators import RSI, SMA
from cryptobot.strategy.volatility import (
    EwmaVolatility,
    GarmanKlassVolatility,
    ParkinsonVolatility,
    RollingVolatility,
    YangZhangVolatility,
)

WINDOWED = (RollingVolatility, ParkinsonVolatility, GarmanKlassVolatility, YangZhangVolatility)


def same_bits(a, b):
    np.testing.assert_array_equal(np.asarray(a).view(np.int64), np.asarray(b).view(np.int64))


def exact_variance(returns):
    mean = sum(returns, Fraction(0)) / len(returns)
    return sum(((r - mean) ** 2 for r in returns), Fraction(0)) / len(returns)


def assert_close_to_exact(got, closes, window, every=1):
    closes = np.asarray(closes, dtype=np.float64)
    returns = [Fraction(r) for r in (closes[1:] / closes[:-1] - 1.0).tolist()]
    assert np.isnan(got[:window]).all()
    for t in range(window, len(closes), every):
        wanted = math.sqrt(exact_variance(returns[t - window : t]))
        assert abs(got[t] - wanted) <= 1e-9 * wanted, (t, got[t], wanted)


def walk(n, sigma, seed=0, price=100.0, tick=0.01):
    closes = price * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, sigma, n)))
    return np.maximum(1, np.round(closes / tick)) * tick if tick else closes


def jumps():
    closes = walk(300, 1e-3)
    closes[60:] *= 2.7  # + 170 %
    closes[100:] *= 0.05  # - 95 %
    closes[101:] *= 19.0
    closes[150:] *= 2.0  # + 100 %, about the limit of the exact sums
    closes[200:] *= 1e9
    closes[205:] *= 1e-9
    return closes


SHAPES = {
    "a usual minute": walk(400, 5e-4, price=60_000),
    "calm": walk(400, 1e-7, price=60_000, tick=0.0001),
    "hardly any": 68_000 + np.random.default_rng(1).integers(-3, 4, 400) * 1e-6,
    "falling hardly": 68_000 - np.cumsum(np.random.default_rng(1).integers(0, 3, 400)) * 1e-6,
    "wild": walk(400, 0.3),
    "jumps": jumps(),
    "steady growth": np.cumprod(np.full(400, 1.01)),
    "exact doubling": 2.0 ** np.arange(400),
    "nearly steady growth": np.cumprod(1.01 + np.random.default_rng(2).normal(0, 1e-12, 400)),
    "steady fall": 1e6 * np.cumprod(np.full(400, 0.97)),
    "flat, then one tick": np.where(np.arange(400) == 200, 100.01, 100.0),
    "a stair": 100 + np.arange(400) // 50 * 0.01,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("window", [2, 5, 20, 120])
def test_rolling_volatility_is_exact_to_nine_digits(market, column, shape, window):
    bars = market(closes=SHAPES[shape], tick=0)
    got = column(RollingVolatility(window), bars)
    assert_close_to_exact(got, bars.close, window, every=1 if window < 100 else 7)


@pytest.mark.parametrize("shape", SHAPES)
def test_rolling_volatility_has_the_same_bits_from_any_start(market, column, shape):
    bars = market(closes=SHAPES[shape], tick=0)
    for window in (3, 20):
        full = column(RollingVolatility(window), bars)
        for start in (1, 55, 59, 60, 99, 101, 149, 203):
            same_bits(column(RollingVolatility(window), bars, start)[window:], full[start + window :])


@settings(deadline=None, max_examples=80)
@given(st.lists(st.integers(1, 10**9), min_size=3, max_size=40), st.integers(2, 6))
def test_rolling_volatility_of_anything(market, column, ticks, window):
    bars = market(closes=np.array(ticks) / 100.0, tick=0)
    got = column(RollingVolatility(window), bars)
    assert_close_to_exact(got, bars.close, min(window, len(ticks)))
    middle = len(ticks) // 2
    same_bits(column(RollingVolatility(window), bars, middle)[window:], got[middle + window :])


@pytest.mark.parametrize("price", [0.085, 1.0003, 100.0, 64_123.7, 3.3e-7])
def test_equal_closes_have_no_volatility_at_all(market, column, price):
    closes = np.concatenate([walk(60, 0.01), np.full(60, price), walk(60, 0.5), np.full(60, price)])
    got = column(RollingVolatility(20), market(closes=closes, tick=0))
    assert (got[81:120] == 0).all()  # rows 61 to 119: a flat window of 20 returns ends at 80 or later
    assert got[80] == 0
    assert got[79] > 0
    assert (got[200:] == 0).all()


def test_rolling_volatility_of_a_wide_window(market, column):
    closes = walk(25_000, 1e-3, seed=4)
    closes[9_000:] *= 2.5
    bars = market(closes=closes, tick=0)
    for window in (10_000, 24_000):
        assert_close_to_exact(column(RollingVolatility(window), bars), bars.close, window, every=4_900)


def test_rolling_volatility_of_a_wide_window_of_steady_growth(market, column):
    n = 12_000
    closes = np.cumprod(1.0003 + np.random.default_rng(6).normal(0, 1e-13, n))
    got = column(RollingVolatility(n - 500), market(closes=closes, tick=0))
    assert_close_to_exact(got, closes, n - 500, every=120)


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.94, 0.97])
def test_ewma_follows_riskmetrics(market, column, decay):
    bars = market(400, sigma=0.01)
    changes = np.diff(np.log(bars.close))
    first = {0.5: 2, 0.9: 10, 0.94: 17, 0.97: 34}[decay]  # ceil(1 / (1 - decay)) on paper
    variance = [math.nan] * first + [float(np.mean(changes[:first] ** 2))]
    for change in changes[first:].tolist():
        variance.append(decay * variance[-1] + (1 - decay) * change * change)
    got = column(EwmaVolatility(decay), bars)
    np.testing.assert_allclose(got, np.sqrt(variance), rtol=1e-12)
    assert EwmaVolatility(decay).warm_up == first


def logs(bars):
    before = np.concatenate([[np.nan], bars.close[:-1]])
    return (
        np.log(bars.open / before),
        np.log(bars.high / bars.open),
        np.log(bars.low / bars.open),
        np.log(bars.close / bars.open),
    )


def windows(x, n):
    return np.lib.stride_tricks.sliding_window_view(x, n)


@pytest.mark.parametrize("n", [2, 5, 20, 90])
def test_parkinson_garman_klass_and_yang_zhang_follow_their_papers(market, column, n):
    bars = market(400, sigma=0.01, seed=9)
    opening, up, down, change = logs(bars)
    parkinson = np.sqrt(windows((up - down) ** 2, n).mean(axis=1) / (4 * np.log(2)))
    np.testing.assert_allclose(column(ParkinsonVolatility(n), bars)[n - 1 :], parkinson, rtol=1e-10)
    terms = 0.5 * (up - down) ** 2 - (2 * np.log(2) - 1) * change**2
    garman_klass = np.sqrt(np.maximum(windows(terms, n).mean(axis=1), 0))
    np.testing.assert_allclose(column(GarmanKlassVolatility(n), bars)[n - 1 :], garman_klass, rtol=1e-9)
    rogers_satchell = windows((up * (up - change) + down * (down - change))[1:], n).mean(axis=1)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    yang_zhang = np.sqrt(
        windows(opening[1:], n).var(axis=1, ddof=1)
        + k * windows(change[1:], n).var(axis=1, ddof=1)
        + (1 - k) * rogers_satchell
    )
    np.testing.assert_allclose(column(YangZhangVolatility(n), bars)[n:], yang_zhang, rtol=1e-9)


def test_all_estimators_agree_on_the_volatility_of_a_diffusion(column):
    # A fine random walk of known volatility, cut into bars: estimators of the same thing must say the same thing.
    from cryptobot.core.bars import BarColumns
    from cryptobot.core.timeframe import Timeframe

    bars, ticks, sigma = 1_500, 600, 2e-3
    steps = np.random.default_rng(8).normal(0, sigma / np.sqrt(ticks), (bars, ticks))
    path = 100 * np.exp(np.cumsum(steps).reshape(bars, ticks))
    opened = np.concatenate([[100.0], path[:-1, -1]])
    columns = {
        "open": opened,
        "high": np.maximum(path.max(axis=1), opened),
        "low": np.minimum(path.min(axis=1), opened),
        "close": path[:, -1].copy(),
        "volume": np.ones(bars),
    }
    market = BarColumns.unchecked(np.arange(bars) * 60_000_000_000, columns, Timeframe(60))
    for cls in WINDOWED:
        assert column(cls(1_400), market)[-1] == pytest.approx(sigma, rel=0.06), cls.__name__
    assert column(EwmaVolatility(0.999), market)[-1] == pytest.approx(sigma, rel=0.1)


@pytest.mark.parametrize("cls", WINDOWED)
@pytest.mark.parametrize("tick", [0.01, 0])
def test_window_volatilities_have_the_same_bits_from_any_start(market, column, cls, tick):
    closes = None if tick else walk(500, 0.02, tick=0)
    bars = market(500, sigma=0.01, seed=3, tick=tick, closes=closes)
    for n in (2, 7, 31):
        feature = cls(n)
        full = column(feature, bars)
        for start in (1, 2, 30, 99, 250, 461):
            same_bits(column(feature, bars, start)[feature.warm_up :], full[start + feature.warm_up :])


def test_bars_without_any_range_have_no_volatility(market, column):
    bars = market(closes=np.full(60, 100.1), tick=0)
    columns = {name: np.full(60, 100.1) for name in ("open", "high", "low", "close")}
    flat = type(bars)(time=bars.time, volume=bars.volume, timeframe=bars.timeframe, grid=bars.grid, **columns)
    for feature in (*(cls(20) for cls in WINDOWED), EwmaVolatility()):
        assert (column(feature, flat)[feature.warm_up :] == 0).all()


def test_a_value_that_is_not_above_zero_leaves_the_volatility_undefined_and_then_forgets_it(market, column):
    volume = np.random.default_rng(1).lognormal(0, 1, 200)
    volume[[50, 51, 120]] = 0.0
    bars = market(200, volume=volume)
    rolling = column(RollingVolatility(5, of="volume"), bars)
    undefined = {*range(5), *range(51, 57), *range(121, 126)}
    assert set(np.flatnonzero(np.isnan(rolling)).tolist()) == undefined
    same_bits(column(RollingVolatility(5, of="volume"), bars, 60)[5:], rolling[65:])
    ewma = column(EwmaVolatility(0.5, of="volume"), bars)
    assert set(np.flatnonzero(np.isnan(ewma)).tolist()) == {0, 1, 50, 51, 52, 53, 120, 121, 122}
    same_bits(column(EwmaVolatility(0.5, of="volume"), bars, 52)[2:68], ewma[54:120])


def test_chains_of_what_may_be_zero(market, column):
    up, down = [1, 2, 3, 4, 5, 6, 7, 8, 9], [8, 7]
    bars = market(closes=[*up, *down, *up, 10, 11, *down, *up], tick=0)
    rsi = column(RSI(1), bars)  # 100 on the way up, 0 on the way down
    got = column(RollingVolatility(4, of=RSI(1)), bars)
    bad = [t for t in range(5, len(bars)) if (rsi[t - 4 : t] == 0).any()]
    assert len(bad) > 5
    assert set(np.flatnonzero(np.isnan(got)).tolist()) == {*range(5), *bad}
    average = column(SMA(2, of=RollingVolatility(4, of=RSI(1))), bars)
    assert np.isnan(average[np.isnan(got)]).all()


@pytest.mark.parametrize("cls", WINDOWED)
def test_windows_are_checked(cls):
    with pytest.raises(ConfigError, match="`window` is 0"):
        cls(0)
    least = cls.parameters()["window"].ge
    assert cls(least).warm_up >= 0


@pytest.mark.parametrize("decay", [0, 1, -0.5, 1.5, True, "0.9", float("nan")])
def test_the_decay_is_a_share(decay):
    with pytest.raises(ConfigError, match="`decay` is .*above 0 and below 1"):
        EwmaVolatility(decay)
