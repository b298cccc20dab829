"""The aiohttp application: every route with its policy, the guard in front."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from mcp_server.http import answers, body
from mcp_server.http.endpoint import RIGHT, endpoint
from mcp_server.http.front import front
from mcp_server.http.openapi import document
from mcp_server.http.routes import Route
from mcp_server.http.service import Service
from mcp_server.protocol.bridge import Bridge
from mcp_server.security.guard import Guard
from mcp_server.security.origins import Places
from mcp_server.security.policy import Policy
from mcp_server.security.tokens import Right
from mcp_server.stream.socket import Sockets

Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """What is served, and under which policies.

    Parameters
    ----------
    service
        What answers are made of.
    routes
        The REST routes.
    bridge
        To the protocol's application; None leaves ``/mcp`` out.
    version
        For the OpenAPI document.
    """

    def __init__(self, service: Service, routes: Sequence[Route], bridge: Bridge | None, version: str) -> None:
        self._service = service
        self._bridge = bridge
        self._document = answers.body(document(routes, version))
        self._working: set[asyncio.Task[Any]] = set()
        self.sockets = Sockets(service)
        self.policies: dict[Any, Policy] = {}
        self.table: list[tuple[str, str, Policy, Handle]] = [
            (route.method, route.path, route.policy, endpoint(route, service)) for route in routes
        ]
        self.table.append(("GET", "/openapi.json", Policy(Right.READ), self._openapi))
        self.table.append(("GET", "/ws", Policy(Right.READ), self.sockets.handle))
        if bridge is not None:
            most = service.limits.mcp_body_bytes
            posted = Policy(Right.READ, takes_json=True, most_bytes=most, rate="mcp")
            self.table += [
                ("POST", "/mcp", posted, self._mcp_posted),
                ("GET", "/mcp", Policy(Right.READ, rate="mcp"), self._mcp_opened),
                ("DELETE", "/mcp", Policy(Right.READ, rate="mcp"), self._mcp_ended),
            ]

    def application(self, guard: Guard, places: Places) -> web.Application:
        """Make the application.

        Parameters
        ----------
        guard, places
            What stands in front of every route.
        """
        app = web.Application(middlewares=[front(guard, places, self.policies, self._service)])
        for method, path, policy, handle in self.table:
            tracked = self._tracked(handle)
            app.router.add_route(method, path, tracked)
            self.policies[tracked] = policy
        app.on_shutdown.append(self._shut)
        return app

    def _tracked(self, handle: Handle) -> Handle:
        """Remember what is being answered, so that stopping need not wait for a backtest."""
        working = self._working

        async def run(request: web.Request) -> web.StreamResponse:
            task = asyncio.current_task()
            if task is None:
                raise RuntimeError("aiohttp answers in tasks")
            working.add(task)
            try:
                return await handle(request)
            finally:
                working.discard(task)

        return run

    async def _shut(self, _app: web.Application) -> None:
        await self.sockets.close()
        if self._bridge is not None:
            await self._bridge.close()
        for task in tuple(self._working):
            task.cancel()

    async def _openapi(self, _request: web.Request) -> web.Response:
        headers = {**answers.HEADERS, "Content-Type": "application/json"}
        return web.Response(body=self._document, headers=headers)

    async def _mcp_posted(self, request: web.Request) -> web.StreamResponse:
        limits = self._service.limits
        return await self._mcp(request, await body.read(request, limits.mcp_body_bytes, limits.body_seconds))

    async def _mcp_opened(self, request: web.Request) -> web.StreamResponse:
        return await self._mcp(request, b"")

    async def _mcp_ended(self, request: web.Request) -> web.StreamResponse:
        return await self._mcp(request, b"")

    async def _mcp(self, request: web.Request, content: bytes) -> web.StreamResponse:
        if self._bridge is None:
            raise RuntimeError("/mcp is routed only with a bridge")
        await self._bridge.ready()
        # Not before: until then another thread is importing the SDK.
        from mcp_server.protocol.access import STATE, user_of  # noqa: PLC0415

        right = request[RIGHT]
        return await self._bridge.handle(request, content, {STATE: right}, user_of(right))
