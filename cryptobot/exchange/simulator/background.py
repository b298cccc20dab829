"""An event loop on a thread of its own, for code that has none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from cryptobot.core.errors import ConfigError

T = TypeVar("T")


class Background:
    """Runs one event loop on a daemon thread.

    Parameters
    ----------
    name
        Of the thread, for people who look at it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping: asyncio.Event | None = None

    @property
    def running(self) -> bool:
        """Whether the loop runs."""
        return self._loop is not None

    def start(self, begin: Callable[[], Awaitable[T]], end: Callable[[], Awaitable[None]]) -> T:
        """Start the loop and return what ``begin`` returns; what it raises is raised here.

        Parameters
        ----------
        begin, end
            Run in the loop, first and last.
        """
        ready = threading.Event()
        outcome: list[T] = []
        failure: list[BaseException] = []

        async def live() -> None:
            self._stopping = asyncio.Event()
            outcome.append(await begin())
            self._loop = asyncio.get_running_loop()
            ready.set()
            try:
                await self._stopping.wait()
            finally:
                self._loop = None
                await end()

        def run() -> None:
            try:
                asyncio.run(live())
            except BaseException as error:
                failure.append(error)
                if ready.is_set():
                    raise  # nobody waits for it any more: threading shows it
            finally:
                ready.set()

        self._thread = threading.Thread(target=run, name=self._name, daemon=True)
        self._thread.start()
        ready.wait()
        if failure:
            raise failure[0]
        return outcome[0]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop and return what it returns.

        Raises
        ------
        ConfigError
            If the loop does not run, or the caller is inside it.
        """
        loop = self._loop
        if loop is None or threading.current_thread() is self._thread:
            work.close()
            raise ConfigError(f"{self._name}: its loop does not run, or waits for the caller. Start it first.")
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    def stop(self) -> None:
        """End the loop and wait until it has; may be called again."""
        loop, stopping = self._loop, self._stopping
        if loop is None or stopping is None or self._thread is None:
            return
        loop.call_soon_threadsafe(stopping.set)
        self._thread.join()
