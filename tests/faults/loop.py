"""Time that passes only when nobody has anything left to do: a day of a bot's life in milliseconds, the same each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Killed(BaseException):
    """The process is dead: whoever asks for anything is told so, and nothing that it does has an effect any more."""


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without a network and without threads, whose time jumps to the next thing that is due."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = 0.0
        self._selector = self  # the loop's own place to wait
        self._clock_resolution = 1e-6  # more than a float can tell after years
        self.complaints: list[str] = []
        self.set_exception_handler(self._complained)

    def time(self) -> float:
        """Return the seconds since the world began."""
        return self._passed

    def select(self, timeout: float | None) -> list[Any]:
        """Let the time pass until the next thing is due."""
        if timeout is None:
            raise AssertionError(
                "everybody waits and nothing will ever happen: the simulation has come to a standstill"
            )
        self._passed += timeout
        return []

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Run it at once: threads would bring an order of their own."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            future.set_exception(error)
        return future

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass

    def _complained(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, Killed):
            self.complaints.append(f"{context['message']}: {error!r}")


class Life:
    """One life of the bot's process: from its start until it ends, or is killed.

    Attributes
    ----------
    dead
        Whether it was killed.
    points
        How many places were passed where it could have been killed.
    labels
        What these were.
    """

    def __init__(self, number: int, *, die_at: int | None = None, on_death: Callable[[], None] = lambda: None) -> None:
        self.number = number
        self.dead = False
        self.points = 0
        self.labels: list[str] = []
        self.killed = asyncio.get_running_loop().create_future()
        self._die_at = die_at
        self._on_death = on_death

    def check(self) -> None:
        """Raise if it is dead."""
        if self.dead:
            raise Killed

    def point(self, label: str) -> None:
        """Pass a place where it may be killed."""
        self.check()
        self.labels.append(label)
        self.points += 1
        if self.points == self._die_at:
            self.die()
            raise Killed

    def die(self) -> None:
        """Kill it (kill -9): it does nothing more."""
        if not self.dead:
            self.dead = True
            self._on_death()
            if not self.killed.done():
                self.killed.set_result(None)


class VirtualClock:
    """The clock of the computer that the bot runs on; it may be wrong, and it may jump.

    Parameters
    ----------
    loop
        Whose time it shows.
    start
        The true time at the loop's 0, nanoseconds since 1970-01-01 UTC.

    Attributes
    ----------
    off
        By how many nanoseconds it is wrong.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, start: int) -> None:
        self.off = 0
        self._loop = loop
        self._start = start

    @property
    def true(self) -> int:
        """The true time, nanoseconds since 1970-01-01 UTC."""
        return self._start + round(self._loop.time() * 1e9)

    def now(self) -> int:
        """Return what it shows, nanoseconds since 1970-01-01 UTC."""
        return self.true + self.off

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(max(0.0, seconds))


class LifeClock:
    """The clock as one life of the process reads it: the dead do not wake."""

    def __init__(self, clock: VirtualClock, life: Life) -> None:
        self._clock = clock
        self._life = life

    def now(self) -> int:
        """Return what the clock shows."""
        self._life.check()
        return self._clock.now()

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        self._life.check()
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        self._life.check()
        await self._clock.sleep(seconds)
        self._life.check()
