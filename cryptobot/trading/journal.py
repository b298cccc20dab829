"""What must be written down before it is done."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Kind = Literal["intent", "event", "state", "parameters"]


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a journal.

    Attributes
    ----------
    number
        Counts up from 1.
    time
        Nanoseconds since 1970-01-01 UTC.
    kind
        What the content is.
    content
        The intent, the exchange's answer, the new state, or the strategy.
    """

    number: int
    time: int
    kind: Kind
    content: Any


class Journal(Protocol):
    """A place that keeps records in order."""

    def append(self, time: int, kind: Kind, content: Any) -> Record:
        """Keep a record; returns when it is safe.

        Raises
        ------
        JournalError
            If it cannot be kept: then nothing may be sent.
        """


class MemoryJournal:
    """Keeps records as long as the process lives: enough for the practice market, where nothing can be lost.

    Attributes
    ----------
    records
        Oldest first.
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self._lock = threading.Lock()

    def append(self, time: int, kind: Kind, content: Any) -> Record:
        """Keep a record in memory; may be called from any thread."""
        with self._lock:
            record = Record(len(self.records) + 1, time, kind, content)
            self.records.append(record)
        return record
