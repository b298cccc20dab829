"""The REST side: one handler for all routes."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from cryptobot.exchange.simulator import parameters
from cryptobot.exchange.simulator.answers import ApiError
from cryptobot.exchange.simulator.gate import Gate
from cryptobot.exchange.simulator.requests import carry_out
from cryptobot.exchange.simulator.sockets import dumps
from cryptobot.exchange.simulator.world import World


class Rest:
    """Serves ``/api`` and ``/sapi``.

    Parameters
    ----------
    world, gate
        The exchange.
    settle
        Sends what happened to those who listen.
    """

    def __init__(self, world: World, gate: Gate, settle: Callable[[], None]) -> None:
        self._world = world
        self._gate = gate
        self._settle = settle

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        query = request.rel_url.raw_query_string
        body = (await request.read()).decode("utf-8", "replace") if request.can_read_body else ""
        key = request.headers.get("X-MBX-APIKEY")
        method, path = request.method, request.path
        try:
            shown = parameters.pairs(query, body)
        except ApiError:
            shown = {}  # the gate says what is wrong with it
        sent = await carry_out(
            self._world,
            self._gate,
            method,
            path,
            shown,
            lambda: self._gate.admit(method, path, query, body, key),
            self._settle,
        )
        if sent.answer is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        if sent.text is not None:
            kind = "text/html" if sent.text.lstrip().startswith("<") else "text/plain"
            return web.Response(
                text=sent.text, status=sent.answer.status, content_type=kind, headers=sent.answer.headers
            )
        text = dumps(sent.answer.content)
        if sent.half:
            text = text[: len(text) // 2]
        return web.Response(
            body=text.encode(),
            status=sent.answer.status,
            headers=sent.answer.headers,
            content_type="application/json",
            charset="utf-8",
        )
