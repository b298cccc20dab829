"""One bot's whole story, in Slack, in the log, in the report and in the panel: they agree, also with the exchange.

The bot trades in a process of its own through ccxt on a simulator, and everything happens to it: an order without an
answer, a refused one, streams that are cut, a stop that is hit, money taken out of the account, Slack away for a while, a
SIGKILL.
"""

from __future__ import annotations

import html
import json
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

import pytest

import cryptobot as cb
from cryptobot.alerts.clean import clean
from cryptobot.alerts.words import TRADE, title_of
from cryptobot.control import launch as launching
from cryptobot.control.launch import launch
from cryptobot.core.text import written
from cryptobot.exchange.simulator.faults import Fault
from cryptobot.notebook.panel import ControlPanel
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import JournalView, SqliteJournal
from cryptobot.trading.session_report import session_report
from tests.alerts.slack_server import TOKEN, Reply, SlackServer

PATIENCE = 60
TAKEN_OUT = 500
# The log is written a moment later than the journal, in nanoseconds.
NOT_YET_ON_DISK = 500_000_000
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")]


@dataclass
class Story:
    """What a session has left, wherever it is told."""

    ledger: object
    notices: list = field(default_factory=list)
    before_the_kill: list = field(default_factory=list)
    view: JournalView | None = None
    posted: list = field(default_factory=list)
    lines: list = field(default_factory=list)
    report: object = None
    panel: dict = field(default_factory=dict)
    metrics: str = ""
    explained: dict = field(default_factory=dict)
    status: object = None


def wait_for(condition):
    deadline, tick = time.monotonic() + PATIENCE, threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        tick.wait(0.01)


def config(simulator, slack):
    return {
        "name": "told",
        "mode": "testnet",
        "exchange": {"id": "binance", "endpoint": simulator.endpoint},
        "symbol": "BTC/USDT",
        "timeframe": "1m",
        "sizing": 0.5,
        "limits": {"stop_loss": 0.0008, "max_order_value": 4_000},
        "strategy": {"name": "ma_crossover", "params": {"fast": 2, "slow": 3, "volatility_window": 2}},
        # One message an alert, so that they can be counted; digests are tested by themselves.
        "alerts": {
            "slack": {"endpoint": slack.api, "seconds_between": 0.0, "most_waiting": 100, "same_within": 0.0},
        },
    }


def live(simulator, slack):
    """Let everything happen to a bot."""
    bot, faults = launch(config(simulator, slack)), simulator.faults

    def told(topic):
        return sum(notice.topic == topic for notice in bot.notices())

    def go_on(orders=3):
        before = len(simulator.ledger.orders)
        wait_for(lambda: len(simulator.ledger.orders) >= before + orders)

    wait_for(lambda: told("stop_loss") >= 1 and told("exit") >= 1)
    faults.add(Fault("error", code=-1007, method="POST", path="order", executed=True))
    wait_for(lambda: told("resolved") >= 1)
    slack.always = Reply(503, "<html>away</html>")
    refusal = "Account has insufficient balance for requested action."
    faults.add(Fault("error", code=-2010, status=400, text=refusal, method="POST", path="order"))
    wait_for(lambda: told("rejected") >= 1)
    faults.add(Fault("kill", stream="all"))
    wait_for(lambda: told("connection") >= 2)
    wait_for(lambda: "slack" in bot.status().alerts and "waiting" in bot.status().alerts["slack"])
    slack.always = None
    go_on()

    killed = time.time_ns()
    os.kill(bot.process.pid, signal.SIGKILL)
    wait_for(lambda: not bot.alive)
    bot = launch(config(simulator, slack))
    go_on()
    faults.add(Fault("balance", values={"USDT": f"-{TAKEN_OUT}"}))
    faults.add(Fault("kill", stream="all"))  # they are compared when it is back
    wait_for(lambda: told("reconciliation") >= 1)
    assert bot.status().trading_state == "reducing"
    bot.clear("I took it out")
    go_on(1)
    bot.kill(flatten=True, reason="enough")
    wait_for(lambda: bot.status().quantity == 0)
    bot.stop()
    return bot, killed


