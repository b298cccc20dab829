"""The same price by FastAPI on uvicorn: what the price server is measured against."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException

from benchmarks.serving import filled
from mcp_server.models.market import Price


def _serve_fastapi() -> None:
    """Serve the price as a careful author would in FastAPI: the same checks, the same answer."""
    token = secrets.token_urlsafe(32)
    hosts: set[str] = set()
    backend = filled()
    app = FastAPI()

    async def checked(
        host: Annotated[str, Header()],
        authorization: Annotated[str, Header()] = "",
        origin: Annotated[str | None, Header()] = None,
    ) -> None:
        if host not in hosts:
            raise HTTPException(421)
        if origin is not None:
            raise HTTPException(403)
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401)

    async def price(symbol: str) -> Any:
        wanted = symbol.replace("-", "/")
        if wanted not in await backend.symbols():
            raise HTTPException(404)
        return (await backend.price(wanted)).fields(time.time_ns())

    route: Callable[..., Callable[[Callable[[str], Awaitable[Any]]], Any]] = app.get
    route("/price/{symbol}", response_model=Price, dependencies=[Depends(checked)])(price)
    asyncio.run(_run(app, hosts, token))


async def _run(app: FastAPI, hosts: set[str], token: str) -> None:
    """Serve on any free port; uvicorn opens the socket itself, as it is meant to."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    hosts.update({f"127.0.0.1:{port}", f"localhost:{port}"})
    sys.stdout.write(json.dumps({"port": port, "token": token}) + "\n")
    sys.stdout.flush()
    await serving


if __name__ == "__main__":
    _serve_fastapi()
