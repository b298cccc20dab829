"""The body of a request: bounded, and within a deadline."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import web

from mcp_server.security.guard import Denied


async def read(request: web.BaseRequest, most: int, seconds: float) -> bytes:
    """Read a body.

    Parameters
    ----------
    request
        Of which.
    most
        Bytes that are accepted.
    seconds
        For all of it.

    Raises
    ------
    Denied
        413 when it is too large, 408 when it takes too long, 400 when it is broken off.
    """
    chunks = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                chunks += chunk
                if len(chunks) > most:
                    raise Denied(413, "too_large", f"The body is too large: at most {most} bytes.", hang_up=True)
    except TimeoutError:
        raise Denied(408, "too_slow", f"The body took more than {seconds:g} s.", hang_up=True) from None
    except (OSError, web.RequestPayloadError) as error:
        raise Denied(400, "broken", f"The body is broken: {type(error).__name__}.", hang_up=True) from error
    return bytes(chunks)


def json_object(content: bytes) -> dict[str, Any]:
    """Parse a body; an empty one is an empty object.

    Raises
    ------
    Denied
        400 if it is not a JSON object.
    """
    if not content:
        return {}
    try:
        found = orjson.loads(content)
    except ValueError as error:
        raise Denied(400, "bad_json", f"The body is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise Denied(400, "bad_json", 'The body must be a JSON object, for example {"bot": null}.')
    return found
