"""Reading a journal from its first record to the last one that can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import apsw

from cryptobot.trading.journal.database import read_mark
from cryptobot.trading.journal.layout import START, Mark, Row, checksum

_COLUMNS = "SELECT number, time, kind, content, checksum FROM records"


@dataclass(slots=True)
class Scan:
    """What a journal's tables hold.

    Attributes
    ----------
    good
        Number of the last record up to which every one is as it was written.
    link
        Its checksum.
    last
        Number of the newest good record of each kind.
    problem
        What is wrong with the next one, or None.
    beyond
        Whether sound records lie behind the damage.
    mark
        How far the journal says it reaches, or None if that cannot be trusted.
    """

    good: int = 0
    link: bytes = START
    last: dict[str, int] = field(default_factory=dict)
    problem: str | None = None
    beyond: bool = False
    mark: Mark | None = None

    @property
    def whole(self) -> bool:
        """Whether everything is there up to the mark and agrees with it."""
        mark = self.mark
        return self.problem is None and mark is not None and (mark.number, mark.checksum) == (self.good, self.link)


def scan(connection: apsw.Connection) -> Scan:
    """Check every record's checksum, which covers the one before it, too; all in one snapshot."""
    found = Scan()
    with suppress(apsw.Error):  # a file too damaged for this says so below
        connection.execute("BEGIN")
    try:
        found.mark = read_mark(connection)
        for _ in _follow(connection, found):
            pass
        if found.problem is not None:
            found.beyond = _sound_beyond(connection, found.good + 1)
    finally:
        if connection.in_transaction:
            with suppress(apsw.Error):
                connection.execute("ROLLBACK")
    return found


def _follow(connection: apsw.Connection, found: Scan) -> Iterator[Row]:
    """Yield the records that are as they were written, up to the first that is not."""
    try:
        for number, time, kind, content, link in connection.execute(_COLUMNS + " ORDER BY number"):
            if number != found.good + 1:
                found.problem = f"record {found.good + 1} is missing"
                return
            if not _is_row(time, kind, content) or checksum(found.link, number, time, kind, content) != link:
                found.problem = f"record {number} is not as it was written"
                return
            found.good, found.link = number, link
            found.last[kind] = number
            yield Row(number, time, kind, content, link)
    except (apsw.Error, UnicodeDecodeError) as error:
        found.problem = f"record {found.good + 1} cannot be read ({error})"


def _sound_beyond(connection: apsw.Connection, broken: int) -> bool:
    """Whether two records in a row, behind the broken one, belong together."""
    return any(
        _has_pair(connection, f"{_COLUMNS} WHERE number >= ? ORDER BY number {order}", broken)
        for order in ("ASC", "DESC")
    )


def _has_pair(connection: apsw.Connection, sql: str, broken: int) -> bool:
    before: tuple[Any, ...] | None = None
    with suppress(apsw.Error, UnicodeDecodeError):
        for row in connection.execute(sql, (broken,)):
            if before is not None and _belong(*sorted((before, row), key=lambda each: each[0])):
                return True
            before = row
    return False


def _belong(older: tuple[Any, ...], newer: tuple[Any, ...]) -> bool:
    if newer[0] != older[0] + 1 or not isinstance(older[4], bytes) or not _is_row(*newer[1:4]):
        return False
    return bool(checksum(older[4], *newer[:4]) == newer[4])


def _is_row(time: Any, kind: Any, content: Any) -> bool:
    return isinstance(time, int) and isinstance(kind, str) and isinstance(content, str)


def good_rows(connection: apsw.Connection) -> list[Row]:
    """Return the good records of a damaged journal, each checked again: no other way of asking for them is safe."""
    return list(_follow(connection, Scan()))
