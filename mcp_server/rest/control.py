"""What may be done to a bot and to the server."""

from __future__ import annotations

from aiohttp import web

from mcp_server.http import answers
from mcp_server.http.routes import Call
from mcp_server.http.service import STARTABLE
from mcp_server.models.bot import BotStatus, ControlState, Stopping
from mcp_server.rest.arguments import OfBot, ToSet, ToShutDown, ToStart, ToStop
from mcp_server.rest.page import page


async def state(call: Call, given: OfBot) -> ControlState | web.Response:
    """Say whether a bot runs and how to open its panel; as a small page to whoever prefers one."""
    service = call.service
    found = await service.status(given.bot)
    shown = ControlState(
        bot=found.bot,
        mode=found.mode,
        state=found.state,
        actions=_actions(found),
        panel=[service.hide(way) for way in await service.backend.panel(given.bot)],
    )
    if "text/html" in call.request.headers.get("Accept", ""):
        headers = {**answers.HEADERS, "Content-Type": "text/html; charset=utf-8"}
        return web.Response(body=page(found, shown).encode("utf-8"), headers=headers)
    return shown


def _actions(found: BotStatus) -> list[str]:
    if found.running:
        return ["POST /stop-bot"]
    return ["POST /bot-control", "POST /set-strategy"] if found.mode in STARTABLE else []


async def start(call: Call, given: ToStart) -> BotStatus:
    """Start a bot."""
    service = call.service
    found = await service.startable(given.bot)
    await service.backend.start_bot(found.bot)
    return await service.status(found.bot)


async def stop(call: Call, given: ToStop) -> BotStatus:
    """Stop a bot."""
    found = await call.service.backend.stop_bot(given.bot)
    return await call.service.status(found.bot)


async def set_strategy(call: Call, given: ToSet) -> BotStatus:
    """Give a stopped bot another strategy."""
    service = call.service
    found = await service.startable(given.bot)
    await service.backend.set_strategy(found.bot, given.strategy, given.parameters)
    return await service.status(found.bot)


async def shutdown(call: Call, given: ToShutDown) -> web.Response:
    """Answer, then stop the server; the bots only on request."""
    service = call.service
    left = list(await service.backend.stop_all()) if given.stop_bots else []
    response = answers.answer(Stopping(stop_bots=given.stop_bots, open_positions=left))
    response.force_close()
    await response.prepare(call.request)
    await response.write_eof()
    service.stop()
    return response
