"""``cryptobot alerts test``: a sample through each channel, and what is wrong where it does not arrive."""

from __future__ import annotations

import pytest

from tests.alerts.slack_server import HOOK, TOKEN, Reply, SlackServer

NAMES = ("SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN", "SLACK_CHANNEL", "CRYPTOBOT_WEBHOOK_URL", "CRYPTOBOT_WEBHOOK_TOKEN")


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in (*NAMES, "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def slack(monkeypatch):
    server = SlackServer()
    monkeypatch.setenv("SLACK_WEBHOOK_URL", server.webhook)
    yield server
    server.close()


def test_a_sample_is_sent_through_what_is_set_up(cli, slack):
    ran = cli("alerts", "test")
    assert ran.code == 0, ran.out + ran.err
    assert "✓ slack" in ran.out
    assert "– webhook: CRYPTOBOT_WEBHOOK_URL is not set" in ran.out
    (posted,) = slack.posted
    assert "This is a test of the alerts: nothing was traded." in posted.shown
    assert "TEST" in posted.shown


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(404, "no_service"), "The webhook was removed or turned off. Make a new one"),
        (Reply(429, "", {"Retry-After": "5"}), "too many messages. Try it again in 5 s."),
        (Reply(500, "rollup_error"), "trouble of its own (500: rollup_error). Try it again later."),
        (Reply(403, f"<html>{HOOK}</html>"), "proxy"),
        (Reply(drop=True), "connection broke"),
    ],
)
def test_a_failure_is_explained_without_the_secret(cli, slack, reply, said):
    slack.next.append(reply)
    ran = cli("alerts", "test", "slack")
    assert ran.code == 1
    assert said in " ".join(ran.out.split())
    assert "by itself" not in ran.out  # nobody tries it again but the user
    assert "canary" not in ran.out + ran.err


def test_as_json(cli, slack):
    ran = cli("alerts", "test", "--json")
    assert [(found["channel"], found["state"]) for found in ran.json] == [
        ("log", "sent"),
        ("slack", "sent"),
        ("webhook", "not set up"),
    ]


def test_what_was_asked_for_must_be_set_up(cli):
    ran = cli("alerts", "test", "slack")
    assert ran.code == 1
    assert "SLACK_WEBHOOK_URL" in ran.out


def test_what_is_set_wrongly_is_a_failure_also_when_nobody_asked(cli, monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", TOKEN)
    ran = cli("alerts", "test")
    assert ran.code == 1
    assert "SLACK_CHANNEL is not set" in ran.out
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "hooks.slack.com/canary")
    monkeypatch.delenv("SLACK_BOT_TOKEN")
    ran = cli("alerts", "test")
    assert ran.code == 1
    assert "canary" not in ran.out + ran.err


def test_an_unknown_channel_is_answered_with_the_closest(cli):
    ran = cli("alerts", "test", "slak")
    assert ran.code != 0
    assert "Did you mean `slack`" in " ".join(ran.err.split())
