"""News for assistants that watch a resource: in both eras of the protocol, at most four a second for each address."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from mcp.server.subscriptions import InMemorySubscriptionBus, ResourceUpdated
from mcp_types import EmptyResult, SubscribeRequestParams, UnsubscribeRequestParams

from mcp_server.events import Event, PriceChanged, StatusChanged, Traded
from mcp_server.protocol.assistant import AssistantServer
from mcp_server.protocol.resources import address_of

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from mcp.server.session import ServerSession

LOGGER = logging.getLogger("mcp_server")
EVERY_SECONDS = 0.25
MOST_WATCHED = 200
STATUS = "bot://status"


class Notices:
    """Who watches what.

    Newer clients listen on a stream that the SDK serves from `bus`; older ones subscribe address by address, for which
    the SDK has no public hook: its own examples, too, use the two private names below.

    Parameters
    ----------
    bus
        Of the SDK's server.
    """

    def __init__(self, bus: InMemorySubscriptionBus) -> None:
        self._bus = bus
        self._watched: dict[Any, tuple[ServerSession, set[str]]] = {}
        self._waiting: set[str] = set()
        self._sender: asyncio.Task[None] | None = None

    def register(self, server: AssistantServer) -> None:
        """Offer subscriptions to older clients."""
        low = server._lowlevel_server  # noqa: SLF001 - see the class
        low.add_request_handler("resources/subscribe", SubscribeRequestParams, self._subscribe)
        low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self._unsubscribe)

    def tell(self, event: Event) -> None:
        """Note that a resource has changed; must run in the loop."""
        if isinstance(event, PriceChanged):
            self._waiting.add(address_of(event.tick.symbol))
        elif isinstance(event, StatusChanged | Traded):
            self._waiting.add(STATUS)
        else:
            return
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send(), name="mcp notices")

    async def close(self) -> None:
        """Tell nobody any more."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)

    async def _send(self) -> None:
        while self._waiting:
            uris, self._waiting = self._waiting, set()
            for uri in uris:
                await self._bus.publish(ResourceUpdated(uri=uri))
                for session, watched in tuple(self._watched.values()):
                    if uri in watched:
                        # On its own: a client that does not read must not hold up the others.
                        asyncio.get_running_loop().create_task(_notify(session, uri))
            await asyncio.sleep(EVERY_SECONDS)

    async def _subscribe(self, context: ServerRequestContext[Any, Any], given: SubscribeRequestParams) -> EmptyResult:
        connection = context.session._connection  # noqa: SLF001 - see the class
        if connection not in self._watched:
            self._watched[connection] = (context.session, set())
            connection.exit_stack.callback(self._watched.pop, connection, None)
        watched = self._watched[connection][1]
        if len(watched) < MOST_WATCHED:
            watched.add(_same(str(given.uri)))
        return EmptyResult()

    async def _unsubscribe(
        self, context: ServerRequestContext[Any, Any], given: UnsubscribeRequestParams
    ) -> EmptyResult:
        found = self._watched.get(context.session._connection)  # noqa: SLF001 - see the class
        if found is not None:
            found[1].discard(_same(str(given.uri)))
        return EmptyResult()


def _same(uri: str) -> str:
    """Spell the address of a price as notices do."""
    scheme, _, rest = uri.partition("://")
    return address_of(rest) if scheme == "price" else uri


async def _notify(session: ServerSession, uri: str) -> None:
    try:
        await asyncio.wait_for(session.send_resource_updated(uri), 5.0)
    except Exception as error:  # noqa: BLE001 - the client has gone or does not read: its subscription ends with it
        LOGGER.debug("a notice was not delivered: %r", error)
