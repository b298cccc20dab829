"""Running tasks on all cores, and stopping them when asked."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

_LOOK: Final = 0.2  # seconds between looks for Ctrl-C, which Python only notices in the main thread


class Stop(threading.Event):
    """Ends a sweep after the tasks that have begun."""


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(tasks: Sequence[Callable[[], int]], workers: int, told: Callable[[int], None], stop: Stop) -> None:
    """Run tasks until all are done or a stop is asked for.

    Ctrl-C is such a request: it sets ``stop``. The tasks hold Python's lock for moments only, so that threads use all
    cores.

    Parameters
    ----------
    tasks
        Each returns how much it has done.
    workers
        How many threads; with 1, the caller's own.
    told
        Called in the caller's thread with what a task has done.
    stop
        Set, nothing more is begun.
    """
    try:
        if workers == 1 or len(tasks) == 1:
            for task in tasks:
                if stop.is_set():
                    return
                told(task())
            return
        _run_in_threads(tasks, workers, told, stop)
    except KeyboardInterrupt:
        stop.set()


def _run_in_threads(tasks: Sequence[Callable[[], int]], workers: int, told: Callable[[int], None], stop: Stop) -> None:
    def unless_stopped(task: Callable[[], int]) -> int:
        return 0 if stop.is_set() else task()

    with ThreadPoolExecutor(min(workers, len(tasks)), thread_name_prefix="cryptobot-sweep") as pool:
        waiting: set[Future[int]] = {pool.submit(unless_stopped, task) for task in tasks}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=_LOOK, return_when=FIRST_COMPLETED)
                for future in done:
                    told(future.result())
        except BaseException:
            stop.set()  # what has begun ends soon, and the pool waits for it
            raise
