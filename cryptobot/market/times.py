"""Times of bars, in the shapes that files have them, as UTC."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import numpy as np
import pandas as pd

from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.suggest import closest

_OFFSET: Final = r"(?:Z|[+-]\d{2}:?\d{2})$"
# Epoch integers tell their unit by their size: each range is the years 1973 to 2262 in that unit; no two overlap.
_EPOCH_UNITS: Final = {"seconds": 10**9, "milliseconds": 10**6, "microseconds": 10**3, "nanoseconds": 1}
_EPOCH_LEAST: Final = 10**17
_EPOCH_MOST: Final = int(np.iinfo(np.int64).max)


def utc_times(values: Any, timezone: str | None, source: str) -> pd.DatetimeIndex:
    """Turn a column of times into UTC.

    Parameters
    ----------
    values
        Series or Index: times with or without a zone, ISO 8601 texts, or whole seconds, milli-, micro- or nanoseconds
        since 1970-01-01 UTC (told apart by their size).
    timezone
        The zone the times are in, when they do not say it or when it is not UTC.
    source
        What to call the file in an error.

    Returns
    -------
    DatetimeIndex
        In UTC, in nanoseconds, in the order of ``values``.

    Raises
    ------
    ConfigError
        If ``timezone`` is unknown or contradicts the file.
    DataError
        If a time is missing or cannot be read, or nothing says that it is UTC.
    """
    column = pd.Series(values).reset_index(drop=True)
    missing = np.flatnonzero(column.isna())
    if missing.size:
        raise DataError(f"{source}: bar {missing[0]} has no time. Remove the row or give its open time.")
    reading = _Reading(zone_of(timezone), timezone, source)
    try:
        return reading.times(column).as_unit("ns")
    except pd.errors.OutOfBoundsDatetime as error:
        raise DataError(
            f"{source}: a time cannot be held ({error}). Times of bars lie between the years 1678 and 2262; look which "
            "row is wrong."
        ) from error


def zone_of(timezone: str | None) -> dt.tzinfo | None:
    """Return the time zone of a name.

    Raises
    ------
    ConfigError
        If there is no such zone.

    Examples
    --------
    >>> zone_of("+02:00")
    datetime.timezone(datetime.timedelta(seconds=7200))
    """
    if timezone is None:
        return None
    if isinstance(timezone, str):
        if timezone.upper() == "UTC":
            return dt.UTC
        if re.fullmatch(r"[+-]([01]\d|2[0-3]):[0-5]\d", timezone):
            return dt.datetime.fromisoformat(f"2000-01-01T00:00{timezone}").tzinfo
        if timezone in zoneinfo.available_timezones():
            return zoneinfo.ZoneInfo(timezone)
    raise ConfigError(
        f"timezone: {timezone!r} is not a time zone.{closest(str(timezone), sorted(zoneinfo.available_timezones()))} "
        "Give 'UTC', a name such as 'Europe/Berlin', or an offset such as '+02:00'."
    )


@dataclass(frozen=True, slots=True)
class _Reading:
    zone: dt.tzinfo | None
    timezone: str | None
    source: str

    def times(self, column: Any) -> pd.DatetimeIndex:
        kind = column.dtype
        if pd.api.types.is_integer_dtype(kind) or pd.api.types.is_float_dtype(kind):
            return self._of_epoch(column)
        if isinstance(kind, pd.DatetimeTZDtype):
            times = pd.DatetimeIndex(column)
            return self._of_aware(times.tz_localize(None), times.tz_convert("UTC"), str(times.tz))
        if pd.api.types.is_datetime64_dtype(kind):
            return self._of_naive(pd.DatetimeIndex(column))
        if pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind):
            return self._of_text(column.astype(str).str.strip())
        raise DataError(
            f"{self.source}: the times are of type {kind}, which cannot be read. Write them as UTC times, as ISO 8601 "
            "text or as milliseconds since 1970-01-01 UTC."
        )

    def _of_epoch(self, column: Any) -> pd.DatetimeIndex:
        if self.zone not in (None, dt.UTC):
            raise ConfigError(
                f"timezone: {self.timezone!r} was given, but the times in {self.source} are numbers since 1970-01-01, "
                "which are UTC whatever the zone. Leave timezone out; if the numbers were made from local times, mend "
                "them where they were made."
            )
        numbers = column.to_numpy()
        unit = next(
            (name for name, ns in _EPOCH_UNITS.items() if _EPOCH_LEAST <= int(numbers[0]) * ns <= _EPOCH_MOST), None
        )
        scale = _EPOCH_UNITS.get(unit or "", 1)
        good = (numbers >= _EPOCH_LEAST // scale) & (numbers <= _EPOCH_MOST // scale) & (numbers == np.floor(numbers))
        if unit is None or not good.all():
            row = int(np.argmin(good))
            like = f" The bars before it are in {unit}: one file has one unit." if unit and row else ""
            raise DataError(
                f"{self.source}: the time {numbers[row]} of bar {row} is no time that is known.{like} Write times as "
                "whole seconds, milli-, micro- or nanoseconds since 1970-01-01 UTC (from 1973 on), or as ISO 8601 text."
            )
        return pd.DatetimeIndex((numbers.astype(np.int64) * scale).view("M8[ns]"), tz="UTC")

    def _of_text(self, text: Any) -> pd.DatetimeIndex:
        aware = text.str.contains(_OFFSET, regex=True).to_numpy(dtype=bool)
        row = int(np.argmax(aware != aware[0]))
        if row:
            with_offset, without = (row, 0) if aware[row] else (0, row)
            raise DataError(
                f"{self.source}: bar {with_offset} has a time with an offset ({text[with_offset]!r}), bar {without} one "
                f"without ({text[without]!r}). Write all times alike, best in UTC: 2024-01-31T12:30:00Z."
            )
        wall = self._parsed(text.str.replace(_OFFSET, "", regex=True).str.strip(), text, utc=False)
        return self._of_aware(wall, self._parsed(text, text, utc=True), "") if aware[0] else self._of_naive(wall)

    def _parsed(self, text: Any, original: Any, *, utc: bool) -> pd.DatetimeIndex:
        times = pd.DatetimeIndex(pd.to_datetime(text, format="ISO8601", utc=utc, errors="coerce"))
        if times.hasnans:
            row = int(np.argmax(times.isna()))
            raise DataError(
                f"{self.source}: the time {original[row]!r} of bar {row} cannot be read. Write times in ISO 8601, for "
                "example 2024-01-31T12:30:00Z, or as milliseconds since 1970-01-01 UTC."
            )
        return times

    def _of_naive(self, wall: pd.DatetimeIndex) -> pd.DatetimeIndex:
        if self.zone is None:
            raise DataError(
                f"{self.source}: the times (bar 0: {wall[0]}) do not say their time zone. If they are UTC, say so: "
                "read_bars(path, timezone='UTC'), or --timezone UTC; else give the zone's name, for example "
                "timezone='Europe/Berlin'."
            )
        times = wall.tz_localize(self.zone, ambiguous="NaT", nonexistent="NaT")
        if times.hasnans:
            row = int(np.argmax(times.isna()))
            raise DataError(
                f"{self.source}: the time {wall[row]} of bar {row} happens twice or never in {self.timezone}, where the "
                "clocks are changed then. Is the zone right? If it is, have the file written in UTC."
            )
        return times.tz_convert("UTC")

    def _of_aware(self, wall: pd.DatetimeIndex, instants: pd.DatetimeIndex, zone_name: str) -> pd.DatetimeIndex:
        expected = instants.tz_convert(self.zone or dt.UTC).tz_localize(None)
        wrong = np.flatnonzero(wall != expected)
        if wrong.size:
            self._refuse_offset(int(wrong[0]), wall, instants, zone_name)
        return instants

    def _refuse_offset(self, row: int, wall: pd.DatetimeIndex, instants: pd.DatetimeIndex, zone_name: str) -> NoReturn:
        minutes = int((wall[row] - instants[row].tz_localize(None)).total_seconds() // 60)
        offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
        seen = f"the time {wall[row]}{offset} of bar {row}"
        if self.timezone is not None:
            raise ConfigError(
                f"timezone: {self.timezone!r} was given, but {seen} in {self.source} has another offset. Give the zone "
                "the file is really in, or leave timezone out if its times are UTC."
            )
        raise DataError(
            f"{self.source}: {seen} is not in UTC. If that is meant, name the zone and the times are converted: "
            f"read_bars(path, timezone={zone_name or offset!r}); a zone with summer time needs its name, for example "
            "'Europe/Berlin'."
        )
