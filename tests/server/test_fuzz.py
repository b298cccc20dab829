"""Nonsense in every language the server speaks: it answers or hangs up, and goes on; its memory does not grow."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import socket
import struct
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcp_server.server import PriceServer

ACCEPT = {"Accept": "application/json, text/event-stream"}
UPGRADE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=15), inner, max_size=4),
    max_leaves=12,
)
METHODS = st.sampled_from(
    [
        "initialize",
        "ping",
        "tools/list",
        "tools/call",
        "resources/read",
        "prompts/get",
        "server/discover",
        "x",
        "",
        "completion/complete",
    ]
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={"jsonrpc": st.sampled_from(["2.0", "1.0"]) | JSON, "id": JSON, "method": METHODS | JSON, "params": JSON},
)
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def exchange(server: PriceServer, sent: bytes, wait: float = 0.3) -> bytes:
    """Send bytes as they are; return what came back before the server hung up or fell silent."""
    found = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        with contextlib.suppress(OSError):
            raw.sendall(sent)
            raw.shutdown(socket.SHUT_WR)
        raw.settimeout(wait)
        with contextlib.suppress(OSError):
            while chunk := raw.recv(65_536):
                found += chunk
    return found


def test_bodies(server: PriceServer, ask: Any) -> None:
    paths = ["/stop-bot", "/set-strategy", "/bot-control", "/backtests", "/frontend-error"]

    @QUICK
    @given(st.sampled_from(paths), JSON | st.binary(max_size=200))
    def run(path: str, content: Any) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        reply = ask(server, "POST", path, body, token="control")
        assert reply.status in (200, 400, 404), (path, content, reply.body)
        assert b"Traceback" not in reply.body

    run()
    assert ask(server, "GET", "/prices").status == 200


def test_protocol_messages(server: PriceServer, ask: Any) -> None:
    @QUICK
    @given(MESSAGES | JSON, st.sampled_from([None, "2025-11-25", "2026-07-28", "9999-99-99", ""]))
    def run(message: Any, version: str | None) -> None:
        headers = {**ACCEPT, "MCP-Protocol-Version": version}
        reply = ask(server, "POST", "/mcp", json.dumps(message).encode(), headers=headers)
        assert reply.status < 500, (message, reply.body)
        assert b"Traceback" not in reply.body

    run()
    assert ask(server, "GET", "/prices").status == 200


@pytest.mark.parametrize("seed", range(8))
def test_bytes_that_are_no_http(server: PriceServer, ask: Any, seed: int) -> None:
    chance = random.Random(seed)
    right = f"GET /prices HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode()
    for _ in range(20):
        kind = chance.randrange(4)
        if kind == 0:
            sent = chance.randbytes(chance.randrange(1, 2_000))
        elif kind == 1:
            at = chance.randrange(len(right))
            sent = right[:at] + chance.randbytes(1) + right[at + 1 :]
        elif kind == 2:
            sent = right[: chance.randrange(len(right))]
        else:
            sent = right[:-2] + b"X: " + b"y" * chance.randrange(20_000) + b"\r\n\r\n"
        answer = exchange(server, sent)
        assert b"Traceback" not in answer
    assert ask(server, "GET", "/prices").status == 200


@pytest.mark.parametrize("seed", range(8))
def test_frames_that_are_no_frames(server: PriceServer, ask: Any, seed: int) -> None:
    chance = random.Random(seed)
    hello = UPGRADE.format(port=server.port, token=server.token).encode()

    def frame(payload: bytes) -> bytes:
        first = chance.choice([0x81, 0x82, 0x01, 0x80, 0x88, 0x89, 0x8A, 0x8B, 0xFF, 0xC1, chance.randrange(256)])
        mask = chance.randbytes(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        size = chance.choice([len(payload), len(payload), len(payload) + 3, 2**40])
        if size < 126:
            return bytes((first, 0x80 | size)) + mask + masked
        return struct.pack("!BBQ", first, 0xFF, size) + mask + masked

    for _ in range(15):
        frames = b"".join(frame(chance.randbytes(chance.randrange(60))) for _ in range(5))
        answer = exchange(server, hello + (frames if chance.random() < 0.8 else chance.randbytes(300)))
        assert answer.startswith(b"HTTP/1.1 101") or answer == b""
    assert ask(server, "GET", "/prices").status == 200


def test_memory_stays_flat(server: PriceServer, ask: Any) -> None:
    """Refused, broken and right requests, thousands of them: the process does not grow with their number."""
    process = psutil.Process(os.getpid())
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}'

    async def flood(rounds: int) -> None:
        head = f"Host: 127.0.0.1:{server.port}\r\nAuthorization: Bearer"
        requests = [
            f"GET /prices HTTP/1.1\r\n{head} {server.token}\r\n\r\n".encode(),
            f"GET /price/NOPE-{'x' * 20} HTTP/1.1\r\n{head} {server.token}\r\n\r\n".encode(),
            f"GET /prices HTTP/1.1\r\n{head} {'z' * 43}\r\n\r\n".encode(),
            f"GET /nowhere HTTP/1.1\r\n{head} {server.token}\r\n\r\n".encode(),
            (
                f"POST /mcp HTTP/1.1\r\n{head} {server.token}\r\nContent-Type: application/json\r\n"
                f"Accept: application/json, text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode()
            + body,
        ]
        for _ in range(rounds):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            for request in requests:
                writer.write(request)
                await writer.drain()
                assert await reader.read(65_536)
            writer.close()

    asyncio.run(flood(300))
    gc.collect()
    before = process.memory_info().rss
    asyncio.run(flood(600))
    gc.collect()
    assert process.memory_info().rss - before < 12 * 2**20
    assert ask(server, "GET", "/prices").status == 200
