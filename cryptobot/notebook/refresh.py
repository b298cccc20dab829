"""The one thread that keeps a panel up to date."""

from __future__ import annotations

import threading
import weakref
from typing import Protocol


class Refreshed(Protocol):
    """Something that wants a tick several times a second."""

    def tick(self) -> None:
        """Look for news and pass them on; must not raise."""


class RefreshLoop:
    """A daemon thread that ticks until it is closed or its owner is gone.

    It holds its owner weakly, so a panel nobody refers to any more can be collected, and with it the thread ends.

    Parameters
    ----------
    owner
        What to tick.
    rate
        Ticks a second.
    """

    def __init__(self, owner: Refreshed, rate: float) -> None:
        self._owner = weakref.ref(owner, lambda _: self.close())
        self.rate = rate
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cryptobot-panel", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to tick."""
        self._thread.start()

    def wake(self) -> None:
        """Tick as soon as possible: somebody has acted."""
        self._wake.set()

    def close(self, timeout: float | None = None) -> None:
        """End the thread; idempotent.

        Parameters
        ----------
        timeout
            Seconds to wait for its end, or None not to wait.
        """
        self._closed.set()
        self._wake.set()
        if timeout is not None and self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._closed.is_set():
            owner = self._owner()
            if owner is None:
                return
            owner.tick()
            del owner
            self._wake.wait(1 / self.rate)
            self._wake.clear()
