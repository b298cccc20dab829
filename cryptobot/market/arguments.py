"""What the practice market may be asked for, checked."""

from __future__ import annotations

import datetime as dt
import math
import operator
from typing import Any, Final

from cryptobot.core.errors import ConfigError
from cryptobot.core.timeframe import Timeframe

_WEEK: Final = 7 * 86_400
_LEAST_PRICE: Final = 1.0
_MOST_PRICE: Final = 10_000_000.0
_FIRST_YEAR: Final = 1970


def whole_number(name: str, value: Any, least: int) -> int:
    """Return a whole number of at least ``least``.

    Raises
    ------
    ConfigError
        If it is not one; ``50_000.0`` and ``True`` are none.

    Examples
    --------
    >>> whole_number("n", 50_000, least=1)
    50000
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least:
        raise ConfigError(f"{name}: {value!r} is not allowed. Give a whole number of at least {least}.")
    return number


def interval(value: str | Timeframe) -> Timeframe:
    """Return the timeframe of a bar, at most a week."""
    timeframe = Timeframe.parse(value)
    if timeframe.seconds > _WEEK:
        raise ConfigError(f"timeframe: '{timeframe}' is too long for the practice market. Give '1s' to '1w'.")
    return timeframe


def start_second(value: str | dt.datetime) -> int:
    """Return a start as seconds since 1970-01-01 UTC.

    Examples
    --------
    >>> start_second("2024-01-01")
    1704067200
    """
    try:
        moment = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.year < _FIRST_YEAR or moment.microsecond:
        raise ConfigError(
            f"start: {value!r} is not allowed. Give a date or time since {_FIRST_YEAR} in ISO 8601 with whole seconds, "
            "for example '2024-01-01' or '2024-01-01T12:30:00'."
        )
    # The library's times are UTC: a start without a zone is one.
    return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp())


def start_price(value: float) -> float:
    """Return a price that lies far above the tick of 0.01 and far below what float64 holds exactly."""
    number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not _LEAST_PRICE <= number <= _MOST_PRICE:
        raise ConfigError(
            f"price: {value!r} is not allowed. Give a number from {_LEAST_PRICE:g} to {_MOST_PRICE:,.0f}: below it the "
            "market's tick of 0.01 would be coarser than its moves."
        )
    return number
