"""Request weight and order counts, and what happens to those who use too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from cryptobot.exchange.simulator.answers import ApiError

_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60 * _SECOND
_TEN: Final = 10 * _SECOND
_DAY: Final = 86_400 * _SECOND
# So many requests after the first 429 of a minute bring the ban.
_PATIENCE: Final = 10
_FIRST_BAN: Final = 120 * _SECOND
_LONGEST_BAN: Final = 3 * _DAY


@dataclass(slots=True)
class _Count:
    """What was used in the present span of time.

    A span ends when it ends by either clock, so that a market clock that is far ahead frees its users, and one that
    stands still does not lock them out.
    """

    length: int
    used: int = 0
    span: tuple[int, int] = (-1, -1)

    def turn(self, real: int, market: int) -> None:
        span = (real // self.length, market // self.length)
        if span != self.span:
            self.span, self.used = span, 0


class Limits:
    """The limits of one sender.

    Parameters
    ----------
    weight
        Request weight that a minute allows.
    orders_ten_seconds, orders_day
        Unfilled orders that ten seconds and a day allow.
    """

    def __init__(self, weight: int = 6000, orders_ten_seconds: int = 100, orders_day: int = 200_000) -> None:
        self.weight = weight
        self.orders_ten_seconds = orders_ten_seconds
        self.orders_day = orders_day
        self.banned_until = 0
        self._minute = _Count(_MINUTE)
        self._ten = _Count(_TEN)
        self._day = _Count(_DAY)
        self._ignored = 0
        self._next_ban = _FIRST_BAN

    @property
    def used_weight(self) -> int:
        """What was used in the present minute."""
        return self._minute.used

    def charge(self, weight: int, real: int, market: int) -> None:
        """Count a request, or refuse it.

        Parameters
        ----------
        weight
            Of the request.
        real
            The computer's time, nanoseconds: bans end by it.
        market
            The market's time, nanoseconds.

        Raises
        ------
        ApiError
            418 while banned, 429 when the minute's weight is used up.
        """
        if real < self.banned_until:
            raise self._banned(real)
        before = self._minute.span
        self._minute.turn(real, market)
        if self._minute.span != before:
            self._ignored = 0
        self._minute.used += weight
        if self._minute.used <= self.weight:
            return
        self._ignored += 1
        if self._ignored > _PATIENCE:
            self.ban(self._next_ban, real)
            self._next_ban = min(2 * self._next_ban, _LONGEST_BAN)
            raise self._banned(real)
        left = -(-(_MINUTE - real % _MINUTE) // _SECOND)
        text = (
            f"Too much request weight used; current limit is {self.weight} request weight per 1 MINUTE. "
            "Please use WebSocket Streams for live updates to avoid polling the API."
        )
        raise ApiError(-1003, text, 429, {"Retry-After": str(left)}, self._data(real, real + left * _SECOND))

    def ban(self, nanoseconds: int, real: int) -> None:
        """Refuse everything for a while."""
        self.banned_until = real + nanoseconds
        self._ignored = 0

    def use(self, weight: int, real: int, market: int) -> None:
        """Count weight that somebody else at the same address used."""
        self._minute.turn(real, market)
        self._minute.used += weight

    def count_orders(self, number: int, real: int, market: int) -> None:
        """Count new orders, or refuse them with -1015."""
        for count in (self._ten, self._day):
            count.turn(real, market)
        for count, limit, per in (
            (self._ten, self.orders_ten_seconds, "10 SECOND"),
            (self._day, self.orders_day, "1 DAY"),
        ):
            if count.used + number > limit:
                left = -(-(count.length - real % count.length) // _SECOND)
                raise ApiError(
                    -1015,
                    f"Too many new orders; current limit is {limit} orders per {per}.",
                    429,
                    {"Retry-After": str(left)},
                    self._data(real, real + left * _SECOND),
                )
        self._ten.used += number
        self._day.used += number

    def filled_order(self) -> None:
        """Give a filled order's place back: only unfilled ones count."""
        for count in (self._ten, self._day):
            count.used = max(0, count.used - 1)

    def headers(self, *, orders: bool) -> dict[str, str]:
        """Return the headers that tell the sender what is used."""
        used = {"X-MBX-USED-WEIGHT": str(self._minute.used), "X-MBX-USED-WEIGHT-1M": str(self._minute.used)}
        if orders:
            used |= {"X-MBX-ORDER-COUNT-10S": str(self._ten.used), "X-MBX-ORDER-COUNT-1D": str(self._day.used)}
        return used

    def table(self, *, counted: bool) -> list[dict[str, Any]]:
        """Return the limits as ``rateLimits`` shows them, with what is used if ``counted``."""
        rows: list[tuple[dict[str, Any], int]] = [
            (_row("REQUEST_WEIGHT", "MINUTE", 1, self.weight), self._minute.used),
            (_row("ORDERS", "SECOND", 10, self.orders_ten_seconds), self._ten.used),
            (_row("ORDERS", "DAY", 1, self.orders_day), self._day.used),
        ]
        return [row | {"count": used} if counted else row for row, used in rows]

    def _banned(self, real: int) -> ApiError:
        left = -(-(self.banned_until - real) // _SECOND)
        text = (
            f"Way too much request weight used; IP banned until {self.banned_until // 1_000_000}. "
            "Please use WebSocket Streams for live updates to avoid bans."
        )
        return ApiError(-1003, text, 418, {"Retry-After": str(left)}, self._data(real, self.banned_until))

    @staticmethod
    def _data(real: int, until: int) -> dict[str, Any]:
        return {"serverTime": real // 1_000_000, "retryAfter": until // 1_000_000}


def _row(kind: str, interval: str, number: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
