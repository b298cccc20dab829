"""SlackAlerts, with slack_sdk as it is, against Slack on loopback."""

from __future__ import annotations

import logging
import socket
import struct
import threading
import traceback
import zlib

import pytest

from cryptobot.alerts.alert import Digest, Tally
from cryptobot.alerts.channels.slack import SlackAlerts
from cryptobot.alerts.errors import AlertError
from tests.alerts.slack_server import CHANNEL, HOOK, HTML, TOKEN, Reply, texts

SECRETS = (HOOK, TOKEN, "canaryhooksecret", "canary-token")


@pytest.fixture(params=["webhook", "bot"])
def channel(request, slack):
    if request.param == "webhook":
        return SlackAlerts(webhook=slack.webhook, timeout=5)
    return SlackAlerts(token=TOKEN, channel="#alerts", endpoint=slack.api, timeout=5)


@pytest.fixture
def bot(slack):
    return SlackAlerts(token=TOKEN, channel="#alerts", endpoint=slack.api, timeout=5)


def test_a_message_says_what_happened_where_at_what_price_in_which_mode_and_why(channel, slack, make_alert):
    channel.send(make_alert())
    (posted,) = slack.posted
    for said in ("Bought", "BTC/USDT", "64,000 USDT", "0.5 BTC", "PAPER", "my-bot", "fast over slow", "UTC"):
        assert said in posted.shown
    assert posted.body["text"].startswith("● Bought: BTC/USDT")
    assert len(posted.shown.splitlines()) < 20  # a phone's screen


def test_a_digest_is_one_message_with_counts(channel, slack, make_alert):
    one = make_alert(level="warning", topic="connection", title="Connection", text="The connection was lost.")
    channel.send(Digest(one.time, one.time, (Tally("warning", "Connection", 9_999),), (one,), bot="my-bot"))
    (posted,) = slack.posted
    assert "9,999 × Connection" in posted.shown
    assert "The connection was lost." in posted.shown


NASTY = (
    "<!channel> <@U123> <https://evil.example|click> &lt; *bold* _it_ ~no~ `code` :smile: <script>alert(1)</script> "
    "\x1b[31mred\x07 \u202etxet \u2028 \x00 {{7*7}} @here #general"
)


def test_what_looks_like_markup_stays_text(channel, slack, make_alert):
    alert = make_alert(text=NASTY, market=NASTY, bot=NASTY, title=NASTY, facts={NASTY: NASTY, "price": NASTY})
    channel.send(alert)
    (posted,) = slack.posted
    # Slack reads markup in texts of kind mrkdwn alone, and three characters of the fallback.
    kinds = {node["type"] for node in walk(posted.body["blocks"]) if "text" in node and isinstance(node["text"], str)}
    assert kinds == {"plain_text", "text"}
    assert not set("<>") & set(posted.body["text"])
    assert "<!channel>" in posted.shown  # and the reader sees what was there
    assert "*bold*" in posted.shown
    assert posted.body["mrkdwn"] is posted.body["link_names"] is posted.body["unfurl_links"] is False
    everything = posted.shown + posted.body["text"]
    assert not [c for c in everything if c != "\n" and (ord(c) < 32 or c in "\u202e\u2028")]


def walk(node):
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list):
        for each in node:
            yield from walk(each)


def test_everything_huge_is_cut_to_what_slack_takes(channel, slack, make_alert):
    facts = {f"name {n} {'x' * 500}": "y" * 5_000 for n in range(500)}
    channel.send(make_alert(text="t" * 100_000, title="u" * 10_000, bot="b" * 10_000, market="m" * 10_000, facts=facts))
    many = tuple(make_alert(text="t" * 9_999) for _ in range(9))
    channel.send(Digest(0, 1, tuple(Tally("info", "T" * 999, n) for n in range(12)), many))
    assert len(slack.posted) == 2
    assert sum(len(seen) for seen in texts(slack.posted[0].body["blocks"])) < 12_000


@pytest.mark.parametrize("empty", [{"text": ""}, {"facts": {}}, {"facts": {"why": ""}}, {"market": "", "bot": ""}])
def test_nothing_empty_is_sent(channel, slack, make_alert, empty):
    channel.send(make_alert(**empty))
    assert len(slack.posted) == 1


def test_a_trade_is_one_thread_and_its_end_is_seen_in_the_channel(bot, slack, make_alert):
    mark = bot.send(make_alert())
    bot.send(make_alert(topic="protected", text="A stop rests at 63,000.", thread=mark))
    bot.send(make_alert(topic="exit", text="Sold.", facts={"pnl": "+12.00 USDT"}, thread=mark))
    entry, stop, exit_ = slack.posted
    assert mark == int(entry.stamp.replace(".", ""))
    assert "thread_ts" not in entry.body
    assert stop.body["thread_ts"] == exit_.body["thread_ts"] == entry.stamp
    assert not stop.body["reply_broadcast"]
    assert exit_.body["reply_broadcast"]
    assert "+12.00 USDT" in exit_.shown


def test_an_answer_to_a_message_that_is_gone_stands_alone(bot, slack, make_alert):
    bot.send(make_alert(topic="exit", thread=123_000_456))
    assert "thread_ts" not in slack.posted[0].body


