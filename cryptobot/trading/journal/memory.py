"""A journal that lives as long as its process."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from typing import Any

from cryptobot.trading.journal.contents import JournalHeader
from cryptobot.trading.journal.record import Kind, Record


class MemoryJournal:
    """Keeps records as long as the process lives: enough for the practice market, where nothing can be lost.

    Parameters
    ----------
    create
        Whose journal it is; None leaves that unsaid.

    Examples
    --------
    >>> journal = MemoryJournal()
    >>> journal.append(0, "state", ("running", "")).number
    1
    >>> [record.kind for record in journal.records()]
    ['state']
    """

    repaired: str | None = None

    def __init__(self, create: JournalHeader | None = None) -> None:
        self._records: list[Record] = []
        self._last: dict[Kind, Record] = {}
        self._lock = threading.Lock()
        if create is not None:
            self.append(create.opened, "opened", create)

    @property
    def header(self) -> JournalHeader | None:
        """Whose journal it is, or None."""
        first = self._records[0] if self._records else None
        return first.content if first is not None and isinstance(first.content, JournalHeader) else None

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self._records)

    @property
    def size(self) -> int:
        """Nothing is on disk."""
        return 0

    @property
    def forgotten(self) -> None:
        """Nothing is let go of."""

    def append(self, time: int, kind: Kind, content: Any, *, durable: bool = True) -> Record:
        """Keep a record in memory; may be called from any thread."""
        with self._lock:
            record = Record(len(self._records) + 1, time, kind, content)
            self._records.append(record)
            self._last[kind] = record
        return record

    def records(self, after: int = 0, kinds: Collection[Kind] | None = None) -> Iterator[Record]:
        """Yield the records above a number, oldest first; those that are added meanwhile come, too."""
        number = max(0, after)
        while number < len(self._records):
            record = self._records[number]
            if kinds is None or record.kind in kinds:
                yield record
            number += 1

    def last(self, kind: Kind) -> Record | None:
        """Return the newest record of a kind, or None."""
        return self._last.get(kind)

    def flush(self) -> None:
        """Do nothing: nothing waits."""

    def close(self) -> None:
        """Do nothing: the records stay readable."""
