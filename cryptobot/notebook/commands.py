"""What the user asked for, carried out one after the other away from the kernel's thread.

A button's callback only enqueues: it runs on the kernel's thread (or in a subshell), where a stop that waits for the bot
would freeze the notebook.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Commands:
    """A worker thread, started by the first command and ended by :meth:`close`.

    Parameters
    ----------
    on_error
        Called with the command's name and the exception, on the worker's thread.
    on_done
        Called after each command, on the worker's thread.
    """

    def __init__(self, on_error: Callable[[str, Exception], None], on_done: Callable[[], None]) -> None:
        self._on_error = on_error
        self._on_done = on_done
        self._queue: queue.SimpleQueue[tuple[str, Callable[[], object]] | None] = queue.SimpleQueue()
        self._state = threading.Condition()
        self._pending: list[str] = []
        self._closed = False
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> list[str]:
        """Names of the commands that are waiting or being carried out, oldest first."""
        with self._state:
            return list(self._pending)

    def put(self, name: str, action: Callable[[], object]) -> None:
        """Enqueue a command; returns at once. The same command is not enqueued twice.

        Parameters
        ----------
        name
            What it is called in errors.
        action
            What to do.
        """
        with self._state:
            if self._closed or name in self._pending:
                return
            self._pending.append(name)
            self._queue.put((name, action))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="cryptobot-panel-commands", daemon=True)
                self._thread.start()

    def settle(self, timeout: float) -> bool:
        """Wait until nothing is pending.

        Parameters
        ----------
        timeout
            Seconds to wait at most.

        Returns
        -------
        bool
            Whether everything is done.
        """
        with self._state:
            return self._state.wait_for(lambda: not self._pending, timeout)

    def close(self) -> None:
        """End the worker after what it is doing; idempotent."""
        with self._state:
            if not self._closed:
                self._closed = True
                self._queue.put(None)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            name, action = item
            try:
                action()
            except Exception as error:  # noqa: BLE001 - whatever a bot or a strategy raises is shown, never lost
                self._on_error(name, error)
            with self._state:
                self._pending.remove(name)
                self._state.notify_all()
            self._on_done()
