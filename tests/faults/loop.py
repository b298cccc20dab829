"""Time that passes only when nobody has anything left to do: a day of a bot's life in milliseconds, the same each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from heapq import heappop, heappush
from typing import Any


class Killed(BaseException):
    """The process is dead: whoever asks for anything is told so, and nothing that it does has an effect any more."""


class Timer:
    """Something that is to be done at a moment, unless it is cancelled."""

    __slots__ = ("_args", "_callback", "_context", "_when", "over")

    def __init__(self, when: float, callback: Callable[..., Any], args: tuple[Any, ...], context: Context | None):
        self.over = False
        self._when = when
        self._callback = callback
        self._args = args
        self._context = context

    def cancel(self) -> None:
        """Do not do it."""
        self.over = True

    def cancelled(self) -> bool:
        """Whether it is not to be done."""
        return self.over

    def when(self) -> float:
        """Return the moment, seconds since the world began."""
        return self._when

    def run(self) -> None:
        """Do it."""
        if self._context is None:  # nothing here has variables of its own to find again
            self._callback(*self._args)
        else:
            self._context.run(self._callback, *self._args)


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without a network and without threads, whose time jumps to the next thing that is due.

    Its timers are its own: a bot's life is mostly waiting, and comparing `asyncio.TimerHandle` in a heap took a third
    of a simulation's time.
    """

    def __init__(self) -> None:
        super().__init__()
        self._passed = 0.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._number = 0  # of those due at the same moment, who came first is done first
        self.complaints: list[str] = []
        self.set_exception_handler(self._complained)

    def time(self) -> float:
        """Return the seconds since the world began."""
        return self._passed

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Timer:  # type: ignore[override]
        """Do something after so many seconds."""
        return self.call_at(self._passed + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Timer:  # type: ignore[override]
        """Do something at a moment, seconds since the world began."""
        timer = Timer(when, callback, args, context)
        self._number += 1
        heappush(self._timers, (when, self._number, timer))
        return timer

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Timer:  # type: ignore[override]
        """Do something at this moment, after all that is to be done before it."""
        timer = Timer(self._passed, callback, args, context)
        self._ready.append(timer)
        return timer

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def _run_once(self) -> None:
        """Do all that is ready; if there is nothing, let the time pass until the next thing is due."""
        ready, timers = self._ready, self._timers
        if not ready:
            while timers and timers[0][2].over:
                heappop(timers)
            if not timers:
                raise AssertionError(
                    "everybody waits and nothing will ever happen: the simulation has come to a standstill"
                )
            when, _, timer = heappop(timers)
            self._passed = max(self._passed, when)
            ready.append(timer)
        for _ in range(len(ready)):
            timer = ready.popleft()
            if timer.over:
                continue
            try:
                timer.run()
            except (Exception, Killed) as error:  # noqa: BLE001 - as any event loop: it is told, the others go on
                self.call_exception_handler({"message": "a callback failed", "exception": error})

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
        await asyncio.sleep(max(0.0, seconds))
        self._life.check()
