"""Long work on a thread of its own, with a bar that shows how far it is, in a terminal and in a notebook."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

T = TypeVar("T")

_LOOK: Final = 0.1  # seconds between two looks at how far it is
_BEGINS: Final = 5.0  # seconds in which a thread has begun, if it ever does


class Progress:
    """How far work is: told by the thread that works, shown by the one that waits.

    Parameters
    ----------
    label
        What the bar says.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._told: tuple[int, int] | None = None
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        """Remember that so much is done."""
        self._told = (done, total)

    def show(self) -> None:
        """Draw the bar as it is now; a notebook draws it in the cell that calls this."""
        if self._told is None:
            return
        done, total = self._told
        if self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=total, desc=self._label, unit=" bars", delay=0.5, leave=False)
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def finish(work: Coroutine[Any, Any, T], progress: Progress | None = None) -> T:
    """Run asynchronous work to its end from ordinary code, also where an event loop is running, as in a notebook.

    Ctrl-C cancels the work, waits until it has put everything in order and is then raised.
    """
    result: Future[T] = Future()
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()

    # Not Thread.join: when Ctrl-C interrupts that, Python 3.11 takes the thread for ended.
    ended = threading.Event()

    async def main() -> T:
        task = asyncio.current_task()
        started.set_result((asyncio.get_running_loop(), task))  # type: ignore[arg-type]
        return await work

    def run() -> None:
        try:
            result.set_result(asyncio.run(main()))
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            result.set_exception(error)
        ended.set()

    try:
        # Within the try: Ctrl-C may come before `start` returns, when the thread has long begun.
        threading.Thread(target=run, name="cryptobot-download", daemon=True).start()
        # With a time, because Windows hears Ctrl-C only between two waits.
        while not ended.wait(_LOOK):
            if progress is not None:
                progress.show()
    except BaseException:
        with contextlib.suppress(TimeoutError):  # it never began: there is nothing to keep
            loop, task = started.result(_BEGINS)
            with contextlib.suppress(RuntimeError):  # it has just ended by itself
                loop.call_soon_threadsafe(task.cancel)
            ended.wait()
        raise
    finally:
        if progress is not None:
            progress.close()
    return result.result()
