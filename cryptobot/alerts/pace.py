"""How fast a channel may be told: one rhythm, whoever uses it."""

from __future__ import annotations

import threading
from typing import Final

_LONGEST: Final = 3_600.0


class Pace:
    """Keeps a least time between messages, also between several bots that share a channel.

    Parameters
    ----------
    seconds_between
        The least time between two messages.
    """

    def __init__(self, seconds_between: float) -> None:
        self._between = seconds_between
        self._free_at = 0.0
        self._lock = threading.Lock()

    def wait(self, now: float) -> float:
        """Return how many seconds are left until a message may be sent, and take its turn when that is 0.

        Parameters
        ----------
        now
            Of a clock that never jumps back, in seconds.
        """
        with self._lock:
            left = self._free_at - now
            if left > _LONGEST + 1:  # a clock of another bot, which began elsewhere
                left = 0.0
            if left <= 0:
                self._free_at = now + self._between
            return max(0.0, left)

    def hold(self, now: float, seconds: float) -> None:
        """Send nothing for so long, at most an hour: the channel asked for it, or does not work."""
        with self._lock:
            self._free_at = max(self._free_at, now + min(seconds, _LONGEST))
