"""From a path to a journal that can be trusted: made, brought up to date, mended at its end, or refused."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptobot.core.errors import JournalError
from cryptobot.trading.journal.codec import encode
from cryptobot.trading.journal.contents import SCHEMA, JournalHeader
from cryptobot.trading.journal.database import (
    SAVE,
    connect,
    force,
    lay_out,
    let_go,
    read_mark,
    set_mark,
    tables,
    transaction,
    wording,
)
from cryptobot.trading.journal.health import JournalHealth, examine, outside
from cryptobot.trading.journal.layout import FORGETFUL, START, Mark, Row, chained
from cryptobot.trading.journal.lock import lock_of
from cryptobot.trading.journal.migrations import migrate
from cryptobot.trading.journal.place import Place
from cryptobot.trading.journal.scan import Scan, good_rows, scan

if TYPE_CHECKING:
    import apsw


@dataclass(slots=True)
class Opened:
    """A journal that was opened.

    Attributes
    ----------
    connection
        To its file.
    scan
        What it holds.
    header
        Whose it is.
    repaired
        What was mended, or None.
    rows
        The good records of a journal that is not whole and only looked at; None otherwise.
    """

    connection: apsw.Connection
    scan: Scan
    header: JournalHeader
    repaired: str | None = None
    rows: list[Row] | None = None


def refuse_stranger(place: Place) -> None:
    """Refuse what is no journal before a lock is made beside it.

    A lock's file can never be removed: who waits for it has opened it already, and would hold what nobody sees. So none
    is made beside somebody else's file. Where one lies, somebody may be making a journal; then the lock is asked first.

    Raises
    ------
    JournalError
        If the file is another program's.
    """
    if lock_of(place.path).exists():
        return
    seen = outside(place)
    if seen is not None and seen.state == "not_a_journal":
        raise refusal(place, seen)


def open_to_write(place: Place, create: JournalHeader | None) -> Opened:
    """Open a journal for its one writer, or make it if it is not there and ``create`` says whose it is to be.

    Raises
    ------
    JournalError
        If it cannot be trusted or is another's, with what to do.
    """
    seen = outside(place)
    had_log, reach = bool(place.size(log=True)), place.lost_reach()
    if seen is not None and (seen.state != "missing" or create is None):
        raise refusal(place, seen)
    if seen is not None and place.size():
        with wording(place):
            place.clear()
    connection = connect(place, read_only=False)
    try:
        opened = _open(place, connection, create, had_log=had_log, reach=reach)
        connection = opened.connection
        _hold(place, opened)
    except BaseException:
        connection.close()
        raise
    return opened


def _open(
    place: Place, connection: apsw.Connection, create: JournalHeader | None, *, had_log: bool, reach: int
) -> Opened:
    notes = []
    if _is_blank(place, connection, reach):
        if create is None:
            raise refusal(place, JournalHealth("missing", text="the file is empty. Let a bot make a journal there."))
        first = chained(START, 1, create.opened, "opened", encode(create))
        with wording(place):
            lay_out(connection, [first], SCHEMA)
            if place.vfs is None:
                _sync_folder(place.path.parent)
        had_log = True
    else:
        note = migrate(connection, place)
        if note:
            notes.append(note)
            had_log = True  # an older layout says nothing of its log
    found = examine(connection, place, had_log=had_log, reach=reach)
    health = found.health
    if not health.usable or health.header is None:
        raise refusal(place, health)
    if create is not None and (differences := health.header.differences(create)):
        raise refusal(place, JournalHealth("foreign", text=foreign(differences)))
    read = found.scan
    if health.state == "tail":
        kept = ""
        if found.rebuild:
            connection, copy = _rebuild(place, connection, read)
            read, kept = scan(connection), f" The file as it was is kept as {copy.name}."
        elif place.vfs is None:
            connection.close()  # copying a file lets go of the locks that this process has on it
            copied = place.set_aside()
            connection, kept = (
                connect(place, read_only=False),
                f" The file as it was is kept as {copied.name}." if copied else "",
            )
        notes.append(health.text + kept)
    repaired = "; ".join(notes)
    return Opened(connection, read, health.header, f"Journal {place.path.name}: {repaired}" if notes else None)


def _is_blank(place: Place, connection: apsw.Connection, reach: int) -> bool:
    """Whether there is nothing in it yet: a file that was just made, or whose making was cut short.

    A log that holds no more than the first record says no more than that: nobody was told that the journal was there.
    """
    with wording(place):
        return reach <= 1 and not tables(connection) and connection.pragma("application_id") == 0


def _hold(place: Place, opened: Opened) -> None:
    """Say in the main file that the journal is in use: then it cannot be moved without its log unnoticed."""
    read = opened.scan
    with wording(place):
        with transaction(opened.connection):
            set_mark(opened.connection, Mark(read.good, read.link, clean=False))
        force(opened.connection)


def _rebuild(place: Place, connection: apsw.Connection, read: Scan) -> tuple[apsw.Connection, Path]:
    """Write the good records to a new file and put it in the place of the damaged one, which is kept beside."""
    if place.vfs is not None:
        raise JournalError(f"journal {place.path}: its tables are damaged. {SAVE}")
    with wording(place):
        rows = good_rows(connection)
        connection.close()
        copy = place.set_aside()
        assert copy is not None  # noqa: S101 - for the type checker: an ordinary file is always copied
        made = Place(place.path.with_name(place.path.name + ".mending"))
        _remove(made.path)
        fresh = connect(made, read_only=False)
        lay_out(fresh, rows, SCHEMA if read.forgotten is None else FORGETFUL)
        with transaction(fresh):
            set_mark(fresh, Mark(read.good, read.link, clean=True))
        force(fresh)
        let_go(fresh)
        fresh.close()
        # The old log goes first: it must never be taken for the new file's.
        for ending in ("-wal", "-shm"):
            _remove(place.path.with_name(place.path.name + ending))
        made.path.replace(place.path)
        _sync_folder(place.path.parent)
    return connect(place, read_only=False), copy


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be synced there, and need not be
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def close_clean(place: Place, connection: apsw.Connection, number: int, link: bytes) -> None:
    """Say that everything is in the main file, and bring it there."""
    with wording(place):
        mark = read_mark(connection)
        if mark is None or not mark.clean:
            with transaction(connection):
                set_mark(connection, Mark(number, link, clean=True))
        force(connection)
    let_go(connection)


def refusal(place: Place, health: JournalHealth) -> JournalError:
    """Return the error that says why a journal cannot be used."""
    return JournalError(f"journal {place.path}: {health.text}")


def foreign(differences: list[str]) -> str:
    """Say that a journal is another's."""
    return f"it is another's: {', '.join(differences)}. Give this bot a name, or a journal, of its own."
