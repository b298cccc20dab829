"""The journal as a source of alerts: what was written is told, marks survive, and the day is added up."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.types import Bar, Mode
from cryptobot.trading.actions import Notice
from cryptobot.trading.alerting import JournalAlerts
from cryptobot.trading.journal import BarSeen, JournalHeader, MemoryJournal, SqliteJournal
from cryptobot.trading.journal.simulated_disk import SimulatedDisk

MINUTE = 60_000_000_000
HEADER = JournalHeader("bot", "practice", "", Mode.PRACTICE, "BTC/USDT", "1m", 0)


@pytest.fixture
def disk():
    made = SimulatedDisk()
    yield made
    made.close()


@pytest.fixture
def opened(disk):
    return lambda: SqliteJournal("bot.sqlite", create=HEADER, vfs=disk.vfs)


def of(journal, clock=None):
    return JournalAlerts(journal, clock or SimulatedClock(), bot="my-bot", mode="practice", market="BTC/USDT")


@pytest.fixture(params=["memory", "sqlite"])
def journal(request, opened):
    made = MemoryJournal() if request.param == "memory" else opened()
    yield made
    made.close()


def test_notices_become_alerts_in_order(journal):
    journal.append(5, "notice", Notice("debug", "for the log"))
    journal.append(6, "notice", Notice("info", "for the log, too"))
    journal.append(7, "notice", Notice("info", "Bought.", "entry", {"price": "5 USDT", "order": "bot-1"}))
    journal.append(8, "bar", BarSeen(Bar(0, 1.0, 2.0, 0.5, 1.5, 9.0), {}, 100.0), durable=False)
    journal.append(9, "notice", Notice("warning", "a note that needs a look"))
    journal.append(10, "notice", Notice("error", "It stopped.", "halted"))
    alerts = list(of(journal).alerts(0))
    assert [(a.level, a.topic, a.title) for a in alerts] == [
        ("info", "entry", "Bought"),
        ("warning", "note", "Note"),
        ("critical", "halted", "HALTED"),
    ]
    assert [a.time for a in alerts] == [7, 9, 10]
    assert alerts[0].facts == {"price": "5 USDT", "order": "bot-1"}
    assert (alerts[0].bot, alerts[0].mode, alerts[0].market) == ("my-bot", "practice", "BTC/USDT")
    assert [a.number for a in of(journal).alerts(alerts[0].number)] == [a.number for a in alerts[1:]]


def test_any_mix_of_looks_sees_each_notice_once(journal):
    chance, source = Random(4), of(journal)
    seen, at, wanted = [], 0, []
    for step in range(400):
        if chance.random() < 0.3:
            wanted.append(journal.append(step, "notice", Notice("warning", str(step))).number)
        else:
            journal.append(step, "bar", BarSeen(Bar(step, 1.0, 1.0, 1.0, 1.0, 1.0), {}, 1.0), durable=False)
        if chance.random() < 0.3:
            for alert in source.alerts(at):
                seen.append(alert.number)
                at = alert.number
                if chance.random() < 0.2:
                    break  # who looks need not read to the end
    seen += [alert.number for alert in source.alerts(at)]
    assert seen == wanted


def test_bars_are_not_gone_over_again_and_again(journal):
    source, starts = of(journal), []
    journal.append(0, "notice", Notice("warning", "one"))
    for minute in range(50):
        journal.append(minute, "bar", BarSeen(Bar(minute, 1.0, 1.0, 1.0, 1.0, 1.0), {}, 1.0), durable=False)
    (alert,) = source.alerts(0)
    records = journal.records
    journal.records = lambda after=0, kinds=None: (starts.append(after), records(after, kinds))[1]
    assert list(source.alerts(alert.number)) == []
    assert list(source.alerts(alert.number)) == []
    assert starts[-1] == journal.count


def test_marks_survive_a_crash_once_they_are_flushed(opened, disk):
    journal = opened()
    source = of(journal)
    assert source.cursor("slack") is None
    source.done("slack", 7)
    source.flush()
    source.done("slack", 9)
    assert source.cursor("slack") == 9
    disk.kill()
    again = of(opened())
    assert again.cursor("slack") == 7


def test_the_day_is_added_up_from_what_was_written(journal):
    equity = [1_000.0]
    chance = Random(1)
    for minute in range(3 * 1_440):
        equity.append(equity[-1] + chance.uniform(-1, 1.01))
        seen = BarSeen(Bar(minute, 1.0, 1.0, 1.0, 1.0, 1.0), {}, equity[-1])
        journal.append(minute * MINUTE, "bar", seen, durable=False)
        if minute % 400 == 7:
            pnl = Decimal(minute - 2_000) / 100
            journal.append(
                minute * MINUTE, "notice", Notice("info", "Sold.", "exit", {"pnl": f"{pnl:+,.2f} USDT"}), durable=False
            )
        if minute % 1_000 == 999:
            journal.append(minute * MINUTE, "notice", Notice("error", "?", "unknown_order"), durable=False)
    since, until = 1_440 * MINUTE, 2_880 * MINUTE
    alert = of(journal).summary(since, until)
    day = equity[1_442:2_882]  # the bars after the first and until the second moment
    exits = [Decimal(m - 2_000) / 100 for m in range(1_441, 2_881) if m % 400 == 7]
    worst = min(after / max(day[: at + 1]) - 1 for at, after in enumerate(day))
    assert alert.facts == {
        "market": "BTC/USDT",
        "bars": "1,440",
        "trades": str(len(exits)),
        "pnl": f"{sum(exits):+,.2f}",
        "wins": f"{sum(pnl > 0 for pnl in exits)} of {len(exits)}",
        "equity": f"{day[-1]:,.2f}",
        "change": f"{day[-1] - day[0]:+,.2f}",
        "return": f"{100 * (day[-1] / day[0] - 1):+.2f} %",
        "worst drawdown": f"{100 * worst:.2f} %",
        "warnings": "0",
        "critical": "1",
    }
    assert 100 <= len(alert.equity) < 400
    assert set(alert.equity) <= set(day)


def test_of_nothing_there_is_no_summary(journal):
    assert of(journal).summary(0, MINUTE) is None
    journal.append(1, "bar", BarSeen(Bar(0, 1.0, 1.0, 1.0, 1.0, 1.0), {}, float("nan")))
    journal.append(2, "notice", Notice("info", "Sold.", "exit", {"pnl": "unclear"}))
    assert of(journal).summary(0, MINUTE).facts["trades"] == "0"
