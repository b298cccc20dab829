"""The thread on which bots are looked at and exchanges are asked: neither a bot nor the server waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from cryptobot.core.logs import logger
from mcp_server.errors import Unavailable

Result = TypeVar("Result")

LOGGER: Final = logger("cryptobot.price_server")
# So often what is new is looked for: far quicker than an eye, and some microseconds of work a bot.
LOOK_SECONDS: Final = 0.1


class Work(Protocol):
    """What needs the reader's event loop as long as it runs."""

    async def begin(self) -> None:
        """Make ready.

        Raises
        ------
        CryptobotError
            If it cannot be used as asked.
        """

    async def keep(self) -> None:
        """Go on until cancelled, or until there is nothing left to do."""

    async def end(self) -> None:
        """Let go of everything."""


class Reader:
    """A thread with an event loop.

    Parameters
    ----------
    look
        Called ten times a second.
    works
        What to run.
    """

    def __init__(self, look: Callable[[], None], works: Sequence[Work]) -> None:
        self._look = look
        self._works = works
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def start(self) -> None:
        """Start, and return when everything is ready; does nothing when it runs.

        Raises
        ------
        CryptobotError
            If an exchange cannot be used as asked.
        """
        with self._lock:
            if self._stopping and self._thread is not None:
                self._thread.join()
            if self._thread is None or not self._thread.is_alive():
                self._stopping = False
                self._ready.clear()
                self._error = None
                self._thread = threading.Thread(target=self._main, name="cryptobot-price-reader", daemon=True)
                self._thread.start()
            thread = self._thread
        self._ready.wait()
        if self._error is not None:
            thread.join()
            raise self._error

    def request_stop(self) -> None:
        """Ask it to end; from any thread."""
        self._stopping = True
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None:
            with suppress(RuntimeError):  # it has ended meanwhile
                loop.call_soon_threadsafe(stop.set)

    def stop(self, timeout: float = 10.0) -> None:
        """End, and return when it has; does nothing when it does not run."""
        self.request_stop()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    async def ask(self, make: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Run a coroutine on the reader's loop and wait for it in the caller's; being cancelled cancels it.

        Raises
        ------
        Unavailable
            If the reader does not run.
        """
        loop = self._loop
        if loop is None:
            raise Unavailable("The price server is stopping.")
        work = make()
        try:
            future = asyncio.run_coroutine_threadsafe(work, loop)
        except RuntimeError:
            work.close()
            raise Unavailable("The price server is stopping.") from None
        return await asyncio.wrap_future(future)

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except Exception as error:
            if self._ready.is_set():
                LOGGER.exception("the price server's reader ended by itself")
            else:
                self._error = error
        finally:
            self._loop = self._stop = None
            self._ready.set()

    async def _run(self) -> None:
        stop = asyncio.Event()
        tasks: list[asyncio.Task[None]] = []
        try:
            for work in self._works:
                await work.begin()
            self._look()
            self._loop, self._stop = asyncio.get_running_loop(), stop
            self._ready.set()
            tasks = [asyncio.create_task(_told(work.keep())) for work in self._works]
            while not (stop.is_set() or self._stopping):
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), LOOK_SECONDS)
                try:
                    self._look()
                except Exception:
                    LOGGER.exception("looking for news failed; the next look is %s s away", LOOK_SECONDS)
        finally:
            self._loop = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for work in self._works:
                await _told(work.end())


async def _told(work: Awaitable[None]) -> None:
    """Let nothing end unseen."""
    try:
        await work
    except Exception:
        LOGGER.exception("a source of prices failed")
