"""The running server: its life, its addresses, its back door, and what goes wrong on the wire."""

from __future__ import annotations

import contextlib
import gc
import http.client
import json
import pickle
import socket
import threading
import time

import pytest

from cryptobot.core.errors import ConfigError, DataError
from cryptobot.exchange.simulator.faults import Fault
from cryptobot.exchange.simulator.server import Simulator
from tests.unit.exchange.simulator.helpers import frame, port_is_free, rest


def threads():
    return [thread.name for thread in threading.enumerate() if thread.name == "cryptobot-simulator"]


def test_it_starts_stops_and_leaves_nothing_behind(simulator):
    before = len(threads())
    with Simulator(frame(100, 101), history=0, speed="manual") as made:
        assert made.start() is made
        port = made.port
        assert rest(made, "GET", "/api/v3/ping")[0] == 200
        assert str(port) in repr(made)
        assert made.secret not in repr(made)
    made.stop()
    assert len(threads()) == before
    assert port_is_free(port)
    assert made.ledger.orders == ()  # its truth outlives it
    for work in (made.start, made.step, lambda: made.rest, made.repair):
        with pytest.raises(ConfigError):
            work()


def test_it_says_where_it_is(simulator):
    made = simulator()
    assert made.rest == made.endpoint == f"http://127.0.0.1:{made.port}"
    assert made.stream.startswith("ws://127.0.0.1")
    assert "/stream" in made.stream
    assert set(made.ready) == {
        "rest", "stream", "ws_api", "api_key", "secret", "admin_token", "symbol", "timeframe",
    }  # fmt: skip
    other = simulator()
    assert made.secret != other.secret
    assert made.admin_token != other.admin_token
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(made)


def test_a_port_that_is_taken_is_named_and_nothing_is_left_running(simulator):
    before = len(threads())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        blocked = Simulator(frame(100, 101), history=0, speed="manual", port=port)
        with pytest.raises(ConfigError, match=f"port: {port} cannot be used"):
            blocked.start()
    assert len(threads()) == before
    with blocked:  # the port is free again, and no bar was lost
        assert blocked.port == port
        assert (
            json.loads(rest(blocked, "GET", "/api/v3/klines", symbol="BTCUSDT", interval="1m")[2])[0][1]
            == "100.00000000"
        )
    with pytest.raises(ConfigError, match="port: 70000"):
        Simulator(frame(100, 101), port=70_000)


def test_one_that_is_not_running_says_so():
    made = Simulator(frame(100, 101), history=0)
    assert "not running" in repr(made)
    for work in (made.step, lambda: made.port, lambda: made.ledger, lambda: made.faults.waiting):
        with pytest.raises(ConfigError, match="not running"):
            work()


def test_a_market_that_runs_by_itself_does_so_and_takes_no_steps(simulator):
    made = simulator(frame(*range(100, 140)), speed=3_000)
    with pytest.raises(ConfigError, match="runs by itself"):
        made.step()
    deadline = time.monotonic() + 20
    while not made.finished and time.monotonic() < deadline:
        rest(made, "GET", "/api/v3/time")
    assert made.finished
    rows = json.loads(rest(made, "GET", "/api/v3/klines", symbol="BTCUSDT", interval="1m")[2])
    assert len(rows) == 40


def test_steps_are_counted_and_checked(simulator):
    made = simulator()
    opened = made.now
    assert made.step(2) == opened + 120_000_000_000 == made.now
    for n in (0, -1, True, 1.5):
        with pytest.raises(ConfigError, match="whole number of candles"):
            made.step(n)
    with pytest.raises(ConfigError, match="the bars ended"):
        made.step(9)
    assert made.finished


def test_the_requests_are_remembered_without_their_secrets(simulator):
    made = simulator()
    rest(made, "GET", "/api/v3/account", signed=True)
    rest(made, "GET", "/api/v3/klines", symbol="BTCUSDT")
    account, klines = made.requests[-2:]
    assert (account.method, account.path, account.status) == ("GET", "/api/v3/account", 200)
    assert set(account.params) == {"timestamp"}
    assert (klines.path, klines.status) == ("/api/v3/klines", 400)


