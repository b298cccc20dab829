"""What chance would have earned with the same number of trades, held as long, at the same costs.

Sources
-------
Aronson (2007), "Evidence-based technical analysis", chapter 5, for rules with random entries of equal exposure; Phipson
and Smyth (2010), "Permutation p-values should never be zero", Statistical Applications in Genetics 9(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.statistics.trips import Trips

_CELLS: Final = 2_000_000


@dataclass(frozen=True, slots=True, eq=False)
class RandomEntries:
    """Total returns of traders who bought at random moments.

    Attributes
    ----------
    observed
        Total return of the trades themselves, everything invested each time.
    median
        Total return that half of the random traders exceed.
    p_value
        Probability of doing as well by chance: (1 + those at least as good) / (1 + all).
    returns
        float64, shape (samples,), least first.
    """

    observed: float
    median: float
    p_value: float
    returns: NDArray[np.float64]


def random_entries(trips: Trips, *, samples: int = 1_000, seed: int = 0) -> RandomEntries:
    """Place the same holding times at random moments and compare what they earn.

    Each random trader makes as many trades, held as long, in random order; the moments to buy are uniform, with at
    least one bar between a sale and the next purchase, as in a backtest. What is still held at the end is valued at
    the last close.

    Parameters
    ----------
    trips
        The trades, with prices and costs; at least one.
    samples
        How many random traders.
    seed
        The same seed gives the same traders.
    """
    held = trips.exits - trips.entries
    many = held.size
    # Fills happen at the opens of rows 1 … n - 1, or at the last close, which is "row n".
    last = trips.prices.size - 1
    free = last - 1 - int(held.sum()) - (many - 1)
    random = np.random.default_rng(seed)
    observed = trips.total_return
    rows = max(1, _CELLS // many)
    parts = []
    for first in range(0, samples, rows):
        size = (min(rows, samples - first), many)
        lengths = random.permuted(np.broadcast_to(held, size), axis=1)
        waits = np.sort(random.integers(0, free + 1, size), axis=1)
        entries = 1 + waits + np.cumsum(lengths, axis=1) - lengths + np.arange(many)
        parts.append(trips.returns_of(entries, entries + lengths))
    returns = np.sort(np.concatenate(parts))
    # A hair of tolerance: the same trades placed the same way are as good, whatever the order of the additions.
    as_good = int((returns >= observed - 1e-12 * (1 + observed)).sum())
    return RandomEntries(observed, float(np.median(returns)), (1 + as_good) / (1 + samples), returns)
