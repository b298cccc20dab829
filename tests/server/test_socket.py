"""`/ws`: a snapshot, then news; bounded for slow readers; hard to upset."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from mcp_server.events import PriceChanged
from mcp_server.http.connections import Gate
from mcp_server.memory import MemoryBackend
from mcp_server.models.bot import Mark
from mcp_server.models.market import Bar, Tick
from mcp_server.server import PriceServer
from mcp_server.stream.frames import text_frame
from mcp_server.stream.hub import Hub, Peer
from mcp_server.stream.pump import Pump


@asynccontextmanager
async def listening(
    server: PriceServer, query: str = "", **options: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    headers = {"Authorization": f"Bearer {server.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.url}/ws{query}", headers=headers, **options) as socket,
    ):
        yield socket


async def next_of(ws: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    message = await ws.receive(timeout=10)
    assert message.type is aiohttp.WSMsgType.TEXT, message
    return json.loads(message.data)


def tick(price: float, symbol: str = "BTC/USDT") -> Tick:
    return Tick(symbol, price, time.time_ns(), "test")


def test_a_snapshot_then_news_of_every_kind(server: PriceServer, backend: MemoryBackend) -> None:
    async def run() -> None:
        async with listening(server) as ws:
            first = await next_of(ws)
            assert first["type"] == "snapshot"
            assert {price["symbol"] for price in first["data"]["prices"]} == {"BTC/USDT", "ETH/USDT", "ETH/BTC"}
            assert first["data"]["bots"][0]["mode"] == "practice"
            backend.put_price(tick(1.5))
            news = await next_of(ws)
            assert (news["type"], news["data"]["price"], news["data"]["source"]) == ("price", 1.5, "test")
            assert news["data"]["age_s"] < 60
            bar = {"time": 0, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1}
            backend.put_bar(Bar(symbol="ETH/USDT", timeframe="1m", **bar))
            news = await next_of(ws)
            assert (news["type"], news["data"]["time"]) == ("bar", "1970-01-01T00:00:00.000Z")
            await backend.start_bot("demo")
            news = await next_of(ws)
            assert (news["type"], news["data"]["state"], news["data"]["mode"]) == ("status", "running", "practice")
            backend.put_trade("demo", Mark(time=0, side="buy", price=1.0, quantity=2.0))
            news = await next_of(ws)
            assert (news["type"], news["data"]["mode"], news["data"]["side"]) == ("trade", "practice", "buy")

    asyncio.run(run())


def test_numbers_count_without_a_gap(server: PriceServer, backend: MemoryBackend) -> None:
    async def run() -> None:
        async with listening(server) as ws:
            last = (await next_of(ws))["seq"]
            for i in range(50):
                backend.put_price(tick(float(i)))
                number = (await next_of(ws))["seq"]
                assert number == last + 1
                last = number

    asyncio.run(run())


def test_only_what_was_asked_for_comes(server: PriceServer, backend: MemoryBackend) -> None:
    async def run() -> None:
        async with listening(server, "?symbols=eth-usdt,ETH/BTC&events=price") as ws:
            assert {price["symbol"] for price in (await next_of(ws))["data"]["prices"]} == {"ETH/USDT", "ETH/BTC"}
            backend.put_price(tick(1.0))
            await backend.start_bot("demo")
            backend.put_price(tick(2.0, "ETH/USDT"))
            assert (await next_of(ws))["data"]["symbol"] == "ETH/USDT"
            await ws.send_str(json.dumps({"symbols": ["BTC-USDT"]}))
            assert (await next_of(ws))["type"] == "snapshot"
            backend.put_price(tick(3.0, "ETH/USDT"))
            backend.put_price(tick(4.0))
            assert (await next_of(ws))["data"]["price"] == 4.0

    asyncio.run(run())


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?symbols=DOGE-EUR", 404),
        ("?events=prices", 400),
        ("?token=x", 400),
        ("?symbols=" + "A-B," * 500, 400),
        ("?symbols=,", 400),
    ],
)
def test_bad_wishes_are_refused_before_the_upgrade(server: PriceServer, query: str, status: int) -> None:
    async def run() -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            async with listening(server, query):
                pass
        assert caught.value.status == status

    asyncio.run(run())


@pytest.mark.parametrize(
    "sent", ["", "{", "[]", "1", '{"subscribe": 1}', '{"symbols": 5}', '{"symbols": ["NOPE"]}', '{"events": ["x"]}']
)
def test_bad_messages_are_answered_and_the_stream_goes_on(
    server: PriceServer, backend: MemoryBackend, sent: str
) -> None:
    async def run() -> None:
        async with listening(server) as ws:
            await next_of(ws)
            await ws.send_str(sent)
            answer = await next_of(ws)
            assert answer["type"] == "error"
            assert answer["data"]["message"]
            backend.put_price(tick(9.0))
            assert (await next_of(ws))["data"]["price"] == 9.0

    asyncio.run(run())


def test_bytes_too_large_and_too_many_end_only_the_sender(server: PriceServer, ask: Any) -> None:
    async def run() -> None:
        async with listening(server) as ws:
            await next_of(ws)
            await ws.send_bytes(b"\x00")
            assert (await next_of(ws))["type"] == "error"
            await ws.send_str("x" * 10_000)
            message = await ws.receive(timeout=10)
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert message.data == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        async with listening(server) as ws:
            await next_of(ws)
            for _ in range(40):
                await ws.send_str("{")
            kinds = []
            while (message := await ws.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
                kinds.append(json.loads(message.data)["type"])
            assert message.data == aiohttp.WSCloseCode.POLICY_VIOLATION
            assert len(kinds) <= 25

    asyncio.run(run())
    assert ask(server, "GET", "/prices").status == 200


def test_listeners_are_limited(make_server: Any, wide: Any) -> None:
    server = make_server(limits=wide(sockets=1))

    async def run() -> None:
        async with listening(server) as ws:
            await next_of(ws)
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                async with listening(server):
                    pass
            assert caught.value.status == 503
        async with listening(server) as ws:
            await next_of(ws)

    # The place of the first is free as soon as the server has seen it leave.
    for attempt in range(20):
        try:
            asyncio.run(run())
        except aiohttp.WSServerHandshakeError:
            assert attempt < 19
        else:
            return


def test_stopping_says_goodbye(make_server: Any) -> None:
    server = make_server()

    async def run() -> None:
        async with listening(server) as ws:
            await next_of(ws)
            stopping = asyncio.create_task(asyncio.to_thread(server.stop, 5))
            message = await ws.receive(timeout=10)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.GOING_AWAY)
            await stopping

    asyncio.run(run())


def test_many_listeners_all_hear_the_same(server: PriceServer, backend: MemoryBackend) -> None:
    async def run() -> None:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {server.token}"}) as session:
            all_ = [await session.ws_connect(f"{server.url}/ws") for _ in range(100)]
            for ws in all_:
                await next_of(ws)
            backend.put_price(tick(7.0))
            heard = {(await ws.receive(timeout=10)).data for ws in all_}
            assert len(heard) == 1
            await asyncio.gather(*(ws.close() for ws in all_))

    asyncio.run(run())


def test_a_slow_reader_is_dropped_and_others_hear_everything(
    make_server: Any, wide: Any, backend: MemoryBackend, eventually: Any
) -> None:
    server = make_server(limits=wide(socket_slow_seconds=0.5, socket_queue=10))
    slow = socket.create_connection(("127.0.0.1", server.port))
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    slow.sendall(
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert slow.recv(100).startswith(b"HTTP/1.1 101")
    stop = threading.Event()

    def flood() -> None:
        long = "x" * 20_000
        price = 0.0
        while not stop.is_set():
            price += 1
            backend.put_price(Tick("BTC/USDT", price, time.time_ns(), long))
            stop.wait(0.001)

    thread = threading.Thread(target=flood)
    thread.start()
    try:

        async def run() -> None:
            async with listening(server, max_msg_size=0) as ws:
                await next_of(ws)
                prices = []
                while server.refused.get("slow", 0) == 0:
                    prices.append((await next_of(ws))["data"]["price"])
                assert prices == sorted(prices)

        asyncio.run(asyncio.wait_for(run(), 30))
    finally:
        stop.set()
        thread.join()
        slow.close()


# -- the parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_frames_are_what_the_standard_says(size: int) -> None:
    """aiohttp's client is the judge: it reads what is written behind the back of aiohttp's server."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        assert request.transport is not None
        request.transport.write(text_frame(b"a" * size))
        await ws.receive()
        return ws

    async def run() -> None:
        app = web.Application()
        app.router.add_get("/", serve)
        async with TestClient(TestServer(app)) as client, client.ws_connect("/", max_msg_size=0) as ws:
            assert (await ws.receive(timeout=10)).data == "a" * size

    asyncio.run(run())


