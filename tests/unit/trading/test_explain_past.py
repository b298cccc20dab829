"""`explain(at=…)`: any bar that was seen is explained later as it was explained then."""

from __future__ import annotations

import json
import math
import re

import pandas as pd
import pytest

import cryptobot as cb
from cryptobot.core.bars import time_text
from cryptobot.core.moment import moment
from cryptobot.core.types import Mode
from cryptobot.exchange.replay import ReplayExchange
from cryptobot.strategy.catalogue import STRATEGIES
from cryptobot.trading import past
from cryptobot.trading.bot import Bot
from cryptobot.trading.journal import JournalHeader, SqliteJournal, TradingStateChange
from cryptobot.trading.past import explain_past, maker_of

PATIENCE = 60
BARS = cb.practice_bars(300, seed=5)
STRATEGY = cb.MovingAverageCrossover(3, 9, 5, 0.0004)


class Noting(ReplayExchange):
    """Keeps what the bot says of each bar while that one is the newest."""

    def __init__(self, bars, **options):
        super().__init__(bars, **options)
        self.bot, self.said, self.at = None, [], {}

    async def stream(self, symbol, timeframe):
        async for event in super().stream(symbol, timeframe):
            if hasattr(event, "bar"):
                self.note()
                do = self.at.get(event.bar.time)
                if do is not None:
                    do()
            yield event
        self.note()

    def note(self):
        said = self.bot.explain()
        if said.time is not None and (not self.said or said.time > self.said[-1].time):
            self.said.append(said)


DISK_ONLY = pytest.mark.parametrize("played", ["disk"], indirect=True)


@pytest.fixture(params=["disk", "memory"])
def played(request, tmp_path):
    """Make a bot that has traded to its end, and what it said of each bar as it came."""

    journals = []

    def make(strategy, bars, *, at=None, keep=None, **options):
        exchange = Noting(bars, history=50, market=cb.Market("BTC/USDT"))
        path = tmp_path / "bot.sqlite"
        header = JournalHeader("past", exchange.name, "", Mode.PRACTICE, exchange.symbol, "1m", 0)
        journal = SqliteJournal(path, create=header, keep_bars=keep) if request.param == "disk" else None
        journals.extend([] if journal is None else [journal])
        bot = Bot(strategy, exchange=exchange, name="past", journal=journal, **options)
        exchange.bot, exchange.at = bot, at(bot) if at else {}
        bot.start()
        assert bot.wait(PATIENCE)
        assert bot.status().state == "finished"
        return bot, [said for said in exchange.said if said.time >= bars.index[50].value]

    yield make
    for journal in journals:
        journal.close()


def same(found, said, *, terms=True):
    assert (found.time, found.close) == (said.time, said.close)
    assert found.features.keys() == said.features.keys()
    for name, value in said.features.items():
        assert found.features[name] == value or (math.isnan(value) and math.isnan(found.features[name]))
    assert (found.buy, found.sell, found.position) == (said.buy, said.sell, said.position)
    assert found.outcome.startswith(said.outcome)
    assert found.limits == said.limits
    assert found.mode == said.mode == "practice"
    if terms:
        assert found.trading_state == said.trading_state


@pytest.mark.parametrize(
    "limits", [None, cb.Limits(max_orders_per_minute=1, max_order_value=500), cb.Limits(stop_loss=0.002)]
)
def test_every_bar_is_explained_as_it_was(played, limits):
    bot, said = played(STRATEGY, BARS, limits=limits)
    assert len(said) == 250
    on_disk = bot.journal.size > 0
    for one in said[1:]:  # the bar before the first was past when the bot started: the journal does not have it
        same(bot.explain(one.time), one, terms=on_disk)
    outcomes = {one.outcome.split(",")[0] for one in said}
    assert {"a buy order is sent", "a sell order is sent", "nothing is done"} <= outcomes


