"""A moment that a person names, as nanoseconds."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from cryptobot.core.errors import ConfigError

_WHAT: Final = "Give a time such as '2026-03-01 14:05' (UTC unless it says otherwise), or a datetime with a zone."
_MOST: Final = 2**63 - 1


def moment(value: Any, name: str = "at") -> int:
    """Return a moment in nanoseconds since 1970-01-01 UTC.

    Parameters
    ----------
    value
        A text in ISO 8601, which is UTC unless it has an offset; a datetime with a zone, such as a pandas Timestamp; or
        whole nanoseconds since 1970-01-01 UTC.
    name
        What to call it in an error.

    Raises
    ------
    ConfigError
        If it is none of these.

    Examples
    --------
    >>> moment("1970-01-01 00:01")
    60000000000
    >>> moment("1970-01-01T02:00:00+02:00")
    0
    """
    exact = getattr(value, "value", None)  # a Timestamp's own nanoseconds
    if isinstance(value, dt.datetime) and value.tzinfo is not None and isinstance(exact, int):
        return exact
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST:
        return value
    when = value
    if isinstance(value, str):
        try:
            when = dt.datetime.fromisoformat(value.strip().removesuffix(" UTC"))
        except ValueError:
            raise ConfigError(f"{name}: {value!r} is no time. {_WHAT}") from None
        when = when if when.tzinfo is not None else when.replace(tzinfo=dt.UTC)
    if not isinstance(when, dt.datetime) or when.tzinfo is None:
        raise ConfigError(f"{name}: {value!r} is no time that is known everywhere. {_WHAT}")
    passed = when - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    nanoseconds = (passed.days * 86_400 + passed.seconds) * 10**9 + passed.microseconds * 1_000
    if not 0 <= nanoseconds <= _MOST:
        raise ConfigError(f"{name}: {value!r} is before 1970 or after 2262. {_WHAT}")
    return nanoseconds