class Sink:
    """Stands for a transport."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return False


class FakeGate:
    def __init__(self) -> None:
        self.stalled_since: float | None = None
        self.on_resume: Any = None


def peer(queue: int = 3, symbols: Any = None, kinds: Any = None) -> tuple[Peer, FakeGate, Sink]:
    gate, sink = FakeGate(), Sink()
    made = Peer(gate, sink, queue, symbols, kinds)  # type: ignore[arg-type]
    return made, gate, sink


def test_what_happens_during_the_snapshot_follows_it() -> None:
    made, _, sink = peer()
    made.send(b"1")
    assert sink.written == []
    made.begin(b"snapshot")
    made.send(b"2")
    assert sink.written == [b"snapshot", b"1", b"2"]


def test_a_stalled_peer_keeps_the_newest() -> None:
    made, gate, sink = peer(queue=3)
    made.begin(b"s")
    gate.stalled_since = 1.0
    for i in range(10):
        made.send(str(i).encode())
    assert made.dropped == 7
    gate.stalled_since = None
    gate.on_resume()
    assert sink.written == [b"s", b"7", b"8", b"9"]


def test_flushing_stops_where_the_peer_stalls_again() -> None:
    made, gate, sink = peer(queue=5)
    made.begin(b"s")
    gate.stalled_since = 1.0
    for i in range(3):
        made.send(str(i).encode())
    write = sink.write

    def fills_up(data: bytes) -> None:
        write(data)
        gate.stalled_since = 2.0

    sink.write = fills_up  # type: ignore[method-assign]
    gate.stalled_since = None
    gate.on_resume()
    assert sink.written == [b"s", b"0"]


def test_a_hub_writes_one_frame_for_all() -> None:
    hub = Hub(10)
    peers = [peer() for _ in range(3)]
    for made, _, _ in peers:
        made.begin(b"s")
        hub.add(made)
    choosy, _, choosy_sink = peer(symbols=frozenset({"ETH/USDT"}), kinds=frozenset({"price"}))
    choosy.begin(b"s")
    hub.add(choosy)
    hub.send("price", "BTC/USDT", b"x")
    frames = [sink.written[1] for _, _, sink in peers]
    assert frames[0] is frames[1] is frames[2]
    assert choosy_sink.written == [b"s"]
    hub.send("price", "ETH/USDT", b"y")
    hub.send("bar", "ETH/USDT", b"z")
    assert choosy_sink.written == [b"s", text_frame(b"y")]
    hub.remove(choosy)
    assert len(hub) == 3


def test_the_pump_wakes_the_loop_once_and_keeps_the_newest_price() -> None:
    class Loop:
        def __init__(self) -> None:
            self.calls: list[Any] = []

        def call_soon_threadsafe(self, call: Any) -> None:
            self.calls.append(call)

    loop, delivered = Loop(), []
    pump = Pump(loop, delivered.append)  # type: ignore[arg-type]
    for i in range(1_000):
        pump.put(PriceChanged(tick(float(i))))
        pump.put(PriceChanged(tick(float(-i), "ETH/USDT")))
    assert len(loop.calls) == 1
    loop.calls.pop()()
    assert [event.tick.price for event in delivered] == [999.0, -999.0]
    pump.put(PriceChanged(tick(1.0)))
    assert len(loop.calls) == 1
    pump.close()
    loop.calls.pop()()
    pump.put(PriceChanged(tick(2.0)))
    assert (len(delivered), loop.calls) == (2, [])


def test_events_from_many_threads_all_arrive(server: PriceServer, backend: MemoryBackend) -> None:
    async def run() -> None:
        async with listening(server, "?events=bar") as ws:
            await next_of(ws)
            bar = {"open": 1, "high": 1, "low": 1, "close": 1, "volume": 1}

            def work(n: int) -> None:
                for i in range(50):
                    backend.put_bar(Bar(symbol="ETH/USDT", timeframe="1m", time=(n * 50 + i) * 10**9, **bar))

            threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
            for thread in threads:
                thread.start()
            times = {(await next_of(ws))["data"]["time"] for _ in range(200)}
            assert len(times) == 200
            for thread in threads:
                thread.join()

    asyncio.run(run())


def test_gate_is_a_protocol_of_asyncio() -> None:
    assert issubclass(Gate, asyncio.Protocol)
