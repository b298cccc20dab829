"""Where prices come from, as the server sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from cryptobot.core.bars import BarColumns
from cryptobot.core.money import Market
from cryptobot.core.timeframe import Timeframe
from mcp_server.events import Event
from mcp_server.models.market import Tick


class PriceSource(Protocol):
    """A place that has prices: a bot, a simulated market, an exchange.

    What is not a coroutine answers at once from memory and may be asked on any thread.
    """

    @property
    def symbols(self) -> Sequence[str]:
        """Its markets."""

    @property
    def ticks(self) -> Mapping[str, Tick]:
        """The newest prices that it keeps at hand; replaced as a whole, never changed."""

    def timeframes(self, symbol: str) -> Sequence[str]:
        """Return the candle intervals it has of a market."""

    def look(self) -> list[Event]:
        """Take in what is new, and return it."""

    async def tick(self, symbol: str) -> Tick:
        """Return the newest price of a market.

        Raises
        ------
        Unavailable
            If there is none yet.
        """

    async def bars(self, symbol: str, timeframe: Timeframe, n: int, before: int | None) -> BarColumns:
        """Return up to ``n`` of the newest closed candles, or of those that opened before a time; perhaps none."""

    async def market(self, symbol: str) -> Market:
        """Return a market's rules."""