def test_answers_are_json_with_the_used_weight(simulator):
    made = simulator()
    status, headers, text = rest(made, "GET", "/api/v3/exchangeInfo")
    assert status == 200
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["X-MBX-USED-WEIGHT-1M"] == "20"
    assert json.loads(text)["symbols"][0]["symbol"] == "BTCUSDT"
    status, headers, _ = rest(
        made, "POST", "/api/v3/order", signed=True, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1"
    )
    assert (status, headers["X-MBX-ORDER-COUNT-10S"]) == (200, "0")  # filled at once: its place is free again


@pytest.mark.parametrize("path", ["/api/v3/order", "/api/v3/klines", "/sapi/v1/x", "/", "/%00", "/api/v3/../../x"])
@pytest.mark.parametrize("body", [b"", b"\xff\xfe=1&signature=\xe9", b"a" * 100_000, b"&&&===", b"symbol[]=1&%zz"])
def test_nonsense_is_answered_and_breaks_nothing(simulator, caplog, path, body):
    made = simulator()
    for method in ("POST", "GET", "PATCH"):
        headers = {"X-MBX-APIKEY": made.api_key}
        status, _, _ = rest(made, method, path, headers=headers, body=body if method != "GET" else None)
        assert 400 <= status < 500
    assert rest(made, "GET", "/api/v3/ping")[0] == 200
    assert caplog.records == []


ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1", "newClientOrderId": "mine"}


def send(made):
    return rest(made, "POST", "/api/v3/order", signed=True, **ORDER)