def read(simulator, slack, folders, bot, killed):
    """Collect what is told of it."""
    path = folders.journal("told")
    story = Story(simulator.ledger, status=bot.status(), metrics=bot.metrics())
    panel = ControlPanel(bot)
    try:
        panel.refresh()
        layout = panel.layout
        story.panel = {
            "notices": [layout.notices.text(row, 2) for row in range(len(layout.notices.rows))],
            "pnl": [row["cells"][6][2] for row in layout.trades.rows],
            "state": layout.header.text("state"),
        }
    finally:
        panel.close()
    with SqliteJournal(path, read_only=True) as journal:
        told = [*journal.records(kinds=["notice"])]
        story.notices = [record.content for record in told]
        story.before_the_kill = [
            r.content for r in told if killed - NOT_YET_ON_DISK < r.time < killed + NOT_YET_ON_DISK
        ]
        entries = [record.content for record in journal.records(kinds=["intent"]) if hasattr(record.content, "side")]
        bought = [intent for intent in entries if intent.side == "buy"][:3]
    story.explained = {intent.id: (intent, bot.explain(intent.time - 1).text) for intent in bought}
    bot.shut_down()
    story.view, story.report = JournalView.of(path), session_report(path)
    story.posted = list(slack.posted)
    story.lines = [json.loads(line) for line in folders.log("told").read_text("utf-8").splitlines()]
    return story


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    from cryptobot.control.folders import Folders

    before, slack = list(launching._CHILDREN), SlackServer()
    with pytest.MonkeyPatch.context() as patch, cb.Simulator(practice=7, speed=600, fee_asset="quote") as simulator:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
            patch.delenv(name, raising=False)
        patch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path_factory.mktemp("told") / "data"))
        patch.setenv("SLACK_BOT_TOKEN", TOKEN)
        patch.setenv("SLACK_CHANNEL", "#alerts")
        patch.setenv("BINANCE_API_KEY", simulator.api_key)
        patch.setenv("BINANCE_API_SECRET", simulator.secret)
        folders = Folders.find()
        try:
            yield read(simulator, slack, folders, *live(simulator, slack))
        finally:
            for child in launching._CHILDREN:
                if child not in before:
                    child.kill()
                    child.wait(PATIENCE)
            launching._CHILDREN[:] = before
            slack.close()


def to_people(notices):
    """Those that people outside are told of."""
    return [one for one in notices if one.level != "debug" and not (one.level == "info" and one.topic == "note")]


def shown(posted):
    """Headline and text of a message, its footer, and its figures."""
    blocks = {block["type"]: block for block in posted.body["blocks"]}
    figures = [part["text"] for part in blocks["rich_text"]["elements"][0]["elements"]] if "rich_text" in blocks else []
    return (
        blocks["header"]["text"]["text"].split(" ", 1)[1],
        blocks["section"]["text"]["text"],
        blocks["context"]["elements"][0]["text"],
        figures,
    )


def test_everything_happened(story):
    topics = Counter(notice.topic for notice in story.notices)
    happened = {"started", "entry", "exit", "stop_loss", "protected", "unknown_order", "resolved", "rejected"}
    happened |= {"connection", "reconciliation", "cleared", "killed", "stopped"}
    assert happened <= topics.keys()
    assert topics["started"] >= 3  # the two starts, and what the second one goes on with


def test_the_journal_is_the_exchanges_own_story(story):
    ledger, view = story.ledger, story.view
    booked = Counter((fill.id, fill.price, fill.quantity, fill.fee) for fill in view.fills)
    assert booked == Counter((fill.id, fill.price, fill.quantity, fill.fee) for fill in ledger.fills)
    assert {order.client_id for order in ledger.orders} <= set(view.lives)
    books = view.portfolio(cash=view.session.cash)
    assert books.is_flat
    assert ledger.balances["USDT"].total == books.cash - TAKEN_OUT
    assert story.status.trades == len(books.trades) == len(view.trades())


def test_every_execution_is_told_with_its_figures(story):
    executed = [notice for notice in story.notices if notice.topic in TRADE and "price" in notice.facts]
    told = Counter((one.facts["order"], one.facts["price"], one.facts["quantity"]) for one in executed)
    assert told == Counter(
        (fill.intent_id, f"{written(fill.price)} USDT", f"{written(fill.quantity, 8)} BTC")
        for fill in story.ledger.fills
    )
    gains = [Decimal(one.facts["pnl"].split()[0].replace(",", "")) for one in executed if "pnl" in one.facts]
    assert gains == [round(trade.pnl, 2) for trade in story.view.trades()]
    assert not [notice for notice in story.notices if re.search(r"\.\d*0 (BTC|USDT)\b", notice.facts.get("price", ""))]


def test_slack_tells_all_of_it_once_and_repeats_say_so(story):
    wanted = Counter((f"{title_of(one.topic)}: BTC/USDT", clean(one.text)) for one in to_people(story.notices))
    first, all_ = Counter(), Counter()
    for posted in story.posted:
        headline, text, footer, _ = shown(posted)
        all_[headline, text] += 1
        first[headline, text] += "may be a repeat" not in footer
        assert footer.startswith("TESTNET · told · ")
    assert wanted.keys() == all_.keys()
    assert all(first[each] <= wanted[each] <= all_[each] for each in wanted)
    for notice in to_people(story.notices):
        assert any(
            text == clean(notice.text)
            and {clean(value, 300, one_line=True) for value in notice.facts.values()} <= {*figures}
            for _, text, _, figures in map(shown, story.posted)
        ), notice


