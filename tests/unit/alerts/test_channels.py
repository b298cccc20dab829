"""The log, the webhook, the registry, and how channels are made."""

from __future__ import annotations

import json
import logging
import pickle
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cryptobot.alerts import catalogue
from cryptobot.alerts.alert import Digest, Tally
from cryptobot.alerts.catalogue import ALERTS, alert, alert_channels
from cryptobot.alerts.channel import AlertChannel
from cryptobot.alerts.channels.log import LogAlerts
from cryptobot.alerts.channels.slack import SlackAlerts
from cryptobot.alerts.channels.webhook import WebhookAlerts
from cryptobot.alerts.errors import AlertError, NotSetUpError
from cryptobot.core.errors import ConfigError

NAMES = ("SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN", "SLACK_CHANNEL", "CRYPTOBOT_WEBHOOK_URL", "CRYPTOBOT_WEBHOOK_TOKEN")
HOOK = "https://hooks.slack.com/services/T0/B0/canary"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in (*NAMES, "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def receiver():
    """Take posted documents; ``answers`` says how."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            server.got.append((self.path, dict(self.headers.items()), json.loads(raw)))
            status, body, headers = server.answers.pop(0) if server.answers else (204, b"", {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            server.got.append((self.path, dict(self.headers.items()), None))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_address[1]}/take/canary-path"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_log_line_is_one_line(alert_of, caplog):
    caplog.set_level(logging.INFO, "cryptobot.alerts")
    LogAlerts().send(alert_of(1, level="critical", text="a\nb\r\nCRITICAL forged line\x1b[2J", facts={"x\ny": "1\n2"}))
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.CRITICAL, "cryptobot.alerts")
    assert "\n" not in record.message
    assert "\x1b" not in record.message
    assert "CRITICAL forged line" in record.message


def test_the_webhook_posts_documents(receiver, alert_of):
    channel = WebhookAlerts(receiver.url, token="canary-token")
    one = alert_of(7, facts={"price": "5 USDT"}, level="warning")
    channel.send(one)
    channel.send(Digest(1, 2, (Tally("info", "Bought", 3),), (one,), number=9))
    (path, headers, first), (_, _, second) = receiver.got
    assert path == "/take/canary-path"
    assert headers["Authorization"] == "Bearer canary-token"
    assert headers["Content-Type"] == "application/json"
    assert (first["kind"], first["number"], first["level"], first["facts"]) == (
        "alert",
        7,
        "warning",
        {"price": "5 USDT"},
    )
    assert (first["time"], first["topic"], first["market"]) == (one.time, "parameters", "BTC/USDT")
    assert (second["kind"], second["count"]) == ("digest", 3)
    assert second["tallies"] == [{"level": "info", "title": "Bought", "count": 3}]


@pytest.mark.parametrize(
    ("answer", "again", "wait", "maybe"),
    [
        ((429, b"", {"Retry-After": "9"}), "soon", 9.0, False),
        ((500, b"canary-path canary-token", {}), "soon", None, True),
        ((400, b"bad", {}), "never", None, False),
        ((401, b"<html>canary-token</html>", {}), "later", None, False),
        ((302, b"", {"Location": "/elsewhere"}), "later", None, False),
        ((200, b"x" * 1_000_000, {}), None, None, None),
    ],
)
def test_what_the_receiver_may_answer(receiver, alert_of, answer, again, wait, maybe):
    receiver.answers.append(answer)
    channel = WebhookAlerts(receiver.url, token="canary-token")
    if again is None:
        channel.send(alert_of(1))
        return
    with pytest.raises(AlertError) as caught:
        channel.send(alert_of(1))
    error = caught.value
    assert (error.again, error.retry_after, error.maybe_told) == (again, wait, maybe)
    assert "canary-token" not in str(error)
    assert receiver.url not in str(error)
    assert len(receiver.got) == 1  # nobody is followed anywhere


def test_from_env_takes_what_is_set(monkeypatch):
    with pytest.raises(NotSetUpError, match="cryptobot alerts test"):
        SlackAlerts.from_env()
    monkeypatch.setenv("SLACK_WEBHOOK_URL", HOOK)
    assert "webhook" in repr(SlackAlerts.from_env())
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1-canary")
    with pytest.raises(ConfigError, match="SLACK_CHANNEL is not set"):
        SlackAlerts.from_env()
    monkeypatch.setenv("SLACK_CHANNEL", "#alerts")
    channel = SlackAlerts.from_env(quiet="22:00-07:00", level="warning")
    assert "token" in repr(channel)
    assert channel.delivery.quiet == "22:00-07:00"


@pytest.mark.parametrize(
    "given_",
    [
        {"token": "canary", "channel": "C"},
        {"token": "xoxb-1\r\nX-Evil: canary", "channel": "C"},
        {"webhook": "http://hooks.slack.com/canary"},
        {"webhook": "canary"},
        {},
        {"webhook": HOOK, "token": "xoxb-canary", "channel": "C"},
    ],
)
def test_wrong_secrets_are_refused_and_not_shown(given_):
    with pytest.raises(ConfigError) as caught:
        SlackAlerts(**given_)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("channel", [SlackAlerts(webhook=HOOK), WebhookAlerts(HOOK, token="canary")])
def test_channels_with_secrets_do_not_travel(channel):
    with pytest.raises(TypeError, match="from_env"):
        pickle.dumps(channel)
    assert "canary" not in repr(channel) + str(vars(channel))


def test_a_configuration_names_channels(monkeypatch):
    monkeypatch.setenv("SLACK_WEBHOOK_URL", HOOK)
    slack, log = alert_channels({"slack": {"summary": "20:00"}, "log": {"level": "critical"}})
    assert (slack.name, slack.delivery.summary) == ("slack", "20:00")
    assert (log.name, log.delivery.level) == ("log", "critical")
    for wrong, said in [
        ({"slak": {}}, "Did you mean `slack`"),
        ({"log": {"levle": "info"}}, r"alerts\.log: .*`level`"),
        ({"log": "info"}, "table of settings"),
        ({"slack": {"webhook": "canary"}}, "`webhook` is unknown"),
        ({"slack": {"token": "canary"}}, "`token` is unknown"),
        ({"webhook": {"url": "canary"}}, "`url` is unknown"),
        ({"webhook": {}}, r"alerts\.webhook: CRYPTOBOT_WEBHOOK_URL"),
    ]:
        with pytest.raises(ConfigError, match=said) as caught:
            alert_channels(wrong)
        assert "canary" not in str(caught.value)


def test_a_channel_of_ones_own_is_a_few_lines(monkeypatch, alert_of):
    monkeypatch.setattr(ALERTS, "_parts", dict(ALERTS._parts))
    heard = []

    @alert("shout")
    class Shout(AlertChannel):
        def send(self, message):
            heard.append(message.level.upper())

    (made,) = alert_channels({"shout": {"level": "warning"}})
    made.send(alert_of(1))
    assert (made.name, heard) == ("shout", ["INFO"])
    with pytest.raises(ConfigError, match=r"Derive the class from cb\.AlertChannel"):
        catalogue.alert("wrong")(object)
