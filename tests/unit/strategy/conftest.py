"""Markets made for one purpose each."""

from __future__ import annotations

import numpy as np
import pytest

from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.timeframe import Timeframe
from cryptobot.strategy.batch import feature_columns


@pytest.fixture(scope="session")
def market():
    """Return a maker of bars: a random walk of closes on a tick, or closes that are given."""

    def make(n=500, *, seed=1, price=100.0, tick=0.01, sigma=1e-3, closes=None, volume=None):
        random = np.random.default_rng(seed)
        if closes is None:
            walk = np.maximum(1, np.round(price * np.exp(np.cumsum(random.normal(0, sigma, n))) / tick))
            decimals = max(0, round(-np.log10(tick)))
            closes = walk.astype(np.int64) / 10.0**decimals
        close = np.array(closes, dtype=np.float64)
        n = close.size
        before = np.concatenate([close[:1], close[:-1]])
        opened = before * np.exp(random.normal(0, sigma, n))  # gaps between the bars, as real ones have
        high = np.maximum(opened, close) * (1 + np.abs(random.normal(0, sigma, n)))
        low = np.minimum(opened, close) / (1 + np.abs(random.normal(0, sigma, n)))
        if tick:
            scale = 10.0 ** max(0, round(-np.log10(tick)))
            opened, high, low = (np.maximum(1, np.round(prices * scale)) / scale for prices in (opened, high, low))
        columns = {
            "open": opened,
            "high": np.maximum(high, np.maximum(opened, close)),
            "low": np.minimum(low, np.minimum(opened, close)),
            "close": close,
            "volume": random.lognormal(0, 1, n) if volume is None else np.array(volume, dtype=np.float64),
        }
        time = 1_700_000_040_000_000_000 + np.arange(n, dtype=np.int64) * 60_000_000_000
        return BarColumns.unchecked(time, {name: columns[name] for name in COLUMNS}, Timeframe(60))

    return make


@pytest.fixture(scope="session")
def column():
    """Return a function that computes one feature over bars, or over all bars from a row on."""

    def compute(feature, bars, start=0):
        parts = {name: getattr(bars, name)[start:] for name in ("time", *COLUMNS)}
        part = BarColumns(**parts, timeframe=bars.timeframe, grid=bars.grid)
        return feature_columns({"x": feature}, part)["x"]

    return compute
