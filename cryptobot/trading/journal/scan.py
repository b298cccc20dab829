"""Reading a journal from its first record to the last one that can be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import apsw

from cryptobot.trading.journal.contents import Forgotten
from cryptobot.trading.journal.database import read_mark
from cryptobot.trading.journal.layout import FORGOTTEN, START, Mark, Row, Run, first_of, follows

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
    bars
        How many bars there are.
    forgotten
        What was let go of, or None.
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
    bars: int = 0
    forgotten: Forgotten | None = None
    problem: str | None = None
    beyond: bool = False
    mark: Mark | None = None

    @property
    def whole(self) -> bool:
        """Whether everything is there up to the mark and agrees with it."""
        mark = self.mark
        return self.problem is None and mark is not None and (mark.number, mark.checksum) == (self.good, self.link)

    def take(self, row: Row) -> None:
        """Count a good row."""
        self.good, self.link = row.number, row.checksum
        run = Run.of(row)
        if run is None:
            self.last[row.kind] = row.number
            self.bars += row.kind == "bar"
        else:
            bars = run.bars + (0 if self.forgotten is None else self.forgotten.bars)
            self.forgotten = Forgotten(bars, row.number, row.time)


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
        for columns in connection.execute(_COLUMNS + " ORDER BY number"):
            row = Row(*columns)
            first = first_of(row)
            if not isinstance(first, int) or first > found.good + 1:
                found.problem = f"record {found.good + 1} is missing"
                return
            # Nothing is let go of behind a bar that is kept.
            late = row.kind == FORGOTTEN and bool(found.bars)
            if late or first != found.good + 1 or not follows(found.link, row):
                found.problem = f"record {row.number} is not as it was written"
                return
            found.take(row)
            yield row
    except (apsw.Error, UnicodeDecodeError) as error:
        found.problem = f"record {found.good + 1} cannot be read ({error})"


def _sound_beyond(connection: apsw.Connection, broken: int) -> bool:
    """Whether two records in a row, behind the broken one, belong together."""
    return any(
        _has_pair(connection, f"{_COLUMNS} WHERE number >= ? ORDER BY number {order}", broken)
        for order in ("ASC", "DESC")
    )


def _has_pair(connection: apsw.Connection, sql: str, broken: int) -> bool:
    before: Row | None = None
    with suppress(apsw.Error, UnicodeDecodeError):
        for columns in connection.execute(sql, (broken,)):
            row = Row(*columns)
            if (
                before is not None
                and row.sound
                and before.sound
                and _belong(*sorted((before, row), key=lambda each: each.number))
            ):
                return True
            before = row
    return False


def _belong(older: Row, newer: Row) -> bool:
    return first_of(newer) == older.number + 1 and follows(older.checksum, newer)


def good_rows(connection: apsw.Connection) -> list[Row]:
    """Return the good records of a damaged journal, each checked again: no other way of asking for them is safe."""
    return list(_follow(connection, Scan()))
