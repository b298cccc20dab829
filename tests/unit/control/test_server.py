"""The door of a bot's process: every route against every attack, and nothing that reaches the bot without the token."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import threading
import time

import pytest

import cryptobot as cb
from cryptobot.control import server as door
from cryptobot.control.reading import Reading
from tests.contracts.served import Served

PATIENCE = 30
QUESTIONS = ["about", "news", *Reading(cb.Bot(cb.BuyAndHold(), exchange=cb.PracticeExchange())).answers]
COMMANDS = ["start", "stop", "log", "set_parameters", "set_strategy", "kill", "flatten", "clear", "shut_down"]
ROUTES = [("GET", f"/{name}") for name in QUESTIONS] + [("POST", f"/commands/{name}") for name in COMMANDS]
WRONG = "w" * 43


@pytest.fixture
def served(tmp_path):
    bot = cb.Bot(cb.MovingAverageCrossover(), exchange=cb.PracticeExchange(), name="mine")
    made = Served(bot, tmp_path)
    yield made
    made.close()


def ask(served, method, path, body=None, **headers):
    """Send one request; None takes a header out."""
    usual = {"Host": f"127.0.0.1:{served.state.port}", "Authorization": f"Bearer {served.state.token}"}
    if method == "POST":
        usual["Content-Type"] = "application/json"
        body = b'{"id":"1","arguments":{}}' if body is None else body
    chosen = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection = http.client.HTTPConnection("127.0.0.1", served.state.port, timeout=PATIENCE)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in chosen.items():
            if value is not None:
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
        if response.headers["Content-Type"].startswith("text/plain"):  # aiohttp's own answer to what is no HTTP
            content = json.dumps({"error": content.decode()})
        return response.status, json.loads(content), response.headers
    finally:
        connection.close()


ATTACKS = {
    "no token": ({"Authorization": None}, 401),
    "wrong token": ({"Authorization": f"Bearer {WRONG}"}, 401),
    "empty token": ({"Authorization": "Bearer "}, 401),
    "another scheme": ({"Authorization": f"Basic {WRONG}"}, 401),
    "token in no scheme": ({"Authorization": WRONG}, 401),
    "no host": ({"Host": None}, 400),
    "another host": ({"Host": "evil.example"}, 421),
    "rebound name": ({"Host": "evil.example:{port}"}, 421),
    "another port": ({"Host": "127.0.0.1:1"}, 421),
    "a page": ({"Origin": "http://evil.example"}, 403),
    "a notebook's page": ({"Origin": "http://127.0.0.1:8888"}, 403),
    "no page at all": ({"Origin": "null"}, 403),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_route_answers_an_attack(served, attack, monkeypatch):
    touched = []
    monkeypatch.setattr(served.bot, "status", lambda: touched.append(1))
    headers, status = ATTACKS[attack]
    headers = {name: value and value.format(port=served.state.port) for name, value in headers.items()}
    seen = set()
    for method, path in ROUTES:
        found, answer, _ = ask(served, method, path, **headers)
        seen.add(found)
        assert "answer" not in answer
        assert served.state.token not in json.dumps(answer)
    assert seen <= {status, 429}
    assert touched == []
    assert len(served.bot.logs()) == 1  # no command came through, not even a line of the log


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content_Type": "text/plain"}, None, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, b"id=1", 415),
        ({"Content_Type": None}, None, 415),
        ({"Content_Encoding": "gzip"}, None, 415),
        ({}, b"", 409),
        ({}, b"{", 409),
        ({}, b"[]", 409),
        ({}, b"7", 409),
        ({}, b"\xff", 409),
        ({}, b'{"id": 1, "arguments": {}}', 409),
        ({}, b'{"id": "1", "arguments": []}', 409),
        ({}, b'{"arguments": {}}', 409),
        ({}, b'{"id": "1", "arguments": {"no_such": 1}}', 500),
        ({}, b"[" * 100_000, 409),
        ({}, b" " * (door._MOST + 1), 413),
    ],
)
def test_what_is_no_command_is_refused_and_the_door_stays_open(served, headers, body, status):
    found, answer, _ = ask(served, "POST", "/commands/stop", body, **headers)
    assert found == status
    assert "error" in answer
    assert ask(served, "GET", "/about")[0] == 200


@pytest.mark.parametrize("path", ["/", "/no-such", "/commands/stop", "/status/x", "/../state", "/%2e%2e/x"])
def test_what_is_not_there_is_not_found(served, path):
    assert ask(served, "GET", path)[0] in (404, 405)


@pytest.mark.parametrize("query", ["?n=x", "?n=1.5", "?n=", "?no_such=1"])
def test_a_question_that_makes_no_sense_is_refused(served, query):
    status, answer, _ = ask(served, "GET", f"/logs{query}")
    assert (status, answer["error"]["kind"]) == (409, "ConfigError")


def test_reading_changes_nothing_and_is_not_kept_by_anybody(served):
    for name in QUESTIONS:
        status, _, headers = ask(served, "GET", f"/{name}")
        assert status == 200
        assert headers["Cache-Control"] == "no-store"
        assert headers["Access-Control-Allow-Origin"] is None
    assert served.bot.status().state == "new"


def test_who_guesses_is_locked_out_and_who_knows_is_not(served):
    held = http.client.HTTPConnection("127.0.0.1", served.state.port, timeout=PATIENCE)
    good = {"Authorization": f"Bearer {served.state.token}"}
    held.request("GET", "/about", headers=good)
    assert held.getresponse().read()
    found = [ask(served, "GET", "/about", Authorization=f"Bearer {n:043d}")[0] for n in range(12)]
    assert found[0] == 401
    assert found[-1] == 429
    held.request("GET", "/about", headers=good)  # a panel that was there before
    assert held.getresponse().status == 200
    held.close()


def test_a_flood_of_commands_is_slowed_down(served):
    found = [
        ask(
            served,
            "POST",
            "/commands/log",
            json.dumps({"id": str(n), "arguments": {"level": "info", "text": "x"}}).encode(),
        )[0]
        for n in range(80)
    ]
    assert set(found) == {200, 429}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is nobody's")
def test_it_listens_on_one_address_only(served):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", served.state.port), timeout=PATIENCE)


def test_news_come_when_something_happens_and_not_before(served):
    sequence = served.bot.status().sequence
    answered = []

    def wait():
        answered.append(ask(served, "GET", f"/news?sequence={sequence}&milliseconds=20000")[1]["answer"])

    thread = threading.Thread(target=wait)
    thread.start()
    served.bot.log("info", "news")
    thread.join(PATIENCE)
    assert answered == [sequence + 1]
    assert ask(served, "GET", f"/news?sequence={sequence + 1}&milliseconds=0")[1]["answer"] == sequence + 1


def test_a_bot_that_hangs_is_told_of_and_the_process_still_answers(served, monkeypatch):
    monkeypatch.setattr(door, "_PATIENCE", 0.05)
    with served.bot.lock:
        status, answer, _ = ask(served, "GET", "/status")
        assert status == 409
        assert "its strategy may hang" in answer["error"]["text"]
        assert ask(served, "GET", "/about")[1]["answer"]["state"] == "new"
    assert ask(served, "GET", "/status")[0] == 200


def test_who_sends_half_a_request_is_cut_off(served):
    with socket.create_connection(("127.0.0.1", served.state.port), timeout=PATIENCE) as slow:
        slow.sendall(b"GET /about HTTP/1.1\r\nHost: ")
        begun = time.monotonic()
        assert slow.recv(100) == b""  # nothing but the end, before the test's own patience is over
        assert time.monotonic() - begun < PATIENCE


def test_a_strategy_of_other_code_does_not_come_into_real_money(served, monkeypatch):
    monkeypatch.setattr(type(served.bot), "mode", "live")
    with pytest.raises(cb.ConfigError, match="trades real money with code whose file was written down"):
        served.handle.set_strategy(cb.BuyAndHold())
    assert served.handle.set_strategy(cb.MovingAverageCrossover(fast=4)).params["fast"] == 4


def test_who_asks_too_often_is_answered_a_little_later(served):
    """Refused for its rate, a command has not been carried out: asking again does it once."""
    for number in range(50):
        served.handle.log("info", f"line {number}")
    assert [line.text for line in served.bot.logs(50)] == [f"line {number}" for number in range(50)]
