"""How a journal is: whole, cut short by a crash, damaged, missing or another's."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

import apsw

from cryptobot.core.errors import JournalError
from cryptobot.trading.journal.codec import decode
from cryptobot.trading.journal.contents import JournalHeader
from cryptobot.trading.journal.database import SAVE, tables, wording
from cryptobot.trading.journal.layout import APPLICATION, FORGETFUL, PAGE, TABLES, WAITING
from cryptobot.trading.journal.place import Place
from cryptobot.trading.journal.scan import Scan, scan

HealthState = Literal["ok", "tail", "damaged", "not_a_journal", "missing", "foreign", "version"]
_MAGIC: Final = b"SQLite format 3\x00"


@dataclass(frozen=True, slots=True)
class JournalHealth:
    """What was found when a journal was looked at.

    Attributes
    ----------
    state
        ``"ok"``: every record is as it was written. ``"tail"``: only the end is missing or torn, as a crash may leave
        it; opening the journal cuts it there. ``"damaged"``: more is wrong than a crash can do. ``"not_a_journal"``,
        ``"missing"``. ``"foreign"``: another bot's, account's or market's. ``"version"``: of a version of the library
        that this one does not read.
    good
        How many records can be trusted, from the first on.
    known
        How many there once were, as far as the file tells.
    header
        Whose journal it is, or None if that cannot be read.
    text
        All of it in words, with what to do.

    Notes
    -----
    A file that was cut, or replaced by an older copy of itself, exactly where a write had ended cannot be told from
    one that ended there. So every start asks the exchange, however healthy its journal looks.
    """

    state: HealthState
    good: int = 0
    known: int = 0
    header: JournalHeader | None = None
    text: str = ""

    @property
    def ok(self) -> bool:
        """Whether every record is as it was written."""
        return self.state == "ok"

    @property
    def usable(self) -> bool:
        """Whether it can be opened: whole, or torn at the end only."""
        return self.state in ("ok", "tail")


def outside(place: Place) -> JournalHealth | None:
    """Look at the file from outside, before SQLite touches it; None if it looks like a journal."""
    size = place.size()
    log = place.size(log=True)
    if not size:
        if log and place.lost_reach() > 1:  # with the first record alone nobody had been told of it
            return JournalHealth(
                "damaged", text=f"its main file is missing, but its log {place.path.name}-wal is there. {SAVE}"
            )
        return JournalHealth(
            "missing", text="there is no such file. Give the path of a journal, or let a bot make one."
        )
    head = place.raw(0, 100)
    if size <= PAGE and not log and not any(head[: len(_MAGIC)]):
        # A journal has three pages before anybody is told of it. This one's making was cut short in its first page.
        return JournalHealth("missing", text="the file is empty. Let a bot make a journal there.")
    if len(head) < 100 or head[:16] != _MAGIC:
        return JournalHealth("not_a_journal", text="the file is no journal. Give the path of one.")
    version, application = struct.unpack(">I4xI", head[60:72])
    blank = (application, version, place.raw(103, 2)) == (0, 0, bytes(2))  # just made, no tables yet
    if application != APPLICATION and not blank:
        return JournalHealth(
            "not_a_journal", text="the file is another program's database. Give the path of a journal."
        )
    if not blank and head[18:20] != b"\x02\x02":
        return JournalHealth("damaged", text=f"its first page is damaged. {SAVE}")
    if application == APPLICATION and version > FORGETFUL:
        text = (
            f"its layout is {version}, and this version of cryptobot reads up to {FORGETFUL}. Open it with a newer one."
        )
        return JournalHealth("version", text=text)
    return None


@dataclass(frozen=True, slots=True)
class Examination:
    """A look into the tables.

    Attributes
    ----------
    health
        The result.
    scan
        What was read.
    rebuild
        Whether the tables themselves are broken, so that the good records must be written to a new file.
    """

    health: JournalHealth
    scan: Scan
    rebuild: bool = False


def examine(connection: apsw.Connection, place: Place, *, had_log: bool, reach: int) -> Examination:
    """Check every record, and how far the journal once reached.

    Parameters
    ----------
    connection
        To the file, whose layout is the present one.
    place
        Where it is.
    had_log
        Whether its log was there, and not empty, before it was opened: while a journal is in use it never is.
    reach
        What `Place.lost_reach` said before it was opened.

    Raises
    ------
    JournalError
        If the disk fails.
    """
    with wording(place):
        broken = _structure(connection)
    found = scan(connection)
    if found.whole and not broken and reach <= found.good:
        mark = found.mark
        if mark is not None and not mark.clean and not had_log:
            text = (
                f"its log {place.path.name}-wal is missing, and with it the newest records: the file was moved or copied "
                f"without it. Put the log back beside it. If it is gone: {SAVE[0].lower()}{SAVE[1:]}"
            )
            return Examination(JournalHealth("damaged", found.good, found.good, header_of(connection), text), found)
        text = f"every one of its {found.good:,} records is as it was written{_but_for(found)}."
        return Examination(JournalHealth("ok", found.good, found.good, header_of(connection), text), found)
    known = max(reach, found.good, found.mark.number if found.mark is not None else 0)
    if found.mark is None or not found.whole:
        known = max([known, *(mark.number for mark in place.anywhere())])
    what = found.problem or broken or f"its records end at {found.good:,}"
    header = header_of(connection) if found.good else None
    lost = known - found.good
    if header is None or found.beyond or lost > WAITING + 1:
        text = f"{what}, of {known:,} in all: more than a crash can do. {SAVE}"
        return Examination(JournalHealth("damaged", found.good, known, header, text), found, rebuild=True)
    cut = (
        f"its end was torn ({what}); it ends with record {found.good:,} of {known:,}"
        if lost
        else f"its tables were damaged ({what}), and all of its {found.good:,} records are intact"
    )
    text = f"{cut}. What happened after that must be asked of the exchange."
    return Examination(
        JournalHealth("tail", found.good, known, header, text), found, rebuild=bool(broken or not found.whole)
    )


def _but_for(found: Scan) -> str:
    return "" if found.forgotten is None else f", but for what it has let go of: {found.forgotten}"


def header_of(connection: apsw.Connection) -> JournalHeader | None:
    """Return whose journal it is, or None if the first record does not tell."""
    try:
        text = connection.execute("SELECT content FROM records WHERE number = 1").get
        header = decode(text) if isinstance(text, str) else None
    except (apsw.Error, UnicodeDecodeError, JournalError):
        return None
    return header if isinstance(header, JournalHeader) else None


def _structure(connection: apsw.Connection) -> str | None:
    """Say what is wrong with the tables themselves, or return None."""
    try:
        if tables(connection) != TABLES:
            return "its tables are not a journal's"
        said = connection.execute("PRAGMA quick_check(1)").get
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, UnicodeDecodeError) as error:
        return f"its tables cannot be read ({error})"
    return None if said == "ok" else f"its tables are damaged ({str(said).splitlines()[-1]})"
