"""The middleware that every request passes: REST, WebSocket and the protocol alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from aiohttp import hdrs, web

from mcp_server.http import answers
from mcp_server.http.connections import Gate
from mcp_server.http.endpoint import RIGHT, failed
from mcp_server.http.service import Service
from mcp_server.security.guard import Guard
from mcp_server.security.origins import Places
from mcp_server.security.policy import UNKNOWN_ROUTE, Policy

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

_SHARED = "Authorization, Content-Type, Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID"


def front(guard: Guard, places: Places, policies: Mapping[Any, Policy], service: Service) -> Middleware:
    """Return the middleware.

    Parameters
    ----------
    guard
        What it asks.
    places
        For the pages that may read answers across origins.
    policies
        By the handler that aiohttp has found for a request.
    service
        For answering failures.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the peer is gone")
        gate = cast("Gate", transport.get_protocol())
        gate.begin()
        headers = request.headers
        origin = headers.get(hdrs.ORIGIN)
        address = gate.address
        try:
            guard.check_place(headers.get(hdrs.HOST), origin, address)
            if request.method == hdrs.METH_OPTIONS:
                return _preflight(places, origin)
            policy = policies.get(request.match_info.handler, UNKNOWN_ROUTE)
            right = guard.check_right(headers.get(hdrs.AUTHORIZATION), policy, address, proven=gate.proven)
            if right:
                gate.prove()
            guard.check_rate(policy, right, address)
            if policy.takes_json or request.body_exists:
                encoding = headers.get(hdrs.CONTENT_ENCODING)
                guard.check_body(policy, request.content_type, encoding, request.content_length)
            request[RIGHT] = right
            response = await handler(request)
        except web.HTTPException as error:
            response = _not_found(error, request)
        except Exception as error:  # noqa: BLE001 - whatever a backend raises becomes an answer, and is logged
            response = failed(error, service)
        finally:
            gate.end()
        if origin is not None and not response.prepared:
            _share(response, places, origin)
        return response

    return middleware


def _not_found(error: web.HTTPException, request: web.Request) -> web.Response:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = sorted(error.allowed_methods)
        text = f"{request.method} is not allowed here. Allowed: {', '.join(allowed)}."
        return answers.problem(405, "wrong_method", text, allowed=allowed, headers={"Allow": ", ".join(allowed)})
    if error.status == 404:
        return answers.problem(404, "no_route", "There is nothing at this path. GET /openapi.json lists what there is.")
    return answers.problem(error.status, "refused", error.reason)


def _preflight(places: Places, origin: str | None) -> web.Response:
    """Answer a browser that asks whether a page may ask. Only listed pages may; others have been refused before."""
    if not places.shared_with(origin):
        return answers.problem(405, "wrong_method", "OPTIONS is not allowed here.", headers={"Allow": "GET, POST"})
    response = web.Response(status=204, headers=answers.HEADERS)
    response.headers["Access-Control-Allow-Methods"] = "GET, POST, DELETE"
    response.headers["Access-Control-Allow-Headers"] = _SHARED
    response.headers["Access-Control-Max-Age"] = "600"
    _share(response, places, origin)
    return response


def _share(response: web.StreamResponse, places: Places, origin: str | None) -> None:
    if origin is not None and places.shared_with(origin):
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = "Mcp-Session-Id, Retry-After"
        response.headers["Vary"] = "Origin"
