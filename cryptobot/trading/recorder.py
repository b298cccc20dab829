"""Writing the journal, also when the disk refuses: exits must get through, and nothing may be forgotten."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from cryptobot.core.clock import Clock
from cryptobot.core.errors import JournalError
from cryptobot.trading.discreet import discreet
from cryptobot.trading.journal import Journal, Kind

# What a disk did not take is kept in memory, in order, up to this; beyond it what can be made anew goes first.
_KEPT: Final = 100_000
_CAN_BE_MISSED: Final[frozenset[Kind]] = frozenset({"bar", "risk", "notice"})


class Recorder:
    """Appends records, and keeps those that could not be written until they can.

    Parameters
    ----------
    journal
        Where they go.
    clock
        For their times.
    failed
        Told why, when the journal begins to refuse, and with None when it takes everything again.

    Attributes
    ----------
    failing
        Why records are not written at present, or None.
    """

    def __init__(self, journal: Journal, clock: Clock, failed: Callable[[str | None], None]) -> None:
        self.journal = journal
        self.failing: str | None = None
        self._clock = clock
        self._failed = failed
        self._waiting: deque[tuple[int, Kind, Any]] = deque()

    def must_write(self, kind: Kind, content: Any) -> None:
        """Write a record without which nothing may go on; it is safe when this returns.

        Raises
        ------
        JournalError
            If it cannot be written, or older ones still wait.
        """
        if self._waiting and not self._catch_up():
            raise JournalError(f"the journal cannot be written ({self.failing})")
        try:
            self.journal.append(self._clock.now(), kind, discreet(content))
        except Exception as error:  # whatever a journal raises: it was not written
            raise self._fail(error) from error
        self._healed()

    def write(self, kind: Kind, content: Any, *, durable: bool = True) -> None:
        """Write a record of what has happened; it waits in memory while the journal refuses."""
        time, content = self._clock.now(), discreet(content)
        if self._waiting and not self._catch_up():
            self._keep(time, kind, content)
            return
        try:
            self.journal.append(time, kind, content, durable=durable)
        except Exception as error:  # noqa: BLE001 - whatever a journal raises: it was not written, and that is told
            self._keep(time, kind, content)
            self._fail(error)
        else:
            if durable:
                self._healed()

    def flush(self) -> None:
        """Make everything safe that was written, as far as the journal takes it."""
        if self._waiting and not self._catch_up():
            return
        try:
            self.journal.flush()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)

    @property
    def waiting(self) -> int:
        """How many records wait to be written."""
        return len(self._waiting)

    def _keep(self, time: int, kind: Kind, content: Any) -> None:
        if len(self._waiting) >= _KEPT:
            if kind in _CAN_BE_MISSED:
                return
            self._waiting = deque(each for each in self._waiting if each[1] not in _CAN_BE_MISSED)
        self._waiting.append((time, kind, content))

    def _catch_up(self) -> bool:
        try:
            while self._waiting:
                time, kind, content = self._waiting[0]
                self.journal.append(time, kind, content, durable=len(self._waiting) == 1)
                self._waiting.popleft()
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(error)
            return False
        self._healed()
        return True

    def _healed(self) -> None:
        if self.failing is not None:
            self.failing = None
            self._failed(None)

    def _fail(self, error: Exception) -> JournalError:
        told = error if isinstance(error, JournalError) else JournalError(f"{type(error).__name__}: {error}")
        if self.failing is None:
            self.failing = str(told)
            self._failed(self.failing)
        return told
