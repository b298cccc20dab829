"""Running tasks on all cores, and stopping them when asked."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final, Self, TypeVar

T = TypeVar("T")
_LOOK: Final = 0.2  # seconds between looks for Ctrl-C, which Python only notices in the main thread


class Stop(threading.Event):
    """Ends a sweep after the tasks that have begun."""


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Crew:
    """The threads of a sweep, as a context: those that were begun have ended when it is left.

    What they do holds Python's lock for moments only, so that they use all cores.

    Parameters
    ----------
    workers
        How many threads; with 1, the caller's own.
    """

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="cryptobot-sweep") if workers > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def begin(self, work: Callable[[], T]) -> Callable[[], T]:
        """Begin work that is needed later, and return what waits for its result."""
        if self._pool is not None:
            return self._pool.submit(work).result
        done = work()
        return lambda: done

    def run(self, tasks: Sequence[Callable[[], int]], told: Callable[[int], None], stop: Stop) -> None:
        """Run tasks until all are done or a stop is asked for.

        Ctrl-C is such a request: it sets ``stop``.

        Parameters
        ----------
        tasks
            Each returns how much it has done.
        told
            Called in the caller's thread with what a task has done.
        stop
            Set, nothing more is begun.
        """
        try:
            if self._pool is not None and len(tasks) > 1:
                _run_in_threads(self._pool, tasks, told, stop)
                return
            for task in tasks:
                if stop.is_set():
                    return
                told(task())
        except KeyboardInterrupt:
            stop.set()


def _run_in_threads(
    pool: ThreadPoolExecutor, tasks: Sequence[Callable[[], int]], told: Callable[[int], None], stop: Stop
) -> None:
    def unless_stopped(task: Callable[[], int]) -> int:
        return 0 if stop.is_set() else task()

    waiting: set[Future[int]] = {pool.submit(unless_stopped, task) for task in tasks}
    try:
        while waiting:
            done, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
            for future in done:
                told(future.result())
    except BaseException:
        stop.set()  # what has begun ends soon
        wait(waiting)
        raise
