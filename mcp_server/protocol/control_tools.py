"""The tools that act on a bot: offered only where its owner allows it, and the owner is asked before a start or a change.

The question goes to the person at the assistant by elicitation. An assistant that cannot ask is refused. Real money is
out of reach: a bot whose orders go further than practice and paper is neither started nor changed from here, and nothing
here changes where they go.
"""

from __future__ import annotations

from typing import Annotated, Any, cast

from mcp.server.mcpserver import Context, Elicit, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

from mcp_server.errors import BackendError, UnknownName
from mcp_server.http.service import Service
from mcp_server.models.bot import BotStatus
from mcp_server.protocol.access import need_control
from mcp_server.protocol.assistant import AssistantServer
from mcp_server.protocol.part import Part
from mcp_server.protocol.read_tools import BotName

STOPS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
STARTS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False)

Parameters = Annotated[dict[str, bool | int | float | str] | None, Field(max_length=50, description="Of the strategy")]
StrategyName = Annotated[str, Field(min_length=1, max_length=80, description="Name: see list_strategies")]


class Consent(BaseModel):
    """What the person answers."""

    agree: bool = Field(description="Yes, do it")


# The resolvers stand at the top of the module because the SDK reads their annotations by name.


async def ask_start(context: Context[Any, Any], bot: str | None) -> Elicit[Consent]:
    """Check that the bot may be started, then ask the person."""
    server = cast("AssistantServer", context.mcp_server)
    need_control(context, server.without_token)
    _can_ask(context)
    found = await _startable(server.service, bot)
    return Elicit(
        f"Start the {found.mode} bot {found.bot}: {found.strategy} on {found.symbol} {found.timeframe}?", Consent
    )


async def ask_strategy(
    context: Context[Any, Any], bot: str | None, strategy: str, parameters: dict[str, bool | int | float | str] | None
) -> Elicit[Consent]:
    """Check that the bot may be changed, then ask the person."""
    server = cast("AssistantServer", context.mcp_server)
    need_control(context, server.without_token)
    _can_ask(context)
    found = await _startable(server.service, bot)
    known = [info.name for info in await server.service.backend.strategies()]
    if strategy not in known:
        raise ToolError(str(UnknownName("strategy", strategy, known)))
    if found.running:
        raise ToolError(f"{found.bot} runs. Stop it first: stop_bot.")
    shown = ", ".join(f"{name}={value!r}" for name, value in (parameters or {}).items()) or "its own parameters"
    return Elicit(f"Let the {found.mode} bot {found.bot} use {strategy} with {shown[:500]}?", Consent)


def _can_ask(context: Context[Any, Any]) -> None:
    able = context.client_capabilities
    if able is None or able.elicitation is None:
        raise ToolError(
            "This needs the person's consent, and this assistant cannot ask for it (it lacks elicitation). Nothing was "
            "done. Start or change the bot in the notebook instead."
        )


async def _startable(service: Service, bot: str | None) -> BotStatus:
    try:
        return await service.startable(bot)
    except BackendError as error:
        raise ToolError(service.hide(str(error))) from None


class ControlTools(Part):
    """The tools that act."""

    def register(self, server: AssistantServer) -> None:
        """Offer them."""
        server.add_tool(self.stop_bot, annotations=STOPS)
        server.add_tool(self.start_bot, annotations=STARTS)
        server.add_tool(self.set_strategy, annotations=STARTS)

    async def stop_bot(self, context: Context[Any, Any], bot: BotName = None) -> BotStatus:
        """Stop a bot. Nobody is asked: stopping is the safe direction. What it holds stays open."""
        need_control(context, cast("AssistantServer", context.mcp_server).without_token)
        found = await self._service.backend.stop_bot(bot)
        return await self._service.status(found.bot)

    async def start_bot(
        self, context: Context[Any, Any], consent: Annotated[Consent, Resolve(ask_start)], bot: BotName = None
    ) -> BotStatus:
        """Start a practice or paper bot, after its owner has been asked. Real money is never started from here."""
        need_control(context, cast("AssistantServer", context.mcp_server).without_token)
        _agreed(consent)
        found = await self._service.startable(bot)
        await self._service.backend.start_bot(found.bot)
        return await self._service.status(found.bot)

    async def set_strategy(
        self,
        context: Context[Any, Any],
        consent: Annotated[Consent, Resolve(ask_strategy)],
        strategy: StrategyName,
        parameters: Parameters = None,
        bot: BotName = None,
    ) -> BotStatus:
        """Give a stopped practice or paper bot another strategy, after its owner has been asked."""
        need_control(context, cast("AssistantServer", context.mcp_server).without_token)
        _agreed(consent)
        found = await self._service.startable(bot)
        await self._service.backend.set_strategy(found.bot, strategy, parameters or {})
        return await self._service.status(found.bot)


def _agreed(consent: Consent) -> None:
    if not consent.agree:
        raise ToolError("The person did not agree: nothing was done.")