def test_a_picture_of_the_equity_lies_under_its_message(bot, slack, make_alert):
    bot.send(make_alert(topic="summary", equity=tuple(100.0 + n % 7 for n in range(50))))
    (file,) = slack.files.values()
    assert file["thread"] == slack.posted[0].stamp
    assert len(file["data"]) == file["length"]
    width, height = struct.unpack(">II", file["data"][16:24])
    assert file["data"].startswith(b"\x89PNG\r\n\x1a\n")
    assert (width, height) == (480, 160)
    start = file["data"].index(b"IDAT") + 4
    assert len(zlib.decompress(file["data"][start:])) == height * (3 * width + 1)


def test_where_files_may_not_be_posted_the_message_comes_without_a_picture(bot, slack, make_alert, caplog):
    slack.scopes = {"chat:write"}
    for _ in range(2):
        bot.send(make_alert(topic="summary", equity=(1.0, 2.0)))
    assert len(slack.posted) == 2
    assert not slack.files
    assert slack.requests.count("/api/files.getUploadURLExternal") == 1  # asked once, then no more
    assert "files:write" in caplog.text


def failed(channel, alert):
    """Send what fails, and look for secrets in everything that a traceback shows."""
    with pytest.raises(AlertError) as caught:
        channel.send(alert)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not [secret for secret in SECRETS if secret in shown]
    return caught.value


@pytest.mark.parametrize(
    ("reply", "again", "said", "maybe"),
    [
        (Reply(429, "ratelimited", {"Retry-After": "17"}), "soon", "too many", False),
        (Reply(500, "rollup_error"), "soon", "trouble of its own", True),
        (Reply(503, HTML), "soon", "trouble of its own", True),
        (Reply(200, HTML), "soon", "web page", True),
        (Reply(200, "nonsense"), "later", "nonsense", False),
        (Reply(403, HTML), "soon", "web page", False),
        (Reply(403, "action_prohibited"), "later", "administrator", False),
        (Reply(404, "no_service"), "later", "Make a new one", False),
        (Reply(400, "invalid_blocks"), "never", "layout", False),
        (Reply(drop=True), "soon", "connection broke", True),
    ],
)
def test_each_failure_says_what_to_do_and_whether_trying_again_helps(
    channel, slack, make_alert, reply, again, said, maybe
):
    slack.next.append(reply)
    error = failed(channel, make_alert())
    assert said in str(error)
    assert (error.again, error.maybe_told) == (again, maybe)
    assert error.retry_after == (17.0 if reply.status == 429 else None)


def test_a_server_that_repeats_the_secret_is_not_quoted(channel, slack, make_alert):
    said = (
        f"{slack.webhook} canaryhook\x00secret" if "webhook" in repr(channel) else f"{TOKEN} {TOKEN[:9]}\x07{TOKEN[9:]}"
    )
    slack.next.append(Reply(403, f"no entry for {said}"))
    failed(channel, make_alert())


def test_a_refused_connection_was_not_told(make_alert):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = failed(SlackAlerts(webhook=f"http://127.0.0.1:{port}{HOOK}", timeout=2), make_alert())
    assert "refuses connections" in str(error)
    assert (error.again, error.maybe_told) == ("soon", False)


def test_a_slow_answer_may_have_been_told(slack, make_alert):
    gate = threading.Event()
    slack.next.append(Reply(done=True, gate=gate))
    try:
        error = failed(SlackAlerts(webhook=slack.webhook, timeout=1), make_alert())
        assert error.maybe_told
        assert len(slack.posted) == 1
    finally:
        gate.set()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("invalid_auth", "SLACK_BOT_TOKEN"),
        ("channel_not_found", "/invite"),
        ("not_in_channel", "/invite"),
        ("is_archived", "archived"),
        ("account_inactive", "SLACK_BOT_TOKEN"),
        ("something_new_of_2031", "something_new_of_2031"),
    ],
)
def test_what_slack_says_to_a_bot_becomes_advice(bot, slack, make_alert, answer, said):
    slack.next.append(Reply(200, f'{{"ok": false, "error": "{answer}"}}'))
    error = failed(bot, make_alert())
    assert said in str(error)
    assert error.again == "later"


def test_a_missing_right_is_named(bot, slack, make_alert):
    slack.scopes = set()
    assert "chat:write" in str(failed(bot, make_alert()))


def test_slack_sdk_logs_no_secret_even_when_everything_is_logged(channel, slack, make_alert, caplog):
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("slack_sdk"):
            logging.getLogger(name).setLevel(logging.DEBUG)
    slack.next.extend([Reply(500, "x"), Reply(200, HTML)])
    for _ in range(2):
        failed(channel, make_alert())
    channel.send(make_alert())
    assert not [secret for secret in SECRETS if secret in caplog.text]
    assert "xoxb" not in repr(channel) + str(vars(channel))
    assert HOOK not in repr(channel) + str(vars(channel))


def test_the_bot_posts_where_it_was_told(bot, slack, make_alert):
    bot.send(make_alert())
    assert slack.posted[0].body["channel"] == "#alerts"
    assert CHANNEL not in slack.posted[0].body["channel"]