def test_what_belongs_to_a_trade_stands_under_its_entry(story):
    by_order = {}
    for posted in story.posted:
        headline, _, _, figures = shown(posted)
        if headline.startswith("Bought"):  # a repeat after the crash begins its thread anew
            by_order.setdefault(figures[figures.index("order  ") + 1], []).append(posted.stamp)
    threads = [posted for posted in story.posted if posted.body.get("thread_ts")]
    stamps = {stamp for stamps in by_order.values() for stamp in stamps}
    assert len(threads) > len(by_order)
    assert {posted.body["thread_ts"] for posted in threads} <= stamps
    for posted in threads:
        assert shown(posted)[0].split(":")[0] in {title_of(topic) for topic in TRADE}
    ends = Counter(posted.body["thread_ts"] for posted in threads if "pnl  " in shown(posted)[3])
    assert max(ends.values()) == 1  # a trade ends once


def test_the_log_tells_the_same(story):
    levels = {"info": "info", "warning": "warning", "error": "error", "debug": "debug"}
    said = Counter((line["level"], line["text"]) for line in story.lines if line["logger"] == "cryptobot.bot.told")
    wanted = Counter((levels[one.level], clean(one.text, 8_000)) for one in story.notices)
    # What the process was about to write when it was killed is in the journal alone.
    assert wanted - said <= Counter((levels[one.level], clean(one.text, 8_000)) for one in story.before_the_kill)
    for line in story.lines:
        if line["logger"] == "cryptobot.bot.told":
            assert (line["bot"], line["market"], line["mode"]) == ("told", "BTC/USDT", "testnet")
    orders = {line["order"] for line in story.lines if "order" in line}
    unsaid = {one.facts.get("order") for one in story.before_the_kill}
    assert {fill.intent_id for fill in story.ledger.fills} <= orders | unsaid
    assert not [line["text"] for line in story.lines if "Traceback" in line["text"]]
    assert [line for line in story.lines if line["logger"] == "cryptobot.alerts"]  # that Slack was away


def test_the_report_tells_the_same(story):
    report, page = story.report, story.report.html()
    assert [one.notice for one in report.told] == story.notices
    assert [trade.pnl for trade in report.closed] == [trade.pnl for trade in story.view.trades()]
    assert report.orders == Counter(str(life.state) for life in story.view.lives.values())
    missing = [one.text for one in story.notices if html.escape(clean(one.text)) not in page]
    assert not missing
    assert report.delivered["slack"] >= max(one.number for one in report.told)
    assert "slack (everything)" in page


def test_the_panel_tells_the_same(story):
    newest = [one.text[:500] for one in story.notices if one.level != "debug"][::-1]
    assert story.panel["notices"] == newest[: len(story.panel["notices"])]
    assert len(story.panel["notices"]) >= 20
    assert story.panel["pnl"] == pytest.approx([float(trade.pnl) for trade in story.view.trades()][::-1])
    assert story.panel["state"] == "STOPPED · HALTED"


def test_the_figures_tell_the_same(story):
    found = {
        match[1] + match[2]: float(match[3])
        for match in re.finditer(r'^cryptobot_(\w+)\{[^}]*?(?:outcome="(\w+)")?\} (\S+)$', story.metrics, re.MULTILINE)
        for match in [(None, match[1], match[2] or "", match[3])]
    }
    lives = Counter(str(life.state) for life in story.view.lives.values())
    assert {name: found[f"orders_total{name}"] for name in lives} == lives
    assert found["fills_total"] == len(story.ledger.fills)
    assert found["trades_total"] == len(story.view.trades())
    assert found["equity"] == pytest.approx(float(story.view.portfolio(cash=story.view.session.cash).cash))


def test_decisions_are_explained_by_what_was_journaled(story):
    assert len(story.explained) == 3
    for intent, text in story.explained.values():
        seen = next(seen for seen in story.view.bars if seen.bar.time + 60 * 10**9 == intent.time)
        assert f"closed at {written(seen.bar.close)}" in text
        assert "a buy order is sent" in text or "refused" in text
        assert "mode testnet" in text.lower() or "testnet" in text


def test_a_notice_is_one_that_a_person_can_read(story):
    for notice in story.notices:
        assert isinstance(notice, Notice)
        assert notice.text[0].isupper(), notice.text
        assert notice.text.endswith((".", ")")), notice.text
