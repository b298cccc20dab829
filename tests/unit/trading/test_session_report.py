"""The report of a session: its figures are the journal's, and whatever stands in a text stays text."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

import cryptobot as cb
from cryptobot.cli import main
from cryptobot.core.secrecy import keep_secret
from cryptobot.core.types import Bar, Mode
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import BarSeen, JournalHeader, SqliteJournal, StateChange
from cryptobot.trading.session_report import session_report

BARS = cb.practice_bars(400, seed=5)
FIRST = 50
STRATEGY = cb.MovingAverageCrossover(3, 9)
HOSTILE = "<script>alert(1)</script> *bold* <!channel> \x1b[31m & 'x' \"y\" \u202etxt"
CANARY = "canary-7f3a9b2c4d5e6f70"


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The journal of a session that has ended, and its bot."""
    path = tmp_path_factory.mktemp("played") / "mine.sqlite"
    exchange = cb.ReplayExchange(BARS, history=FIRST, market=cb.Market("BTC/USDT"))
    header = JournalHeader("mine", exchange.name, "", Mode.PRACTICE, "BTC/USDT", "1m", 0)
    with SqliteJournal(path, create=header) as journal:
        bot = cb.Bot(
            STRATEGY, exchange=exchange, name="mine", journal=journal, limits=cb.Limits(max_orders_per_minute=1)
        )
        keep_secret(CANARY)
        bot.run()
        bot.session.tell(cb_notice("warning", f"{HOSTILE} {CANARY}"))
        bot.session.tell(cb_notice("error", "An order of which nobody knows."))
        journal.flush()
        yield path, bot


def cb_notice(level, text):
    return Notice(level, text, "unknown_order", {"order": f"<b>{CANARY}</b>"})


