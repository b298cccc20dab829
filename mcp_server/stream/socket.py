"""`/ws`: a snapshot, then news."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from mcp_server.errors import BackendError, Unavailable
from mcp_server.events import Event
from mcp_server.http import answers
from mcp_server.http.connections import Gate
from mcp_server.http.service import Service, spelled
from mcp_server.security.guard import Denied
from mcp_server.security.rate import Bucket
from mcp_server.stream import news
from mcp_server.stream.frames import text_frame
from mcp_server.stream.hub import Hub, Peer
from mcp_server.words import closest, listed

MOST_SYMBOLS = 200
ASKS_PER_SECOND = 5
ASKS_AT_ONCE = 20


class Sockets:
    """The route and its listeners.

    Parameters
    ----------
    service
        What answers are made of.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._open: set[web.WebSocketResponse] = set()
        self.hub = Hub(service.limits.sockets)

    def deliver(self, event: Event) -> None:
        """Send an event to whoever asked for it."""
        hub = self.hub
        hub.number += 1
        if not len(hub):
            return
        kind = news.kind_of(event)
        data = news.content(event, self._service.now(), self._service.hide)
        hub.send(kind, news.symbol_of(event), news.message(kind, hub.number, data))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one client."""
        service = self._service
        symbols, kinds = await self._asked(request.query.get("symbols"), request.query.get("events"))
        for name in request.query:
            if name not in ("symbols", "events"):
                raise Denied(400, "bad_arguments", f"`{name[:60]}` is unknown. Allowed: `symbols`, `events`.")
        if self.hub.full:
            raise Denied(503, "full", "Too many listeners already.", {"Retry-After": "10"})
        limits = service.limits
        response = web.WebSocketResponse(
            heartbeat=limits.heartbeat_seconds, max_msg_size=limits.socket_message_bytes, compress=False, timeout=1.0
        )
        if not response.can_prepare(request):
            return answers.problem(
                426, "upgrade", "This is a WebSocket.", headers={"Upgrade": "websocket", "Connection": "Upgrade"}
            )
        response.headers["Server"] = "cryptobot"
        transport = cast("asyncio.Transport", request.transport)
        peer = Peer(cast("Gate", transport.get_protocol()), transport, limits.socket_queue, symbols, kinds)
        self.hub.add(peer)  # before the snapshot is made, or what happens meanwhile would be lost
        self._open.add(response)
        try:
            first = await self._snapshot(symbols)
            await response.prepare(request)
            peer.begin(text_frame(first))
            await self._listen(response, peer)
        finally:
            self._open.discard(response)
            self.hub.remove(peer)
        return response

    async def close(self) -> None:
        """Say goodbye to everybody: the server stops."""
        leaving = [ws.close(code=WSCloseCode.GOING_AWAY, message=b"the server stops", drain=False) for ws in self._open]
        for peer in self.hub.peers():
            self.hub.remove(peer)  # nothing may follow a close frame
        await asyncio.gather(*leaving, return_exceptions=True)

    async def _listen(self, response: web.WebSocketResponse, peer: Peer) -> None:
        asks = Bucket(ASKS_PER_SECOND, ASKS_AT_ONCE, asyncio.get_running_loop().time)
        async for message in response:
            if message.type is WSMsgType.ERROR:
                break
            if asks.take() > 0:
                self.hub.remove(peer)
                await response.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too many messages")
                break
            try:
                await self._choose(peer, message.data)
            except (Denied, BackendError) as error:
                data = {"code": error.code, "message": self._service.hide(str(error))}
                peer.send(text_frame(news.message("error", self.hub.number, data)))

    async def _choose(self, peer: Peer, text: str | bytes) -> None:
        """Let a client change what it listens to, and show it the present state."""
        if not isinstance(text, str):
            raise Denied(400, "bad_json", 'Send text: {"symbols": [...], "events": [...]}.')
        try:
            wanted = orjson.loads(text)
        except ValueError as error:
            raise Denied(400, "bad_json", f"The message is not JSON: {error}.") from None
        if not isinstance(wanted, dict) or wanted.keys() - {"symbols", "events"}:
            raise Denied(400, "bad_arguments", "A message holds `symbols`, `events` or both, and nothing else.")
        symbols, kinds = await self._asked(wanted.get("symbols"), wanted.get("events"))
        peer.symbols, peer.kinds = symbols, kinds
        self.hub.place(peer)
        peer.send(text_frame(await self._snapshot(symbols)))

    async def _asked(self, symbols: Any, events: Any) -> tuple[frozenset[str] | None, frozenset[str] | None]:
        chosen, kinds = _names("symbols", symbols), _names("events", events)
        for kind in kinds or ():
            if kind not in news.KINDS:
                known = listed(news.KINDS)
                raise Denied(
                    400,
                    "bad_arguments",
                    f"event `{kind[:60]}` is unknown.{closest(kind[:60], news.KINDS)} Known: {known}.",
                )
        if chosen is None:
            return None, kinds
        return frozenset([await self._service.market(spelled(name)) for name in chosen]), kinds

    async def _snapshot(self, symbols: frozenset[str] | None) -> bytes:
        """Write where everything stands, so that news have something to build on."""
        service = self._service
        now = service.now()
        prices = [
            tick.fields(now) for tick in await service.backend.prices() if symbols is None or tick.symbol in symbols
        ]
        bots = []
        for name in await service.backend.bots():
            try:
                bots.append(news.plain(await service.status(name)))
            except Unavailable:
                continue  # it went while we asked
        return news.message("snapshot", self.hub.number, {"prices": prices, "bots": bots})


def _names(argument: str, given: Any) -> frozenset[str] | None:
    if given is None:
        return None
    names = given.split(",") if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) and 0 < len(name) <= 60 for name in names):
        raise Denied(400, "bad_arguments", f"`{argument}` must be a list of names.")
    if len(names) > MOST_SYMBOLS:
        raise Denied(400, "bad_arguments", f"`{argument}` has {len(names)} names: at most {MOST_SYMBOLS}.")
    return frozenset(name.strip() for name in names)
