"""Every registered alert channel × every check. A new channel is added to `CHANNELS`, with how to make and watch it."""

from __future__ import annotations

import inspect
import logging
import pickle
import threading
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cryptobot.alerts.alert import Alert, Digest, Tally
from cryptobot.alerts.catalogue import ALERTS
from cryptobot.alerts.errors import AlertError
from cryptobot.core.errors import ConfigError

CANARY = "canary0123456789"
ENVIRONMENT = {
    "SLACK_WEBHOOK_URL": f"{{address}}/services/T0/B0/{CANARY}",
    "CRYPTOBOT_WEBHOOK_URL": f"{{address}}/{CANARY}",
    "CRYPTOBOT_WEBHOOK_TOKEN": f"token-{CANARY}",
}
# How what arrived is read: from what was posted to the receiver, or from the log.
CHANNELS = {"log": "log", "slack": "post", "webhook": "post"}
NASTY = "<!channel> *b* <script>x</script> \x1b[31m \u202e \x00 \ud800 " + "y" * 50_000


class Receiver(HTTPServer):
    """Takes what is posted; answers as wanted."""

    status, body = 200, b"ok"

    def __init__(self):
        outer = self
        self.got: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.got.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_):
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def receiver(monkeypatch, tmp_path):
    server = Receiver()
    monkeypatch.chdir(tmp_path)
    for name in ("SLACK_BOT_TOKEN", "SLACK_CHANNEL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value.format(address=f"http://127.0.0.1:{server.server_address[1]}"))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def one(**changes):
    known = {"time": 1, "level": "info", "topic": "entry", "title": "Bought", "text": "Bought 1 BTC.", "number": 1}
    return Alert(
        **{**known, "facts": {"price": "5 USDT"}, "bot": "b", "mode": "paper", "market": "BTC/USDT", **changes}
    )


MESSAGES = {
    "alert": one(),
    "empty": Alert(0, "info", "", "", ""),
    "nasty": one(text=NASTY, title=NASTY, bot=NASTY, market=NASTY, facts={NASTY: NASTY}, level="critical"),
    "picture": one(topic="summary", equity=(1.0, 2.0)),
    "digest": Digest(1, 2, (Tally("warning", "Prices are stale", 7),), (one(), one(text=NASTY)), number=9),
}


def test_every_channel_is_looked_at():
    assert list(CHANNELS) == ALERTS.names()


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("what", MESSAGES)
def test_it_takes_every_message(name, what, receiver, caplog):
    caplog.set_level(logging.INFO, "cryptobot.alerts")
    message = MESSAGES[what]
    assert ALERTS.get(name).from_env().send(message) in (None, *range(10))
    seen = caplog.text if CHANNELS[name] == "log" else receiver.got[-1]
    if what == "alert":
        assert all(part in seen for part in ("Bought 1 BTC.", "5 USDT", "BTC/USDT", "PAPER"))
    if what == "digest":
        assert "7 × Prices are stale" in seen.replace("\\u00d7", "×")
    assert not set(seen) & set("\x1b\u202e\x00")
    assert len(seen) < 20_000


@pytest.mark.parametrize("name", CHANNELS)
def test_it_takes_how_it_wants_to_be_told_and_refuses_what_is_not_allowed(name, receiver):
    channel = ALERTS.get(name).from_env(level="critical", quiet="22:00-07:00", summary="20:00", zone="UTC")
    assert (channel.name, channel.delivery.level, channel.delivery.summary) == (name, "critical", "20:00")
    for wrong in ({"level": "loud"}, {"quiet": "night"}, {"levle": "info"}):
        with pytest.raises(ConfigError):
            ALERTS.get(name).from_env(**wrong)


@pytest.mark.parametrize("name", [name for name, how in CHANNELS.items() if how == "post"])
@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 410, 429, 500, 503])
def test_what_was_not_taken_raises_an_alert_error_without_secrets(name, status, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    receiver.status, receiver.body = status, f"refused: {ENVIRONMENT['SLACK_WEBHOOK_URL']} token-{CANARY}".encode()
    with pytest.raises(AlertError) as caught:
        ALERTS.get(name).from_env(timeout=5).send(one())
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert CANARY not in shown
    assert str(caught.value).endswith((".", ")"))


@pytest.mark.parametrize("name", CHANNELS)
def test_its_secrets_are_nowhere_to_be_seen(name, receiver, caplog):
    caplog.set_level(logging.DEBUG)
    channel = ALERTS.get(name).from_env()
    channel.send(one())
    assert CANARY not in repr(channel) + str(vars(channel)) + caplog.text + "".join(receiver.got)
    if CHANNELS[name] == "post":
        with pytest.raises(TypeError) as caught:
            pickle.dumps(channel)
        assert CANARY not in str(caught.value)


@pytest.mark.parametrize("name", CHANNELS)
def test_its_class_is_documented(name):
    cls = ALERTS.get(name)
    assert "Examples" in inspect.getdoc(cls)
    assert inspect.getdoc(cls.send)
