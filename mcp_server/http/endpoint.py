"""From a route to aiohttp's handler: arguments in, answer out, errors in words."""

from __future__ import annotations

import logging
import secrets
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from mcp_server.errors import BackendError
from mcp_server.http import answers, body
from mcp_server.http.routes import Arguments, Call, Route
from mcp_server.http.service import Service
from mcp_server.security.guard import Denied
from mcp_server.security.tokens import Right
from mcp_server.words import closest, listed

LOGGER = logging.getLogger("mcp_server")
LOGGER.addHandler(logging.NullHandler())

RIGHT = web.RequestKey("right", Right)


def endpoint(route: Route, service: Service) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return what aiohttp is to call for a route."""
    handler = route.handler
    takes_json = route.policy.takes_json
    most, seconds = route.policy.most_bytes, service.limits.body_seconds

    async def handle(request: web.Request) -> web.StreamResponse:
        given = body.json_object(await body.read(request, most, seconds)) if takes_json else _query(request)
        given.update(request.match_info)
        call = Call(service, request, request.get(RIGHT, Right.NONE))
        result = await handler(call, arguments(route.arguments, given))
        if isinstance(result, web.StreamResponse):
            return result
        return answers.answer(result)

    return handle


def _query(request: web.Request) -> dict[str, Any]:
    if not request.query_string:
        return {}
    query = request.query
    if len(query) != len(set(query)):
        raise Denied(400, "bad_arguments", "An argument is given twice. Give each once; lists are separated by commas.")
    return dict(query)


def arguments(shape: type[Arguments], given: dict[str, Any]) -> Arguments:
    """Check arguments.

    Raises
    ------
    Denied
        400; it names the argument, what was wrong and the valid names.
    """
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        names = list(shape.model_fields)
        raise Denied(400, "bad_arguments", explain(error, names)) from None


def explain(error: ValidationError, names: list[str]) -> str:
    """Say what is wrong with arguments, in one line for each, without repeating long values."""
    lines = []
    for found in error.errors(include_url=False, include_context=False)[:5]:
        where = ".".join(str(part) for part in found["loc"]) or "arguments"
        if found["type"] == "extra_forbidden":
            valid = f"Allowed: {listed(names)}." if names else "None is allowed."
            lines.append(f"`{where[:60]}` is unknown.{closest(where[:60], names)} {valid}")
        else:
            seen = "" if found["type"] == "missing" else f" (seen: {repr(found['input'])[:60]})"
            lines.append(f"`{where}`: {found['msg']}{seen}.")
    return " ".join(lines)


def failed(error: Exception, service: Service) -> web.Response:
    """Answer a request that raised: expected failures in their own words, others with a number for the log."""
    if isinstance(error, Denied):
        return answers.problem(
            error.status, error.code, service.hide(str(error)), headers=error.headers, hang_up=error.hang_up
        )
    if isinstance(error, BackendError):
        headers = {"Retry-After": "1"} if error.status in (429, 503) else None
        return answers.problem(
            error.status, error.code, service.hide(str(error)), allowed=error.allowed, headers=headers
        )
    number = noted(error, service)
    return answers.problem(500, "internal", f"The server failed. Its log has the details under {number}.")


def noted(error: BaseException, service: Service) -> str:
    """Log an unexpected failure, without secrets, and return the number under which it stands there."""
    number = secrets.token_hex(4)
    LOGGER.error("failure %s\n%s", number, service.hide("".join(traceback.format_exception(error))))
    return number
