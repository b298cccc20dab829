"""How a channel wants to be told: from which level on, how often, and when not."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, fields
from typing import Any

from cryptobot.alerts.alert import LEVELS, Level
from cryptobot.alerts.times import QuietHours, last_due, parse_time, zone_of
from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a channel wants to be told.

    Parameters
    ----------
    level
        The least serious level that is told.
    quiet
        Hours in which alerts of level info wait, such as ``"22:00-07:00"``; None for none. Warnings and critical
        alerts never wait.
    summary
        When a summary of the day is told, such as ``"20:00"``; None for never.
    zone
        In which the two are meant, such as ``"Europe/Berlin"``; None is the computer's own.
    seconds_between
        The least time between two messages.
    most_waiting
        When more than this many alerts wait, they are told as one digest.
    same_within
        Seconds in which the same alert is told once; further ones are counted and told together afterwards.

    Raises
    ------
    ConfigError
        If a value is not allowed.

    Examples
    --------
    >>> Delivery(level="warning", summary="20:00", zone="UTC").level
    'warning'
    """

    level: Level = "info"
    quiet: str | None = None
    summary: str | None = None
    zone: str | None = None
    seconds_between: float = 1.0
    most_waiting: int = 5
    same_within: float = 300.0

    @classmethod
    def of(cls, **given: Any) -> Delivery:
        """Make one of what a user gave.

        Raises
        ------
        ConfigError
            If a name is unknown or a value is not allowed.
        """
        known = [each.name for each in fields(cls)]
        for name in given:
            if name not in known:
                raise ConfigError(f"alerts: `{name}` is unknown.{closest(name, known)} Known: {listed(known)}.")
        return cls(**given)

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ConfigError(
                f"level: {self.level!r} is unknown.{closest(str(self.level), LEVELS)} Allowed: {listed(LEVELS)}."
            )
        zone = zone_of(self.zone)
        if self.quiet is not None:
            QuietHours.parse(self.quiet, zone)
        if self.summary is not None:
            parse_time(self.summary, "summary")
        _require("seconds_between", self.seconds_between, 0.0, 3_600.0)
        _require("most_waiting", self.most_waiting, 1, 100)
        if not isinstance(self.most_waiting, int):
            raise ConfigError(f"most_waiting: {self.most_waiting!r} is not a whole number. Allowed: 1 to 100.")
        _require("same_within", self.same_within, 0.0, 86_400.0)

    def hours(self) -> QuietHours | None:
        """Return the quiet hours, or None."""
        return None if self.quiet is None else QuietHours.parse(self.quiet, zone_of(self.zone))

    def summary_due(self, time: int) -> int | None:
        """Return when the newest summary was due, nanoseconds since 1970-01-01 UTC, or None for none."""
        if self.summary is None:
            return None
        at: dt.time = parse_time(self.summary, "summary")
        return last_due(time, at, zone_of(self.zone))


def _require(name: str, value: Any, least: float, most: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and least <= value <= most):
        raise ConfigError(f"{name}: {value!r} is not allowed. Allowed: a number from {least:g} to {most:g}.")
