"""The WebSocket API: requests over one socket, and the account's events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from cryptobot.exchange.simulator import parameters
from cryptobot.exchange.simulator.answers import ApiError
from cryptobot.exchange.simulator.gate import Answer, Gate
from cryptobot.exchange.simulator.requests import carry_out
from cryptobot.exchange.simulator.sockets import Socket, dumps
from cryptobot.exchange.simulator.world import World

if TYPE_CHECKING:
    from aiohttp import web

_SUBSCRIBE: Final = "userDataStream.subscribe.signature"
_UNSUBSCRIBE: Final = "userDataStream.unsubscribe"
_LIST: Final = "session.subscriptions"


class WsApi:
    """Serves ``/ws-api/v3``.

    Parameters
    ----------
    world, gate
        The exchange.
    settle
        Sends what happened to those who listen.

    Attributes
    ----------
    sockets
        The clients that are connected.
    """

    def __init__(self, world: World, gate: Gate, settle: Callable[[], None]) -> None:
        self.sockets: set[Socket] = set()
        self._world = world
        self._gate = gate
        self._settle = settle
        self._next: dict[Socket, int] = {}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Talk to one client until it leaves."""
        socket = Socket(request, "user")
        limits = request.query.get("returnRateLimits", "true") != "false"
        response = await socket.open()
        self.sockets.add(socket)
        self._next[socket] = 0
        try:
            while (text := await socket.read()) is not None:
                await self._answer(socket, text, limits)
        finally:
            self.sockets.discard(socket)
            self._next.pop(socket, None)
            socket.end()
        return response

    def tell(self, event: Mapping[str, Any]) -> None:
        """Send an event of the account to those who listen."""
        for socket in list(self.sockets):
            for number in list(socket.subscriptions):
                socket.send({"subscriptionId": number, "event": event})

    async def _answer(self, socket: Socket, text: str, limits: bool) -> None:
        asked = _object(text)
        params = asked.get("params") or {}
        if not isinstance(asked.get("method"), str) or "id" not in asked or not isinstance(params, dict):
            error = ApiError(-1135, "Invalid JSON Request")
            self._send(socket, asked.get("id"), Answer(400, None, error=error), limits)
            return
        limits = bool(params.get("returnRateLimits", limits))
        if asked["method"] in (_SUBSCRIBE, _UNSUBSCRIBE, _LIST):
            self._send(socket, asked["id"], self._subscription(socket, asked["method"], params), limits)
            return
        method = asked["method"]
        sent = await carry_out(
            self._world,
            self._gate,
            "WS",
            method,
            parameters.texts(params),
            lambda: self._gate.admit_socket(method, params),
            self._settle,
        )
        if sent.answer is None:
            socket.drop()
        elif sent.text is not None:
            socket.send_text(sent.text)
        elif sent.half:
            whole = dumps(self._shape(asked["id"], sent.answer, limits))
            socket.send_text(whole[: len(whole) // 2])
        else:
            self._send(socket, asked["id"], sent.answer, limits)

    def _subscription(self, socket: Socket, method: str, params: Mapping[str, Any]) -> Answer:
        try:
            if method == _SUBSCRIBE:
                content: Any = self._subscribe(socket, params)
            elif method == _UNSUBSCRIBE:
                content = self._unsubscribe(socket, params.get("subscriptionId"))
            else:
                content = [{"subscriptionId": number} for number in socket.subscriptions]
        except ApiError as error:
            self._gate.lost("WS", method, parameters.texts(params), error.status)
            return self._gate.refuse(error)
        self._gate.lost("WS", method, parameters.texts(params), 200)
        return Answer(200, content)

    def _subscribe(self, socket: Socket, params: Mapping[str, Any]) -> dict[str, int]:
        self._gate.admit_subscription(params)
        if socket.subscriptions:
            raise ApiError(-2035, "User Data Stream subscription already active.")
        number = self._next[socket]
        self._next[socket] += 1
        socket.subscriptions[number] = None
        return {"subscriptionId": number}

    def _unsubscribe(self, socket: Socket, number: Any) -> dict[str, int]:
        if number is not None and number not in socket.subscriptions:
            raise ApiError(-2036, "User Data Stream subscription not active.")
        for one in list(socket.subscriptions) if number is None else [number]:
            del socket.subscriptions[one]
            event = {"e": "eventStreamTerminated", "E": self._world.server_time}
            socket.send({"subscriptionId": one, "event": event})
        return {}

    def _send(self, socket: Socket, number: Any, answer: Answer, limits: bool) -> None:
        socket.send(self._shape(number, answer, limits))

    def _shape(self, number: Any, answer: Answer, limits: bool) -> dict[str, Any]:
        shape: dict[str, Any] = {"id": number, "status": answer.status}
        if answer.error is None:
            shape["result"] = answer.content
        else:
            shape["error"] = answer.error.content | ({"data": answer.error.data} if answer.error.data else {})
        if limits:
            shape["rateLimits"] = self._world.limits.table(counted=True)
        return shape


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object that a text holds; an empty one if it holds none."""
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return asked if isinstance(asked, dict) else {}
