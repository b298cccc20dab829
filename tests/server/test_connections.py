"""Slow heads, slow bodies, floods, readers that do not read: bounded, and nobody else notices."""

from __future__ import annotations

import asyncio
import http.client
import socket
from collections.abc import Callable
from typing import Any

import pytest

from mcp_server.http.connections import Connections, Gate
from mcp_server.limits import Limits
from mcp_server.security.refusals import Refusals


class Inner(asyncio.Protocol):
    """Stands for aiohttp's side: notes what reaches it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.calls.append(data.decode())

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")


class Wire(asyncio.Transport):
    """Stands for a transport: notes that it was cut."""

    def __init__(self, gate: Gate) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.gate = gate
        self.aborted = False

    def abort(self) -> None:
        if not self.aborted:
            self.aborted = True
            self.gate.connection_lost(None)


class Room:
    """Connections with a clock that is moved by hand."""

    def __init__(self, **limits: Any) -> None:
        self.now = 0.0
        self.refusals = Refusals(lambda: self.now)
        self.all = Connections(Limits(**limits), self.refusals, lambda: self.now)

    def open(self) -> tuple[Gate, Wire, Inner]:
        inner = Inner()
        gate = Gate(inner, self.all)
        wire = Wire(gate)
        gate.connection_made(wire)
        return gate, wire, inner


def test_a_head_that_does_not_come_is_cut_off() -> None:
    room = Room(header_seconds=5)
    gate, wire, inner = room.open()
    gate.data_received(b"GET /")
    room.now = 5.0
    room.all.sweep()
    assert not wire.aborted
    room.now = 5.1
    room.all.sweep()
    assert wire.aborted
    assert inner.calls == ["made", "GET /", "lost"]
    assert room.refusals.counts == {"slow": 1}
    assert len(room.all) == 0


def test_a_request_that_is_answered_slowly_is_not() -> None:
    room = Room(header_seconds=5)
    gate, wire, _ = room.open()
    gate.begin()
    room.now = 1_000.0
    room.all.sweep()
    gate.end()
    room.now = 2_000.0
    room.all.sweep()  # between requests: aiohttp's own keep-alive limit holds
    assert not wire.aborted


def test_a_second_head_has_a_deadline_too() -> None:
    room = Room(header_seconds=5)
    gate, wire, _ = room.open()
    gate.begin()
    gate.end()
    room.now = 100.0
    gate.data_received(b"G")
    room.now = 104.0
    gate.data_received(b"E")  # a byte now and then buys no time
    room.now = 105.1
    room.all.sweep()
    assert wire.aborted


def test_a_reader_that_does_not_read_is_cut_off() -> None:
    room = Room(socket_slow_seconds=10)
    gate, wire, inner = room.open()
    gate.begin()
    gate.pause_writing()
    room.now = 9.0
    gate.resume_writing()
    gate.pause_writing()
    room.now = 19.0
    room.all.sweep()
    assert not wire.aborted
    room.now = 19.1
    room.all.sweep()
    assert wire.aborted
    assert inner.calls == ["made", "pause", "resume", "pause", "lost"]


def test_where_it_is_full_the_oldest_stranger_goes() -> None:
    room = Room(connections=3, strangers=100)
    known = room.open()[0]
    known.prove()
    oldest, newer, newest = room.open()[1], room.open()[1], room.open()[1]
    assert [wire.aborted for wire in (oldest, newer, newest)] == [True, False, False]
    assert len(room.all) == 3


def test_where_everybody_is_known_the_newcomer_goes() -> None:
    room = Room(connections=2)
    for _ in range(2):
        room.open()[0].prove()
    _, wire, inner = room.open()
    assert wire.aborted
    assert inner.calls == []
    assert len(room.all) == 2


def test_too_many_strangers_go_once_they_had_their_second() -> None:
    room = Room(connections=100, strangers=2)
    wires = [room.open()[1] for _ in range(4)]
    assert not any(wire.aborted for wire in wires)  # all at once: a burst of right clients looks like this
    room.now = 1.0
    room.open()
    assert [wire.aborted for wire in wires] == [True, False, False, False]


# -- the same through real sockets ------------------------------------------------------------------------------------

QUICK = {"header_seconds": 0.2, "body_seconds": 0.2}


def closed(raw: socket.socket) -> bytes:
    """Read until the server hangs up."""
    raw.settimeout(10)
    found = b""
    try:
        while chunk := raw.recv(4_096):
            found += chunk
    except ConnectionResetError:
        pass
    return found


@pytest.mark.parametrize("sent", [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_slow_heads_are_closed(make_server: Any, wide: Callable[..., Limits], ask: Any, sent: bytes) -> None:
    server = make_server(limits=wide(**QUICK))
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(sent)
        assert closed(raw) == b""
    assert server.refused == {"slow": 1}
    assert ask(server, "GET", "/prices").status == 200


@pytest.mark.parametrize(("path", "token"), [("/frontend-error", "read"), ("/stop-bot", "control"), ("/mcp", "read")])
def test_slow_bodies_are_answered_and_closed(make_server: Any, wide: Any, path: str, token: str, ask: Any) -> None:
    server = make_server(limits=wide(**QUICK))
    given = server.token if token == "read" else server.control_token
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {given}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(head.encode())
        assert closed(raw).startswith(b"HTTP/1.1 408")
    assert ask(server, "GET", "/prices").status == 200


def test_a_body_in_chunks_is_bounded_as_it_comes(make_server: Any, wide: Any) -> None:
    server = make_server(limits=wide())
    head = (
        f"POST /frontend-error HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(head.encode())
        raw.settimeout(10)
        try:
            for _ in range(200):
                raw.sendall(b"1000\r\n" + b" " * 4_096 + b"\r\n")
        except (ConnectionError, TimeoutError):
            pass
        try:
            answer = raw.recv(4_096)
        except ConnectionError:
            answer = b""
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413")
    assert server.running


def test_a_flood_of_half_requests_leaves_room_for_real_ones(make_server: Any, wide: Any, ask: Any) -> None:
    server = make_server(limits=wide(connections=40, strangers=20))
    flood = []
    try:
        for _ in range(120):
            raw = socket.create_connection(("127.0.0.1", server.port))
            raw.sendall(b"GET /prices HTTP/1.1\r\nX: ")
            flood.append(raw)
        assert server.connections <= 40
        assert all(ask(server, "GET", "/prices").status == 200 for _ in range(10))
        assert server.refused["connections"] > 0
    finally:
        for raw in flood:
            raw.close()


def test_a_connection_serves_many_requests(make_server: Any, wide: Any) -> None:
    server = make_server(limits=wide())
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(50):
        connection.request("GET", "/price/BTC-USDT", headers={"Authorization": f"Bearer {server.token}"})
        assert connection.getresponse().read()
    assert server.connections == 1
    connection.close()
