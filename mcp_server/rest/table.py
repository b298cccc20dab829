"""All REST routes in one table: paths, policies, arguments, answers."""

from __future__ import annotations

from collections.abc import Sequence

from mcp_server.http.routes import Route, posts, reads
from mcp_server.models.bot import (
    BotLogs,
    BotStatus,
    ControlState,
    Explanation,
    Noted,
    Performance,
    PriceFeed,
    Stopping,
    TradePage,
)
from mcp_server.models.market import Candles, Indicators, Price, Prices, Symbols
from mcp_server.models.research import BacktestReport, Comparison, Strategies
from mcp_server.models.service import Health
from mcp_server.rest import arguments as a
from mcp_server.rest import bot, control, market, research
from mcp_server.security.policy import Policy
from mcp_server.security.tokens import Right

ROUTES: Sequence[Route] = (
    Route("GET", "/health", market.health, Policy(Right.NONE), a.Nothing, Health, "Whether the server is up"),
    reads("/symbols", market.symbols, a.Nothing, Symbols, "Markets, candle intervals and indicators"),
    reads("/price/{symbol}", market.price, a.OfSymbol, Price, "Newest price of a market"),
    reads("/prices", market.prices, a.Nothing, Prices, "Newest prices of all markets"),
    reads("/ohlcv/{symbol}", market.ohlcv, a.OfCandles, Candles, "Candles as columns"),
    reads("/indicators/{symbol}", market.indicators, a.OfIndicators, Indicators, "Indicators as columns"),
    reads("/bot-status", bot.status, a.OfBot, BotStatus, "Where a bot stands"),
    reads("/bot-logs", bot.logs, a.OfLogs, BotLogs, "Newest lines of a bot's log"),
    reads("/price-feed", bot.feed, a.OfFeed, PriceFeed, "What a bot's chart shows"),
    reads("/trades", bot.trades, a.OfTrades, TradePage, "A bot's round trips, newest first"),
    reads("/performance", bot.performance, a.OfPerformance, Performance, "How a bot did, beside holding"),
    reads("/explain", bot.explain, a.OfBot, Explanation, "Why the newest candle did or did not trade"),
    Route(
        *("GET", "/metrics", bot.metrics, Policy(Right.READ), a.Nothing, None),
        summary="Figures of the bots, as Prometheus reads them",
        media=bot.FIGURES,
    ),
    reads("/strategies", research.strategies, a.Nothing, Strategies, "Strategies and their parameters"),
    reads("/backtests", research.compare, a.OfComparison, Comparison, "Kept backtests side by side"),
    reads("/backtests/{id}", research.backtest, a.OfBacktest, BacktestReport, "A kept backtest"),
    posts("/backtests", research.run, a.ToBacktest, BacktestReport, "Run a backtest", right=Right.READ),
    posts("/frontend-error", bot.frontend_error, a.PageError, Noted, "Report an error of a page", right=Right.READ),
    reads("/bot-control", control.state, a.OfBot, ControlState, "What may be done about a bot; its panel"),
    posts("/bot-control", control.start, a.ToStart, BotStatus, "Start a bot", right=Right.CONTROL),
    posts("/stop-bot", control.stop, a.ToStop, BotStatus, "Stop a bot", right=Right.CONTROL),
    posts("/set-strategy", control.set_strategy, a.ToSet, BotStatus, "Change a stopped bot", right=Right.CONTROL),
    posts("/shutdown", control.shutdown, a.ToShutDown, Stopping, "Stop the server", right=Right.CONTROL),
)
