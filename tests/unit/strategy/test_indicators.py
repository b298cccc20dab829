"""Averages and oscillators against references written here."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError
from cryptobot.core.grid import PriceGrid
from cryptobot.strategy.feature import forgotten_after
from cryptobot.strategy.indicators import ATR, EMA, RSI, SMA

MARKETS = [
    dict(price=100.0, tick=0.01),
    dict(price=0.085, tick=1e-4, sigma=0.02),
    dict(price=1.0003, tick=1e-4, sigma=2e-4),
    dict(price=64_000.0, tick=0.1),
    dict(price=0.00002341, tick=1e-8, sigma=0.01),
    dict(price=60_000.0, tick=1.0, sigma=0.03),
]


def added(values):
    """Add from left to right: from Python 3.12 on, `sum` keeps the rounding errors of floats and adds them at the end."""
    total = 0.0
    for value in values:
        total += value
    return total


def same_bits(a, b):
    np.testing.assert_array_equal(np.asarray(a).view(np.int64), np.asarray(b).view(np.int64))


def as_paper(price, grid):
    """What a person would read: the decimal price, not its float."""
    return Fraction(round(price * grid.scale)) / int(grid.scale)


@pytest.mark.parametrize("options", MARKETS, ids=lambda o: f"{o['price']}/{o['tick']}")
@pytest.mark.parametrize("window", [1, 2, 3, 10, 97])
def test_sma_is_the_correctly_rounded_mean_of_the_decimal_prices(market, column, options, window):
    bars = market(400, **options)
    got = column(SMA(window), bars)
    prices = [as_paper(price, bars.grid) for price in bars.close.tolist()]
    wanted = [math.nan] * (window - 1)
    wanted += [float(sum(prices[t - window + 1 : t + 1]) / window) for t in range(window - 1, len(bars))]
    np.testing.assert_array_equal(got, wanted)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 2**36 - 1), min_size=2, max_size=60), st.integers(0, 12), st.integers(1, 12), st.data())
def test_sma_is_exact_for_any_ticks_and_any_start(column, market, ticks, decimals, window, data):
    bars = market(closes=[t / 10.0**decimals for t in ticks], tick=0)
    bars = replace(bars, grid=PriceGrid(decimals))
    got = column(SMA(window), bars)
    scale = 10**decimals
    for t in range(window - 1, len(ticks)):
        assert got[t] == float(Fraction(sum(ticks[t - window + 1 : t + 1]), window * scale))
    start = data.draw(st.integers(0, len(ticks) - 1))
    same_bits(column(SMA(window), bars, start)[window - 1 :], got[start + window - 1 :])


def test_sma_does_not_depend_on_which_grid_holds_the_prices(market, column):
    bars = market(400, price=100.0, tick=0.01)
    finer = replace(bars, grid=PriceGrid(6))
    same_bits(column(SMA(30), bars), column(SMA(30), finer))


def test_sma_of_the_widest_window_stays_exact(market, column):
    # Ticks just under the limit of 2**36: their sum is just under 2**53.
    window, n = 100_000, 100_300
    random = np.random.default_rng(5)
    ticks = random.integers(2**36 - 1000, 2**36 - 1, n)
    bars = market(closes=ticks / 1e6, tick=0)
    bars = replace(bars, grid=PriceGrid(6))
    got = column(SMA(window), bars)
    for t in range(window - 1, n, 37):
        assert got[t] == float(Fraction(int(ticks[t - window + 1 : t + 1].sum()), window * 10**6))


def test_off_the_grid_sma_sums_oldest_first_and_forgets(market, column):
    bars = market(300, closes=100 * np.exp(np.cumsum(np.random.default_rng(3).normal(0, 0.01, 300))), tick=0)
    assert bars.grid.decimals is None
    got = column(SMA(7), bars)
    wanted = [math.nan] * 6 + [added(bars.close[t - 6 : t + 1].tolist()) / 7 for t in range(6, 300)]
    same_bits(got[6:], wanted[6:])
    assert np.isnan(got[:6]).all()
    same_bits(column(SMA(7), bars, 41)[6:], got[47:])


def ema_reference(x, window):
    out = [math.nan] * (window - 1) + [added(x[:window]) / window]
    for value in x[window:]:
        out.append(out[-1] + 2 / (window + 1) * (value - out[-1]))
    return out


def wilder(x, window):
    out = [added(x[:window]) / window]
    for value in x[window:]:
        out.append((out[-1] * (window - 1) + value) / window)
    return out


def rsi_reference(x, window):
    changes = np.diff(x).tolist()
    gain, loss = (wilder([max(sign * c, 0.0) for c in changes], window) for sign in (1, -1))
    return [math.nan] * window + [
        50.0 if up + down == 0 else 100.0 if down == 0 else 100.0 - 100.0 / (1.0 + up / down)
        for up, down in zip(gain, loss, strict=True)
    ]


def atr_reference(high, low, close, window):
    widths = [
        max(h - low_, abs(h - before), abs(low_ - before))
        for h, low_, before in zip(high[1:], low[1:], close[:-1], strict=True)
    ]
    return [math.nan] * window + wilder(widths, window)


@pytest.mark.parametrize("window", [1, 2, 5, 14, 60])
@pytest.mark.parametrize("tick", [0.01, 0])
def test_ema_rsi_and_atr_follow_the_textbook(market, column, window, tick):
    bars = market(500, sigma=0.01, tick=tick, closes=None if tick else 50 + np.random.default_rng(2).random(500))
    high, low, close = bars.high.tolist(), bars.low.tolist(), bars.close.tolist()
    np.testing.assert_allclose(column(EMA(window), bars), ema_reference(close, window), rtol=1e-12)
    np.testing.assert_allclose(column(RSI(window), bars), rsi_reference(close, window), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(column(ATR(window), bars), atr_reference(high, low, close, window), rtol=1e-12)


def test_rsi_of_a_published_example(market, column):
    # StockCharts ChartSchool, "RSI", the sheet of 33 closes and 14 days.
    closes = [
        44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931, 46.0328,
        45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439, 46.2122, 46.2521, 45.7137, 46.4515,
        45.7835, 45.3548, 44.0288, 44.1783, 44.2181, 44.5672, 43.4205, 42.6628, 43.1314,
    ]  # fmt: skip
    published = [
        70.53, 66.32, 66.55, 69.41, 66.36, 57.97, 62.93, 63.26, 56.06, 62.38, 54.71, 50.42, 39.99, 41.46, 41.87, 45.46,
        37.30, 33.08, 37.77,
    ]  # fmt: skip
    got = column(RSI(14), market(closes=closes, tick=0))[14:]
    np.testing.assert_allclose(got, published, atol=0.0051)


def test_ema_of_a_published_example(market, column):
    # StockCharts ChartSchool, "Moving averages", the sheet of 10 days.
    closes = [
        22.27, 22.19, 22.08, 22.17, 22.18, 22.13, 22.23, 22.43, 22.24, 22.29, 22.15, 22.39, 22.38, 22.61, 23.36, 24.05,
        23.75, 23.83, 23.95, 23.63,
    ]  # fmt: skip
    published = [22.22, 22.21, 22.24, 22.27, 22.33, 22.52, 22.80, 22.97, 23.13, 23.28, 23.34]
    got = column(EMA(10), market(closes=closes, tick=0))[9:]
    np.testing.assert_allclose(got, published, atol=0.0051)


def test_rsi_at_its_ends(market, column):
    assert column(RSI(3), market(closes=[1, 2, 3, 4, 5], tick=1))[3:].tolist() == [100.0, 100.0]
    assert column(RSI(3), market(closes=[5, 4, 3, 2, 1], tick=1))[3:].tolist() == [0.0, 0.0]
    assert column(RSI(3), market(closes=[5, 5, 5, 5, 5], tick=1))[3:].tolist() == [50.0, 50.0]


@pytest.mark.parametrize("feature", [EMA(9), RSI(5), ATR(5)])
def test_a_primed_average_forgets_its_start_after_its_memory(market, column, feature):
    bars = market(2_000, sigma=0.01)
    full = column(feature, bars)
    for start in (1, 333, 700):
        late = column(feature, bars, start)
        assert np.isnan(late[: feature.warm_up]).all()
        np.testing.assert_allclose(late[feature.memory :], full[start + feature.memory :], rtol=1e-13)
        assert not np.array_equal(late[feature.warm_up :][:5], full[start + feature.warm_up :][:5])


@given(st.floats(1e-4, 0.9999))
def test_memory_is_where_the_weight_falls_under_the_last_bit(alpha):
    rows = forgotten_after(alpha)
    assert (1 - alpha) ** rows <= 2.0**-53 * (1 + 1e-9)
    assert (1 - alpha) ** (rows - 1) >= 2.0**-53 * (1 - 1e-9)
    assert forgotten_after(1.0) == 1


@pytest.mark.parametrize("cls", [SMA, EMA, RSI, ATR])
@pytest.mark.parametrize("window", [0, -1, 100_001, 2.5, True, "10"])
def test_windows_are_checked(cls, window):
    with pytest.raises(ConfigError, match=f"{cls.__name__}: `window` is .*whole number of at least 1"):
        cls(window)


def test_columns_other_than_the_close(market, column):
    bars = market(200)
    for name in ("open", "high", "low"):
        other = market(closes=getattr(bars, name), tick=0.01)
        same_bits(column(SMA(9, of=name), bars), column(SMA(9), other))
    volume = column(SMA(9, of="volume"), bars)
    assert volume[8] == added(bars.volume[:9].tolist()) / 9


def test_volume_is_never_taken_as_ticks(market, column):
    bars = market(50, price=100.0, tick=1.0, volume=np.linspace(0, 1, 50))
    assert bars.grid.decimals == 0
    np.testing.assert_allclose(column(SMA(1, of="volume"), bars), bars.volume)


def test_chains_start_where_their_source_starts(market, column):
    bars = market(300)
    rsi = column(RSI(14), bars)
    chained = column(SMA(10, of=RSI(14)), bars)
    assert np.isnan(chained[:23]).all()
    wanted = [added(rsi[t - 9 : t + 1].tolist()) / 10 for t in range(23, 300)]
    same_bits(chained[23:], wanted)
    deep = EMA(5, of=SMA(10, of=RSI(14)))
    assert (deep.total_warm_up, deep.warm_up) == (27, 4)
    assert np.flatnonzero(np.isfinite(column(deep, bars)))[0] == 27
    np.testing.assert_allclose(column(deep, bars)[23:], ema_reference(chained[23:].tolist(), 5), rtol=1e-12)


def test_a_chain_longer_than_the_bars_is_undefined(market, column):
    assert np.isnan(column(SMA(10, of=RSI(14)), market(12))).all()
    assert np.isnan(column(SMA(10, of=RSI(14)), market(15))).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: SMA(5, of="clsoe"), r"Did you mean `close`\?"),
        (lambda: SMA(5, of=7), "`of` is 7"),
        (lambda: ATR(5, of="close"), "cannot be pointed elsewhere"),
        (lambda: SMA(5, off="close"), "has no parameter `off`"),
    ],
)
def test_wrong_sources_are_refused(make, words):
    with pytest.raises(ConfigError, match=words):
        make()
