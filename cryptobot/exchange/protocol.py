"""What every exchange offers, real or simulated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Protocol

from cryptobot.core.events import ExchangeEvent
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Intent, Mode


class Exchange(Protocol):
    """A venue: closed bars in, orders out, and one ordered stream of what happens.

    Attributes
    ----------
    name
        For people, for example ``"replay"``.
    mode
        How far it is to be trusted with money.
    symbol, timeframe
        What it offers when the user names none, or None.
    """

    name: str
    mode: Mode
    symbol: str | None
    timeframe: Timeframe | None

    async def connect(self) -> None:
        """Make it ready; may be called again after `close`."""

    async def close(self) -> None:
        """Let go of everything that `connect` took."""

    async def market(self, symbol: str) -> Market:
        """Return a market's rules.

        Raises
        ------
        ConfigError
            If there is no such market; the message names those there are.
        """

    async def grid(self, symbol: str) -> PriceGrid:
        """Return the decimal grid that the market's prices lie on."""

    async def balances(self) -> Mapping[str, Decimal]:
        """Return the free balance of every currency."""

    async def history(self, symbol: str, timeframe: Timeframe, limit: int) -> list[Bar]:
        """Return up to ``limit`` closed bars before the stream's first, oldest first."""

    def stream(self, symbol: str, timeframe: Timeframe) -> AsyncIterator[ExchangeEvent]:
        """Yield what happens, in order: each closed bar once, and every answer to an order.

        A market order sent at a bar's close is answered before the next bar closes. The iterator ends when the
        market has no more bars.
        """

    async def submit(self, intent: Intent) -> None:
        """Send an order, once. Its outcome arrives in the stream.

        Raises
        ------
        OrderRejected
            If it is refused at once: then nothing is traded, and nothing arrives in the stream.
        """
