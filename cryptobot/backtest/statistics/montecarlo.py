"""What the same trades would have been in another order.

Source: Aronson (2007), "Evidence-based technical analysis", chapter 5, for Monte Carlo permutation. The gain of a series
of trades does not depend on their order; how deep it fell on the way does, and the one order that happened is one draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.errors import ConfigError

_CELLS: Final = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class TradeOrder:
    """Drawdowns of the same trades in random orders, seen at their ends.

    Attributes
    ----------
    observed
        The deepest fall in the order that happened: 0 or negative.
    median
        The fall that half of the orders exceed.
    worst
        The fall that one order in twenty exceeds.
    drawdowns
        float64, shape (samples,), deepest first.
    """

    observed: float
    median: float
    worst: float
    drawdowns: NDArray[np.float64]


def trade_order(returns: NDArray[np.float64], *, samples: int = 2_000, seed: int = 0) -> TradeOrder:
    """Shuffle trades and look how deep their compounded value falls.

    Parameters
    ----------
    returns
        float64, shape (trades,): what each trade did to the equity, after costs, above -1. At least 1.
    samples
        How many orders.
    seed
        The same seed gives the same orders.

    Raises
    ------
    ConfigError
        If there is no trade.
    """
    if returns.size == 0 or samples < 1:
        raise ConfigError(f"{returns.size} trades in {samples} orders: give at least one of each.")
    random = np.random.default_rng(seed)
    logs = np.log(np.maximum(1.0 + returns, 1e-300))
    rows = max(1, _CELLS // logs.size)
    falls = np.concatenate(
        [
            _deepest(random.permuted(np.tile(logs, (min(rows, samples - first), 1)), axis=1))
            for first in range(0, samples, rows)
        ]
    )
    falls.sort()
    middle, worst = np.quantile(falls, [0.5, 0.05])
    return TradeOrder(float(_deepest(logs[None, :])[0]), float(middle), float(worst), falls)


def _deepest(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the deepest fall of each row of logarithmic returns, as a fraction of the peak before it."""
    value = np.concatenate([np.zeros((len(logs), 1)), np.cumsum(logs, axis=1)], axis=1)
    fall: NDArray[np.float64] = np.expm1((value - np.maximum.accumulate(value, axis=1)).min(axis=1))
    return fall
