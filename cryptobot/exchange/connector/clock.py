"""The exchange's time, kept without trusting this computer's clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from cryptobot.core.clock import Clock
from cryptobot.core.errors import ConfigError

# Beyond this the computer's own times (journal, logs, notices) would be nonsense, so that it is set right first.
MOST_SKEW: Final = 60.0
RESYNC: Final = 3600.0


class ServerClock:
    """Estimates the exchange's time from its last answer and the time that has passed since.

    Time passes by the monotonic clock: setting the computer's clock changes nothing.

    Parameters
    ----------
    ask
        Asks the exchange for its time, nanoseconds since 1970-01-01 UTC.
    clock
        This computer's.
    name
        What to call the exchange.
    strict
        Whether to refuse a computer whose clock is far off. A server on this machine may keep a market time of its own.

    Attributes
    ----------
    skew
        Exchange's time less this computer's at the last synchronisation, in seconds, or None before the first.
    """

    def __init__(self, ask: Callable[[], Awaitable[int]], clock: Clock, name: str, *, strict: bool) -> None:
        self.skew: float | None = None
        self._ask = ask
        self._clock = clock
        self._name = name
        self._strict = strict
        self._server = clock.now()
        self._at = clock.monotonic()
        self._asked: float | None = None

    async def now(self) -> int:
        """Ask for the time.

        Raises
        ------
        ConfigError
            If this computer's clock is wrong by more than a minute.
        """
        before = self._clock.monotonic()
        answer = await self._ask()
        after = self._clock.monotonic()
        local = self._clock.now()
        # The server looked at its clock somewhere between: half way is wrong by half the way at most.
        self._server, self._at, self._asked = answer + round((after - before) / 2 * 1e9), after, after
        self.skew = (self._server - local) / 1e9
        if self._strict and abs(self.skew) > MOST_SKEW:
            raise ConfigError(
                f"clock: this computer's clock is {abs(self.skew):,.0f} s {'behind' if self.skew > 0 else 'ahead of'} "
                f"that of {self._name}; at most {MOST_SKEW:.0f} s are allowed. Set it right (switch on automatic time) "
                "and start again."
            )
        return answer

    def estimate(self) -> int:
        """Return what the exchange's clock shows about now, nanoseconds since 1970-01-01 UTC."""
        return self._server + round((self._clock.monotonic() - self._at) * 1e9)

    @property
    def due(self) -> bool:
        """Whether it is time to ask again."""
        return self._asked is None or self._clock.monotonic() - self._asked >= RESYNC
