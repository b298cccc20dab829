"""Answers as bytes: JSON with the headers that keep browsers and caches from doing more with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import orjson
from aiohttp import web
from multidict import CIMultiDict
from pydantic import BaseModel

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "Server": "cryptobot",
    "X-Content-Type-Options": "nosniff",
}
_JSON: Final = CIMultiDict({**HEADERS, "Content-Type": "application/json"})


def body(content: BaseModel | Mapping[str, Any]) -> bytes:
    """Write an answer as JSON."""
    if isinstance(content, BaseModel):
        return content.model_dump_json().encode("utf-8")
    return orjson.dumps(content)


def answer(content: BaseModel | Mapping[str, Any], status: int = 200) -> web.Response:
    """Make an answer."""
    return web.Response(body=body(content), status=status, headers=_JSON)


def problem(
    status: int,
    code: str,
    text: str,
    *,
    allowed: list[str] | None = None,
    headers: Mapping[str, str] | None = None,
    hang_up: bool = False,
) -> web.Response:
    """Make an answer that says what was wrong; see `ErrorAnswer`."""
    content = {"error": {"code": code, "message": text, "allowed": allowed}}
    # Names from outside may hold half a surrogate pair, which orjson refuses to write.
    written = json.dumps(content).encode("ascii")
    response = web.Response(body=written, status=status, headers=_JSON)
    response.headers.update(headers or {})
    if hang_up:
        response.force_close()
    return response
