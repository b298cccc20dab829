"""What a bot tells while it runs, and how its parameters change."""

from __future__ import annotations

import gc
import logging
import math
from decimal import Decimal

import pytest

from cryptobot.core.errors import ConfigError
from cryptobot.core.money import MONEY, decimal_of
from cryptobot.core.sizing import FixedQuote
from cryptobot.exchange.practice import PracticeExchange
from cryptobot.exchange.replay import ReplayExchange
from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover


def texts(bot, level=None):
    return [line.text for line in bot.logs() if level in (None, line.level)]


# -- reading while it runs


def check_status(status):
    money = Decimal(0) if status.price is None else MONEY.multiply(status.quantity, decimal_of(status.price))
    assert status.equity == MONEY.add(status.cash, money)
    assert (status.entry_price is None) == (status.quantity == 0)
    profit, gained = status.realised_pnl + status.unrealised_pnl, status.equity - status.initial_equity
    assert abs(profit - gained) < Decimal("1e-15")


def test_a_status_read_at_any_time_is_of_one_piece(make_bot):
    bot = make_bot(MovingAverageCrossover(3, 8), PracticeExchange(seed=11, speed=math.inf, slippage_bps=1))
    bot.start()
    seen = []
    while len(set(seen)) < 20:
        status = bot.status()
        seen.append((status.sequence, status.bars))
        check_status(status)
        tape = bot.tape(50)
        assert len({tape.time.size, tape.close.size, tape.equity.size, *(f.size for f in tape.features.values())}) == 1
        assert all(tape.time[0] <= fill.time for fill in tape.fills)
        closed = bot.trades()
        assert (closed["status"] == "closed").iloc[:-1].all()
        bot.explain()
        repr(bot)
    bot.stop()
    check_status(bot.status())
    assert seen == sorted(seen)
    assert bot.status().cash == bot.exchange.ledger.cash


def test_readers_and_the_engine_take_turns(stepped):
    bot, clock = stepped("b-s---")
    clock.settle()
    engine = bot.session.engine
    seen = {}

    def watch(owner, name):
        usual = getattr(owner, name)

        def watched(*arguments):
            seen.setdefault(name, []).append(bot.lock._is_owned())  # by the thread that is here just now
            return usual(*arguments)

        setattr(owner, name, watched)

    for owner, name in (
        (engine, "handle"),
        (engine, "explain"),
        (engine, "change_strategy"),
        (engine.portfolio, "equity"),
        (engine.portfolio, "open_trade"),
        (engine.tape, "window"),
    ):
        watch(owner, name)
    clock.step(2)
    bot.status(), bot.trades(), bot.tape(), bot.explain(), bot.bars(), bot.set_parameters(shift=1)
    assert len(seen) == 6
    assert {name: all(held) for name, held in seen.items()} == dict.fromkeys(seen, True)


def test_the_sequence_grows_with_everything_that_can_be_read(stepped):
    bot, clock = stepped("b-s---")
    clock.settle()
    seen = [bot.status().sequence]
    for change in (clock.step, clock.step, lambda: bot.log("info", "x"), lambda: bot.set_parameters(shift=1), bot.stop):
        lines = len(bot.logs())
        change()
        seen.append(bot.status().sequence)
        assert seen[-1] > seen[-2], change
        del lines
    assert bot.tape().sequence == seen[-1]


def test_the_sequence_counts_every_log_line(make_bot, monkeypatch):
    bot = make_bot(words="b-s-")
    numbers = []
    add = bot._log.add

    def spying(level, text, facts=None):
        numbers.append(bot.session.sequence)
        add(level, text, facts)

    monkeypatch.setattr(bot.session._teller, "_log", spying)
    bot.run()
    assert numbers
    assert bot.session.sequence > numbers[-1]  # what was logged last can be noticed, too


def test_the_first_bar_after_the_history_is_the_first_that_counts(make_bot, make_frame):
    exchange = ReplayExchange(make_frame("--------b-"), history=4)
    bot = make_bot(exchange=exchange)
    status = bot.run()
    assert status.bars == 6
    assert bot.session.first_time == int(make_frame("-" * 10).index[4].value)
    assert len(bot.tape().time) == 10


def test_bars_that_were_dropped_are_not_counted(make_bot, make_frame):
    class Repeats(ReplayExchange):
        async def stream(self, symbol, timeframe):
            for old in await self.history(symbol, timeframe, 2):  # a feed that begins with what the history ended with
                from cryptobot.core.events import BarClosed

                yield BarClosed(old)
            async for event in super().stream(symbol, timeframe):
                yield event

    bars = make_frame("---b--b---")
    bot = make_bot(exchange=Repeats(bars, history=4))
    assert bot.run().bars == 6
    assert bot.session.first_time == int(bars.index[4].value)
    assert sum("came late or twice" in text for text in texts(bot, "warning")) == 2


# -- parameters


