"""What went wrong while the bridge was built, so that it does not go wrong again."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, web

from mcp_server.protocol.bridge import Bridge

HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


class Served:
    """An ASGI application behind the bridge, on a port of its own."""

    def __init__(self, application: Any, *, grace: float = 5.0, lifespan: Any = None) -> None:
        self.tasks: dict[str, Any] = {}

        @contextlib.asynccontextmanager
        async def nothing() -> AsyncIterator[None]:
            self.tasks["entered"] = asyncio.current_task()
            yield
            self.tasks["left"] = asyncio.current_task()

        async def load() -> Any:
            return application, lifespan or nothing

        self.bridge = Bridge(load, grace)

    async def __aenter__(self) -> str:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self.bridge.handle(request, await request.read(), {"right": 1}, "user")

        app = web.Application()
        app.router.add_route("*", "/", handle)

        async def shut(_app: web.Application) -> None:
            await self.bridge.close()

        app.on_shutdown.append(shut)
        self.runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
        await self.runner.setup()
        await self.bridge.start()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}/"

    async def __aexit__(self, *_: object) -> None:
        await self.runner.cleanup()


def run(work: Any) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(30):
            return await work()

    return asyncio.run(bounded())


def test_a_peer_that_leaves_is_a_message_and_not_a_cancellation() -> None:
    seen: list[str] = []
    left = asyncio.Event

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        started.set()
        try:
            seen.append((await receive())["type"])
            await asyncio.sleep(0)  # the application may go on a little
            seen.append("ended by itself")
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        finally:
            ended.set()

    async def work() -> None:
        async with Served(application) as url, ClientSession() as session:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    request = asyncio.create_task(session.get(url))
                    await started.wait()
                    request.cancel()
                    await ended.wait()

    started, ended = left(), left()
    run(work)
    assert seen == ["http.disconnect", "ended by itself"]


def test_an_application_that_does_not_end_is_cancelled_after_its_grace() -> None:
    cancelled = asyncio.Event()
    started = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def work() -> None:
        async with Served(application, grace=0.05) as url, ClientSession() as session:
            request = asyncio.create_task(session.get(url))
            await started.wait()
            request.cancel()
            await cancelled.wait()

    run(work)


def test_the_body_comes_once_and_then_nothing_until_the_end() -> None:
    """A receive() that goes on giving empty bodies makes the SDK spin."""
    got: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        got.append(await receive())
        waiting = asyncio.ensure_future(receive())
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        got.append(len(done))
        waiting.cancel()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    async def work() -> None:
        async with Served(application) as url, ClientSession() as session, session.post(url, data=b"hello") as answer:
            assert (answer.status, await answer.text()) == (200, "ok")

    run(work)
    assert got == [{"type": "http.request", "body": b"hello", "more_body": False}, 0]


def test_the_head_of_a_stream_leaves_at_once() -> None:
    release = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        headers = [
            (b"content-type", b"text/event-stream"),
            (b"connection", b"keep-alive"),
            (b"x-two", b"a"),
            (b"x-two", b"b"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await release.wait()
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def work() -> None:
        async with Served(application) as url, ClientSession() as session, session.get(url) as answer:
            assert answer.content_type == "text/event-stream"  # the body has not begun
            assert answer.headers.getall("x-two") == ["a", "b"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            release.set()
            assert await answer.read() == b"data: 1\n\n"

    run(work)


def test_lifespan_is_entered_and_left_in_one_task() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def work() -> None:
        served = Served(application)
        url = await asyncio.create_task(served.__aenter__())  # two notebook cells are two tasks
        async with ClientSession() as session, session.get(url) as answer:
            assert answer.status == 204
        await asyncio.create_task(served.__aexit__())
        assert served.tasks["entered"] is served.tasks["left"]

    run(work)


def test_stopping_ends_open_streams() -> None:
    ended: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        ended.append((await receive())["type"])
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def work() -> None:
        served = Served(application)
        url = await served.__aenter__()
        async with ClientSession() as session, session.get(url) as answer:
            loop = asyncio.get_running_loop()
            begun = loop.time()
            await served.__aexit__()
            assert loop.time() - begun < 5  # not aiohttp's minute
            assert await answer.read() == b""

    run(work)
    assert ended == ["http.disconnect"]


def test_writing_to_a_peer_that_left_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    done = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert (await receive())["type"] == "http.disconnect"
        for _ in range(100):
            await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        done.set()

    async def work() -> None:
        async with Served(application) as url, ClientSession() as session:
            answer = await session.get(url)
            answer.close()
            await done.wait()

    with caplog.at_level(logging.ERROR):
        run(work)
    assert caplog.records == []


def test_an_application_that_fails_is_answered_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("s3cret")

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        return

    async def work() -> None:
        for broken in (application, silent):
            async with Served(broken) as url, ClientSession() as session, session.get(url) as answer:
                assert answer.status == 500
                assert "s3cret" not in await answer.text()

    run(work)
    assert "never retrieved" not in caplog.text


def test_a_loader_that_fails_is_told_to_every_request() -> None:
    async def load() -> Any:
        raise ImportError("no SDK")

    async def work() -> None:
        bridge = Bridge(load)
        await bridge.start()
        for _ in range(2):
            with pytest.raises(ImportError, match="no SDK"):
                await bridge.ready()
        await bridge.close()

    run(work)


def test_closing_while_it_still_loads() -> None:
    release = asyncio.Event

    async def work() -> None:
        go = release()

        @contextlib.asynccontextmanager
        async def lifespan() -> AsyncIterator[None]:
            yield

        async def load() -> Any:
            await go.wait()
            return (lambda *_: None), lifespan

        bridge = Bridge(load)
        await bridge.start()
        closing = asyncio.create_task(bridge.close())
        await asyncio.sleep(0)
        go.set()
        await closing

    run(work)


# -- with the SDK behind it -------------------------------------------------------------------------------------------


def test_a_client_that_stops_reading_the_opening_answer_keeps_its_session(server: Any) -> None:
    """The SDK's own client does this; the first bridge answered it with "Session not found"."""
    body = json.dumps(HELLO)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n"
            f"Accept: {ACCEPT['Accept']}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += raw.recv(1)  # the head, and not a byte of the answer
    session = next(
        line.split(b":")[1].strip().decode()
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"mcp-session-id")
    )
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json", "Mcp-Session-Id": session}
    listing = json.dumps({"jsonrpc": "2.0", "id": 2, "method": "ping"})
    connection.request("POST", "/mcp", listing, {**headers, **ACCEPT, "MCP-Protocol-Version": "2025-11-25"})
    assert connection.getresponse().status == 200
    connection.close()


