"""Whoever guesses tokens is kept out for a while.

A lockout holds for an address and for all that did not show the right token before: connections that did go on, so
that a guesser on the same machine does not cut off the panel. A wrong token that has led to a lockout once is not
counted again: it teaches a guesser nothing, and is most often an assistant that still has the token of an earlier run.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from collections.abc import Callable

ADDRESSES = 4_096
KNOWN = 4_096


class Lockout:
    """Counts wrong tokens by address.

    Parameters
    ----------
    attempts
        So many …
    within
        … in so many seconds …
    lasts
        … lock an address out for so many seconds.
    now
        A monotonic clock in seconds.
    """

    def __init__(self, attempts: int, within: float, lasts: float, now: Callable[[], float]) -> None:
        self._attempts = attempts
        self._within = within
        self._lasts = lasts
        self._now = now
        self._wrong: OrderedDict[str, deque[tuple[float, bytes]]] = OrderedDict()
        self._until: OrderedDict[str, float] = OrderedDict()
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def remaining(self, address: str) -> float:
        """Return for how many more seconds an address is locked out; 0 if it is not."""
        until = self._until.get(address)
        if until is None:
            return 0.0
        left = until - self._now()
        if left <= 0:
            del self._until[address]
            return 0.0
        return left

    def wrong(self, address: str, token: bytes) -> bool:
        """Count a wrong token.

        Returns
        -------
        bool
            Whether this one locked the address out.
        """
        digest = hashlib.sha256(token).digest()
        if digest in self._known:
            return False
        now = self._now()
        times = self._wrong.setdefault(address, deque())
        self._wrong.move_to_end(address)
        times.append((now, digest))
        while times and times[0][0] < now - self._within:
            times.popleft()
        _trim(self._wrong, ADDRESSES)
        if len(times) < self._attempts:
            return False
        for _, seen in times:
            self._known[seen] = None
        _trim(self._known, KNOWN)
        del self._wrong[address]
        self._until[address] = now + self._lasts
        _trim(self._until, ADDRESSES)
        return True


def _trim(
    kept: OrderedDict[str, deque[tuple[float, bytes]]] | OrderedDict[str, float] | OrderedDict[bytes, None], most: int
) -> None:
    """Forget the oldest: an attacker with many addresses must not fill the memory."""
    while len(kept) > most:
        kept.popitem(last=False)
