"""Time as something that is passed in, so that a whole trading day can be replayed in milliseconds."""

from __future__ import annotations

import asyncio
import heapq
import time
from typing import Protocol

from cryptobot.core.errors import ConfigError


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> int:
        """Return the time in nanoseconds since 1970-01-01 UTC."""

    def monotonic(self) -> float:
        """Return seconds that never jump back."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The computer's own clock."""

    def now(self) -> int:
        """Return the time in nanoseconds since 1970-01-01 UTC."""
        return time.time_ns()

    def monotonic(self) -> float:
        """Return seconds that never jump back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for real."""
        await asyncio.sleep(seconds)


class SimulatedClock:
    """A clock that moves only when it is told to.

    Parameters
    ----------
    start
        First time, nanoseconds since 1970-01-01 UTC.

    Examples
    --------
    >>> clock = SimulatedClock(0)
    >>> clock.advance(1.5)
    >>> clock.now()
    1500000000
    """

    def __init__(self, start: int = 0) -> None:
        self._now = start
        self._start = start
        self._order = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        """Return the simulated time in nanoseconds since 1970-01-01 UTC."""
        return self._now

    def monotonic(self) -> float:
        """Return simulated seconds since the start."""
        return (self._now - self._start) / 1e9

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced far enough."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (self._now + round(seconds * 1e9), self._order, future))
        await future

    def advance(self, seconds: float) -> None:
        """Move on and wake, in order, whoever has slept long enough.

        Raises
        ------
        ConfigError
            If asked to go back.
        """
        if seconds < 0:
            raise ConfigError(f"seconds: {seconds} would turn the clock back. Give 0 or more.")
        self._now += round(seconds * 1e9)
        while self._sleepers and self._sleepers[0][0] <= self._now:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)