@pytest.mark.parametrize(
    ("fault", "seen", "executed"),
    [
        (Fault("drop_before"), "broken", 0),
        (Fault("drop_after"), "broken", 1),
        (Fault("error", code=-1007), (504, -1007), 0),
        (Fault("error", code=-1007, executed=True), (504, -1007), 1),
        (Fault("error", status=500, code=-1000, text="An unknown error occurred while processing the request."),
         (500, -1000), 0),
        (Fault("http", status=503, text="<html>busy</html>"), (503, None), 0),
        (Fault("http", status=502, executed=True, headers={"Retry-After": "3"}), (502, None), 1),
        (Fault("html"), (200, None), 1),
        (Fault("truncate"), (200, None), 1),
        (Fault("delay_after", seconds=0.05), (200, 0), 1),
        (Fault("delay_before", seconds=0.05), (200, 0), 1),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else None,
)  # fmt: skip
def test_a_request_fails_as_it_is_told_to(simulator, fault, seen, executed):
    made = simulator(balances={"USDT": 1_000})
    made.faults.add(fault)
    if seen == "broken":
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            send(made)
    else:
        status, headers, text = send(made)
        assert status == seen[0]
        if seen[1] is None:
            with pytest.raises(ValueError, match=r"Expecting|Unterminated|delimiter"):
                json.loads(text)
        else:
            assert json.loads(text).get("code", 0) == seen[1]
        for name, value in fault.headers.items():
            assert headers[name] == value
    assert len(made.ledger.orders) == executed
    assert made.faults.waiting == []
    assert send(made)[0] == 200  # only once


def test_an_order_that_is_delayed_beyond_its_window_is_not_executed(simulator):
    made = simulator(frame(*range(100, 120)), speed=1)
    made.faults.add(Fault("delay_before", seconds=0.4))
    status, _, text = rest(made, "POST", "/api/v3/order", signed=True, recvWindow=200, **ORDER)
    assert (status, json.loads(text)["code"]) == (400, -1021)
    assert made.ledger.orders == ()


def test_a_muted_delay_holds_nobody_else_up(simulator):
    made = simulator()
    made.faults.add(Fault("delay_after", path="/account", seconds=5.0))

    def ask():
        with contextlib.suppress(http.client.HTTPException, ConnectionError):  # it is still waiting when all ends
            rest(made, "GET", "/api/v3/account", signed=True)

    waiting = threading.Thread(target=ask, daemon=True)
    waiting.start()
    while not any(seen.path == "/api/v3/account" for seen in made.requests):
        assert waiting.is_alive()
    assert rest(made, "GET", "/api/v3/ping")[0] == 200
    assert waiting.is_alive()


def admin(made, method, name, content=None, **headers):
    body = None if content is None else json.dumps(content)
    status, _, text = rest(
        made, method, f"/_sim/{name}", headers={"X-Sim-Token": made.admin_token} | headers, body=body
    )
    return status, json.loads(text)


def test_the_back_door_shows_the_truth_and_sets_faults(simulator):
    made = simulator()
    assert admin(made, "POST", "faults", {"kind": "drop_after", "method": "POST"}) == (200, {"added": 1})
    assert [fault["kind"] for fault in admin(made, "GET", "faults")[1]] == ["drop_after"]
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        send(made)
    truth = admin(made, "GET", "ledger")[1]
    assert truth["orders"][0]["client_id"] == "mine"
    assert truth["orders"][0]["status"] == "filled"
    assert truth["fills"][0]["price"] == "100"
    assert float(truth["balances"]["USDT"]["free"]) == 9_900
    assert admin(made, "POST", "faults", [{"kind": "halt"}, {"kind": "truncate"}])[1] == {"added": 2}
    assert admin(made, "DELETE", "faults") == (200, {})
    assert admin(made, "GET", "faults")[1] == []
    assert send(made)[0] == 200
    before = truth["time"]
    assert admin(made, "POST", "step", {"n": 2}) == (200, {"time": before + 120_000_000_000, "finished": False})
    assert admin(made, "POST", "step")[1]["time"] == before + 180_000_000_000
    assert admin(made, "POST", "seeded", {"seed": 3, "rate": 1.0, "kinds": ["drop_before"]}) == (200, {})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        send(made)
    assert admin(made, "GET", "requests")[1][-1]["path"] == "/api/v3/order"


@pytest.mark.parametrize(
    ("method", "name", "content", "text"),
    [
        ("POST", "faults", {"kind": "drop_aftr"}, "Did you mean"),
        ("POST", "faults", ["drop_after"], "not a JSON object"),
        ("POST", "seeded", {"sed": 1}, "unknown"),
        ("POST", "step", {"n": 0}, "whole number"),
        ("GET", "nothing", None, "Known: GET ledger"),
        ("PUT", "ledger", None, "Known: GET ledger"),
    ],
)
def test_the_back_door_says_what_is_wrong(simulator, method, name, content, text):
    status, answer = admin(simulator(), method, name, content)
    assert status == 400
    assert text in answer["error"]


def test_a_body_that_is_no_json_is_refused(simulator):
    made = simulator()
    status, _, text = rest(made, "POST", "/_sim/faults", headers={"X-Sim-Token": made.admin_token}, body="{kind: drop}")
    assert status == 400
    assert "not JSON" in json.loads(text)["error"]


@pytest.mark.parametrize("headers", [{}, {"X-Sim-Token": "guess"}, {"X-Sim-Token": ""}, {"X-Sim-Token": "é"}])
def test_the_back_door_opens_with_its_token_only(simulator, headers):
    made = simulator()
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    status, _, text = rest(made, "GET", "/_sim/ledger", headers=encoded)
    assert status == 403
    assert made.admin_token not in text


def test_the_back_door_opens_under_this_machines_name_only(simulator):
    made = simulator()
    assert admin(made, "GET", "ledger", Host=f"localhost:{made.port}")[0] == 200
    for host in ("evil.example", f"evil.example:{made.port}", "127.0.0.1.evil.example"):
        assert admin(made, "GET", "ledger", Host=host)[0] == 403


def test_what_stops_the_market_is_raised_where_it_is_asked(simulator):
    def broken():
        raise DataError("the bar cannot be trusted")

    made = simulator(frame(*range(100, 400)), speed=3_000)
    made.change(lambda world: setattr(world.feed, "open", broken))
    deadline = time.monotonic() + 20

    def watch():
        while time.monotonic() < deadline:
            made.check()

    with pytest.raises(DataError, match="cannot be trusted"):
        watch()
    with pytest.raises(DataError, match="cannot be trusted"):
        _ = made.ledger


def test_a_simulator_that_is_forgotten_can_be_collected(simulator):
    import weakref

    made = Simulator(frame(100, 101), history=0, speed="manual").start()
    made.stop()
    seen = weakref.ref(made)
    del made
    gc.collect()
    assert seen() is None
