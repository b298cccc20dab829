"""Keeping within an exchange's request limits, and silent while it has banned us.

Limits count per address, not per account, so that all connections of this process to one server share a `Gate`.
"""

from __future__ import annotations

import threading
from typing import Final

from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import TransientError
from cryptobot.exchange.connector.calls import Call

# Fractions of the weight limit at which the less important requests stop: reading first, then orders; cancels go on
# until the exchange itself refuses, because they only ever lower the risk.
_READING: Final = 0.80
_ORDERS: Final = 0.95
_PAUSE_429: Final = 60.0
_PAUSE_418: Final = 180.0
_LONGEST: Final = 4 * 86_400.0
_MINUTE: Final = 60_000_000_000


class PausedError(TransientError):
    """No request is made now, because the exchange has asked for silence or nearly would.

    Attributes
    ----------
    seconds
        How much longer.
    """

    def __init__(self, text: str, seconds: float) -> None:
        super().__init__(text)
        self.seconds = seconds


class Gate:
    """Lets requests to one server through, or not.

    Parameters
    ----------
    name
        What to call the server in messages.
    clock
        For the time that a pause takes; never set back by a change of the computer's clock.

    Attributes
    ----------
    limit
        Request weight that the server allows a minute.
    used
        Request weight of the present minute, as the server last told it.
    """

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self.limit = 6000
        self.used = 0
        self._name = name
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._until = 0.0
        self._why = ""
        self._minute_ends = 0.0

    @property
    def seconds(self) -> float:
        """How much longer no request is made at all; 0.0 when requests are welcome."""
        with self._lock:
            return max(0.0, self._until - self._clock.monotonic())

    def enter(self, call: Call) -> None:
        """Let a request pass.

        Raises
        ------
        PausedError
            If it must not be made now. Nothing was sent.
        """
        with self._lock:
            now = self._clock.monotonic()
            if now < self._until:
                left = self._until - now
                raise PausedError(f"{self._name} {self._why}: nothing is sent to it for another {left:.0f} s", left)
            share = self.used / self.limit if now < self._minute_ends else 0.0
            if share >= _allowed(call):
                left = self._minute_ends - now
                raise PausedError(
                    f"{self._name}: {share:.0%} of the request weight of this minute is used; only "
                    f"{'cancels' if share >= _ORDERS else 'orders'} are sent for another {left:.0f} s",
                    left,
                )

    def saw(self, call: Call) -> None:
        """Learn from an answer."""
        used = _number(call.headers.get("x-mbx-used-weight-1m"))
        with self._lock:
            now = self._clock.monotonic()
            if used is not None:
                self.used = int(used)
                self._minute_ends = now + (_MINUTE - self._clock.now() % _MINUTE) / 1e9
            if call.status not in (418, 429):
                return
            asked = _number(call.headers.get("retry-after"))
            default = _PAUSE_418 if call.status == 418 else _PAUSE_429
            wait = min(default if asked is None else max(asked, 0.0) + 0.1, _LONGEST)
            if now + wait > self._until:
                self._until = now + wait
                self._why = "has banned this address (418)" if call.status == 418 else "asked for fewer requests (429)"


_GATES: dict[tuple[str, int], Gate] = {}
_GATES_LOCK = threading.Lock()


def gate_of(name: str, server: str, clock: Clock) -> Gate:
    """Return the gate that everybody in this process shares who speaks to this server."""
    key = (server, 0 if isinstance(clock, SystemClock) else id(clock))
    with _GATES_LOCK:
        return _GATES.setdefault(key, Gate(name, clock))


def _allowed(call: Call) -> float:
    path = call.path.lower()
    if call.method == "DELETE" or "cancel" in path:
        return float("inf")
    return _ORDERS if "order" in path else _READING


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
