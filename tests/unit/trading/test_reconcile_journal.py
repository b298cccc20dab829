"""A journal alone explains what became of the money: every planted difference is found, and nothing is left over."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.backtest.attribution import CAUSES
from cryptobot.backtest.ledger import keep_ledger
from cryptobot.cli import main
from cryptobot.core.bars import BarColumns, time_text
from cryptobot.core.sizing import FixedQuote, FractionOfEquity
from cryptobot.core.types import Bar, Fill, Intent, Mode, Side
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.digest import strategy_digest
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import (
    BarSeen,
    BookedFill,
    JournalHeader,
    MemoryJournal,
    ParametersSet,
    SessionStarted,
    SqliteJournal,
    Terms,
    TradingStateChange,
)
from cryptobot.trading.reconciliation import reconcile

CASH = Decimal(10_000)
COSTS = Costs(Decimal("0.001"), Decimal(2))
MARKET = cb.Market("BTC/USDT", "0.01", "0.00001", "5")
STRATEGY = cb.MovingAverageCrossover(3, 9, 5, 0.0)
FRAME = cb.practice_bars(700, seed=5)
ALL = BarColumns.of(FRAME)
FIRST = 100  # the bars before are history
AWAKE = range(FIRST, len(ALL))
STEP = ALL.timeframe.nanoseconds
HEADER = JournalHeader("my-bot", "binance on paper", "", Mode.PAPER, "BTC/USDT", "1m", int(ALL.time[FIRST]))
TERMS = Terms(
    strategy_digest(cb.MovingAverageCrossover),
    {"kind": "FractionOfEquity", "fraction": 1.0},
    market=MARKET,
    fee=COSTS.fee,
    slippage_bps=COSTS.slippage_bps,
    history={name: getattr(ALL, name)[:FIRST].tolist() for name in ("time", "open", "high", "low", "close", "volume")},
)


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run ``cryptobot reconcile`` with these words; return its exit code, output and complaints."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["cryptobot", "reconcile", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def happened(sizing=None):
    """What a faithful bot does on these bars: by row, the orders that it decides and the fills that it gets."""
    rows = slice(FIRST, None)
    bars = BarColumns.unchecked(
        ALL.time[rows].copy(),
        {name: getattr(ALL, name)[rows].copy() for name in ("open", "high", "low", "close", "volume")},
        ALL.timeframe,
    )
    decisions = STRATEGY.batch(ALL)
    chosen = replace(decisions, time=bars.time, buy=decisions.buy[rows], sell=decisions.sell[rows], features={})
    ledger = keep_ledger(chosen, bars, cash=CASH, costs=COSTS, sizing=sizing or FractionOfEquity(), market=MARKET)
    done, cash = [], CASH
    for fill, row, after in zip(ledger.fills, ledger.rows, ledger.cash, strict=True):
        spend = (sizing or FractionOfEquity()).quote_amount(cash)
        amount = {"quote_amount": spend} if fill.side is Side.BUY else {"quantity": fill.quantity}
        closed = int(bars.time[row])
        reason = f"{fill.side} signal at the close"
        done.append((row - 1, Intent(fill.intent_id, closed, "BTC/USDT", fill.side, reason=reason, **amount), fill))
        cash = after
    return done


def write(journal, done, *, seen=AWAKE, terms=TERMS, cash=CASH, between=None):
    """Write a session: bars, and after each what was decided on it and became of it.

    `between` adds records after a bar: row (of the session) to a list of kind and content.
    """
    by_row = {}
    for row, intent, fill in done:
        by_row.setdefault(row, []).append((intent, fill))
    journal.append(int(ALL.time[FIRST]), "session", SessionStarted(cash, Decimal(0)))
    journal.append(int(ALL.time[FIRST]), "parameters", ParametersSet(STRATEGY.name, STRATEGY.params))
    journal.append(int(ALL.time[FIRST]), "terms", terms)
    for number in range(FIRST, len(ALL)):
        now = int(ALL.time[number]) + STEP
        if number in seen:
            journal.append(now, "bar", BarSeen(ALL.bar(number), {"fast": 1.0}, 10_000.0), durable=False)
        for intent, fill in by_row.get(number - FIRST, []):
            if intent is not None:
                journal.append(now, "intent", intent, durable=False)
            if fill is not None:
                own = intent is not None and intent.id == fill.intent_id
                journal.append(now, "fill", BookedFill(fill, own), durable=False)
        for kind, content in (between or {}).get(number - FIRST, []):
            journal.append(now, kind, content, durable=False)
    return journal


def explain(done, bars=None, **options):
    found = reconcile(write(MemoryJournal(HEADER), done, **options), bars)
    assert sum(share.amount for share in found.attribution.shares) == found.gap
    return found


def causes(found):
    return {share.cause for share in found.attribution.shares if share.amount}


def test_a_faithful_session_agrees_to_the_last_digit_from_its_journal_alone():
    done = happened()
    assert len(done) > 30
    found = explain(done)
    assert (found.differences, found.gap, found.notes) == (0, 0, ())
    assert causes(found) == set()
    assert found.ok
    assert found.backtest.warm_up_bars == FIRST
    assert list(found.equity.columns) == ["backtest", "bot"]
    assert len(found.equity) == len(ALL) - FIRST
    assert "Agrees" in found._repr_html_()
    assert found._repr_html_().count("<polyline") == 2


def test_the_file_tells_what_the_memory_tells(tmp_path):
    path = tmp_path / "my-bot.sqlite"
    done = happened()
    done[5] = (done[5][0], done[5][1], replace(done[5][2], fee=done[5][2].fee + 1))
    with SqliteJournal(path, create=HEADER) as journal:
        write(journal, done)
        beside = reconcile(path)  # while it is being written
    after, memory = reconcile(str(path)), explain(done)
    assert after.gap == beside.gap == memory.gap == -1
    assert causes(after) == causes(memory) == {"fee"}


def by_rule(side, number):
    """What an order is filled at, at the open of a bar."""
    sign = 1 if side is Side.BUY else -1
    return MARKET.round_price(Decimal(str(ALL.open[number])) * (1 + sign * COSTS.slippage_bps / 10_000), side)


def planted(kind):
    """Change one thing about a faithful session; return it, options for the journal, and the causes to be found."""
    done = happened()
    row, intent, fill = done[6]
    worse = fill.price + (5 if fill.side is Side.BUY else -5)
    sold = next(n for n, (_, _, each) in enumerate(done) if each.side is Side.SELL and n > 5)
    options, expected = {}, {kind}
    if kind == "slippage":
        done[6] = (row, intent, replace(fill, price=worse))
        expected = {"slippage", "rounding", "fee"}  # more was paid for the same quantity, and for its fee
    elif kind == "fee":
        done[6] = (row, intent, replace(fill, fee=fill.fee + Decimal("2.5")))
    elif kind == "timing":
        price = by_rule(fill.side, FIRST + row + 2)
        late = replace(fill, time=fill.time + STEP, price=price, fee=price * fill.quantity * COSTS.fee)
        done[6] = (row, intent, late)
        expected = {"timing", "rounding"}
    elif kind == "missed fill":
        done[-1] = (done[-1][0], done[-1][1], None)
    elif kind == "foreign order":
        by_hand = Fill("x", "", fill.time, Side.BUY, fill.price, Decimal("0.01"), Decimal("0.3"))
        done.append((row, None, by_hand))
    elif kind == "signal":
        done = done[:-1]
    elif kind == "outage":
        options["bars"] = FRAME
        options["seen"] = [n for n in range(FIRST, len(ALL)) if n - FIRST != done[-1][0]]
        done = done[:-1]
    elif kind == "partial fill":
        at = done[-1]
        assert at[2].side is Side.SELL or done[-2][2].side is Side.SELL
        done = done if at[2].side is Side.SELL else done[:-1]
        row, intent, fill = done[-1]
        half = (fill.quantity / 2).quantize(Decimal("0.00001"))
        done[-1] = (row, intent, replace(fill, quantity=half, fee=half * fill.price * COSTS.fee))
        expected = None
    elif kind == "manual order":
        row, intent, fill = done[sold]
        # A person sold one bar before the signal, at that bar's next open.
        price = by_rule(Side.SELL, FIRST + row)
        hand = replace(intent, id="hand", time=int(ALL.time[FIRST + row]) + 7, reason="I am leaving")
        got = replace(
            fill, id="h", intent_id="hand", time=hand.time, price=price, fee=price * fill.quantity * COSTS.fee
        )
        done = [*done[:sold], (row - 1, hand, got)]
        options["between"] = {row - 1: [("trading_state", TradingStateChange("reducing", "I am leaving", "user"))]}
    return done, options, expected


@pytest.mark.parametrize(
    "kind",
    ["slippage", "fee", "timing", "missed fill", "foreign order", "signal", "outage", "partial fill", "manual order"],
)
def test_each_planted_difference_is_found_and_named(kind):
    done, options, expected = planted(kind)
    found = explain(done, **options)
    assert found.gap != 0
    assert kind in causes(found)
    if expected is not None:
        assert causes(found) <= expected
    shares = {share.cause: share for share in found.attribution.shares}
    assert shares[kind].orders >= 1
    assert list(shares) == list(CAUSES)
    assert kind in found.summary()
    assert kind in found._repr_html_()


def test_bars_that_nobody_has_cannot_be_priced_and_that_is_said():
    done, options, _ = planted("outage")
    found = explain(done, seen=options["seen"])
    assert found.gap == 0
    assert "1 bar is missing" in found.notes[0]
    assert "Give bars" in found.notes[0]


def test_other_prices_of_the_users_own_bars_are_named_price():
    done = happened()
    bars = FRAME.copy()
    row = FIRST + done[-1][0] + 1
    bars.iloc[row, bars.columns.get_loc("open")] += 3.0
    bars.iloc[row, bars.columns.get_loc("high")] += 3.0
    found = reconcile(write(MemoryJournal(HEADER), done), bars)
    assert causes(found) == {"price"}
    assert found.gap == sum(share.amount for share in found.attribution.shares) != 0


def test_an_entry_that_nobody_dared_to_send_is_a_missed_fill():
    done = happened()
    at = next(n for n in range(len(done) - 1, 0, -1) if done[n][2].side is Side.BUY)
    row = done[at][0]
    notice = Notice("warning", "The buy signal is not followed: …", "limit", {"limit": "blocked", "why": "…"})
    found = explain(done[:at], between={row: [("notice", notice)]})
    assert causes(found) == {"missed fill"}


def test_a_session_that_was_killed_and_went_on_is_one_session():
    """What the process slept through is read from the history of its next start."""
    done = happened()
    inside = next(n for n in range(8, len(done), 2) if done[n][2].side is Side.BUY)
    asleep = range(done[inside][0] - 2 + FIRST, done[inside + 1][0] + 3 + FIRST)
    seen = [n for n in range(FIRST, len(ALL)) if n not in asleep]
    again = replace(
        TERMS,
        history={
            name: getattr(ALL, name)[asleep.stop - 60 : asleep.stop].tolist()
            for name in ("time", "open", "high", "low", "close", "volume")
        },
    )
    records = [("parameters", ParametersSet(STRATEGY.name, STRATEGY.params)), ("terms", again)]
    kept = done[:inside] + done[inside + 2 :]
    found = explain(kept, seen=seen, between={asleep.stop - 1 - FIRST: records})
    assert "outage" in causes(found)
    assert "signal" not in causes(found)
    assert len(found.backtest.bars) == len(ALL) - FIRST
    assert found.notes == ()


@pytest.mark.parametrize(
    "change",
    [
        ("terms", replace(TERMS, limits={"stop_loss": Decimal("0.05")})),
        ("terms", replace(TERMS, sizing={"kind": "FixedQuote", "amount": 5})),
    ],
)
def test_what_was_changed_meanwhile_is_refused(change):
    with pytest.raises(cb.ConfigError, match="the sizing or the limits of my-bot were changed 1 times"):
        explain(happened(), between={50: [change]})


def test_what_a_bot_with_the_old_parameters_would_have_done_is_a_signal():
    """The journal says that they were changed; who traded on as before decided differently from there on."""
    other = {**STRATEGY.params, "slow": 25}
    found = explain(happened(), between={50: [("parameters", ParametersSet(STRATEGY.name, other))]})
    assert causes(found) == {"signal"}
    (note,) = found.notes
    assert "slow=25" in note
    assert f"from {time_text(int(ALL.time[FIRST + 51]))} on" in note


def test_another_code_from_a_bar_on_is_said():
    (note,) = explain(happened(), between={50: [("terms", replace(TERMS, code="another"))]}).notes
    assert "The code of ma_crossover is another" in note


def test_the_sizing_is_read_from_the_journal_or_asked_for():
    sizing = FixedQuote(500)
    found = explain(happened(sizing), terms=replace(TERMS, sizing={"kind": "FixedQuote", "amount": 500}))
    assert found.gap == 0
    own = replace(TERMS, sizing={"kind": "MySizing"})
    with pytest.raises(cb.ConfigError, match=r"sizing: the journal says 'MySizing'.*sizing=\.\.\."):
        explain(happened(sizing), terms=own)
    assert reconcile(write(MemoryJournal(HEADER), happened(sizing), terms=own), sizing=sizing).gap == 0


def test_a_strategy_that_is_not_registered_is_given():
    class Typed(cb.MovingAverageCrossover):
        pass

    journal = write(MemoryJournal(HEADER), happened(), between=None)
    typed = MemoryJournal(HEADER)
    for record in list(journal.records())[1:]:
        content = record.content
        if isinstance(content, ParametersSet):
            content = replace(content, strategy="Typed")
        typed.append(record.time, record.kind, content)
    with pytest.raises(cb.ConfigError, match=r"`Typed` is not registered here.*strategy=MyStrategy"):
        reconcile(typed)
    for given in (Typed, Typed(**STRATEGY.params)):
        found = reconcile(typed, strategy=given)
        assert found.gap == 0
        assert found.notes == ()
    with pytest.raises(cb.ConfigError, match="is not what traded"):
        reconcile(typed, strategy=Typed(fast=2))


def test_changed_code_and_missing_history_are_said():
    found = explain(happened(), terms=replace(TERMS, code="0" * 64, history={}))
    assert "another than the one that traded" in found.notes[0]
    assert "The journal holds 0 of the" in found.notes[1]
    assert all(note in found.summary() for note in found.notes)
    whole = reconcile(write(MemoryJournal(HEADER), happened(), terms=replace(TERMS, history={})), FRAME)
    assert (whole.gap, whole.notes) == (0, ())


def test_what_an_exchange_charges_is_asked_for_where_the_journal_does_not_know():
    silent = replace(TERMS, fee=None, slippage_bps=None)
    journal = write(MemoryJournal(HEADER), happened(), terms=silent)
    with pytest.raises(cb.ConfigError, match=r"my-bot does not say what it charges.*fee=0.001"):
        reconcile(journal)
    assert reconcile(journal, fee=0.001, slippage_bps=2).gap == 0
    assert causes(reconcile(journal, fee=0.001)) >= {"slippage"}


def test_a_journal_that_says_too_little_is_refused():
    with pytest.raises(cb.ConfigError, match="has seen no bars yet"):
        reconcile(MemoryJournal(HEADER))
    bare = MemoryJournal()
    bare.append(1, "bar", BarSeen(Bar(int(ALL.time[0]), 1.0, 1.0, 1.0, 1.0, 1.0), {}, 1.0))
    with pytest.raises(cb.ConfigError, match="does not say on which terms it traded"):
        reconcile(bare)


def test_a_session_whose_first_bars_are_gone_is_refused(tmp_path):
    path = tmp_path / "j.sqlite"
    with SqliteJournal(path, create=HEADER, keep_bars=100) as journal:
        write(journal, happened())
        gone = journal.forgotten
    assert gone.bars > 100
    for one in (path, str(path)):
        with pytest.raises(
            cb.ConfigError, match=rf"cannot be traded again .* let go of its {gone.bars} .*keep_bars=None"
        ):
            reconcile(one)
    with pytest.raises(cb.ConfigError, match="cannot be traded again"):
        reconcile(path, FRAME)


def test_a_bot_whose_journal_let_go_of_bars_is_refused_too(tmp_path):
    exchange = cb.ReplayExchange(FRAME, history=50, market=MARKET)
    header = JournalHeader("mine", exchange.name, "", Mode.PRACTICE, exchange.symbol, "1m", 0)
    with SqliteJournal(tmp_path / "j.sqlite", create=header, keep_bars=50) as journal:
        bot = cb.Bot(cb.MovingAverageCrossover(3, 9), exchange=exchange, name="mine", journal=journal)
        bot.run()
        with pytest.raises(cb.ConfigError, match="cannot be traded again .* the journal has let go of its"):
            reconcile(bot)


def test_a_bar_that_was_written_down_twice_counts_once():
    done = happened()
    twice = [("bar", BarSeen(ALL.bar(FIRST + 50), {}, 1.0)), ("bar", BarSeen(ALL.bar(FIRST + 49), {}, 1.0))]
    assert explain(done, between={50: twice}).gap == 0


def test_an_execution_that_was_told_twice_counts_once():
    done = happened()
    again = [("fill", BookedFill(fill)) for _, _, fill in done[:7]]
    assert explain(done, between={done[8][0]: again}).gap == 0


def test_the_command_explains_a_journal_by_the_name_of_its_bot(tmp_path, monkeypatch, cli):
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path))
    path = tmp_path / "journals" / "my-bot.sqlite"
    path.parent.mkdir()
    done, _, _ = planted("slippage")
    with SqliteJournal(path, create=HEADER) as journal:
        write(journal, done)
    told = json.loads(cli("my-bot", "--json")[1])
    amounts = {one["cause"]: Decimal(one["amount"]) for one in told["causes"]}
    assert sum(amounts.values()) == Decimal(told["gap"]) == Decimal(told["actual"]) - Decimal(told["expected"]) != 0
    assert amounts["slippage"] < 0
    assert not [text for one in told["causes"] for text in one["amount"] if text == "E"]  # no exponent in any amount
    assert (told["strategy"], told["ok"], told["quote"]) == ("ma_crossover", False, "USDT")
    code, said, _ = cli(path)
    assert code == 0
    assert "slippage" in said
    assert "differs" in said
    for words, word in ((["my-bto"], "Did you mean `my-bot`?"), (["my-bot", "--timezone", "UTC"], "Add --bars")):
        code, _, complaint = cli(*words)
        assert code != 0
        assert word in " ".join(complaint.split())


def test_the_command_speaks_of_its_options(tmp_path, cli):
    silent, gone, other = tmp_path / "silent.sqlite", tmp_path / "gone.sqlite", tmp_path / "other.sqlite"
    with SqliteJournal(silent, create=HEADER) as journal:
        write(journal, happened(), terms=replace(TERMS, fee=None, slippage_bps=None))
    with SqliteJournal(gone, create=HEADER, keep_bars=100) as journal:
        write(journal, happened())
    with SqliteJournal(other, create=HEADER) as journal:
        write(journal, happened(), between={0: [("parameters", ParametersSet("typed_by_hand", {}))]})
    for path, word in (
        (silent, "Say what to assume: --fee 0.001."),
        (
            gone,
            "of its own (--new-journal), and reconcile it before that many bars are seen, or keep them all: keep_bars = ",
        ),
        (other, "Give its class: --strategy my_strategy.py:MyStrategy."),
    ):
        code, _, complaint = cli(path)
        assert code != 0
        assert word in " ".join(complaint.split())


def test_the_command_takes_bars_and_a_strategy_from_files(tmp_path, cli):
    path, code, bars = tmp_path / "my-bot.sqlite", tmp_path / "mine.py", tmp_path / "bars.feather"
    code.write_text("import cryptobot as cb\n\n\nclass Mine(cb.MovingAverageCrossover):\n    pass\n", encoding="utf-8")
    FRAME.reset_index().to_feather(bars)
    with SqliteJournal(path, create=HEADER) as journal:
        write(journal, happened())
        journal.append(int(ALL.time[-1]) + STEP, "notice", Notice("info", "the end"))
    told = json.loads(cli(path, "--bars", bars, "--strategy", f"{code}:Mine", "--json")[1])
    assert told["ok"]
    assert Decimal(told["gap"]) == 0
    assert told["bars"] == len(ALL) - FIRST
    assert np.isclose(float(told["expected"]), float(told["actual"]), rtol=0, atol=0)
