"""Where candles come from: what downloads and feeds ask of an exchange."""

from __future__ import annotations

from typing import Protocol

from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar


class CandleSource(Protocol):
    """A place that candles can be asked of.

    Attributes
    ----------
    name
        For people and for the store's folders, for example ``"binance"``.
    page_limit
        The most candles that one call of `candles` returns.
    """

    name: str

    @property
    def page_limit(self) -> int:
        """The most candles that one call of `candles` returns."""

    async def now(self) -> int:
        """Return the source's own time, nanoseconds since 1970-01-01 UTC."""

    async def candles(self, symbol: str, timeframe: Timeframe, since: int, limit: int | None = None) -> list[Bar]:
        """Return candles that opened at ``since`` or later, oldest first, each once.

        The last one may still be open: whoever wants closed bars keeps those whose end is not after `now`, or that a
        later one follows.

        Raises
        ------
        ConfigError
            If the market or the interval is unknown.
        TransientError
            If the source cannot be reached; the call may be repeated.
        """


class CandleWatcher(Protocol):
    """A place that says by itself when candles change."""

    async def watch(self, symbol: str, timeframe: Timeframe) -> int:
        """Wait for the next message about a market's candles and return the open time of the newest of them.

        Raises
        ------
        TransientError
            If the connection broke; the next call makes a new one.
        """

    async def unwatch(self, symbol: str, timeframe: Timeframe) -> None:
        """Drop the connection that `watch` uses, so that the next call makes a new one."""
