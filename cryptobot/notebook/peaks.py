"""The highest equity so far, of all bars and not only of those in the chart."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from cryptobot.trading.tape import TapeWindow

_KEPT: Final = 10_000


class Peaks:
    """Every new high of the equity: when it was and how high.

    Parameters
    ----------
    whole
        Returns all bars; called only when bars are missed, which is when a panel opens on a bot with a long history.
    """

    def __init__(self, whole: Callable[[], TapeWindow]) -> None:
        self._whole = whole
        self._times: list[int] = []
        self._highs: list[float] = []
        self._newest = -1

    def before(self, tape: TapeWindow, asked: int) -> float | None:
        """Return the highest equity before a tape begins, or None where nothing is before it.

        Parameters
        ----------
        tape
            The newest bars, not empty.
        asked
            How many were asked for: fewer mean that it is all there is.
        """
        first = int(tape.time[0])
        missed = self._newest < first - 1 and len(tape.time) >= asked
        self._take(self._whole() if missed else tape)
        index = bisect_left(self._times, first)
        return self._highs[index - 1] if index else None

    def _take(self, tape: TapeWindow) -> None:
        start = int(np.searchsorted(tape.time, self._newest, "right"))
        for time, worth in zip(tape.time[start:].tolist(), tape.equity[start:].tolist(), strict=True):
            if worth > (self._highs[-1] if self._highs else float("-inf")):
                self._times.append(time)
                self._highs.append(worth)
        if len(tape.time):
            self._newest = max(self._newest, int(tape.time[-1]))
        if len(self._times) > _KEPT:
            del self._times[: -_KEPT // 2], self._highs[: -_KEPT // 2]
