"""A bot, to look at."""

from __future__ import annotations

from aiohttp import web

from mcp_server.http import answers
from mcp_server.http.routes import Call
from mcp_server.models.bot import (
    BotLogs,
    BotStatus,
    Explanation,
    LogLine,
    Noted,
    Performance,
    PriceFeed,
    TradePage,
)
from mcp_server.rest.arguments import Nothing, OfBot, OfFeed, OfLogs, OfPerformance, OfTrades, PageError
from mcp_server.words import one_line

FIGURES = "text/plain"
"""Media type of the figures, in which Prometheus expects them."""


async def status(call: Call, given: OfBot) -> BotStatus:
    """Say where a bot stands."""
    return await call.service.status(given.bot)


async def logs(call: Call, given: OfLogs) -> BotLogs:
    """Return the newest lines of a bot's log."""
    service = call.service
    found = await service.backend.bot_logs(given.bot, min(given.limit, service.limits.rows), given.level)
    lines = [LogLine(time=line.time, level=line.level, text=service.hide(line.text)[:2_000]) for line in found.lines]
    return found.model_copy(update={"lines": lines})


async def trades(call: Call, given: OfTrades) -> TradePage:
    """Return a page of a bot's trades."""
    return await call.service.backend.trades(given.bot, min(given.limit, call.service.limits.rows), given.cursor)


async def performance(call: Call, given: OfPerformance) -> Performance:
    """Say how a bot did."""
    return await call.service.backend.performance(given.bot, given.period)


async def feed(call: Call, given: OfFeed) -> PriceFeed:
    """Return what a bot's chart shows."""
    return await call.service.backend.price_feed(given.bot, min(given.limit, call.service.limits.rows))


async def explain(call: Call, given: OfBot) -> Explanation:
    """Say why a bot's newest candle did or did not trade."""
    found = await call.service.backend.explain(given.bot)
    return found.model_copy(update={"text": call.service.hide(found.text)})


async def metrics(call: Call, _given: Nothing) -> web.Response:
    """Return figures of all bots as text."""
    service = call.service
    text = service.hide(await service.backend.metrics())
    headers = {**answers.HEADERS, "Content-Type": f"{FIGURES}; version=0.0.4; charset=utf-8"}
    return web.Response(body=text.encode("utf-8"), headers=headers)


async def frontend_error(call: Call, given: PageError) -> Noted:
    """Write an error of a page to the bot's log: on one line each, so that a page cannot forge lines."""
    at = f" ({one_line(given.source)}{'' if given.line is None else f':{given.line}'})" if given.source else ""
    stack = f" | {one_line(given.stack, 1_000)}" if given.stack else ""
    text = f"page: {one_line(given.message, 500)}{at}{stack}"
    await call.service.backend.note_frontend_error(given.bot, call.service.hide(text))
    return Noted()
