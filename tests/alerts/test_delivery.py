"""From a bot's journal to Slack: crash, outage, storm and secrets, with real threads, a real file and slack_sdk."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from cryptobot.alerts.channels.slack import SlackAlerts
from cryptobot.alerts.dispatcher import Dispatcher
from cryptobot.core.clock import SystemClock
from cryptobot.core.types import Mode
from cryptobot.trading.actions import Notice
from cryptobot.trading.alerting import JournalAlerts
from cryptobot.trading.journal import JournalHeader, SqliteJournal
from tests.alerts.slack_server import HOOK, HTML, TOKEN, Reply

HEADER = JournalHeader("my-bot", "practice", "", Mode.PAPER, "BTC/USDT", "1m", 0)
TIMEOUT = 30.0
ROOT = Path(__file__).parents[2]


class Desk:
    """A journal and its dispatcher."""

    def __init__(self, path, *channels):
        self.journal = SqliteJournal(path, create=HEADER)
        self.clock = SystemClock()
        self.source = JournalAlerts(self.journal, self.clock, bot="my-bot", mode="paper", market="BTC/USDT")
        self.dispatcher = Dispatcher(channels, self.source, clock=self.clock)
        self.dispatcher.start()

    def notice(self, level, text, topic, **facts):
        self.journal.append(self.clock.now(), "notice", Notice(level, text, topic, facts), durable=False)
        self.dispatcher.nudge()

    def close(self, timeout=TIMEOUT):
        ended = self.dispatcher.close(timeout)
        self.journal.close()
        return ended


@pytest.fixture
def desk(tmp_path):
    made = []

    def open_(*channels):
        made.append(Desk(tmp_path / "bot.sqlite", *channels))
        return made[-1]

    yield open_
    for each in made:
        each.close(1.0)


@pytest.fixture
def hook(slack):
    return lambda **how: SlackAlerts(webhook=slack.webhook, timeout=5, **{"seconds_between": 0.0, **how})


def told(slack):
    """Return how many alerts Slack was told of, digests counted by what they say."""
    heads = [posted.body["blocks"][0]["text"]["text"] for posted in slack.posted]
    counts = [re.search(r"([\d,]+) (?:×|alerts)", head) for head in heads]
    return sum(int(found[1].replace(",", "")) if found else 1 for found in counts)


def test_a_session_tells_its_story_in_order(slack, desk):
    bot = SlackAlerts(token=TOKEN, channel="#alerts", endpoint=slack.api, seconds_between=0.0, most_waiting=100)
    session = desk(bot)
    session.notice("info", "Started.", "started")
    session.notice("info", "Bought 1 BTC.", "entry", price="100 USDT", order="b-1", why="fast over slow")
    session.notice("info", "A stop rests at 90.", "protected")
    session.notice("error", "Order b-2 is unknown. Nothing new is bought until it is found.", "unknown_order")
    session.notice("info", "Sold 1 BTC.", "exit", price="112 USDT", pnl="+11.79 USDT", order="b-3")
    session.notice("warning", "It stopped.", "stopped")
    assert session.close()
    assert sorted(posted.body["blocks"][0]["text"]["text"] for posted in slack.posted) == sorted(
        f"{what}: BTC/USDT"
        for what in ("● Started", "● Bought", "● Position protected", "■ Unknown order", "● Sold", "▲ Stopped")
    )
    by_title = {posted.body["blocks"][0]["text"]["text"].split()[1]: posted for posted in slack.posted}
    entry = by_title["Bought:"].stamp
    assert by_title["Position"].body["thread_ts"] == by_title["Sold:"].body["thread_ts"] == entry
    assert "+11.79 USDT" in by_title["Sold:"].shown
    assert "thread_ts" not in by_title["Stopped:"].body


def test_slack_away_and_back_is_told_everything_once_and_the_status_says_so(slack, desk, hook):
    slack.always = Reply(503, HTML)
    session = desk(hook())
    session.notice("warning", "The connection was lost.", "connection")
    assert slack.wait_for(lambda: len(slack.requests) >= 1)
    for number in range(2_000):
        session.notice("warning", f"Limit {'abcdefghij'[number % 10]}.", "limit")
    with slack.arrived:
        assert slack.arrived.wait_for(lambda: session.dispatcher.status()[0].trouble or None, TIMEOUT)
        slack.always = None
    assert "trouble of its own" in str(session.dispatcher.status()[0])
    assert session.close()
    assert told(slack) == 2_001
    assert len(slack.posted) <= 3


def test_slack_that_hangs_delays_nothing(slack, desk, hook):
    gate = threading.Event()
    slack.always = Reply(done=True, gate=gate)
    session = desk(hook())
    session.notice("info", "Bought.", "entry")
    assert slack.wait_for(lambda: bool(slack.requests))
    for _ in range(1_000):
        session.notice("info", "Bought.", "entry")  # would wait for the gate for ever if it waited for Slack
    assert not session.close(0.1)
    gate.set()
    for thread in threading.enumerate():
        if thread.name.startswith("cryptobot-alerts"):
            thread.join(TIMEOUT)
            assert not thread.is_alive()


CRASH = """
    import os, sys, threading
    from cryptobot.alerts.channels.slack import SlackAlerts
    from cryptobot.trading.actions import Notice
    from tests.alerts.test_delivery import Desk

    class Crash(SlackAlerts):
        def send(self, message):
            if sys.argv[3] == "before":
                os._exit(9)
            super().send(message)
            os._exit(9)          # told, and not marked

    session = Desk(sys.argv[1], Crash(webhook=sys.argv[2]))
    lost = Notice("error", "Order b-1 is unknown.", "unknown_order")
    session.journal.append(session.clock.now(), "notice", lost)
    session.dispatcher.nudge()
    threading.Event().wait(60)
