"""What the routes, the socket and the tools share: the backend, the limits, what is allowed, and the way to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from mcp_server.backend import Backend
from mcp_server.errors import Busy, NotAllowed, UnknownName
from mcp_server.limits import Limits
from mcp_server.models.base import Mode
from mcp_server.models.bot import BotStatus

STARTABLE: tuple[Mode, ...] = ("practice", "paper")
"""In which modes a bot may be started or changed over the server: an order that a real exchange takes is a person's start."""


@dataclass(slots=True)
class Service:
    """What the routes, the socket and the tools share.

    Attributes
    ----------
    backend
        Who has the prices and the bots.
    limits
        How much of everything.
    allow_control
        Whether assistants may control bots.
    hide
        Blots out secrets in text that comes from elsewhere (logs, explanations, errors).
    stop
        Ends the server.
    now
        The present, nanoseconds since 1970-01-01 UTC.
    """

    backend: Backend
    limits: Limits
    allow_control: bool
    hide: Callable[[str], str]
    stop: Callable[[], None]
    now: Callable[[], int] = time.time_ns
    _backtests: int = field(default=0, init=False)

    async def status(self, bot: str | None) -> BotStatus:
        """Return where a bot stands, with what the server knows beside it."""
        found = await self.backend.bot_status(bot)
        names = sorted(await self.backend.bots())
        known = {"control_allowed": self.allow_control, "bots": names}
        return found.without_secrets(self.hide).model_copy(update=known)

    async def startable(self, bot: str | None) -> BotStatus:
        """Return where a bot stands, if it may be started or changed from here.

        Raises
        ------
        NotAllowed
            If its orders would go to a real exchange.
        """
        found = await self.status(bot)
        if found.mode not in STARTABLE:
            raise NotAllowed(
                f"{found.bot} is in mode {found.mode}: over the price server only {' and '.join(STARTABLE)} bots are "
                "started and changed. Do it yourself in the notebook or the shell."
            )
        return found

    async def market(self, symbol: str) -> str:
        """Return a market's name as the backend writes it; ``btc-usdt`` and ``BTC/USDT`` are the same.

        Raises
        ------
        UnknownName
            If there is none; with the closest names.
        """
        known = await self.backend.symbols()
        if symbol in known:
            return symbol
        wanted = spelled(symbol)
        if wanted in known:
            return wanted
        raise UnknownName("symbol", wanted, known)

    async def interval(self, timeframe: str) -> str:
        """Return a candle interval if it is on offer.

        Raises
        ------
        UnknownName
            If it is not.
        """
        known = await self.backend.timeframes()
        if timeframe not in known:
            raise UnknownName("timeframe", timeframe, known)
        return timeframe

    def begin_backtest(self) -> None:
        """Count a backtest in.

        Raises
        ------
        Busy
            If enough of them run already.
        """
        if self._backtests >= self.limits.backtests:
            raise Busy(f"{self._backtests} backtests run already, which is the limit. Wait for one of them to end.")
        self._backtests += 1

    def end_backtest(self) -> None:
        """Count it out."""
        self._backtests -= 1

    def backtest_deadline(self) -> asyncio.Timeout:
        """Return the time limit of a backtest, to be entered with ``async with``."""
        return asyncio.timeout(self.limits.backtest_seconds)


def spelled(symbol: str) -> str:
    """Write a market as ``BASE/QUOTE`` in capitals, whichever way it was typed.

    Examples
    --------
    >>> spelled("btc-usdt"), spelled("ETH/BTC")
    ('BTC/USDT', 'ETH/BTC')
    """
    return symbol.strip().upper().replace("-", "/", 1) if "/" not in symbol else symbol.strip().upper()
