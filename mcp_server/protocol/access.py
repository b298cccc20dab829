"""Who asks, as the tools see it: the right of the token travels in the request's scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.mcpserver.exceptions import ToolError

from mcp_server.security.tokens import Right

if TYPE_CHECKING:
    from mcp.server.mcpserver import Context

STATE = "right"


def user_of(right: Right) -> AuthenticatedUser:
    """Return whoever has this right, for the SDK: a session belongs to the right that opened it and to no other."""
    name = right.name.lower()
    # The token itself is not passed on: nothing behind the guard needs it.
    return AuthenticatedUser(AccessToken(token="-", client_id=name, scopes=[name]))  # noqa: S106


def right_of(context: Context[Any, Any], otherwise: Right) -> Right:
    """Return the right of the request that a tool serves.

    Parameters
    ----------
    context
        Of the call.
    otherwise
        What holds where requests carry no token, which is over stdio: its user started the process.
    """
    request = context.request_context.request
    if request is None:
        return otherwise
    return Right(request.scope["state"].get(STATE, Right.NONE))


def need_control(context: Context[Any, Any], otherwise: Right) -> None:
    """Refuse a call that may not control.

    Raises
    ------
    ToolError
        If the token only reads.
    """
    if right_of(context, otherwise) < Right.CONTROL:
        raise ToolError(
            "This needs the control token, and the assistant connected with the read token. Its owner can give it the "
            "control token: server.control_token in the notebook."
        )