@DISK_ONLY
def test_a_bar_that_the_journal_let_go_of_is_told_so(played):
    bot, said = played(cb.MovingAverageCrossover(3, 9), BARS, keep=50)  # often in the market, so often written
    gone = bot.journal.forgotten
    assert 50 <= gone.bars <= 200
    first = next(bot.journal.records(kinds=["bar"])).content.bar.time
    kept = [one for one in said if one.time >= first]
    assert 50 <= len(kept) < len(said) - 50
    for one in kept[1:]:
        same(bot.explain(one.time), one)
    assert bot.explain(kept[0].time).text.count("The bar before it is not known") == 1
    words = (
        rf"the bar of .* is not kept: the journal has let go of its {gone.bars} oldest bars.* from {time_text(first)}"
    )
    for one in (said[1], said[len(said) - len(kept) - 1]):
        with pytest.raises(cb.ConfigError, match=words):
            bot.explain(one.time)
    with pytest.raises(cb.ConfigError, match="no bar of"):
        bot.explain(BARS.index[-1] + pd.Timedelta("1h"))


def test_an_order_is_followed_to_its_end(played):
    bot, said = played(STRATEGY, BARS)
    sent = next(one for one in said if one.outcome.startswith("a buy order is sent"))
    fill = next(fill for fill in bot.tape(None).fills if fill.time >= sent.time)
    text = bot.explain(sent.time).text
    assert f"(bought {fill.quantity:,.8g} BTC at {fill.price:,.10g} USDT)" in text
    assert "Fast" in text
    assert "volatility" in text
    assert "There is a buy signal while flat" in text
    assert text.endswith("limits: none.")


def test_a_refused_signal_says_why(played):
    def at(bot):
        return {BARS.index[100].value: lambda: bot.session.engine.gate.reduce("a person said so")}

    bot, said = played(cb.MovingAverageCrossover(3, 9), BARS, at=at, limits=cb.Limits(max_drawdown=0.5))
    refused = [one for one in said if one.buy and one.time > BARS.index[100].value]
    assert len(refused) > 1
    for one in refused:
        found = bot.explain(one.time)
        assert found.outcome == one.outcome
        assert found.outcome.startswith("nothing is done, because")
        assert "a person said so" in found.outcome
        assert found.limits == {"max_drawdown": "0.5"}


@DISK_ONLY
def test_a_long_journal_is_halved(played, monkeypatch):
    monkeypatch.setattr(past, "_NEAR", 2)
    bot, said = played(STRATEGY, pd.concat([BARS[:120], BARS[125:]]))
    for one in said[1:]:
        if one.time != BARS.index[125].value:
            same(bot.explain(one.time), one)
    for outside in (BARS.index[0].value - 1, BARS.index[122].value, BARS.index[-1].value + 60 * 10**9):
        with pytest.raises(cb.ConfigError, match="no bar of"):
            bot.explain(outside)


def test_a_moment_is_anywhere_in_the_bar(played):
    bot, said = played(STRATEGY, BARS)
    time = said[100].time
    texts = {
        bot.explain(at).text
        for at in (
            time,
            time + 59_999_999_999,
            pd.Timestamp(time, tz="UTC"),
            pd.Timestamp(time + 30 * 10**9, tz="Europe/Berlin"),
            str(pd.Timestamp(time, tz="UTC")),
            f"{pd.Timestamp(time):%Y-%m-%d %H:%M}",
        )
    }
    assert len(texts) == 1
    assert bot.explain(time + 60_000_000_000).time == time + 60_000_000_000


@pytest.mark.parametrize("at", [0, 10**18, BARS.index[-1].value + 60 * 10**9])
def test_a_moment_without_a_bar_names_the_first_and_the_last(played, at):
    bot, _ = played(STRATEGY, BARS)
    with pytest.raises(cb.ConfigError, match=r"no bar of .* was seen\. Bars were seen from 2.* to 2"):
        bot.explain(at)


def test_a_hole_is_no_bar(played):
    bot, _ = played(STRATEGY, pd.concat([BARS[:100], BARS[105:]]))
    assert bot.explain(BARS.index[99]).time == BARS.index[99].value
    assert bot.explain(BARS.index[105]).time == BARS.index[105].value
    with pytest.raises(cb.ConfigError, match="no bar of"):
        bot.explain(BARS.index[102])


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01", 1.5, True, None.__class__, -1, pd.Timestamp("2026-01-01")])
def test_what_is_no_moment_is_refused(at):
    with pytest.raises(cb.ConfigError, match="at: .* Give a time such as"):
        moment(at)


