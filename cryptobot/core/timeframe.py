"""The interval of a bar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cryptobot.core.errors import ConfigError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SECONDS_IN_YEAR: Final = 365 * 86_400


@dataclass(frozen=True, order=True, slots=True)
class Timeframe:
    """The interval of a bar, such as one minute.

    Attributes
    ----------
    seconds
        Length in seconds, a whole number of at least 1.

    Examples
    --------
    >>> Timeframe.parse("5m").seconds
    300
    >>> str(Timeframe(86_400))
    '1d'
    >>> Timeframe.parse("1h").bars_per_year
    8760.0
    """

    seconds: int

    def __post_init__(self) -> None:
        if isinstance(self.seconds, bool) or not isinstance(self.seconds, int) or self.seconds < 1:
            raise ConfigError(
                f"timeframe: {self.seconds!r} seconds is not an interval. Give a whole number of seconds of at least 1."
            )

    @classmethod
    def parse(cls, text: str | Timeframe) -> Timeframe:
        """Read ``"1m"``, ``"15m"``, ``"4h"`` ….

        Raises
        ------
        ConfigError
            If the text is not a whole number followed by one of s, m, h, d, w.
        """
        if isinstance(text, Timeframe):
            return text
        match = re.fullmatch(r"([1-9]\d{0,5})([smhdw])", str(text))
        if match is None:
            raise ConfigError(
                f"timeframe: {text!r} is not an interval. Write a whole number and a unit: s, m, h, d or w, "
                "for example '10s', '1m', '4h', '1d'."
            )
        return cls(int(match[1]) * _UNITS[match[2]])

    @property
    def nanoseconds(self) -> int:
        """Length in nanoseconds."""
        return self.seconds * 1_000_000_000

    @property
    def bars_per_year(self) -> float:
        """How many bars fit into a year of 365 × 24 h: crypto markets never close."""
        return _SECONDS_IN_YEAR / self.seconds

    def __str__(self) -> str:
        for unit in ("w", "d", "h", "m"):
            if self.seconds % _UNITS[unit] == 0:
                return f"{self.seconds // _UNITS[unit]}{unit}"
        return f"{self.seconds}s"
