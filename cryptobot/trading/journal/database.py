"""The one way to SQLite: how a journal's file is opened, and what its failures mean in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import apsw

from cryptobot.core.errors import JournalError
from cryptobot.trading.journal.layout import APPLICATION, INSERT, PAGE, TABLES, Mark, Row
from cryptobot.trading.journal.place import Place

# Longest text that a record may have: beyond it a length is damage.
_LONGEST: Final = 64 * 1024 * 1024
_PATIENCE: Final = 2_000  # milliseconds

SAVE: Final = (
    "Save what can be read with `cryptobot journal export --partly`, then move the file and its -wal away: the bot begins a new "
    "journal and takes its orders and its position from the exchange."
)


@contextmanager
def wording(place: Place) -> Iterator[None]:
    """Turn SQLite's errors into `JournalError`, with what to do."""
    try:
        yield
    except (apsw.Error, UnicodeDecodeError, MemoryError, OSError) as error:
        raise JournalError(f"journal {place.path}: {_words(error)}") from error


def _words(error: BaseException) -> str:
    if isinstance(error, apsw.FullError):
        return "the disk is full; nothing was written. Make room: what is appended after that is kept again."
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return "another process uses it. Close that, or stop the bot that runs there."
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError):
        return "it may only be read. Give a file and a folder that may be written."
    if isinstance(error, apsw.CantOpenError):
        return f"it cannot be opened ({error}). Give a file in a folder that exists and may be written."
    if isinstance(error, apsw.CorruptError | apsw.NotADBError | UnicodeDecodeError):
        return f"it is damaged ({error}). {SAVE}"
    return f"the disk failed ({error}); nothing was written. Look at the disk, then start the bot again."


def connect(place: Place, *, read_only: bool) -> apsw.Connection:
    """Open the file with the settings that a journal needs.

    Raises
    ------
    JournalError
        If it cannot be opened.
    """
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with wording(place):
        try:
            return _connected(place.name, flags, place, read_only=read_only)
        except apsw.CantOpenError:
            # A reader keeps its place in a file beside; in a folder that cannot be written there is no such file. With
            # no log there is no writer either, and none is needed.
            if not read_only or place.vfs is not None or place.size(log=True):
                raise
            name, flags = f"{place.path.as_uri()}?immutable=1", flags | apsw.SQLITE_OPEN_URI
            return _connected(name, flags, place, read_only=True)


def _connected(name: str, flags: int, place: Place, *, read_only: bool) -> apsw.Connection:
    connection = apsw.Connection(name, flags=flags, vfs=place.vfs)
    try:
        _configure(connection, place, read_only=read_only)
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: apsw.Connection, place: Place, *, read_only: bool) -> None:
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    # Looking at a damaged file must not change it, and a journal that was dropped without being closed keeps its log,
    # as a crash leaves it: see `let_go`.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.limit(apsw.SQLITE_LIMIT_LENGTH, _LONGEST)
    connection.set_busy_timeout(_PATIENCE if place.vfs is None else 0)
    if place.vfs is not None:  # it need not have shared memory; then nobody else may be there
        connection.pragma("locking_mode", "EXCLUSIVE")
    if read_only:
        connection.pragma("query_only", 1)
        return
    connection.pragma("page_size", PAGE)
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "FULL")  # every commit is on disk before it returns
    connection.pragma("fullfsync", 1)  # macOS: past the disk's own cache
    connection.pragma("checkpoint_fullfsync", 1)


def lay_out(connection: apsw.Connection, rows: list[Row], schema: int) -> None:
    """Make the tables of an empty file, with its first records, in one transaction."""
    with transaction(connection):
        for sql in TABLES.values():
            connection.execute(sql)
        connection.executemany(INSERT, rows)
        mark = Mark(rows[-1].number, rows[-1].checksum, clean=False)
        connection.execute("INSERT INTO mark(only_one, reach) VALUES(1, ?)", (str(mark),))
        connection.pragma("application_id", APPLICATION)
        connection.pragma("user_version", schema)


def set_mark(connection: apsw.Connection, mark: Mark) -> None:
    """Say how far the journal reaches; to be called within the transaction that made it so."""
    connection.execute("UPDATE mark SET reach = ? WHERE only_one = 1", (str(mark),))


def read_mark(connection: apsw.Connection) -> Mark | None:
    """Return the mark, or None if there is none that can be trusted."""
    try:
        return Mark.parse(connection.execute("SELECT reach FROM mark WHERE only_one = 1").get)
    except (apsw.Error, UnicodeDecodeError):
        return None


def tables(connection: apsw.Connection) -> dict[str, str]:
    """Return what the file says its tables are: SQL by name; a single nameless one if that is no text."""
    try:
        return {str(name): str(sql) for name, sql in connection.execute("SELECT name, sql FROM sqlite_schema")}
    except UnicodeDecodeError:
        return {"": ""}


def force(connection: apsw.Connection) -> None:
    """Bring everything from the log into the main file, as far as no reader is in the way; the log keeps it, too."""
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_FULL)
    except apsw.BusyError:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)


def let_go(connection: apsw.Connection) -> None:
    """Let the log be removed when the file is closed: it is marked as whole without it."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


@contextmanager
def transaction(connection: apsw.Connection) -> Iterator[None]:
    """Write everything or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(apsw.Error):  # after a failure of the disk SQLite has rolled back by itself
            connection.execute("ROLLBACK")
        raise
