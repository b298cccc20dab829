"""What the routes take."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mcp_server.http.routes import Arguments
from mcp_server.models.base import UtcTime
from mcp_server.models.bot import Level, Period
from mcp_server.models.research import BacktestRequest


def _split(text: Any) -> Any:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


Symbol = Annotated[str, Field(min_length=1, max_length=40, description="Market, for example BTC-USDT")]
Timeframe = Annotated[str, Field(max_length=10, description="Candle interval; GET /symbols lists them")]
Rows = Annotated[int, Field(ge=1, le=500, description="How many at most")]
BotName = Annotated[
    str | None,
    Field(min_length=1, max_length=80, description="Name of the bot; may be left out where there is only one"),
]
Names = Annotated[list[str], BeforeValidator(_split), Field(min_length=1, max_length=20, description="By commas")]
Ids = Annotated[list[str], BeforeValidator(_split), Field(min_length=2, max_length=5, description="By commas")]


class Nothing(Arguments):
    """No arguments."""


class OfSymbol(Arguments):
    """One market."""

    symbol: Symbol


class OfCandles(Arguments):
    """Candles of one market."""

    symbol: Symbol
    timeframe: Timeframe = "1m"
    limit: Rows = 100
    end: Annotated[UtcTime | None, Field(description="Only candles that open before this moment, ISO 8601")] = None


class OfIndicators(Arguments):
    """Indicators of one market."""

    symbol: Symbol
    timeframe: Timeframe = "1m"
    names: Annotated[Names, Field(description="Which, separated by commas; GET /symbols lists them")]
    limit: Annotated[int, Field(ge=1, le=200, description="How many at most")] = 50


class OfBot(Arguments):
    """One bot."""

    bot: BotName = None


class OfLogs(Arguments):
    """Lines of a bot's log."""

    bot: BotName = None
    limit: Rows = 100
    level: Annotated[Level, Field(description="At least of this level")] = "info"


class OfTrades(Arguments):
    """A page of a bot's trades."""

    bot: BotName = None
    limit: Annotated[int, Field(ge=1, le=200, description="How many at most")] = 50
    cursor: Annotated[str | None, Field(max_length=100, description="Of the page before: next_cursor")] = None


class OfPerformance(Arguments):
    """A period of a bot."""

    bot: BotName = None
    period: Period = "all"


class OfFeed(Arguments):
    """The chart of a bot."""

    bot: BotName = None
    limit: Rows = 200


class OfBacktest(Arguments):
    """One kept report."""

    id: Annotated[str, Field(min_length=1, max_length=80)]


class OfComparison(Arguments):
    """Several kept reports."""

    ids: Ids


class ToBacktest(Arguments, BacktestRequest):
    """What to backtest."""


class ToStart(Arguments):
    """Which bot to start."""

    bot: BotName = None


class ToStop(Arguments):
    """Which bot to stop."""

    bot: BotName = None


class ToSet(Arguments):
    """Which strategy a stopped bot is to use."""

    bot: BotName = None
    strategy: Annotated[str, Field(min_length=1, max_length=80)]
    parameters: Annotated[dict[str, bool | int | float | str], Field(max_length=50)] = Field(default_factory=dict)


class ToShutDown(Arguments):
    """Whether the bots stop, too."""

    stop_bots: Annotated[bool, Field(description="Also stop every bot", strict=True)] = False


class PageError(Arguments):
    """An error of a page."""

    bot: BotName = None
    message: Annotated[str, Field(min_length=1, max_length=2_000)]
    source: Annotated[str, Field(max_length=500)] = ""
    line: Annotated[int | None, Field(ge=0, le=10_000_000, strict=True)] = None
    stack: Annotated[str, Field(max_length=8_000)] = ""
