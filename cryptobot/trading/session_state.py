"""What everybody may ask of a bot's session: its state, how far it has come, and whether something is new."""

from __future__ import annotations

import threading
from collections.abc import Callable

from cryptobot.core.errors import CryptobotError
from cryptobot.core.events import BarClosed
from cryptobot.trading.actions import Notice
from cryptobot.trading.status import State


class SessionState:
    """The outside of a session.

    Parameters
    ----------
    lock
        Held while anything changes, so that readers see one state.

    Attributes
    ----------
    ready
        Set when a start has succeeded or failed.
    error
        Why the last start failed, or None.
    state, reason
        See `BotStatus`.
    sequence
        Grows with everything that happens.
    bars
        How many closed since the start.
    first_time
        Open time of the first of them, nanoseconds since 1970-01-01 UTC, or None.
    listeners
        Called with everything that people are told; they must return at once.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self.ready = threading.Event()
        self.error: CryptobotError | None = None
        self.state: State = "new"
        self.reason = ""
        self.sequence = 0
        self.bars = 0
        self.first_time: int | None = None
        self.listeners: list[Callable[[Notice], None]] = []
        self._lock = lock
        self._changed = threading.Condition(lock)

    def touch(self) -> None:
        """Say that something is new."""
        with self._changed:
            self.sequence += 1
            self._changed.notify_all()

    def hear(self, notice: Notice) -> None:
        """Pass on what people are told."""
        for listener in tuple(self.listeners):
            listener(notice)

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until a condition of the session holds; see `Bot.wait_until`."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def _handled(self, event: BarClosed | None) -> None:
        """Count a bar if there is a new one, and say that something is new."""
        if event is not None:
            self.bars += 1
            if self.first_time is None:
                self.first_time = event.bar.time
        self.touch()
