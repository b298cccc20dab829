"""Bars that carry their own signals, so that every figure can be computed by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from cryptobot.strategy.base import Strategy

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
