"""Moments that users name."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from cryptobot.core.errors import ConfigError

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2261


def moment(value: Any, name: str) -> int:
    """Return a date or time as nanoseconds since 1970-01-01 UTC; without a zone it is UTC.

    Parameters
    ----------
    value
        ISO 8601 text, a date, a datetime or a pandas Timestamp.
    name
        The argument's name, for the error.

    Raises
    ------
    ConfigError
        If it is none of these, has parts of a second or lies outside of 1970 to 2261.

    Examples
    --------
    >>> moment("2024-01-01T01:00+01:00", "since") == moment(dt.date(2024, 1, 1), "since") == 1704067200 * 10**9
    True
    """
    found = None
    if isinstance(value, dt.datetime):
        found = value
    elif isinstance(value, dt.date):
        found = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    elif isinstance(value, str):
        try:
            found = dt.datetime.fromisoformat(value)
        except ValueError:
            found = None
    # pandas' NaT is a datetime without a year.
    if found is None or not _FIRST_YEAR <= found.year <= _LAST_YEAR or found.microsecond:
        raise ConfigError(
            f"{name}: {value!r} is not allowed. Give a date or time from {_FIRST_YEAR} on in ISO 8601 with whole "
            "seconds, for example '2024-01-01' or '2024-01-01T12:30:00'; without a zone it is UTC."
        )
    zoned = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
    return int(zoned.timestamp()) * 1_000_000_000
