"""Which features of a strategy are prices, and so belong over the candles."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.bars import COLUMNS, PRICES, BarColumns
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.batch import feature_columns

_ROWS: Final = 600


def price_lines(
    strategy: Strategy, bars: BarColumns, features: dict[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Pick the features that are drawn on the price's scale.

    A feature is a price when it doubles with doubled prices (an average does, an RSI or a volatility per bar does
    not) and lies near the close (an average true range does not).

    Parameters
    ----------
    strategy
        Whose features they are.
    bars
        float64 columns of shape (n,).
    features
        float64 arrays of shape (n,) by name.
    """
    part = bars.head(min(len(bars), strategy.warm_up + _ROWS))
    doubled = {name: np.array(getattr(part, name)) * (2.0 if name in PRICES else 1.0) for name in COLUMNS}
    twice = feature_columns(strategy.nodes, BarColumns.unchecked(np.array(part.time), doubled, part.timeframe))
    once = feature_columns(strategy.nodes, part)
    chosen = {}
    for name, values in features.items():
        defined = np.isfinite(once[name]) & (once[name] != 0)
        near = np.abs(values / bars.close - 1.0) < 0.5
        known = np.isfinite(values)
        if (
            defined.any()
            and np.allclose(twice[name][defined], 2.0 * once[name][defined], rtol=1e-6)
            and known.any()
            and near[known].mean() > 0.9
        ):
            chosen[name] = values
    return chosen
