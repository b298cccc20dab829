"""Waiting on a clock that is passed in."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from cryptobot.core.clock import Clock

T = TypeVar("T")


async def until(clock: Clock, seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event, at most so long; return whether it came, and clear it."""
    if not event.is_set():
        await _first(clock, seconds, asyncio.ensure_future(event.wait()))
    came = event.is_set()
    event.clear()
    return came


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns.

    Raises
    ------
    TimeoutError
        If it takes longer than so many seconds; it is cancelled then.
    """
    task = asyncio.ensure_future(work)
    await _first(clock, seconds, task)
    if task.cancelled():
        raise TimeoutError(f"nothing came of it within {seconds:g} s")
    return task.result()


async def _first(clock: Clock, seconds: float, task: asyncio.Future[Any]) -> None:
    """Wait until the task is done or the time is over, and leave neither running."""
    sleeper = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({sleeper, task}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in (sleeper, task):
            if not one.done():
                one.cancel()
        await asyncio.gather(sleeper, task, return_exceptions=True)
