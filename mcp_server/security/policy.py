"""What a route asks of a request: declared for every route, or the server does not start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mcp_server.security.tokens import Right

Rate = Literal["calls", "mcp", "control"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a route asks of a request.

    Attributes
    ----------
    right
        The least that the token must give; ``Right.NONE`` leaves the route open.
    takes_json
        Whether it has a body; then it must be ``application/json``.
    most_bytes
        Largest body; 0 where there is none.
    rate
        Which allowance its requests are taken from.
    """

    right: Right
    takes_json: bool = False
    most_bytes: int = 0
    rate: Rate = "calls"


UNKNOWN_ROUTE = Policy(Right.READ)
"""For paths and methods that do not exist: only who may read learns that they do not."""
