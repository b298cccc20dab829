"""The tools that only look."""

from __future__ import annotations

from typing import Annotated

from mcp_types import ToolAnnotations
from pydantic import Field

from mcp_server.models.base import UtcTime
from mcp_server.models.bot import BotStatus, Explanation, Performance, Period, TradePage
from mcp_server.models.market import Candles, Indicators, Price, Symbols
from mcp_server.models.research import Comparison, Strategies
from mcp_server.protocol.assistant import AssistantServer
from mcp_server.protocol.part import Part
from mcp_server.rest import market

LOOKS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

Symbol = Annotated[str, Field(min_length=1, max_length=40, description="Market, for example BTC-USDT")]
Timeframe = Annotated[str, Field(max_length=10, description="Candle interval, for example 1m or 1h: see list_symbols")]
BotName = Annotated[
    str | None, Field(max_length=80, description="Name of the bot; leave it out where there is only one")
]


class ReadTools(Part):
    """The tools that only look."""

    def register(self, server: AssistantServer) -> None:
        """Offer them."""
        for tool in (
            self.list_symbols,
            self.get_price,
            self.get_ohlcv,
            self.get_indicators,
            self.get_bot_status,
            self.list_trades,
            self.get_performance,
            self.list_strategies,
            self.compare_backtests,
            self.explain_last_bar,
        ):
            server.add_tool(tool, annotations=LOOKS)

    async def list_symbols(self) -> Symbols:
        """List the markets, candle intervals and indicators that may be asked for."""
        backend = self._service.backend
        return Symbols(
            symbols=list(await backend.symbols()),
            timeframes=list(await backend.timeframes()),
            indicators=list(await backend.indicator_names()),
        )

    async def get_price(self, symbol: Symbol) -> Price:
        """Get the newest price of a market, with its source, time and age."""
        service = self._service
        tick = await service.backend.price(await service.market(symbol))
        return Price.model_validate(tick.fields(service.now()))

    async def get_ohlcv(
        self,
        symbol: Symbol,
        timeframe: Timeframe = "1h",
        limit: Annotated[int, Field(ge=1, le=500, description="How many candles at most")] = 100,
        end: Annotated[UtcTime | None, Field(description="Only candles that open before this, ISO 8601")] = None,
    ) -> Candles:
        """Get candles as columns, oldest first; next_end is the `end` for the candles before them."""
        service = self._service
        name, interval = await service.market(symbol), await service.interval(timeframe)
        return await service.backend.candles(name, interval, min(limit, service.limits.rows), market.ns(end))

    async def get_indicators(
        self,
        symbol: Symbol,
        names: Annotated[list[str], Field(min_length=1, max_length=20, description="Which: see list_symbols")],
        timeframe: Timeframe = "1h",
        limit: Annotated[int, Field(ge=1, le=200, description="How many values at most")] = 50,
    ) -> Indicators:
        """Get indicators as columns, oldest first."""
        return await market.indicators_of(self._service, symbol, timeframe, names, limit)

    async def get_bot_status(self, bot: BotName = None) -> BotStatus:
        """Get where a bot stands: mode, state, position, equity. The mode says whether real money is at stake."""
        return await self._service.status(bot)

    async def list_trades(
        self,
        bot: BotName = None,
        limit: Annotated[int, Field(ge=1, le=200, description="How many at most")] = 50,
        cursor: Annotated[str | None, Field(max_length=100, description="next_cursor of the page before")] = None,
    ) -> TradePage:
        """List a bot's round trips, newest first."""
        return await self._service.backend.trades(bot, min(limit, self._service.limits.rows), cursor)

    async def get_performance(self, bot: BotName = None, period: Period = "all") -> Performance:
        """Get how a bot did over a period, beside simply holding."""
        return await self._service.backend.performance(bot, period)

    async def list_strategies(self) -> Strategies:
        """List the strategies with a JSON schema of their parameters."""
        return Strategies(strategies=list(await self._service.backend.strategies()))

    async def compare_backtests(
        self,
        ids: Annotated[list[str], Field(min_length=2, max_length=5, description="Ids that run_backtest gave")],
    ) -> Comparison:
        """Put two to five backtests side by side."""
        return await self._service.backend.compare_backtests(ids)

    async def explain_last_bar(self, bot: BotName = None) -> Explanation:
        """Say why a bot's newest candle did or did not trade."""
        found = await self._service.backend.explain(bot)
        return found.model_copy(update={"text": self._service.hide(found.text)})
