"""What a journal is: numbered records in order, and the promise that goes with each."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, get_args

from cryptobot.trading.journal.contents import Forgotten, JournalHeader

Kind = Literal[
    "opened",
    "intent",
    "outcome",
    "order",
    "fill",
    "event",
    "state",
    "trading_state",
    "parameters",
    "bar",
    "notice",
    "gate",
    "cursor",
    "session",
    "risk",
    "terms",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a journal.

    Attributes
    ----------
    number
        Counts up from 1, without a hole but where old bars were let go of.
    time
        Nanoseconds since 1970-01-01 UTC.
    kind
        What the content is.
    content
        One of the types of `cryptobot.trading.journal.contents`, or of `cryptobot.core`: an intent, an order, ….
    """

    number: int
    time: int
    kind: Kind
    content: Any


class Journal(Protocol):
    """A place that keeps records in order. Every method may be called from any thread."""

    @property
    def header(self) -> JournalHeader | None:
        """Whose journal it is: the content of its first record; None where that was never said."""

    @property
    def count(self) -> int:
        """How many records there are: the number of the last one."""

    @property
    def size(self) -> int:
        """Bytes taken on disk; 0 in memory."""

    @property
    def forgotten(self) -> Forgotten | None:
        """What it has let go of: its oldest bars, and nothing else that anybody reads; None while it holds all."""

    @property
    def repaired(self) -> str | None:
        """What had to be mended when it was opened, for people; None when it was whole."""

    def append(self, time: int, kind: Kind, content: Any, *, durable: bool = True) -> Record:
        """Keep a record.

        Parameters
        ----------
        time
            Of the caller's clock, nanoseconds since 1970-01-01 UTC.
        kind, content
            See `Record`.
        durable
            Whether it must be safe on disk when this returns. A record that need not be keeps its place in order, and
            is written with the next durable one, by `flush`, or once 200 records or a second of the caller's clock
            wait.

        Raises
        ------
        JournalError
            If it cannot be kept: then nothing may be sent. The record does not count, though after a failure of the
            disk a restart may find it: it was then never acted on.
        """

    def records(self, after: int = 0, kinds: Collection[Kind] | None = None) -> Iterator[Record]:
        """Yield the records whose number is above ``after``, oldest first, of these kinds (None: all)."""

    def last(self, kind: Kind) -> Record | None:
        """Return the newest record of a kind, or None."""

    def flush(self) -> None:
        """Make everything safe that was appended.

        Raises
        ------
        JournalError
            If it cannot be kept.
        """

    def close(self) -> None:
        """Flush and let go of the file; may be called twice."""
