"""Looking at a journal without changing it: beside the process that writes it, or after it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from cryptobot.core.errors import JournalError
from cryptobot.trading.journal.contents import JournalHeader
from cryptobot.trading.journal.database import connect, tables, wording
from cryptobot.trading.journal.health import Examination, JournalHealth, examine, outside
from cryptobot.trading.journal.layout import APPLICATION
from cryptobot.trading.journal.migrations import TABLES_0
from cryptobot.trading.journal.opening import Opened, foreign, refusal
from cryptobot.trading.journal.place import Place
from cryptobot.trading.journal.scan import good_rows

if TYPE_CHECKING:
    import apsw

# What a writer has in its log but not yet committed looks torn for a moment.
_LOOKS: Final = 5
_PAUSE: Final = 0.05


class _OlderLayoutError(JournalError):
    """It can be brought up to date, but not by looking at it."""


def check(place: Place, expected: JournalHeader | None) -> JournalHealth:
    """Say how a journal is; nothing is raised for what is wrong with it."""
    try:
        seen = outside(place)
        if seen is not None:
            return seen
        connection, found = _look(place)
        connection.close()
    except JournalError as error:
        text = str(error).removeprefix(f"journal {place.path}: ")
        return JournalHealth("version" if isinstance(error, _OlderLayoutError) else "damaged", text=text)
    health = found.health
    if expected is not None and health.usable and health.header is not None:
        differences = health.header.differences(expected)
        if differences:
            return JournalHealth("foreign", health.good, health.known, health.header, foreign(differences))
    return health


def open_to_read(place: Place, expected: JournalHeader | None, *, partly: bool) -> Opened:
    """Open a journal for reading; ``partly`` takes the good beginning of a damaged one, too.

    Raises
    ------
    JournalError
        If it cannot be trusted or is another's, with what to do.
    """
    seen = outside(place)
    if seen is not None:
        raise refusal(place, seen)
    connection, found = _look(place)
    health = found.health
    if health.header is None or not (health.usable or (partly and health.state == "damaged")):
        connection.close()
        raise refusal(place, health)
    if expected is not None and (differences := health.header.differences(expected)):
        connection.close()
        raise refusal(place, JournalHealth("foreign", text=foreign(differences)))
    if health.ok:
        return Opened(connection, found.scan, health.header)
    return Opened(connection, found.scan, health.header, health.text, good_rows(connection))


def _look(place: Place) -> tuple[apsw.Connection, Examination]:
    """Examine it, and again if its end looks torn: someone may be writing just now."""
    looks = 0
    while True:
        had_log, reach = bool(place.size(log=True)), place.lost_reach()
        connection = connect(place, read_only=True)
        try:
            _require_layout(connection, place)
            found = examine(connection, place, had_log=had_log, reach=reach)
        except BaseException:
            connection.close()
            raise
        looks += 1
        if found.health.state != "tail" or looks == _LOOKS or found.rebuild or place.vfs is not None:
            return connection, found
        connection.close()
        time.sleep(_PAUSE)


def _require_layout(connection: apsw.Connection, place: Place) -> None:
    with wording(place):
        old = connection.pragma("user_version") == 0 and connection.pragma("application_id") == APPLICATION
        if old and tables(connection) == TABLES_0:
            raise _OlderLayoutError(
                f"journal {place.path}: it is of an older layout. Let its bot open it once, which brings it up to date."
            )