def test_a_moment_is_read_exactly():
    assert moment(pd.Timestamp(1_700_000_000_123_456_789, tz="Asia/Tokyo")) == 1_700_000_000_123_456_789
    assert moment("2026-03-01 14:05") == pd.Timestamp("2026-03-01 14:05", tz="UTC").value
    assert moment("2026-03-01T14:05:06.789012+02:00") == pd.Timestamp("2026-03-01 12:05:06.789012", tz="UTC").value


@DISK_ONLY
def test_parameters_of_then_explain_the_bar_of_then(played):
    change = BARS.index[150].value

    def at(bot):
        return {change: lambda: bot.set_parameters(fast=4, slow=11)}

    bot, said = played(STRATEGY, BARS, at=at)
    for one in said[1:]:
        found = bot.explain(one.time)
        if one.time == change:
            assert "crossings cannot be told" in found.text
            assert found.features == one.features
        else:
            same(found, one)
    assert {one.time for one in said} >= {change, change + 60 * 10**9}


@DISK_ONLY
def test_a_kill_is_told_from_its_bar_on(played):
    kill = BARS.index[200].value

    def at(bot):
        def halt():  # what `kill` does first; the rest would wait for this very stream
            bot.session.engine.gate.halt("a person said so")
            bot.journal.append(0, "trading_state", TradingStateChange("halted", "a person said so", "user"))

        return {kill: halt}

    bot, said = played(STRATEGY, BARS, at=at)
    before, after = bot.explain(kill - 1), bot.explain(kill)
    assert before.trading_state == "active"
    assert after.trading_state == "halted: a person said so"
    assert "trading halted (a person said so)" in after.text
    for one in said[1:]:
        same(bot.explain(one.time), one)


@pytest.fixture
def closed(tmp_path, played):
    """The file of a journal whose bot is gone, and what it said."""
    bot, said = played(STRATEGY, BARS)
    bot.journal.close()
    return bot.journal.path, said


@DISK_ONLY
def test_a_file_is_enough(closed):
    path, said = closed
    for one in (said[1], said[70], said[-1]):
        same(explain_past(path, one.time, maker_of()), one)
    same(explain_past(path, None, maker_of()), said[-1])


@DISK_ONLY
def test_an_unregistered_strategy_must_be_given(closed, monkeypatch):
    path, said = closed
    monkeypatch.delitem(STRATEGIES._parts, "ma_crossover", raising=False)
    monkeypatch.setattr(STRATEGIES, "names", list)
    with pytest.raises(cb.ConfigError, match="`ma_crossover`, which traded, is not registered here. Name its file"):
        explain_past(path, None, maker_of())
    same(explain_past(path, None, maker_of(cb.MovingAverageCrossover)), said[-1])


@DISK_ONLY
def test_the_command_line_explains(closed, monkeypatch, capsys):
    from cryptobot.cli import main

    path, said = closed

    def run(*words):
        monkeypatch.setattr("sys.argv", ["cryptobot", "explain", *map(str, words)])
        try:
            main()
        except SystemExit as stopped:
            return stopped.code, capsys.readouterr()
        return 0, capsys.readouterr()

    at = f"{pd.Timestamp(said[70].time):%Y-%m-%d %H:%M}"
    code, out = run(path, "--at", at)
    assert code == 0
    assert re.sub(r" \(.*?\)", "", out.out).startswith(said[70].text.split(" There is")[0])
    code, out = run(path, "--at", at, "--json")
    assert json.loads(out.out)["outcome"].startswith(said[70].outcome)
    code, out = run(path, "--at", "soon")
    assert (code, out.out) == (2, "")
    assert "--at: 'soon' is no time" in " ".join(out.err.split())
    code, out = run("nobody")
    assert (code, out.out) == (2, "")
    assert "'nobody' is neither a file nor a bot with a journal" in " ".join(out.err.split())
