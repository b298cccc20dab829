"""Market streams and the WebSocket API over real sockets."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest

from cryptobot.exchange.simulator.faults import Fault
from cryptobot.exchange.simulator.keys import payload_of, signature
from tests.unit.exchange.simulator.helpers import frame

WAIT = 10


class Client:
    """One WebSocket, read and written as JSON."""

    def __init__(self, socket, simulator):
        self.socket = socket
        self._simulator = simulator
        self._number = 0

    async def read(self):
        message = await asyncio.wait_for(self.socket.receive(), WAIT)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return json.loads(message.data)

    async def ask(self, method, params=None, **more):
        self._number += 1
        sent = {"method": method, "id": self._number} | ({} if params is None else {"params": params}) | more
        await self.socket.send_str(json.dumps(sent))
        return await self.answer(self._number)

    async def answer(self, number):
        while True:
            said = await self.read()
            if said.get("id") == number:
                return said

    async def signed(self, method, **params):
        """Ask the WebSocket API something that must be signed; events that come before the answer are kept."""
        self._number += 1
        given = {"apiKey": self._simulator.api_key, "timestamp": self._simulator.now // 1_000_000} | params
        given["signature"] = signature(self._simulator.secret, payload_of(given))
        await self.socket.send_str(json.dumps({"method": method, "id": self._number, "params": given}))
        events = []
        while True:
            said = await self.read()
            if said.get("id") == self._number:
                return said, events
            events.append(said)

    async def events(self, number):
        return [(await self.read())["event"] for _ in range(number)]


@asynccontextmanager
async def connected(simulator, path):
    address = f"ws://127.0.0.1:{simulator.port}{path}"
    async with aiohttp.ClientSession() as session, session.ws_connect(address, autoping=False) as socket:
        yield Client(socket, simulator)


def run(work):
    return asyncio.run(asyncio.wait_for(work, 60))


async def stepped(simulator, n=1):
    return await asyncio.to_thread(simulator.step, n)


def test_a_closed_candle_comes_before_the_one_that_opens(simulator):
    made = simulator()

    async def watch():
        async with connected(made, "/ws/0") as client:
            assert await client.ask("SUBSCRIBE", ["btcusdt@kline_1m"]) == {"result": None, "id": 1}
            await stepped(made)
            return [await client.read() for _ in range(2)]

    closed, opened = run(watch())
    assert set(closed) == {"e", "E", "s", "k"}
    assert set(closed["k"]) == set("tTsifLochlvnxqVQB")
    assert (closed["e"], closed["s"], closed["k"]["i"], closed["k"]["x"]) == ("kline", "BTCUSDT", "1m", True)
    assert [float(closed["k"][name]) for name in "ohlcv"] == [100, 103, 99, 102, 10]
    assert (opened["k"]["x"], opened["k"]["t"]) == (False, closed["k"]["T"] + 1)
    assert {opened["k"][name] for name in "ohlc"} == {"102.00000000"}
    assert opened["k"]["f"] == closed["k"]["L"] + 1


def klines_of_five(made, steps, frames):
    async def watch():
        async with connected(made, "/ws/btcusdt@kline_5m") as client:
            await client.ask("LIST_SUBSCRIPTIONS")
            await stepped(made, steps)
            return [(await client.read())["k"] for _ in range(frames)]

    return run(watch())


GRID = 1_700_000_100  # of five minutes


def test_longer_candles_grow_and_close_when_they_end(simulator):
    frames = klines_of_five(simulator(frame(*range(100, 130), start=GRID)), 10, 20)
    closed = [k for k in frames if k["x"]]
    assert [(k["o"], k["c"], k["n"]) for k in closed] == [
        ("100.00000000", "105.00000000", 20), ("105.00000000", "110.00000000", 20),
    ]  # fmt: skip
    grown = [float(k["c"]) for k in frames if k["t"] == closed[0]["t"]]
    assert grown == sorted(grown)
    assert [k["x"] for k in frames].index(True) == 8


def test_a_longer_candle_that_a_hole_cuts_short_is_closed_once_by_the_next(simulator):
    bars = frame(*range(100, 116), start=GRID)
    frames = klines_of_five(simulator(bars.drop(index=bars.index[3:8])), 8, 17)
    closed = [((k["t"] // 1000 - GRID) // 60, k["c"]) for k in frames if k["x"]]
    assert closed == [(0, "103.00000000"), (5, "110.00000000")]
    order = [k["t"] for k in frames]
    assert order == sorted(order)


STREAMS = {
    "trade": "eEstpqTmM",
    "aggTrade": "eEsapqflTmM",
    "miniTicker": "eEscohlvq",
    "ticker": "eEspPwxcQbBaAohlvqOCFLn",
    "bookTicker": "usbBaA",
    "depth": "eEsUuba",
}


def test_every_stream_says_what_it_documents(simulator):
    made = simulator()

    async def watch():
        async with connected(made, "/ws") as client:
            await client.ask("SUBSCRIBE", [f"btcusdt@{name}" for name in STREAMS] + ["btcusdt@depth5@100ms"])
            await stepped(made)
            return [await client.read() for _ in range(7)]

    frames = run(watch())
    for fields, said in zip(STREAMS.values(), frames, strict=False):
        assert set(said) == set(fields), said
    assert set(frames[-1]) == {"lastUpdateId", "bids", "asks"}
    trade, together, mini, ticker, book = frames[:5]
    assert trade["p"] == together["p"] == mini["c"] == ticker["c"] == "102.00000000"
    assert book["b"] == book["a"] == "102.00000000"
    assert trade["t"] == together["a"] == ticker["L"]


def test_a_combined_stream_names_each_message(simulator):
    made = simulator()

    async def watch():
        async with connected(made, "/stream?streams=btcusdt@trade/btcusdt@bookTicker/ethusdt@trade") as client:
            assert (await client.ask("GET_PROPERTY", ["combined"]))["result"] is True
            await stepped(made)
            said = [await client.read() for _ in range(2)]
            assert (await client.ask("SET_PROPERTY", ["combined", False]))["result"] is None
            await stepped(made)
            return [*said, await client.read()]

    first, second, plain = run(watch())
    assert (first["stream"], second["stream"]) == ("btcusdt@trade", "btcusdt@bookTicker")
    assert first["data"]["e"] == plain["e"] == "trade"


def test_what_is_not_understood_is_refused(simulator):
    made = simulator()

    async def talk():
        async with connected(made, "/ws") as client:
            said = [
                await client.ask("SUBSCRBE", ["btcusdt@trade"]),
                await client.ask("SUBSCRIBE", ["trade"]),
                await client.ask("SUBSCRIBE", "btcusdt@trade"),
                await client.ask("GET_PROPERTY", ["colour"]),
            ]
        async with connected(made, "/ws") as client:
            said += [
                await client.ask("SET_PROPERTY", ["combined", 1]),
                await client.ask("SUBSCRIBE", [f"btcusdt@trade{n}" for n in range(1025)]),
            ]
            await client.socket.send_str("{")
            said.append(await client.read())
            return said

    assert [answer["error"]["code"] for answer in run(talk())] == [2, 2, 2, 0, 1, 2, 3]


def test_who_unsubscribes_hears_nothing_more(simulator):
    made = simulator()

    async def talk():
        async with connected(made, "/ws/btcusdt@trade") as client:
            await client.ask("UNSUBSCRIBE", ["btcusdt@trade", "btcusdt@ticker"])
            await stepped(made)
            return await client.ask("LIST_SUBSCRIPTIONS")

    assert run(talk())["result"] == []


def test_a_socket_that_talks_too_much_is_closed(simulator):
    made = simulator()

    async def talk():
        async with connected(made, "/ws") as client:
            for number in range(6):
                await client.socket.send_str(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
            while True:
                message = await asyncio.wait_for(client.socket.receive(), WAIT)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return client.socket.close_code

    assert run(talk()) == 1008


def test_orders_over_the_websocket_api(simulator):
    made = simulator()

    async def trade():
        async with connected(made, "/ws-api/v3") as client:
            subscribed, _ = await client.signed("userDataStream.subscribe.signature")
            order, events = await client.signed(
                "order.place", symbol="BTCUSDT", side="BUY", type="LIMIT", quantity="1", price="90",
                timeInForce="GTC", newClientOrderId="mine",
            )  # fmt: skip
            status, _ = await client.signed("order.status", symbol="BTCUSDT", origClientOrderId="mine")
            ended, more = await client.signed("order.cancel", symbol="BTCUSDT", origClientOrderId="mine")
            return subscribed, order, events, status, ended, more

    subscribed, order, events, status, ended, more = run(trade())
    assert (subscribed["status"], subscribed["result"]) == (200, {"subscriptionId": 0})
    assert (order["status"], order["result"]["status"]) == (200, "NEW")
    assert {entry["rateLimitType"] for entry in order["rateLimits"]} == {"REQUEST_WEIGHT", "ORDERS"}
    assert [said["subscriptionId"] for said in events] == [0, 0]
    assert [said["event"]["e"] for said in events] == ["executionReport", "outboundAccountPosition"]
    assert status["result"]["clientOrderId"] == "mine"
    assert ended["result"]["status"] == "CANCELED"
    assert [said["event"].get("x") for said in more] == ["CANCELED", None]


def test_questions_over_the_websocket_api(simulator):
    made = simulator()

    async def ask():
        async with connected(made, "/ws-api/v3?returnRateLimits=false") as client:
            return [
                await client.ask("ping"),
                await client.ask("time"),
                await client.ask("v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": 2}),
                await client.ask("ticker.price", {"symbols": ["BTCUSDT"]}),
            ]

    ping, time, klines, price = run(ask())
    assert ping == {"id": 1, "status": 200, "result": {}}
    assert time["result"]["serverTime"] == made.now // 1_000_000
    assert len(klines["result"]) == 1
    assert price["result"] == [{"symbol": "BTCUSDT", "price": "100.00000000"}]


def test_the_websocket_api_refuses_as_rest_does(simulator):
    made = simulator()

    async def ask():
        said = []
        async with connected(made, "/ws-api/v3") as client:
            said.append(await client.ask("order.plac", {}))
            said.append(await client.ask("order.place", {"symbol": "BTCUSDT"}))
            said.append((await client.signed("order.status", symbol="BTCUSDT", orderId=9))[0])
            said.append((await client.signed("order.status", symbol="BTCUSDT", orderId=9, apiKey="other"))[0])
        async with connected(made, "/ws-api/v3") as client:
            said.append((await client.signed("userDataStream.subscribe.signature", apiKey="other"))[0])
            await client.signed("userDataStream.subscribe.signature")
            said.append((await client.signed("userDataStream.subscribe.signature"))[0])
            await client.socket.send_str("[1]")
            said.append(await client.read())
        return said

    answers = run(ask())
    assert [(answer["status"], answer["error"]["code"]) for answer in answers] == [
        (400, -1020), (400, -1102), (400, -2013), (401, -2015), (401, -2015), (400, -2035), (400, -1135),
    ]  # fmt: skip


def test_who_unsubscribes_from_the_account_is_told_so(simulator):
    made = simulator()

    async def talk():
        async with connected(made, "/ws-api/v3") as client:
            await client.signed("userDataStream.subscribe.signature")
            active = await client.ask("session.subscriptions")
            await client.socket.send_str(json.dumps({"id": "x", "method": "userDataStream.unsubscribe"}))
            event, answer = await client.read(), await client.read()
            again = await client.ask("userDataStream.unsubscribe", {"subscriptionId": 0})
            return active, event, answer, again

    active, event, answer, again = run(talk())
    assert active["result"] == [{"subscriptionId": 0}]
    assert event["event"]["e"] == "eventStreamTerminated"
    assert (answer["id"], answer["result"]) == ("x", {})
    assert again["error"]["code"] == -2036


def test_a_ban_tells_the_websocket_api_until_when(simulator):
    made = simulator()
    made.faults.add(Fault("ban", seconds=60))

    async def ask():
        async with connected(made, "/ws-api/v3") as client:
            return await client.ask("ping")

    answer = run(ask())
    assert answer["status"] == 418
    said = answer["error"]["data"]
    assert 30_000 < said["retryAfter"] - said["serverTime"] <= 60_000


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (Fault("drop_after", path="order.place"), "closed"),
        (Fault("drop_before", path="order.place"), "closed"),
        (Fault("error", path="order.place", code=-1007, executed=True), 504),
        (Fault("html", path="order.place"), "no json"),
        (Fault("truncate", path="order.place"), "no json"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)
def test_faults_befall_the_websocket_api_too(simulator, fault, seen):
    made = simulator()
    made.faults.add(fault)

    async def trade():
        async with connected(made, "/ws-api/v3") as client:
            given = {"apiKey": made.api_key, "timestamp": 1, "symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
            given["quantity"] = "1"
            given["signature"] = signature(made.secret, payload_of(given))
            await client.socket.send_str(json.dumps({"id": 1, "method": "order.place", "params": given}))
            message = await asyncio.wait_for(client.socket.receive(), WAIT)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return "closed"
            try:
                return json.loads(message.data)["status"]
            except ValueError:
                return "no json"

    assert run(trade()) == seen
    assert len(made.ledger.orders) == (0 if fault.kind == "drop_before" else 1)


def test_a_muted_stream_is_silent_but_answers_pings_unless_it_must_not(simulator):
    made = simulator()

    async def watch():
        async with connected(made, "/ws/btcusdt@trade") as client:
            await client.ask("LIST_SUBSCRIPTIONS")
            made.faults.add(Fault("mute", stream="market"))
            await stepped(made)
            await client.socket.ping(b"1")
            pong = await asyncio.wait_for(client.socket.receive(), WAIT)
            assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"1")
            made.faults.add(Fault("mute", stream="market", pongs=False))
            await client.socket.ping(b"2")
            await stepped(made)
            made.faults.clear()
            await client.socket.ping(b"3")
            pong = await asyncio.wait_for(client.socket.receive(), WAIT)
            assert pong.data == b"3"  # the second one was never answered, the steps were never told
            await stepped(made)
            return await client.read()

    assert run(watch())["p"] == "101.00000000"


def test_bad_stale_and_last_frames(simulator):
    made = simulator()

    async def watch():
        async with connected(made, "/ws/btcusdt@kline_1m") as client:
            await client.ask("LIST_SUBSCRIPTIONS")
            await stepped(made, 2)
            frames = [await client.read() for _ in range(4)]
            made.faults.add(Fault("stale_frame"), Fault("shutdown"), Fault("bad_frame", stream="market"))
            stale, shutdown = await client.read(), await client.read()
            bad = await asyncio.wait_for(client.socket.receive(), WAIT)
            return frames, stale, shutdown, bad.data

    frames, stale, shutdown, bad = run(watch())
    assert stale["k"]["x"]
    assert stale["k"] == frames[0]["k"]
    assert shutdown["e"] == "serverShutdown"
    assert bad == '{"e":"kline","k":'


@pytest.mark.parametrize(("code", "seen"), [(1006, 1006), (1001, 1001), (1008, 1008)])
def test_sockets_are_killed_and_may_come_back(simulator, code, seen):
    made = simulator()

    async def watch():
        async with connected(made, "/ws") as market, connected(made, "/ws-api/v3") as user:
            await market.ask("LIST_SUBSCRIPTIONS")
            await user.ask("ping")
            made.faults.add(Fault("kill", stream="market", status=code))
            message = await asyncio.wait_for(market.socket.receive(), WAIT)
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)
            assert (await user.ask("ping"))["status"] == 200
            closed = market.socket.close_code
        async with connected(made, "/ws") as again:
            await again.ask("LIST_SUBSCRIPTIONS")
        return closed

    assert run(watch()) == seen


def test_two_clients_hear_the_same(simulator):
    made = simulator()

    async def watch():
        async with connected(made, "/ws/btcusdt@trade") as one, connected(made, "/ws/btcusdt@trade") as two:
            for client in (one, two):
                await client.ask("LIST_SUBSCRIPTIONS")
            await stepped(made, 3)
            return [[await client.read() for _ in range(3)] for client in (one, two)]

    first, second = run(watch())
    assert first == second
    assert [said["p"] for said in first] == ["102.00000000", "99.00000000", "101.00000000"]


def test_a_pair_over_the_websocket_api_is_told_as_a_list(simulator):
    made = simulator()

    async def trade():
        async with connected(made, "/ws-api/v3") as client:
            await client.signed("userDataStream.subscribe.signature")
            await client.signed("order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1")
            answer, events = await client.signed(
                "orderList.place.oco", symbol="BTCUSDT", side="SELL", quantity="0.5", aboveType="LIMIT_MAKER",
                abovePrice="110", belowType="STOP_LOSS", belowStopPrice="90",
            )  # fmt: skip
            return answer, events

    answer, events = run(trade())
    assert answer["result"]["contingencyType"] == "OCO"
    assert [said["event"]["e"] for said in events] == [
        "listStatus", "executionReport", "executionReport", "outboundAccountPosition",
    ]  # fmt: skip


NONSENSE = [
    "", "{", "[]", "null", "7", '"x"', "[" * 10_000, '{"method": 5, "id": 1}', '{"method": "order.place"}',
    '{"method": "order.place", "id": 1, "params": [1]}', '{"method": "order.place", "id": 1, "params": "x"}',
    '{"method": "order.place", "id": {}, "params": {"symbol": {"a": 1}, "timestamp": null, "apiKey": 5}}',
    '{"method": "SUBSCRIBE", "id": 1, "params": {"a": 1}}', '{"method": "SUBSCRIBE", "id": 1, "params": [["@"]]}',
    '{"method": "SET_PROPERTY", "id": 1, "params": []}',
    '{"method": "userDataStream.subscribe.signature", "id": 1, "params": {"apiKey": [], "signature": "\\ud800"}}',
    '{"method": "klines", "id": 1, "params": {"symbol": ["x"], "interval": true}}',
    '{"method": "ticker.price", "id": 1, "params": {"symbols": [[[]]]}}',
]  # fmt: skip


@pytest.mark.parametrize("path", ["/ws", "/ws-api/v3"])
def test_nonsense_is_answered_and_breaks_nothing(simulator, caplog, path):
    made = simulator()

    async def talk():
        for text in NONSENSE:
            async with connected(made, path) as client:
                await client.socket.send_str(text)
                answer = await client.read()
                assert "error" in answer, text
                await client.socket.send_bytes(b"\xff\x00")
                await client.socket.send_str(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": "still"}))
                assert (await client.answer("still"))["id"] == "still"

    run(talk())
    made.step()
    assert caplog.records == []
