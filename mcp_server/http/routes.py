"""What a route is: its path, what it asks for, what it takes and what it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from mcp_server.security.policy import Policy
from mcp_server.security.tokens import Right

if TYPE_CHECKING:
    from aiohttp import web

    from mcp_server.http.service import Service

JSON_BODY = 64 * 1024


class Arguments(BaseModel):
    """What a route takes, from its path and its query or body; anything else is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as a route's function sees it.

    Attributes
    ----------
    service
        What answers are made of.
    request
        The request itself; for the few routes that need more than arguments.
    right
        What its token gives.
    """

    service: Service
    request: web.Request
    right: Right


Handler = Callable[[Call, Any], Awaitable["BaseModel | dict[str, Any] | web.StreamResponse"]]


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path.

    Attributes
    ----------
    method, path
        Such as ``"GET"`` and ``"/price/{symbol}"``.
    handler
        Called with the call and its arguments.
    policy
        What it asks of a request.
    arguments
        Their shape.
    answer
        Shape of the answer; None where it is not a JSON object.
    summary
        One line for the OpenAPI document.
    media
        Media type of the answer.
    """

    method: str
    path: str
    handler: Handler
    policy: Policy
    arguments: type[Arguments]
    answer: type[BaseModel] | None
    summary: str
    media: str = "application/json"

    @property
    def path_names(self) -> list[str]:
        """Names in the path."""
        return [part[1:-1] for part in self.path.split("/") if part.startswith("{")]


def reads(
    path: str, handler: Handler, arguments: type[Arguments], answer: type[BaseModel] | None, summary: str
) -> Route:
    """Declare a route that shows something: GET, read token, no body."""
    return Route("GET", path, handler, Policy(Right.READ), arguments, answer, summary)


def posts(
    path: str,
    handler: Handler,
    arguments: type[Arguments],
    answer: type[BaseModel] | None,
    summary: str,
    *,
    right: Right,
) -> Route:
    """Declare a route that does something: POST with a JSON body."""
    rate = "control" if right is Right.CONTROL else "calls"
    policy = Policy(right, takes_json=True, most_bytes=JSON_BODY, rate=rate)  # type: ignore[arg-type]
    return Route("POST", path, handler, policy, arguments, answer, summary)
