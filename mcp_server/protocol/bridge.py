"""An ASGI 3 application under an aiohttp route.

The SDK's transport is an ASGI application; this passes requests in and answers out, and nothing else. What is not obvious
about it, and held by tests:

- A peer that goes away reaches the application as the message ``http.disconnect``, not as a cancellation: cancelled
  outright, the SDK drops the session whose opening request its client stopped reading early. So the application runs in
  a task of its own and has some seconds to end by itself.
- The lifespan is entered and left in one task, because the SDK's cancel scopes demand it.
- An answer without a length is sent as it comes, its headers at once: a stream of events may stay silent for long.
- When the server stops, every open answer is told that its peer is gone, or stopping would wait for them.

aiohttp must run with ``handler_cancellation=True``: that is how a handler learns that its peer went away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from aiohttp import web

from mcp_server.http import answers

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Application = Callable[[Scope, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
Lifespan = Callable[[], AbstractAsyncContextManager[Any]]
Loader = Callable[[], Awaitable[tuple[Application, Lifespan]]]

# Between aiohttp and its peer, not the application's business (RFC 9110, section 7.6.1); aiohttp sets its own.
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "date", "server"})


class Bridge:
    """Serves an ASGI application.

    Parameters
    ----------
    load
        Makes the application and its lifespan, once; requests that come earlier wait for it.
    grace
        Seconds that the application may go on after its peer has gone.
    """

    def __init__(self, load: Loader, grace: float = 5.0) -> None:
        self._load = load
        self._grace = grace
        self._open: set[_Exchange] = set()
        self._ready: asyncio.Future[Application] | None = None
        self._stop: asyncio.Event | None = None
        self._supervisor: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to load the application; returns at once."""
        self._ready = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._supervisor = asyncio.create_task(self._supervise(self._ready, self._stop), name="asgi lifespan")

    async def ready(self) -> None:
        """Wait until the application is loaded.

        Raises
        ------
        Exception
            What loading it raised.
        """
        if self._ready is None:
            raise RuntimeError("the bridge has not been started")
        await asyncio.shield(self._ready)

    async def close(self) -> None:
        """End all answers, then the lifespan."""
        for exchange in tuple(self._open):
            exchange.gone.set()
        if self._stop is not None and self._supervisor is not None:
            self._stop.set()
            if self._ready is not None and not self._ready.done():
                self._supervisor.cancel()  # it is loading still, which nobody waits for any more
                await asyncio.wait({self._supervisor})
            else:
                await self._supervisor
        if self._ready is not None and self._ready.done() and not self._ready.cancelled():
            self._ready.exception()  # seen: whoever asked has been told

    async def _supervise(self, ready: asyncio.Future[Application], stop: asyncio.Event) -> None:
        try:
            application, lifespan = await self._load()
            async with lifespan():
                ready.set_result(application)
                await stop.wait()
        except Exception as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def handle(
        self, request: web.Request, content: bytes, state: Mapping[str, Any], user: object
    ) -> web.StreamResponse:
        """Pass one request to the application.

        Parameters
        ----------
        request
            The request.
        content
            Its body, already read.
        state
            Put into the scope for the application's handlers.
        user
            Put into the scope as whoever asks.
        """
        await self.ready()
        if self._ready is None:
            raise RuntimeError("the bridge has not been started")
        exchange = _Exchange(request, content)
        scope = {**_scope(request), "state": dict(state), "user": user}
        work = self._ready.result()(scope, exchange.receive, exchange.send)
        task = asyncio.ensure_future(work)
        self._open.add(exchange)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            exchange.gone.set()
            if not task.done():
                await asyncio.wait({task}, timeout=self._grace)
            if task.done() and not task.cancelled():
                task.exception()  # seen: there is nobody left to tell
            raise
        finally:
            self._open.discard(exchange)
            if not task.done():
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        return exchange.finish()


class _Exchange:
    """One request and its answer."""

    def __init__(self, request: web.Request, content: bytes) -> None:
        self._request = request
        self._content: bytes | None = content
        self._start: Message | None = None
        self._whole = bytearray()
        self._response: web.StreamResponse | None = None
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        """Give the body once, then wait until the peer is gone."""
        if self._content is not None:
            content, self._content = self._content, None
            return {"type": "http.request", "body": content, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            if not any(name.lower() == b"content-length" for name, _ in message.get("headers", ())):
                self._response = _headed(web.StreamResponse(status=message["status"]), message.get("headers", ()))
                await self._written(self._response.prepare(self._request))
            return
        if self._start is None:
            raise RuntimeError(f"{message['type']} before http.response.start")
        part, more = message.get("body", b""), message.get("more_body", False)
        if self._response is None:
            self._whole += part
            return
        if part:
            await self._written(self._response.write(part))
        if not more:
            await self._written(self._response.write_eof())

    async def _written(self, writing: Awaitable[Any]) -> None:
        """Write; a peer that is gone is no fault of the application."""
        try:
            await writing
        except OSError:
            self.gone.set()

    def finish(self) -> web.StreamResponse:
        """Return the answer that aiohttp is to end."""
        if self._response is not None:
            return self._response
        if self._start is None:
            return answers.problem(500, "internal", "There was no answer. The server's log has the details.")
        response = web.Response(status=self._start["status"], body=bytes(self._whole))
        return _headed(response, self._start.get("headers", ()))


def _headed(response: web.StreamResponse, headers: Iterable[tuple[bytes, bytes]]) -> web.StreamResponse:
    given = {name.decode("latin-1").lower() for name, _ in headers}
    response.headers.popall("Content-Type", None)
    for name, value in answers.HEADERS.items():
        if name.lower() not in given:
            response.headers[name] = value
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1")
        if name.lower() not in _HOP_BY_HOP and name.lower() != "content-length":
            response.headers.add(name, raw_value.decode("latin-1"))
    return response


def _scope(request: web.Request) -> dict[str, Any]:
    transport = request.transport
    peer = transport.get_extra_info("peername") if transport is not None else None
    own = transport.get_extra_info("sockname") if transport is not None else None
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": f"{request.version.major}.{request.version.minor}",
        "method": request.method,
        "scheme": request.scheme,
        "root_path": "",
        "path": request.path,
        "raw_path": request.rel_url.raw_path.encode("ascii"),
        "query_string": request.rel_url.raw_query_string.encode("ascii"),
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": tuple(peer[:2]) if peer else None,
        "server": tuple(own[:2]) if own else None,
    }