def test_parameters_set_before_the_start_count_from_the_first_bar(make_bot):
    bot = make_bot(words="sb-s--")
    changed = bot.set_parameters(shift=1)
    assert bot.strategy == changed
    assert bot.status().parameters == {"shift": 1}
    status = bot.run()
    assert [fill.price for fill in bot.exchange.executed] == [101]  # shift 1 reads "s" as a buy
    assert status.parameters == {"shift": 1}
    assert bot.session.engine.parameter_changes == 0


def test_parameters_set_while_it_runs_count_from_the_next_close(stepped):
    bot, clock = stepped("-s-s--")
    clock.step(2)
    assert bot.exchange.executed == []
    bot.set_parameters(shift=1)
    assert bot.status().parameters == {"shift": 1}
    clock.step(3)
    assert [fill.price for fill in bot.exchange.executed] == [104]
    assert "Parameters changed: Told(shift=1)." in texts(bot)
    assert [r.content.params for r in bot.journal.records() if r.kind == "parameters"] == [{"shift": 0}, {"shift": 1}]


def test_parameters_set_while_it_starts_are_not_lost(make_bot, make_frame):
    class Meddles(ReplayExchange):
        async def history(self, symbol, timeframe, limit):
            got = await super().history(symbol, timeframe, limit)
            if bot.strategy.shift == 0:
                bot.set_parameters(shift=1)
            return got

    bot = make_bot(exchange=Meddles(make_frame("---s--"), history=2))
    bot.run()
    assert bot.session.engine.strategy == bot.strategy
    assert [fill.price for fill in bot.exchange.executed] == [104]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shfit": 1}, r"Did you mean `shift`\?"),
        ({"shift": 99}, "Allowed"),
        ({"shift": "x"}, "Allowed"),
        ({"shift": 1.5}, "Allowed"),
    ],
)
@pytest.mark.parametrize("when", ["before", "during"])
def test_bad_parameters_change_nothing(stepped, changes, words, when):
    bot, clock = stepped("----", start=when == "during")
    if when == "during":
        clock.step()
    before, records = bot.status(), bot.journal.count
    with pytest.raises(ConfigError, match=words):
        bot.set_parameters(**changes)
    assert bot.status() == before
    assert bot.journal.count == records
    assert bot.strategy.shift == 0


def test_the_same_parameters_again_change_nothing(stepped):
    bot, clock = stepped("----")
    clock.step()
    before = bot.status()
    assert bot.set_parameters(shift=0) == bot.strategy
    assert bot.status() == before


# -- what is told


def test_nothing_is_printed(make_bot, make_frame, capfd, told, faulty):
    class Breaks(told):
        def should_buy(self, x):
            raise RuntimeError("noise")

    make_bot(words="b-s-").run()
    make_bot(Breaks(), words="b-s-").run()
    make_bot(exchange=faulty(make_frame("b----"), "stream", RuntimeError("noise"))).run()
    with pytest.raises(ConfigError):
        make_bot(symbol="X/Y").start()
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_the_log_keeps_the_newest_lines_only(make_bot):
    bot = make_bot()
    for number in range(5_000):
        bot.log("info", f"line {number}")
    lines = bot.logs()
    assert len(lines) == 2_000
    assert [line.text for line in bot.logs(2)] == ["line 4998", "line 4999"]
    assert bot.logs(0) == []
    assert len(bot.logs(10**6)) == 2_000
    assert lines[0].text == "line 3000"


def test_a_log_line_has_a_known_level(make_bot):
    with pytest.raises(ConfigError, match=r"'wraning' is unknown\. Did you mean `warning`\?"):
        make_bot().log("wraning", "x")


def test_log_lines_go_to_pythons_logging_as_well(make_bot, caplog):
    with caplog.at_level(logging.INFO, logger="cryptobot"):
        make_bot(name="heard").log("warning", "100 % sure of %s")
    assert ("cryptobot.bot.heard", logging.WARNING, "100 % sure of %s") in caplog.record_tuples


def test_the_repr_says_where_it_stands(make_bot):
    bot = make_bot(words="b---")
    assert repr(bot) == (
        "Bot(Told-basequote: new, practice, Told(shift=0), BASE/QUOTE 1m, 0 bars, 0 trades, flat, equity 0.00)"
    )
    bot.run()
    assert repr(bot) == (
        "Bot(Told-basequote: finished, practice, Told(shift=0), BASE/QUOTE 1m, 4 bars, 0 trades, long 99.009901, "
        "equity 10,198.02)"
    )


def test_trades_bars_and_explanation_before_the_start(make_bot):
    bot = make_bot()
    assert bot.trades().empty
    assert list(bot.trades().columns)[:2] == ["entry_time", "entry_price"]
    assert bot.bars().empty
    assert bot.tape().time.size == 0
    assert bot.explain().text == "The bot has not been started."


def test_an_open_trade_is_valued_at_the_last_close(make_bot):
    bot = make_bot(words="b----", sizing=FixedQuote(1_010))
    bot.run()
    [trade] = bot.trades().to_dict("records")
    assert (trade["status"], trade["entry_price"], trade["quantity"], trade["pnl"]) == ("open", 101.0, 10.0, 30.0)
    assert trade["exit_time"] != trade["exit_time"]  # NaT
