"""Holes planted into the bars of the practice market, as halts of an exchange leave them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.bars import COLUMNS, BarColumns

Integers = NDArray[np.int64]

# A hole is mostly a few bars long, seldom hours.
_LONGEST: Final = 180


def planned_holes(rows: int, holes: int, seed: int) -> tuple[Integers, Integers]:
    """Draw where bars are missing, and how many.

    Parameters
    ----------
    rows
        How many bars there are without the missing ones.
    holes
        How many holes, at most rows - 2.
    seed
        Another seed draws other holes.

    Returns
    -------
    tuple of ndarray
        Each int64, shape (holes,): before which of the rows a hole is, 1 to rows - 1, and how many bars it lacks.
    """
    random = np.random.default_rng([seed, rows, holes])
    places = 1 + random.choice(max(rows - 1, 1), size=holes, replace=False)
    lengths = np.minimum(1 + random.pareto(1.0, holes), _LONGEST)
    return places.astype(np.int64), lengths.astype(np.int64)


def without(bars: BarColumns, places: Integers, lengths: Integers) -> BarColumns:
    """Return the bars without the holes that `planned_holes` drew."""
    missing = np.zeros(len(bars) - int(lengths.sum()), dtype=np.int64)
    missing[places] = lengths
    kept = np.arange(missing.size) + np.cumsum(missing)
    columns = {name: getattr(bars, name)[kept] for name in COLUMNS}
    return BarColumns(time=bars.time[kept], **columns, timeframe=bars.timeframe, grid=bars.grid)