class Page(HTMLParser):
    """The tags, the visible words, and the table cells of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.attributes = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)


def test_its_figures_are_the_bots(played):
    path, bot = played
    report, status = session_report(path), bot.status()
    assert report.equity.size == status.bars == len(BARS) - FIRST
    assert report.began == float(status.initial_equity)
    assert float(report.equity[-1]) == pytest.approx(float(status.equity), rel=1e-12)
    np.testing.assert_array_equal(report.equity, bot.tape(status.bars).equity)
    assert len(report.closed) == status.trades > 5
    trades = bot.trades()
    assert [float(trade.pnl) for trade in report.trades] == pytest.approx(trades["pnl"].tolist())
    assert report.orders == {"filled": len(bot.tape(None).fills)}
    assert len(report.incidents) == sum(n.level in ("warning", "error") for n in bot.notices())
    assert [one.notice for one in report.told] == bot.notices()


def test_a_part_begins_where_it_is_told(played):
    path, _ = played
    whole = session_report(path)
    for since in ("1h", pd.Timestamp(BARS.index[-60]), str(BARS.index[-60])[:16]):
        part = session_report(path, since)
        np.testing.assert_array_equal(part.equity, whole.equity[-part.equity.size :])
        assert part.equity.size in (60, 61)
        assert part.began == whole.equity[-part.equity.size - 1]
        assert 0 < len(part.trades) < len(whole.trades)
        assert part.trades == whole.trades[-len(part.trades) :]
        assert len(part.told) < len(whole.told)
    assert session_report(path, "30d").equity.size == whole.equity.size
    assert session_report(path, BARS.index[-1] + pd.Timedelta("1h")).equity.size == 0
    with pytest.raises(cb.ConfigError, match="since: 'lately' is no time"):
        session_report(path, "lately")
    with pytest.raises(cb.ConfigError, match="since: 'last weeks' is no time"):
        session_report(path, "last weeks")


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    """The journal of the same session that kept its newest bars only."""
    path = tmp_path_factory.mktemp("pruned") / "mine.sqlite"
    exchange = cb.ReplayExchange(BARS, history=FIRST, market=cb.Market("BTC/USDT"))
    header = JournalHeader("mine", exchange.name, "", Mode.PRACTICE, "BTC/USDT", "1m", 0)
    with SqliteJournal(path, create=header, keep_bars=100) as journal:
        cb.Bot(
            STRATEGY, exchange=exchange, name="mine", journal=journal, limits=cb.Limits(max_orders_per_minute=1)
        ).run()
        assert journal.forgotten.bars >= 50
    return path


def test_bars_that_are_not_kept_are_told(played, pruned):
    whole, part = session_report(played[0]), session_report(pruned)
    assert 100 <= part.equity.size < whole.equity.size
    np.testing.assert_array_equal(part.equity, whole.equity[-part.equity.size :])
    assert (part.began, part.trades, part.orders) == (whole.began, whole.trades, whole.orders)
    since = pd.Timestamp(part.times[0], unit="ns")
    assert f"The equity of before {since} UTC is not kept: the journal has let go of its " in part.summary()
    assert part.note in "".join(Page(part.html()).words)
    assert whole.note == session_report(pruned, "1h").note == ""
    assert session_report(pruned, "1h").began == session_report(played[0], "1h").began


def test_what_was_earned_is_counted_from_the_first_bar_that_is_kept(played, pruned):
    whole, part = session_report(played[0], "5h"), session_report(pruned, "5h")
    assert part.equity.size < whole.equity.size
    assert part.began == part.equity[0]
    assert part.trades == whole.trades
    assert "is not kept, so that what was earned is counted from there: the journal has" in part.summary()


def test_what_was_told_before_is_left_out_by_the_clock_where_bars_are_not_kept(tmp_path):
    minute = 60 * 10**9
    header = JournalHeader("mine", "x", "", Mode.PAPER, "BTC/USDT", "1m", 0)
    with SqliteJournal(tmp_path / "j.sqlite", create=header, keep_bars=20) as journal:
        for n in range(100):
            seen = BarSeen(Bar(n * minute, 1.0, 1.0, 1.0, 1.0, 1.0), {}, 100.0 + n)
            journal.append((n + 1) * minute, "bar", seen, durable=False)
            journal.append((n + 1) * minute, "notice", Notice("info", f"{n}"))
            journal.append((n + 1) * minute, "state", StateChange("running", str(n)))
    report = session_report(tmp_path / "j.sqlite", "1h")
    assert report.times.size < 60
    assert [one.notice.text for one in report.told] == [state.reason for _, state in report.states]
    assert [one.notice.text for one in report.told] == [str(n) for n in range(39, 100)]


def test_the_page_needs_nothing_else_and_runs_nothing(played):
    path, bot = played
    page = Page(session_report(path).html())
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "href")]
    assert any(name == "content" and "default-src 'none'" in value for name, value in page.attributes)
    assert page.tags.count("polyline") == 1
    assert page.tags.count("table") == 3
    fast, slow = bot.strategy.params["fast"], bot.strategy.params["slow"]
    assert f"; ma_crossover(fast={fast}, slow={slow}, " in "".join(page.words)


def test_what_stands_in_a_text_stays_text(played):
    path, bot = played
    words = "".join(Page(session_report(path).html()).words)
    assert "<script>alert(1)</script> *bold* <!channel> [31m & 'x' \"y\" txt …" in words
    assert CANARY not in words
    assert "\x1b" not in words
    assert "\u202e" not in words
    assert CANARY not in str(bot.notices()) + str(bot.logs())
    assert CANARY.encode() not in path.read_bytes()


def test_the_page_tells_what_people_were_told(played):
    path, bot = played
    report = session_report(path)
    words = "".join(Page(report.html()).words)
    for notice in bot.notices()[1:40]:
        assert " ".join(notice.text.split()) in " ".join(words.split())
    assert report.summary() in words
    assert "1 critical incident." in report.summary()
    assert "no alert channel" in words
    assert report._repr_html_().startswith("<div class='cb-bt'>")


def test_the_command_line_writes_it(played, tmp_path, monkeypatch, capsys):
    path, bot = played

    def run(*words):
        monkeypatch.setattr("sys.argv", ["cryptobot", "report", *map(str, words)])
        try:
            main()
        except SystemExit as stopped:
            return stopped.code, capsys.readouterr()
        return 0, capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    code, out = run(path, "--since", "2h")
    assert code == 0
    assert "Written: mine-report.html" in out.out
    assert "<!doctype html>" in (tmp_path / "mine-report.html").read_text("utf-8")
    code, out = run(path, "--json")
    told = json.loads(out.out)
    assert (told["trades"], told["bars"]) == (bot.status().trades, bot.status().bars)
    assert CANARY not in out.out
    code, out = run(path, "--output", tmp_path / "no" / "where.html")
    assert (code, out.out) == (2, "")
    assert "cannot be written" in " ".join(out.err.split())  # however long the path is, and the line


def test_an_empty_journal_is_reported_as_such(tmp_path):
    header = JournalHeader("empty", "nowhere", "", Mode.PAPER, "BTC/USDT", "1m", 0)
    with SqliteJournal(tmp_path / "empty.sqlite", create=header) as journal:
        report = session_report(journal)
        assert report.summary() == "empty saw no bar in this time."
        assert "Nobody was told anything." in report.html()
