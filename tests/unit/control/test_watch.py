"""Signs of life while there is life, and what follows from what is suspicious."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import cryptobot as cb
from cryptobot.control.config import BotConfig, WatchConfig
from cryptobot.control.suspicion import Suspicion
from cryptobot.control.watch import Watch, _looks
from cryptobot.exchange.replay import ReplayExchange
from cryptobot.trading.actions import Notice
from cryptobot.trading.heartbeat import Heartbeat
from tests.contracts.test_bot_handle import Gate

PATIENCE = 30
SECRET = "canary-ping-77aa88bb99"


class Watcher(HTTPServer):
    """Takes signs of life."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Taking)
        self.seen, self.status, self.beaten = [], 200, threading.Event()
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/ping/{SECRET}"

    def close(self):
        self.shutdown()
        self.thread.join(PATIENCE)
        self.server_close()


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.seen.append(self.path)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.beaten.set()

    def log_message(self, *words):
        pass


@pytest.fixture
def watcher():
    made = Watcher()
    yield made
    made.close()


@pytest.fixture
def held():
    """A bot that trades and waits after 50 bars."""
    exchange = ReplayExchange(cb.practice_bars(200, seed=5), market=cb.Market("BTC/USDT"))
    gate = Gate(exchange, 50)
    bot = cb.Bot(cb.MovingAverageCrossover(3, 9), exchange=exchange, name="held")
    bot.start()
    assert gate.reached.wait(PATIENCE)
    yield bot
    bot.stop(PATIENCE)


def test_it_beats_only_while_the_bot_looks_after_itself(watcher):
    looks, told = iter([1, 2, 2, 2, None, 3]), []
    heart = Heartbeat(watcher.url, lambda: next(looks), lambda *words: told.append(words))
    assert [heart.beat() for _ in range(6)] == [True, True, False, False, False, True]
    assert watcher.seen == [f"/ping/{SECRET}"] * 3
    assert told == []


def test_trouble_is_told_once_and_without_the_address(watcher):
    numbers, told = iter(range(100)), []
    heart = Heartbeat(watcher.url, lambda: next(numbers), lambda *words: told.append(words))
    watcher.status = 500
    for _ in range(3):
        heart.beat()
    watcher.status = 200
    for _ in range(3):
        heart.beat()
    watcher.status = 302  # is not followed
    heart.beat()
    assert [level for level, _ in told] == ["warning", "info", "warning"]
    assert "it answers 500" in told[0][1]
    gone = Heartbeat("http://127.0.0.1:9/ping/" + SECRET, lambda: next(numbers), lambda *words: told.append(words))
    gone.beat()
    assert told[-1][0] == "warning"
    assert SECRET not in repr(told)


@pytest.mark.parametrize(
    ("url", "every"), [("ftp://x/y", 60), ("", 60), ("https://x.example/y", 0.5), ("https://x.example/y", float("nan"))]
)
def test_what_cannot_be_is_refused(url, every):
    with pytest.raises(cb.ConfigError):
        Heartbeat(url, lambda: 1, lambda *_: None, every)


def test_a_bots_own_signs_of_life_reach_the_watcher(watcher, held, monkeypatch):
    monkeypatch.setenv("HELD_PING", watcher.url)
    assert _looks(held) is not None
    watch = Watch(held, WatchConfig(heartbeat="HELD_PING", every=1.0))
    watch.start()
    try:
        assert watcher.beaten.wait(PATIENCE)
    finally:
        watch.close()
    assert SECRET not in repr(held.logs())
    held.stop(PATIENCE)
    assert _looks(held) is None


def test_an_address_that_is_not_set_is_named(held, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cb.ConfigError, match="watch.heartbeat: HELD_PING is not set"):
        Watch(held, WatchConfig(heartbeat="HELD_PING"))
    (tmp_path / ".env").write_text("HELD_PING=nonsense\n")
    with pytest.raises(cb.ConfigError, match="it is no address"):
        Watch(held, WatchConfig(heartbeat="HELD_PING"))


STRANGE = Notice("error", "An order that is not this bot's, a sell order x on BTC/USDT, is left alone.", "external")


@pytest.mark.parametrize(("then", "state"), [("halt", "halted"), ("reduce", "reducing"), ("tell", "active")])
def test_what_is_suspicious_holds_the_bot_back_as_was_chosen(held, then, state):
    suspicion = Suspicion(held, then)
    suspicion.start()
    try:
        for _ in range(3):
            held.session.tell(STRANGE)
        if then != "tell":
            assert held.wait_until(lambda: held.status().trading_state == state, PATIENCE)
            assert "suspicious: An order that is not" in held.status().trading_reason
    finally:
        suspicion.close()
    assert held.status().trading_state == state
    assert [notice for notice in held.notices() if notice.topic == "external"] == [STRANGE] * 3
    assert sum(notice.topic == "killed" for notice in held.notices()) == (then == "halt")
    assert not held.session.listeners


def test_other_notices_are_not_suspicious(held):
    suspicion = Suspicion(held, "halt")
    suspicion.start()
    held.session.tell(Notice("error", "The journal is full.", "journal"))
    suspicion.close()
    assert held.status().trading_state == "active"


def test_a_call_that_was_refused_is_told_as_critical(held):
    suspicion = Suspicion(held)
    suspicion.refused("rate", "more than 20 control a second")
    assert not [notice for notice in held.notices() if notice.topic == "external"]
    suspicion.refused("token", "a wrong token")
    [notice] = [notice for notice in held.notices() if notice.topic == "external"]
    assert (notice.level, "a wrong token" in notice.text) == ("error", True)


def test_a_wrong_token_at_the_door_reaches_the_people(held, tmp_path):
    from cryptobot.control.server import ControlServer
    from cryptobot.control.state_file import new_token
    from tests.contracts.served import Served

    served = Served(held, tmp_path)
    try:
        server = ControlServer(new_token(), dict, lambda: 0, {}, {}, refused=Watch(held, WatchConfig()).refused)
        port = served.run(server.start())
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("GET", "/about", headers={"Authorization": "Bearer " + "w" * 43})
        assert connection.getresponse().status == 401
        connection.close()
        served.run(server.close())
    finally:
        served.close()
    assert "a wrong token" in held.notices()[-1].text


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"heartbaet": "X"}, "Did you mean `heartbeat`"),
        ({"heartbeat": "https://x.example/secret-ping"}, "watch.heartbeat"),
        ({"every": 0.1}, "watch.every"),
        ({"suspicion": "panic"}, "watch.suspicion"),
    ],
)
def test_the_configuration_names_what_is_wrong(table, words):
    plain = {"name": "x", "mode": "practice", "strategy": {"name": "buy_and_hold"}, "watch": table}
    with pytest.raises(cb.ConfigError, match=words) as caught:
        BotConfig.of(plain)
    assert "secret-ping" not in str(caught.value)


def test_the_configuration_is_read_back():
    plain = {"name": "x", "mode": "practice", "strategy": {"name": "buy_and_hold"}, "metrics": {"port": 9105}}
    plain["watch"] = {"suspicion": "halt"}
    assert BotConfig.of(BotConfig.of(plain).plain()) == BotConfig.of(plain)
    assert BotConfig.of(plain).watch.suspicion == "halt"
