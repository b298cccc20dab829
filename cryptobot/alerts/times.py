"""Times of the day, as people give them: quiet hours, and the hour of the daily summary."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptobot.core.errors import ConfigError

_SECOND: Final = 1_000_000_000


def zone_of(name: str | None) -> dt.tzinfo | None:
    """Return a time zone by its name; None is the computer's own.

    Raises
    ------
    ConfigError
        If there is none of this name.
    """
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError):
        raise ConfigError(
            f"zone: {name!r} is no time zone. Give one such as 'Europe/Berlin' or 'UTC', or leave it out for the "
            "computer's own."
        ) from None


def local(time: int, zone: dt.tzinfo | None) -> dt.datetime:
    """Return a time, nanoseconds since 1970-01-01 UTC, as people in a zone read it."""
    return dt.datetime.fromtimestamp(time // _SECOND, dt.UTC).astimezone(zone)


def parse_time(text: str, name: str) -> dt.time:
    """Read a time of the day, such as ``"22:00"``.

    Raises
    ------
    ConfigError
        If it is none.
    """
    hours, colon, minutes = str(text).strip().partition(":")
    if colon and hours.isascii() and minutes.isascii() and hours.isdigit() and minutes.isdigit() and len(minutes) == 2:
        try:
            return dt.time(int(hours), int(minutes))
        except ValueError:
            pass
    raise ConfigError(f"{name}: {text!r} is no time of the day. Give hours and minutes, for example '22:00'.") from None


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A stretch of every day; it may reach over midnight.

    Attributes
    ----------
    start, end
        From the start on, until just before the end.
    zone
        In which they are meant; None is the computer's own.
    """

    start: dt.time
    end: dt.time
    zone: dt.tzinfo | None = None

    @classmethod
    def parse(cls, text: str, zone: dt.tzinfo | None = None) -> QuietHours:
        """Read quiet hours such as ``"22:00-07:00"``.

        Raises
        ------
        ConfigError
            If they are none, or end when they start.
        """
        first, dash, last = str(text).partition("-")
        if not dash:
            raise ConfigError(f"quiet: {text!r} is no stretch of the day. Give for example '22:00-07:00'.")
        start, end = parse_time(first, "quiet"), parse_time(last, "quiet")
        if start == end:
            raise ConfigError(
                f"quiet: {text!r} ends when it starts. For no alerts below warnings, give level='warning'."
            )
        return cls(start, end, zone)

    def holds(self, time: int) -> bool:
        """Say whether a time, nanoseconds since 1970-01-01 UTC, lies in them."""
        now = local(time, self.zone).time()
        if self.start < self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end


def last_due(time: int, at: dt.time, zone: dt.tzinfo | None) -> int:
    """Return when a time of the day last came, nanoseconds since 1970-01-01 UTC.

    On a day whose clock skips that time, it comes when the clock has gone on by as much.
    """
    today = local(time, zone).date()
    due = 0
    for back in (0, 1):
        day = dt.datetime.combine(today - dt.timedelta(days=back), at)
        due = int((day.astimezone() if zone is None else day.replace(tzinfo=zone)).timestamp()) * _SECOND
        if due <= time:
            break
    return due
