"""How time passes in the simulated market: as it does here, faster, or when told to."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from cryptobot.core.clock import Clock
from cryptobot.core.errors import ConfigError


class Pace(Protocol):
    """A market's clock.

    Attributes
    ----------
    real
        Whether it is the computer's own: then signed requests are held to it.
    manual
        Whether it moves by steps only.
    """

    real: bool
    manual: bool

    def now(self) -> int:
        """Return the market's time, nanoseconds since 1970-01-01 UTC."""

    def seconds(self, nanoseconds: int) -> float:
        """Return how long a span of the market's time takes here."""

    def move(self, time: int) -> None:
        """Set the clock where it is moved by hand; nothing happens to a running one."""


class RealPace:
    """The computer's clock."""

    real = True
    manual = False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> int:
        """Return the computer's time."""
        return self._clock.now()

    def seconds(self, nanoseconds: int) -> float:
        """Return the same span."""
        return nanoseconds / 1e9

    def move(self, time: int) -> None:
        """Do nothing: the clock runs by itself."""


class FastPace:
    """A clock of its own that runs a number of times as fast as the computer's.

    Parameters
    ----------
    clock
        The computer's.
    start
        Time of the market at the start, nanoseconds since 1970-01-01 UTC.
    speed
        How many times as fast.
    """

    real = False
    manual = False

    def __init__(self, clock: Clock, start: int, speed: float) -> None:
        self._clock = clock
        self._start = start
        self._speed = speed
        self._began = clock.monotonic()

    def now(self) -> int:
        """Return the market's time."""
        return self._start + round((self._clock.monotonic() - self._began) * self._speed * 1e9)

    def seconds(self, nanoseconds: int) -> float:
        """Return how long a span takes here."""
        return nanoseconds / 1e9 / self._speed

    def move(self, time: int) -> None:
        """Do nothing: the clock runs by itself."""


class ManualPace:
    """A clock that stands where the last step has left it."""

    real = False
    manual = True

    def __init__(self, start: int) -> None:
        self._now = start

    def now(self) -> int:
        """Return the market's time."""
        return self._now

    def seconds(self, nanoseconds: int) -> float:
        """Return 0: steps take no time."""
        return 0.0

    def move(self, time: int) -> None:
        """Set the clock; it never goes back."""
        self._now = max(self._now, time)


def speed_of(value: Any) -> float | Literal["manual"]:
    """Check a speed.

    Raises
    ------
    ConfigError
        If it is neither ``"manual"`` nor a number above 0.
    """
    if value == "manual":
        return "manual"
    try:
        rate = float(value) if isinstance(value, str) else value
    except ValueError:
        rate = None
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 1e6:
        raise ConfigError(
            f"speed: {value!r} is not allowed. Give 1 for real time, another number above 0 and up to 1,000,000 for so "
            "many times as fast, or 'manual' to go on step by step."
        )
    return float(rate)
