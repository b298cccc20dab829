"""What the price server needs of whoever has the prices and the bots.

The server knows nothing of the library that starts it: it asks a backend. Every method is a coroutine that runs on the
server's own event loop, so it must not block: read a snapshot that another thread replaces, or hand the work to a thread
(`asyncio.to_thread`). Nothing a backend returns may hold a key or a token.

Expected failures are raised as `mcp_server.errors.BackendError`: their text goes to whoever asked. Anything else that is
raised is logged on the server's side and answered with a number to look for, never with its text.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from mcp_server.events import Listener, Unsubscribe
from mcp_server.models.bot import BotLogs, BotStatus, Explanation, Level, Performance, Period, PriceFeed, TradePage
from mcp_server.models.market import Candles, Indicators, Tick
from mcp_server.models.research import BacktestReport, BacktestRequest, Comparison, StrategyInfo

Progress = Callable[[float, str], Awaitable[None]]
"""Awaited with the fraction that is done, 0 to 1, and a word about it."""


class MarketBackend(Protocol):
    """Prices."""

    async def symbols(self) -> Sequence[str]:
        """Return the markets, such as ``"BTC/USDT"``."""

    async def timeframes(self) -> Sequence[str]:
        """Return the candle intervals on offer, such as ``"1m"``."""

    async def indicator_names(self) -> Sequence[str]:
        """Return the indicators on offer."""

    async def price(self, symbol: str) -> Tick:
        """Return the newest price of a market.

        Raises
        ------
        UnknownName
            If there is no such market.
        Unavailable
            If there is no price yet.
        """

    async def prices(self) -> Sequence[Tick]:
        """Return the newest prices of all markets that have one."""

    async def candles(self, symbol: str, timeframe: str, limit: int, end: int | None) -> Candles:
        """Return the newest closed candles, oldest first.

        Parameters
        ----------
        symbol, timeframe
            Which.
        limit
            How many at most.
        end
            Only candles that open before this moment, nanoseconds since 1970-01-01 UTC; None for the newest.
        """

    async def indicators(self, symbol: str, timeframe: str, names: Sequence[str], limit: int) -> Indicators:
        """Return the newest values of indicators, oldest first."""


class BotBackend(Protocol):
    """Bots, to look at. A bot is named, or None where there is only one."""

    async def bots(self) -> Sequence[str]:
        """Return the names of all bots."""

    async def bot_status(self, bot: str | None) -> BotStatus:
        """Return where a bot stands.

        Raises
        ------
        UnknownName
            If there is no such bot, or several and none was named.
        Unavailable
            If there is none at all.
        """

    async def bot_logs(self, bot: str | None, limit: int, level: Level) -> BotLogs:
        """Return the newest lines of the log of at least this level, oldest first."""

    async def trades(self, bot: str | None, limit: int, cursor: str | None) -> TradePage:
        """Return round trips, newest first, from a cursor on."""

    async def performance(self, bot: str | None, period: Period) -> Performance:
        """Return how a bot did, beside simply holding."""

    async def price_feed(self, bot: str | None, limit: int) -> PriceFeed:
        """Return what the chart shows: the newest `limit` candles with averages, signal and trades."""

    async def explain(self, bot: str | None) -> Explanation:
        """Say why the newest candle did or did not trade."""

    async def metrics(self) -> str:
        """Return figures of all bots in Prometheus' text format."""

    async def note_frontend_error(self, bot: str | None, text: str) -> None:
        """Write an error of a page to the log."""


class ResearchBackend(Protocol):
    """Strategies and backtests."""

    async def strategies(self) -> Sequence[StrategyInfo]:
        """Return all strategies."""

    async def run_backtest(self, request: BacktestRequest, progress: Progress) -> BacktestReport:
        """Run a backtest and keep its report; being cancelled ends the work."""

    async def backtest(self, id: str) -> BacktestReport:  # noqa: A002 - it is called so on the wire
        """Return a report that is kept.

        Raises
        ------
        UnknownName
            If there is none of this id.
        """

    async def compare_backtests(self, ids: Sequence[str]) -> Comparison:
        """Return several reports side by side."""


class ControlBackend(Protocol):
    """What may be done to bots. The server has checked the control token and the mode before it calls."""

    async def start_bot(self, bot: str | None) -> BotStatus:
        """Start a bot and return where it stands then."""

    async def stop_bot(self, bot: str | None) -> BotStatus:
        """Stop a bot and return where it stands then; one that does not run stays so."""

    async def set_strategy(self, bot: str | None, strategy: str, parameters: dict[str, Any]) -> BotStatus:
        """Give a stopped bot another strategy or other parameters."""

    async def stop_all(self) -> Sequence[str]:
        """Stop every bot; return what stays open, in words."""

    async def panel(self, bot: str | None) -> Sequence[str]:
        """Return ways to open the control panel, in words or as commands."""


class EventBackend(Protocol):
    """News."""

    def subscribe(self, listener: Listener) -> Unsubscribe:
        """Call the listener with every event from now on, from whatever thread it happens on."""


class Backend(MarketBackend, BotBackend, ResearchBackend, ControlBackend, EventBackend, Protocol):
    """All of it: see the parts."""

    @property
    def name(self) -> str:
        """What it is called in messages and to assistants, for example ``"cryptobot"``."""
