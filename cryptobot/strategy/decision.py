"""What a strategy says about a bar, and about a whole history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Decision(NamedTuple):
    """What the strategy says at the close of one bar.

    Attributes
    ----------
    time
        Open time of the bar, nanoseconds since 1970-01-01 UTC.
    buy, sell
        Whether each condition holds; never while a feature is undefined.
    features
        Value of every named feature, NaN while undefined.
    """

    time: int
    buy: bool
    sell: bool
    features: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What the strategy says at the close of every bar.

    Attributes
    ----------
    time
        int64, shape (n,): open times, nanoseconds since 1970-01-01 UTC.
    buy, sell
        bool, shape (n,).
    features
        float64 arrays of shape (n,) by name.
    """

    time: NDArray[np.int64]
    buy: NDArray[np.bool_]
    sell: NDArray[np.bool_]
    features: dict[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return int(self.time.size)

    def __getitem__(self, row: int) -> Decision:
        features = {name: float(values[row]) for name, values in self.features.items()}
        return Decision(int(self.time[row]), bool(self.buy[row]), bool(self.sell[row]), features)
