"""How often something may happen."""

from __future__ import annotations

from collections.abc import Callable


class Bucket:
    """A bucket of permissions that fills steadily.

    Parameters
    ----------
    per_second
        How fast it fills.
    burst
        How many it holds; it begins full.
    now
        A monotonic clock in seconds.

    Examples
    --------
    >>> bucket = Bucket(1, 2, lambda: 0.0)
    >>> [bucket.take(), bucket.take(), bucket.take()]
    [0.0, 0.0, 1.0]
    """

    __slots__ = ("_burst", "_filled", "_left", "_now", "_rate")

    def __init__(self, per_second: float, burst: float, now: Callable[[], float]) -> None:
        self._rate = per_second
        self._burst = max(1.0, burst)
        self._left = self._burst
        self._now = now
        self._filled = now()

    def take(self) -> float:
        """Take a permission.

        Returns
        -------
        float
            0 if there was one, else the seconds until there will be.
        """
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._filled) * self._rate)
        self._filled = now
        if self._left < 1:
            return (1 - self._left) / self._rate
        self._left -= 1
        return 0.0
