"""Bringing a journal of an older layout up to the present one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cryptobot.core.errors import JournalError
from cryptobot.trading.journal.contents import SCHEMA
from cryptobot.trading.journal.database import SAVE, tables, transaction, wording
from cryptobot.trading.journal.layout import INSERT, START, TABLES, Mark, Row, chained
from cryptobot.trading.journal.place import Place

if TYPE_CHECKING:
    import apsw

# Layout 0 had neither checksums nor a mark.
TABLES_0: Final = {
    "records": (
        "CREATE TABLE records(number INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, "
        "content TEXT NOT NULL)"
    )
}


def migrate(connection: apsw.Connection, place: Place) -> str | None:
    """Bring the file up to the present layout, in one transaction; what it was stays beside it.

    Returns
    -------
    str or None
        What was done, in words; None if nothing had to be.

    Raises
    ------
    JournalError
        If the file is not of the layout that it says; nothing is changed then.
    """
    with wording(place):
        had = int(connection.pragma("user_version"))
        if had >= SCHEMA:
            return None
        copy = place.path.with_name(f"{place.path.stem}.layout-{had}{place.path.suffix}")
        if place.size() and Place(copy, place.vfs).size() is None:
            connection.execute("VACUUM INTO ?", (str(copy),))
        with transaction(connection):
            for version in range(had, SCHEMA):
                STEPS[version](connection, place)
            connection.pragma("user_version", SCHEMA)
    return f"its layout {had} was brought up to {SCHEMA}; the file as it was is kept as {copy.name}"


def _add_checksums(connection: apsw.Connection, place: Place) -> None:
    if tables(connection) != TABLES_0:
        raise JournalError(f"journal {place.path}: its tables are not those of layout 0, which it says it has. {SAVE}")
    old: list[Any] = connection.execute("SELECT number, time, kind, content FROM records ORDER BY number").fetchall()
    rows: list[Row] = []
    link = START
    for at, (number, time, kind, content) in enumerate(old, start=1):
        if number != at or not (isinstance(time, int) and isinstance(kind, str) and isinstance(content, str)):
            raise JournalError(f"journal {place.path}: record {at} is missing or not as it was written. {SAVE}")
        rows.append(chained(link, number, time, kind, content))
        link = rows[-1].checksum
    if not rows:
        raise JournalError(f"journal {place.path}: it has no first record, which says whose it is. {SAVE}")
    connection.execute("DROP TABLE records")
    for sql in TABLES.values():
        connection.execute(sql)
    connection.executemany(INSERT, rows)
    mark = Mark(rows[-1].number, link, clean=False)
    connection.execute("INSERT INTO mark(only_one, reach) VALUES(1, ?)", (str(mark),))


STEPS: Final[dict[int, Callable[[apsw.Connection, Place], None]]] = {0: _add_checksums}
