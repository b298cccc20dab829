"""The journal on disk: SQLite in write-ahead mode, synced before an append returns, one writer."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

from cryptobot.core.errors import ConfigError, JournalError
from cryptobot.trading.journal.codec import decode, encode
from cryptobot.trading.journal.contents import Forgotten, JournalHeader
from cryptobot.trading.journal.database import set_mark, transaction, wording
from cryptobot.trading.journal.health import JournalHealth
from cryptobot.trading.journal.layout import FORGOTTEN, INSERT, WAITING, Mark, Row, chained
from cryptobot.trading.journal.lock import WriterLock
from cryptobot.trading.journal.looking import check, open_to_read
from cryptobot.trading.journal.opening import close_clean, open_to_write, refuse_stranger
from cryptobot.trading.journal.place import Place
from cryptobot.trading.journal.pruning import KEPT_BARS, Pruner, checked_keep, forgotten_in
from cryptobot.trading.journal.record import KINDS, Kind, Record

_SECOND: Final = 1_000_000_000
_BATCH: Final = 500
_ENDLESS: Final = 2**63 - 1


class SqliteJournal:
    """A journal in a file that survives crashes, kills and power cuts.

    Every record carries a checksum that covers the one before it. A file whose end was torn is cut at its last good
    record when it is opened, and the file as it was is kept beside it; one that is damaged otherwise, missing or
    another bot's is refused.

    Parameters
    ----------
    path
        The file. Its log (``-wal``) lies beside it while it is open and belongs to it.
    create
        Whose journal it is to be. A file that is not there is made; one that is there must be the same's. None: the
        file must be there.
    read_only
        Read beside the process that writes, or after it.
    partly
        With ``read_only``: read the good beginning of a damaged journal instead of refusing it.
    keep_bars
        How many of the newest bars are kept at least, so that the file does not grow for ever; None: all. Nothing else
        that anybody reads is ever let go of.
    vfs
        Name of SQLite's file system to use, for tests of the disk; None is the ordinary one.

    Raises
    ------
    ConfigError
        If ``keep_bars`` is no whole number of at least 1, or ``create`` no header.
    JournalError
        If it cannot be trusted, is another's, another process writes it, or the disk fails; with what to do.

    Notes
    -----
    Readable by any program that reads SQLite: table ``records``, contents in JSON.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        create: JournalHeader | None = None,
        read_only: bool = False,
        partly: bool = False,
        keep_bars: int | None = KEPT_BARS,
        vfs: str | None = None,
    ) -> None:
        keep = checked_keep(keep_bars)
        if create is not None and not isinstance(create, JournalHeader):
            raise ConfigError(
                f"create: {create!r} does not say whose journal it is to be. Give cb.JournalHeader(bot='my-bot', "
                "exchange='binance', account='', mode=cb.Mode.TESTNET, symbol='BTC/USDT', timeframe='1m', opened=0)."
            )
        self.path = Path(path)
        self.read_only = read_only
        self._place = Place(self.path if vfs is not None else self.path.absolute(), vfs)
        self._mutex = threading.RLock()
        self._waiting: list[Row] = []
        self._closed = False
        self._held: WriterLock | None = None
        if read_only:
            opened = open_to_read(self._place, create, partly=partly)
        else:
            if vfs is None:
                refuse_stranger(self._place)
                self._held = WriterLock(self._place.path)
            try:
                opened = open_to_write(self._place, create)
            except BaseException:
                self._release()
                raise
        self._connection = opened.connection
        self._header = opened.header
        self._number, self._link = opened.scan.good, opened.scan.link
        self._newest = dict(opened.scan.last)
        self._pruner = Pruner(opened.connection, self._place, opened.scan, keep)
        self.repaired = opened.repaired
        self._kept = opened.rows

    @property
    def header(self) -> JournalHeader:
        """Whose journal it is."""
        return self._header

    @property
    def count(self) -> int:
        """How many records there are, those included that wait to be written."""
        if not self.read_only or self._kept is not None:
            return self._number
        with self._mutex, wording(self._place):
            return int(self._connection.execute("SELECT max(number) FROM records").get or 0)

    @property
    def forgotten(self) -> Forgotten | None:
        """What it has let go of; see `Journal.forgotten`."""
        if not self.read_only or self._kept is not None:
            return self._pruner.forgotten
        with self._mutex, wording(self._place):
            self._require_open()
            return forgotten_in(self._connection)

    @property
    def size(self) -> int:
        """Bytes on disk: the file and its log."""
        with self._mutex, wording(self._place):
            return (self._place.size() or 0) + (self._place.size(log=True) or 0)

    def append(self, time: int, kind: Kind, content: Any, *, durable: bool = True) -> Record:
        """Keep a record; see `Journal.append`."""
        if kind not in KINDS:
            raise JournalError(f"journal: {kind!r} is no kind of record. Known: {', '.join(KINDS)}.")
        if not -_ENDLESS <= time <= _ENDLESS:
            raise JournalError(f"journal: {time!r} is no time. Give nanoseconds since 1970-01-01 UTC.")
        text = encode(content)
        with self._mutex:
            self._require_writable()
            row = chained(self._link, self._number + 1, int(time), kind, text)
            self._waiting.append(row)
            first = self._waiting[0]
            if durable or len(self._waiting) > WAITING or abs(row.time - first.time) >= _SECOND:
                try:
                    self._write()
                except BaseException:
                    self._waiting.pop()  # it does not count; those that waited before it still do
                    raise
            self._number, self._link = row.number, row.checksum
            self._newest[kind] = row.number
            if kind == "bar" and not durable:
                self._pruner.prune()
        return Record(row.number, row.time, kind, content)

    def records(self, after: int = 0, kinds: Collection[Kind] | None = None) -> Iterator[Record]:
        """Yield the records above a number, oldest first, of these kinds (None: all).

        Raises
        ------
        JournalError
            If the file cannot be read.
        """
        number = max(0, after)
        while True:
            with self._mutex:
                self._require_open()
                rows = self._read(number, kinds)
                if len(rows) < _BATCH:
                    rows += [
                        row for row in self._waiting if row.number > number and (kinds is None or row.kind in kinds)
                    ]
            for row in rows:
                yield _record(row)
            if len(rows) < _BATCH:
                return
            number = rows[-1].number

    def last(self, kind: Kind) -> Record | None:
        """Return the newest record of a kind, or None."""
        with self._mutex:
            self._require_open()
            if self.read_only and self._kept is None:
                sql = "SELECT * FROM records WHERE kind = ? ORDER BY number DESC LIMIT 1"
                with wording(self._place):
                    found = self._connection.execute(sql, (kind,)).fetchall()
                return _record(_row(found[0])) if found else None
            number = self._newest.get(kind)
        return None if number is None else next(self.records(number - 1))

    def flush(self) -> None:
        """Make everything safe that was appended; raises `JournalError` if it cannot be kept."""
        with self._mutex:
            if self._waiting:
                self._require_writable()
                self._write()

    def close(self) -> None:
        """Flush, and let go of the file; may be called twice.

        Raises
        ------
        JournalError
            If what waited cannot be kept; the file is let go of all the same.
        """
        with self._mutex:
            if self._closed:
                return
            try:
                if not self.read_only:
                    self.flush()
                    close_clean(self._place, self._connection, self._number, self._link)
            finally:
                self._closed = True
                self._connection.close()
                self._release()

    @staticmethod
    def check(path: str | Path, expected: JournalHeader | None = None, *, vfs: str | None = None) -> JournalHealth:
        """Say how a journal is, without changing it.

        Parameters
        ----------
        path
            The file.
        expected
            Whose journal it should be; None takes any.
        vfs
            As for the class.
        """
        return check(Place(Path(path), vfs), expected)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        how = "closed" if self._closed else "read only" if self.read_only else "open"
        return f"SqliteJournal({str(self.path)!r}: {self._header.bot}, {self._header.symbol}, {how})"

    def _write(self) -> None:
        newest = self._waiting[-1]
        with wording(self._place), transaction(self._connection):
            self._connection.executemany(INSERT, self._waiting)
            set_mark(self._connection, Mark(newest.number, newest.checksum, clean=False))
        self._pruner.wrote(self._waiting)
        self._waiting.clear()

    def _read(self, after: int, kinds: Collection[Kind] | None) -> list[Row]:
        if self._kept is not None:
            start = bisect_right(self._kept, after, key=lambda row: row.number)
            found = (
                row
                for row in islice(self._kept, start, None)
                if (row.kind != FORGOTTEN if kinds is None else row.kind in kinds)
            )
            return list(islice(found, _BATCH))
        chosen = "AND kind <> ? " if kinds is None else f"AND kind IN ({', '.join('?' * len(kinds))}) "
        sql = f"SELECT * FROM records WHERE number > ? {chosen}ORDER BY number LIMIT {_BATCH}"  # noqa: S608 - no outside text
        wanted = [FORGOTTEN] if kinds is None else kinds
        with wording(self._place):
            return [_row(row) for row in self._connection.execute(sql, (after, *wanted))]

    def _require_open(self) -> None:
        if self._closed:
            raise JournalError(f"journal {self.path}: it is closed. Open it again.")

    def _require_writable(self) -> None:
        self._require_open()
        if self.read_only:
            raise JournalError(f"journal {self.path}: it was opened for reading only. Open it without read_only=True.")

    def _release(self) -> None:
        if self._held is not None:
            self._held.release()


def _row(columns: Any) -> Row:
    return Row(*columns)


def _record(row: Row) -> Record:
    return Record(row.number, row.time, cast("Kind", row.kind), decode(row.content))
