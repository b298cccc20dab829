"""What a session measures of itself while it trades; each costs less than a microsecond."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Histogram:
    """Counts durations.

    Attributes
    ----------
    bounds
        Upper bounds, in seconds.
    counts
        How many lie at or under each bound and above the one before; the last count is for what is longer.
    total
        Their sum, in seconds.

    Examples
    --------
    >>> times = Histogram()
    >>> times.add(0.003)
    >>> times.count, times.total
    (1, 0.003)
    """

    def __init__(self, bounds: tuple[float, ...] = _BUCKETS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    @property
    def count(self) -> int:
        """How many were counted."""
        return sum(self.counts)


class Meter:
    """A session's own measurements, from its start on.

    Attributes
    ----------
    bar_to_order
        From a bar's arrival until the exchange has taken, or refused, the order that was decided on it.
    loop_lag, longest_lag
        By how much the event loop was late at its last look, and at the worst one, in seconds.
    peak
        The highest equity at a close, in the quote currency.
    looks
        How often the session looked after itself: what no longer grows does not live.
    """

    def __init__(self) -> None:
        self.bar_to_order = Histogram()
        self.loop_lag = 0.0
        self.longest_lag = 0.0
        self.peak = 0.0
        self.looks = 0

    def late(self, seconds: float) -> None:
        """Take note by how much the loop was late at a look."""
        self.looks += 1
        self.loop_lag = max(0.0, seconds)
        self.longest_lag = max(self.longest_lag, self.loop_lag)
