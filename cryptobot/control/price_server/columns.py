"""Growing columns of candles and whatever belongs to them, written by one thread and read by any."""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Four months of minutes; older rows are dropped a fifth at a time.
KEPT: Final = 200_000

Numbers = NDArray[np.float64]


class Columns:
    """Rows in the order of their times.

    Parameters
    ----------
    names
        Of the columns beside the time.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._time = array("q")
        self._values = {name: array("d") for name in names}

    @property
    def names(self) -> list[str]:
        """Of the columns beside the time."""
        return list(self._values)

    def extend(self, time: NDArray[np.int64], values: Mapping[str, Numbers]) -> None:
        """Add rows that are newer than all before.

        Parameters
        ----------
        time
            int64, shape (n,): open times, nanoseconds since 1970-01-01 UTC.
        values
            float64 arrays of shape (n,) by name.
        """
        with self._lock:
            self._time.frombytes(np.ascontiguousarray(time, dtype=np.int64).tobytes())
            for name, column in self._values.items():
                column.frombytes(np.ascontiguousarray(values[name], dtype=np.float64).tobytes())
            if len(self._time) > KEPT + KEPT // 5:
                del self._time[:-KEPT]
                for column in self._values.values():
                    del column[:-KEPT]

    def newest(
        self, n: int | None, names: Iterable[str] | None = None, *, before: int | None = None, since: int | None = None
    ) -> tuple[NDArray[np.int64], dict[str, Numbers]]:
        """Copy out the newest rows, oldest first.

        Parameters
        ----------
        n
            How many at most; None for all.
        names
            Which columns; None for all.
        before, since
            Only rows of times before the one and from the other on.
        """
        with self._lock:
            end = len(self._time) if before is None else bisect_left(self._time, before)
            first = 0 if since is None else bisect_left(self._time, since)
            start = max(first, 0 if n is None else end - n)
            part = slice(start, max(start, end))
            wanted = self._values if names is None else names
            return (
                np.array(self._time[part], dtype=np.int64),
                {name: np.array(self._values[name][part], dtype=np.float64) for name in wanted},
            )