"""


@pytest.mark.parametrize(("moment", "times"), [("before", 1), ("after", 2)])
def test_an_alert_survives_a_crash_and_a_repeat_says_so(slack, desk, hook, tmp_path, moment, times):
    code = textwrap.dedent(CRASH)
    words = [sys.executable, "-c", code, str(tmp_path / "bot.sqlite"), slack.webhook, moment]
    run = subprocess.run(words, cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert run.returncode == 9, run.stderr.decode()
    session = desk(hook())
    session.dispatcher.nudge()
    assert slack.wait_for(lambda: len(slack.posted) == times)
    assert session.close()
    assert len(slack.posted) == times
    assert all("Order b-1 is unknown." in posted.shown for posted in slack.posted)
    assert "may be a repeat" in slack.posted[-1].shown
    if times == 2:
        assert "may be a repeat" not in slack.posted[0].shown


def test_after_an_end_in_order_nothing_is_told_twice(slack, desk, hook):
    for day in range(3):
        session = desk(hook())
        session.notice("info", "Started.", "started")
        session.notice("info", f"Parameters {'abc'[day]}.", "parameters")
        assert session.close()
    assert told(slack) == 6
    assert not [posted for posted in slack.posted if "may be a repeat" in posted.shown]


def test_what_the_journal_cannot_hold_is_told_all_the_same(slack, desk, hook):
    session = desk(hook(level="critical", quiet="00:00-23:59"))
    alert = session.source.alert(Notice("error", "The disk is full.", "journal"), session.clock.now())
    session.dispatcher.tell(alert)
    assert slack.wait_for(lambda: len(slack.posted) == 1)
    assert "The disk is full." in slack.posted[0].shown


def test_neither_journal_nor_log_nor_slack_holds_a_secret(slack, desk, hook, tmp_path, caplog):
    caplog.set_level(0)
    slack.next.extend([Reply(500, HOOK), Reply(403, f"<html>{slack.webhook}</html>"), Reply(drop=True)])
    session = desk(hook())
    session.notice("info", "Started.", "started")
    assert slack.wait_for(lambda: len(slack.requests) >= 1)
    shown = repr(session.dispatcher) + str(session.dispatcher.status())
    session.close(1.0)
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    everything = shown + caplog.text + kept.decode("latin-1") + str([posted.body for posted in slack.posted])
    assert len(kept) > 1_000
    for secret in (HOOK, TOKEN, "canaryhooksecret"):
        assert secret not in everything