def test_closing_the_answer_cancels_in_the_newer_era(server: Any, backtests: Any) -> None:
    """There a client cancels by hanging up: seen at once, not at the next write."""
    params = {
        "name": "run_backtest",
        "arguments": {"symbol": "BTC-USDT", "strategy": "slow", "timeframe": "1m"},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        },
    }
    headers = {
        "Authorization": f"Bearer {server.token}",
        "Content-Type": "application/json",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "run_backtest",
        **ACCEPT,
    }
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    connection.request("POST", "/mcp", body, headers)
    assert backtests.started.wait(10)
    assert not backtests.cancelled.is_set()
    connection.close()
    assert backtests.cancelled.wait(5)


def test_an_open_stream_of_the_older_era_does_not_hold_up_the_stop(make_server: Any, ask: Any) -> None:
    server = make_server()
    opened = ask(server, "POST", "/mcp", HELLO, headers=ACCEPT)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {server.token}", "Accept": "text/event-stream"}
    connection.request("GET", "/mcp", headers={**headers, "Mcp-Session-Id": opened.headers["mcp-session-id"]})
    answer = connection.getresponse()
    assert answer.status == 200
    server.stop(timeout=5)
    assert not server.running
    connection.close()


def test_each_start_has_a_fresh_session_manager(make_server: Any, ask: Any) -> None:
    """The SDK's can be run once only."""
    server = make_server()
    for _ in range(3):
        assert ask(server, "POST", "/mcp", HELLO, headers=ACCEPT).status == 200
        server.stop()
        server.start()


def test_a_message_that_is_too_large_is_refused(make_server: Any, wide: Any, ask: Any) -> None:
    server = make_server(limits=wide(mcp_body_bytes=10_000))
    assert ask(server, "POST", "/mcp", b" " * 10_001, headers=ACCEPT).status == 413
    assert ask(server, "POST", "/mcp", HELLO, headers=ACCEPT).status == 200
