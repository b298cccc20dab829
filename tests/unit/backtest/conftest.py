"""Bars that carry their own signals, so that every figure can be computed by hand or is known beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from cryptobot.core.bars import BarColumns
from cryptobot.core.timeframe import Timeframe
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.param import param

BUY, SELL, BOTH = 1.0, 2.0, 3.0


class Scripted(Strategy):
    """Does what the volume says: 1 buys, 2 sells, 3 is both at once."""

    def should_buy(self, x):
        return (x.volume == BUY) | (x.volume == BOTH)

    def should_sell(self, x):
        return (x.volume == SELL) | (x.volume == BOTH)


@pytest.fixture
def scripted() -> Strategy:
    return Scripted()


@pytest.fixture
def bars_of() -> Callable[..., pd.DataFrame]:
    """Bars from opens and a script like ``"b.s."``; a bar closes where the next one opens, unless told."""

    def make(opens: Sequence[float], script: str, closes: Sequence[float] | None = None, freq: str = "1min"):
        opened = np.array(opens, dtype=float)
        closed = np.append(opened[1:], opened[-1]) if closes is None else np.array(closes, dtype=float)
        return pd.DataFrame(
            {
                "open": opened,
                "high": np.maximum(opened, closed),
                "low": np.minimum(opened, closed),
                "close": closed,
                "volume": [{".": 0.0, "b": BUY, "s": SELL, "x": BOTH}[sign] for sign in script],
            },
            index=pd.date_range("2024-01-01", periods=len(opened), freq=freq, tz="UTC", name="time"),
        )

    return make


class Follow(Strategy):
    """Holds the bar after each one whose volume has the right number."""

    bucket = param(0, ge=0, le=20)

    def should_buy(self, x):
        return x.volume == self.bucket

    def should_sell(self, x):
        return x.volume != self.bucket


@pytest.fixture(scope="session")
def follow() -> type[Strategy]:
    return Follow


@pytest.fixture(scope="session")
def market() -> Callable[..., BarColumns]:
    """Bars of a random walk; after a volume of ``good`` the price tends to rise by ``edge``."""

    def make(n: int = 4_000, *, seed: int = 0, good: int = 3, edge: float = 0.0, buckets: int = 8) -> BarColumns:
        random = np.random.default_rng(seed)
        volume = random.integers(0, buckets, n).astype(float)
        moves = 0.005 * random.standard_normal(n)
        moves[1:] += edge * (volume[:-1] == good)
        close = np.round(1_000 * np.exp(np.cumsum(moves)), 2)
        opened = np.append(1_000.0, close[:-1])
        columns = {
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": volume,
        }
        start = 1_704_067_200_000_000_000  # 2024-01-01
        return BarColumns.unchecked(start + np.arange(n) * 3_600_000_000_000, columns, Timeframe(3_600))

    return make
