"""Letting go of old bars, a few at a time, so that a journal does not grow for ever.

A run of old bars becomes one row that keeps the checksum of the last of them. So the records after it are chained as
before, nothing else is written anew, and a step costs the same however long the journal is. Every other record stays
and keeps its number. A step is one transaction of SQLite's: a crash leaves the journal as it was before or after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from cryptobot.core.errors import ConfigError, JournalError
from cryptobot.core.logs import logger
from cryptobot.trading.journal.contents import Forgotten
from cryptobot.trading.journal.database import SAVE, transaction, wording
from cryptobot.trading.journal.layout import FORGETFUL, FORGOTTEN, START, Row, Run, first_of, follows
from cryptobot.trading.journal.place import Place
from cryptobot.trading.journal.scan import Scan

if TYPE_CHECKING:
    import apsw

# Four and a half months of minutes, 60 to 100 MB.
KEPT_BARS: Final = 200_000
# So many bars wait to be let go of together.
_STEP: Final = 50
# What comes with every bar. Of what the limits on the equity remember only the newest is ever read.
_WITH_EVERY_BAR: Final = frozenset({"bar", "risk"})

# No step looks at more rows than this: it must not hold up the bar that it comes with.
_SOME: Final = (
    "SELECT * FROM records WHERE number >= coalesce((SELECT max(number) FROM records WHERE number < ?), 1) "
    "ORDER BY number LIMIT 125"
)
_DELETE: Final = "DELETE FROM records WHERE number >= ? AND number < ?"
_REPLACE: Final = "UPDATE records SET kind = ?, content = ? WHERE number = ?"
_GONE: Final = "SELECT * FROM records WHERE kind IN (?, 'bar') ORDER BY number"

_log = logger(__name__)


class Pruner:
    """Lets go of the oldest bars of a journal that is being written.

    Parameters
    ----------
    connection, place
        To the journal's file, and where it is.
    found
        What it holds.
    keep
        How many of the newest bars are kept; None: all.

    Attributes
    ----------
    forgotten
        What was let go of, or None.
    """

    def __init__(self, connection: apsw.Connection, place: Place, found: Scan, keep: int | None) -> None:
        self.forgotten = found.forgotten
        self._connection = connection
        self._place = place
        self._keep = keep
        self._bars = found.bars
        self._newest = {kind: found.last[kind] for kind in _WITH_EVERY_BAR if kind in found.last}
        self._upto = 0 if found.forgotten is None else found.forgotten.number  # everything up to here was looked at
        self._pause = 0

    def wrote(self, rows: Iterable[Row]) -> None:
        """Take note of rows that are safe on disk."""
        for row in rows:
            if row.kind in _WITH_EVERY_BAR:
                self._newest[row.kind] = row.number
                self._bars += row.kind == "bar"

    def prune(self) -> None:
        """Let go of the oldest bars if there are too many, not more than a few hundred at a time.

        A disk that refuses is tried again later, and told to the log: what was to be written is safe.
        """
        if self._keep is None or self._bars - self._keep < min(_STEP, self._keep):
            return
        if self._pause:
            self._pause -= 1
            return
        try:
            with wording(self._place), transaction(self._connection):
                old = self._old(self._bars - self._keep)
                for first, row in old.runs:
                    self._connection.execute(_DELETE, (first, row.number))
                    self._connection.execute(_REPLACE, (row.kind, row.content, row.number))
                if old.runs and self.forgotten is None:
                    self._connection.pragma("user_version", FORGETFUL)
        except JournalError as error:
            self._pause = _STEP
            _log.warning("Old bars could not be let go of, and are kept for now: %s", error)
            return
        self._upto = old.upto
        self._bars -= old.bars
        if old.runs:
            newest = old.runs[-1][1]
            before = 0 if self.forgotten is None else self.forgotten.bars
            self.forgotten = Forgotten(before + old.bars, newest.number, newest.time)

    def _old(self, most: int) -> _Old:
        """Return what can go next, with up to so many bars; each row is checked before it goes."""
        found = _Old()
        rows: list[Any] = self._connection.execute(_SOME, (self._upto,)).fetchall()
        for columns in rows:
            row = Row(*columns)
            looked_at = found.upto > 0  # the first one stands before those
            if looked_at and (first_of(row) != found.upto + 1 or not follows(found.link, row)):
                raise JournalError(f"journal {self._place.path}: record {row.number} is not as it was written. {SAVE}")
            if looked_at and row.kind == FORGOTTEN:
                found.go_on(row)
            elif looked_at and row.kind in _WITH_EVERY_BAR and row.number != self._newest[row.kind]:
                if row.kind == "bar" and found.bars == most:
                    break
                found.add(row)
            else:
                found.end()
            found.upto, found.link = row.number, row.checksum
        found.end()
        return found


def forgotten_in(connection: apsw.Connection) -> Forgotten | None:
    """Return what the journal of a file has let go of: its rows stand before every bar."""
    found = None
    for columns in connection.execute(_GONE, (FORGOTTEN,)):
        row = Row(*columns)
        run = Run.of(row)
        if run is None:
            break
        found = Forgotten(run.bars + (0 if found is None else found.bars), row.number, row.time)
    return found


def checked_keep(keep: int | None) -> int | None:
    """Return how many bars are to be kept.

    Raises
    ------
    ConfigError
        If that is no whole number of at least 1, nor None.
    """
    if keep is not None and (isinstance(keep, bool) or not isinstance(keep, int) or keep < 1):
        raise ConfigError(
            f"keep_bars: {keep!r} is not allowed. Give a whole number of at least 1, or None to keep every bar."
        )
    return keep


class _Old:
    """What can be let go of.

    Attributes
    ----------
    runs
        For each run of records: the number of the first row that goes, and the row that is to stand for all.
    bars
        How many bars go.
    upto
        Number of the last record that was looked at.
    link
        Its checksum.
    """

    def __init__(self) -> None:
        self.runs: list[tuple[int, Row]] = []
        self.bars = 0
        self.upto = 0
        self.link = START
        self._run: Run | None = None
        self._before = START
        self._last: Row | None = None

    def go_on(self, row: Row) -> None:
        """Begin with a run that is there already."""
        self._run, self._before = Run.of(row), self.link

    def add(self, row: Row) -> None:
        """Add the next record."""
        if self._run is None:
            self._run, self._before = Run(row.number, 0), self.link
        bar = row.kind == "bar"
        self._run, self._last = Run(self._run.first, self._run.bars + bar), row
        self.bars += bar

    def end(self) -> None:
        """End the run, if there is one: what follows stays."""
        if self._run is not None and self._last is not None:
            self.runs.append((self._run.first, self._run.row(self._before, self._last)))
        self._run = self._last = None
