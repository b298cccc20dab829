"""Slack on loopback, and alerts to send there."""

from __future__ import annotations

import pytest

from cryptobot.alerts.alert import Alert
from tests.alerts.slack_server import SlackServer


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def slack():
    server = SlackServer()
    yield server
    server.close()


@pytest.fixture
def make_alert():
    """Make an alert; what is not said is as for an entry."""

    def make(**changes):
        return Alert(
            **{
                "time": 1_790_000_000_000_000_000,
                "level": "info",
                "topic": "entry",
                "title": "Bought",
                "text": "Bought 0.5 BTC at 64,000 USDT.",
                "facts": {"market": "BTC/USDT", "price": "64,000 USDT", "quantity": "0.5 BTC", "why": "fast over slow"},
                "bot": "my-bot",
                "mode": "paper",
                "market": "BTC/USDT",
                "number": 1,
                **changes,
            }
        )

    return make
