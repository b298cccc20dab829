"""Real money is let through only with every proof of the very same strategy, parameters, market and interval."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

import cryptobot as cb
from cryptobot.backtest.registry.checks import check_strategy
from cryptobot.backtest.registry.recording import registry, runs
from cryptobot.core.clock import SimulatedClock
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Mode
from cryptobot.strategy.digest import strategy_digest
from cryptobot.trading.journal import (
    BarSeen,
    JournalHeader,
    ParametersSet,
    SqliteJournal,
    Terms,
)
from cryptobot.trading.live_gate import ITEMS, LiveGate, LiveWish, require_live, wish_of

MINUTE = 60 * 10**9
START = 1_704_067_200_000_000_000
BARS = cb.practice_bars(600, seed=2)
MARKET = cb.Market("BTC/USDT", "0.01", "0.00001", "5")
STRATEGY = cb.MovingAverageCrossover(3, 8, 5, 0.0)
LIMITS = cb.Limits(max_order_value=500, max_daily_loss=100)
WISH = LiveWish(STRATEGY, "binance", "BTC/USDT", Timeframe.parse("1m"), LIMITS, key_rights=True)
HEADER = JournalHeader("paper-bot", "binance on paper", "", Mode.PAPER, "BTC/USDT", "1m", START)
# An hour and a half of minutes, watched as they came.
WATCHED = 90


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CRYPTOBOT_RECORD_RUNS", "true")
    return tmp_path


def gate(**changes):
    return LiveGate(**{"paper_time": "1h", **changes})


def paper(place, *, header=HEADER, bars=WATCHED, pace=MINUTE, strategy=STRATEGY, code=None, name="paper", keep=None):
    """Write the journal of a session that saw so many bars, one each `pace`."""
    path = place / "journals" / f"{name}.sqlite"
    path.parent.mkdir(exist_ok=True)
    with SqliteJournal(path, create=header, keep_bars=keep) as journal:
        journal.append(START, "parameters", ParametersSet(strategy.name, strategy.params))
        journal.append(START, "terms", Terms(code or strategy_digest(type(strategy))))
        for n in range(bars):
            bar = Bar(START + n * MINUTE, 100.0, 101.0, 99.0, 100.0, 1.0)
            journal.append(START + (n + 1) * pace, "bar", BarSeen(bar, {}, 10_000.0), durable=False)
    return path


def prove(place, *, without=None):
    """Leave every proof there but one."""
    if without != "check_strategy":
        check_strategy(STRATEGY, BARS)
    if without != "backtest":
        cb.backtest(STRATEGY, BARS, market=MARKET)
    if without != "paper_session":
        paper(place)


def verdict(report):
    return {item.name: item.ok for item in report.items}


def text_of(report, name):
    return next(item.text for item in report.items if item.name == name)


def test_with_every_proof_it_passes_and_the_journal_keeps_what_it_saw(place):
    prove(place)
    report = require_live(gate(), WISH)
    assert verdict(report) == dict.fromkeys(ITEMS, True)
    assert report.ok
    assert "may trade real money" in repr(report)
    path = place / "live.sqlite"
    with SqliteJournal(path, create=replace(HEADER, mode=Mode.LIVE)) as journal:
        journal.append(START, "gate", report.record())
    with SqliteJournal(path, read_only=True) as journal:
        kept = journal.last("gate").content
    assert kept == report.record()
    assert kept["code"] == strategy_digest(cb.MovingAverageCrossover)
    assert kept["parameters"] == STRATEGY.params
    assert [item["name"] for item in kept["items"]] == list(ITEMS)
    assert {item["overridden"] for item in kept["items"]} == {None}


def test_what_a_bot_wants_is_read_from_its_plan():
    exchange = cb.ReplayExchange(BARS, market=MARKET)
    plan = cb.Bot(STRATEGY, exchange=exchange, limits=LIMITS).session.plan
    wish = wish_of(STRATEGY, plan)
    assert wish == replace(WISH, exchange="replay", key_rights=False, warnings=())
    assert wish_of(STRATEGY, cb.Bot(STRATEGY, exchange=exchange).session.plan).limits is None


@pytest.mark.parametrize("name", ["check_strategy", "backtest", "paper_session"])
def test_each_proof_that_is_missing_is_named_alone(place, name):
    prove(place, without=name)
    report = gate().check(WISH)
    assert verdict(report) == {one: one != name for one in ITEMS}
    with pytest.raises(cb.ConfigError, match=rf"Missing:\n  1. {name}: ") as refused:
        require_live(gate(), WISH)
    assert "2. " not in str(refused.value)


def test_everything_that_is_missing_is_named_at_once():
    with pytest.raises(cb.ConfigError) as refused:
        require_live(gate(), replace(WISH, limits=None, key_rights=False))
    for number, name in enumerate(ITEMS, start=1):
        assert f"{number}. {name}: " in str(refused.value)


def test_without_a_gate_nobody_has_said_how_long_paper_was_to_be(place):
    prove(place)
    with pytest.raises(cb.ConfigError, match=r"gate=cb.LiveGate\(paper_time='3d'\)"):
        require_live(None, WISH)


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (None, ["max_order_value", "max_position_value", "max_daily_loss", "max_drawdown"]),
        (cb.Limits(stop_loss=0.05), ["max_order_value", "max_daily_loss", "stop_loss"]),
        (cb.Limits(max_order_value=500), ["max_daily_loss", "max_drawdown"]),
        (cb.Limits(max_drawdown=0.2), ["max_order_value", "max_position_value"]),
    ],
)
def test_limits_must_bound_an_order_and_a_loss(place, limits, named):
    prove(place)
    report = gate().check(replace(WISH, limits=limits))
    assert [item.name for item in report.missing] == ["limits"]
    for name in named:
        assert f"`{name}`" in text_of(report, "limits")


def test_either_of_the_two_limits_will_do(place):
    prove(place)
    assert gate().check(replace(WISH, limits=cb.Limits(max_position_value=1, max_drawdown=0.5))).ok


def test_a_key_whose_rights_nobody_knows_is_refused_and_a_warning_is_told(place):
    prove(place)
    assert "has not said what the key may do" in text_of(gate().check(replace(WISH, key_rights=False)), "key_rights")
    told = gate().check(replace(WISH, warnings=["it works from any address"]))
    assert told.ok
    assert "it works from any address" in text_of(told, "key_rights")


def test_proofs_of_other_parameters_are_none(place):
    prove(place)
    other = replace(WISH, strategy=STRATEGY.replace(slow=9))
    report = gate().check(other)
    assert [item.name for item in report.missing] == ["check_strategy", "backtest", "paper_session"]
    assert "slow was 8, not 9" in text_of(report, "check_strategy")
    assert "slow was 8, not 9" in text_of(report, "backtest")


def made(threshold):
    """Return a class of one name whose code is another for each threshold."""

    class Typed(cb.Strategy):
        def features(self):
            return {"fast": cb.SMA(3)}

        def should_buy(self, x):
            return x.close > x.fast + threshold

        def should_sell(self, x):
            return x.close < x.fast

    return Typed


def test_proofs_of_other_code_are_none_even_under_the_same_name(place):
    before, after = made(0.0)(), made(0.5)()
    assert before.name == after.name
    check_strategy(before, BARS)
    cb.backtest(before, BARS, market=MARKET)
    paper(place, strategy=before)
    assert gate().check(replace(WISH, strategy=before)).ok
    assert gate().check(replace(WISH, strategy=made(0.0)())).ok, "the same code made again is the same"
    report = gate().check(replace(WISH, strategy=after))
    assert [item.name for item in report.missing] == ["check_strategy", "backtest", "paper_session"]
    assert "the code is another" in text_of(report, "backtest")


def test_the_newest_check_counts(place):
    prove(place, without="check_strategy")

    class LooksAhead(cb.Strategy):
        def should_buy(self, x):
            return x.close > x.close.mean()

        def should_sell(self, x):
            return x.close < x.close.mean()

    assert not check_strategy(LooksAhead(), BARS).ok
    report = gate().check(replace(WISH, strategy=LooksAhead()))
    assert "failed" in text_of(report, "check_strategy")
    clock = SimulatedClock(2 * START)
    kept = registry()
    kept._clock = clock
    check_strategy(STRATEGY, BARS)
    assert verdict(gate().check(WISH))["check_strategy"]
    from cryptobot.core.bars import BarColumns

    common = {"parameters": STRATEGY.params, "symbol": "", "assumptions": {}}
    failed = {"passed": False, "failures": ["parity at bar 7: …"]}
    kept.add("check", type(STRATEGY), BarColumns.of(BARS), results=failed, **common)
    assert "parity at bar 7" in text_of(gate().check(WISH), "check_strategy")


def test_a_check_is_recorded_like_any_run_and_can_be_left_out(place):
    check_strategy(STRATEGY, BARS, record=False)
    assert len(runs("check")) == 0
    report = check_strategy(STRATEGY, BARS)
    [run] = runs("check")
    assert (run.strategy, run.bars, run.results["passed"]) == ("ma_crossover", 600, True)
    assert run.results["checks"] == list(report.checks)
    assert runs("backtest").table.empty
    assert "check" in repr(runs())


def test_when_nothing_is_recorded_the_gate_says_why(monkeypatch):
    monkeypatch.setenv("CRYPTOBOT_RECORD_RUNS", "false")
    check_strategy(STRATEGY, BARS)
    assert "CRYPTOBOT_RECORD_RUNS is false" in text_of(gate().check(WISH), "check_strategy")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({}, "it names no market"),
        ({"market": cb.Market("ETH/USDT")}, "the market was 'ETH/USDT'"),
    ],
)
def test_a_backtest_of_another_market_is_none(place, options, word):
    prove(place, without="backtest")
    cb.backtest(STRATEGY, BARS, **options)
    report = gate().check(WISH)
    assert [item.name for item in report.missing] == ["backtest"]
    assert word in text_of(report, "backtest")


def test_a_backtest_of_another_interval_is_none(place):
    prove(place, without="backtest")
    cb.backtest(STRATEGY, cb.practice_bars(300, seed=2, timeframe="5m"), market=MARKET)
    assert "the interval was 5m" in text_of(gate().check(WISH), "backtest")


@pytest.mark.parametrize(
    "header",
    [
        replace(HEADER, mode=Mode.PRACTICE),
        replace(HEADER, mode=Mode.LIVE),
        replace(HEADER, exchange="kraken on paper"),
        replace(HEADER, symbol="ETH/USDT"),
        replace(HEADER, timeframe="5m"),
    ],
)
def test_a_session_elsewhere_is_no_paper_session_of_this(place, header):
    prove(place, without="paper_session")
    paper(place, header=header)
    report = gate().check(WISH)
    assert [item.name for item in report.missing] == ["paper_session"]
    assert "none is there" in text_of(report, "paper_session")


def test_testnet_is_paper_enough(place):
    prove(place, without="paper_session")
    paper(place, header=replace(HEADER, mode=Mode.TESTNET, exchange="binance"))
    assert gate().check(WISH).ok


def test_only_time_that_has_passed_counts(place):
    prove(place, without="paper_session")
    paper(place, pace=MINUTE // 100, name="fast")
    assert "only 54 seconds" in text_of(gate().check(WISH), "paper_session")
    paper(place, bars=30, pace=100 * MINUTE, name="slept")  # one bar in a hundred minutes was seen
    assert "only 30 minutes" in text_of(gate().check(WISH), "paper_session")
    paper(place, bars=59, name="short")
    assert "only 59 minutes" in text_of(gate().check(WISH), "paper_session")
    assert not gate().check(WISH).ok
    paper(place, bars=60, name="enough")
    assert gate().check(WISH).ok
    assert "enough.sqlite" in text_of(gate().check(WISH), "paper_session")


def test_only_the_time_with_these_parameters_counts(place):
    prove(place, without="paper_session")
    path = paper(place, bars=30)
    with SqliteJournal(path) as journal:
        now = START + 30 * MINUTE
        journal.append(now, "parameters", ParametersSet(STRATEGY.name, {**STRATEGY.params, "slow": 9}))
        for n in range(30, 90):
            bar = Bar(START + n * MINUTE, 100.0, 101.0, 99.0, 100.0, 1.0)
            journal.append(START + (n + 1) * MINUTE, "bar", BarSeen(bar, {}, 10_000.0))
    assert "only 30 minutes" in text_of(gate().check(WISH), "paper_session")


def test_bars_that_a_journal_let_go_of_are_not_counted_and_that_is_said(place):
    prove(place, without="paper_session")
    path = paper(place, bars=200, keep=50)
    told = text_of(gate(paper_time="3h").check(WISH), "paper_session")
    assert "Old bars that a journal has let go of are not counted." in told
    with SqliteJournal(path, read_only=True) as journal:
        kept = len(list(journal.records(kinds=["bar"])))
    assert kept < 120
    assert gate(paper_time=f"{kept - 1}m").check(WISH).ok
    path.unlink()
    paper(place, bars=20)
    assert "let go of" not in text_of(gate().check(WISH), "paper_session")


def test_a_journal_that_cannot_be_trusted_is_left_out_in_so_many_words(place):
    prove(place, without="paper_session")
    path = paper(place)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM records WHERE number = 20")
    report = gate().check(WISH)
    assert [item.name for item in report.missing] == ["paper_session"]
    assert "paper.sqlite is left out: " in text_of(report, "paper_session")


def test_journals_elsewhere_are_found_when_they_are_named(place, tmp_path_factory):
    prove(place, without="paper_session")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    path = paper(elsewhere)
    assert not gate().check(WISH).ok
    assert gate(journals=[path]).check(WISH).ok
    assert gate(journals=[str(path.parent)]).check(WISH).ok
    assert "left out" in text_of(gate(journals=[elsewhere / "typo.sqlite"]).check(WISH), "paper_session")
    with pytest.raises(cb.ConfigError, match="Give a list"):
        gate(journals=str(path))


@pytest.mark.parametrize("name", ITEMS)
def test_each_item_can_be_gone_without_and_the_journal_says_why(place, name):
    prove(place, without=name)
    wish = replace(WISH, limits=None if name == "limits" else LIMITS, key_rights=name != "key_rights")
    assert not gate().check(wish).ok
    others = [one for one in ITEMS if one != name]
    with pytest.raises(cb.ConfigError, match=f"1. {name}: "):
        require_live(gate(override=dict.fromkeys(others, "not this one")), wish)
    report = require_live(gate(override={name: "I know what I do"}), wish)
    [kept] = [item for item in report.record()["items"] if not item["ok"]]
    assert (kept["name"], kept["overridden"]) == (name, "I know what I do")
    assert "I know what I do" in repr(report)
    assert "I know what I do" in report._repr_html_()


def test_what_is_there_is_not_overridden(place):
    prove(place)
    report = gate(override={"backtest": "in case"}).check(WISH)
    assert all(item.overridden is None for item in report.items)


@pytest.mark.parametrize(
    ("override", "word"),
    [
        ({"paper_sesion": "why"}, "Did you mean `paper_session`"),
        ({"limits": ""}, "Say in words"),
        ({"limits": True}, "Say in words"),
        (["limits"], "Give names with reasons"),
    ],
)
def test_an_override_is_named_and_reasoned(override, word):
    with pytest.raises(cb.ConfigError, match=word):
        gate(override=override)


@pytest.mark.parametrize("given", ["0d", "", "soon", "-3d", None, 3, dt.timedelta(0), dt.timedelta(days=-1)])
def test_a_paper_time_is_a_length_above_nothing(given):
    with pytest.raises(cb.ConfigError, match=r"paper_time: .*Give a length above 0"):
        gate(paper_time=given)


def test_a_paper_time_is_also_a_timedelta():
    assert gate(paper_time=dt.timedelta(days=2)).paper_seconds == gate(paper_time="2d").paper_seconds == 172_800


def test_runs_that_cannot_be_read_are_missing_and_told(place):
    (place / "runs").mkdir()
    (place / "runs" / "index.sqlite").write_bytes(b"no database at all, but long enough to look like one" * 100)
    report = gate().check(WISH)
    assert "cannot be read" in text_of(report, "backtest")
    assert not report.ok


def test_html_names_every_item_and_shows_no_markup_of_others(place):
    prove(place)
    report = gate(override={"paper_session": "<b>bold</b>"}).check(replace(WISH, strategy=STRATEGY.replace(fast=2)))
    shown = report._repr_html_()
    assert "&lt;b&gt;bold" in shown
    assert "May not trade real money: 2 missing" in shown
