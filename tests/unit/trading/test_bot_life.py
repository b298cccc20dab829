"""The bot's life on a thread of its own: start, stop, wait, and its end."""

from __future__ import annotations

import asyncio
import gc
import math
import re
import threading
import weakref
from decimal import Decimal
from pathlib import Path

import pytest

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import ConfigError
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.core.types import Mode
from cryptobot.exchange.practice import PracticeExchange
from cryptobot.exchange.replay import ReplayExchange
from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover
from cryptobot.trading import runner
from cryptobot.trading.actions import Notice
from cryptobot.trading.bot import Bot, running_bots
from cryptobot.trading.journal import JournalHeader, MemoryJournal, SqliteJournal


def texts(bot, level=None):
    return [line.text for line in bot.logs() if level in (None, line.level)]


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("cryptobot-")]


# -- life


def test_a_replay_runs_to_its_end(make_bot, patience):
    bot = make_bot(words="-b--s---b-")
    assert bot.status().state == "new"
    status = bot.start().wait(patience) and bot.status()
    assert (status.state, status.reason) == ("finished", "replay has no more bars")
    exchange = bot.exchange
    assert [fill.price for fill in exchange.executed] == [102, 105, 109]  # the opens after the signals
    assert (status.cash, status.quantity) == (exchange.ledger.cash, exchange.ledger.quantity)
    assert (status.bars, status.trades) == (10, 1)
    assert not threads()


def test_run_starts_waits_and_returns_the_status(make_bot):
    assert make_bot(words="b--").run().state == "finished"


def test_the_first_status_is_empty_and_honest(make_bot, told):
    status = make_bot(told(shift=3), name="mine").status()
    assert (status.name, status.state, status.reason, status.mode) == ("mine", "new", "", "practice")
    assert (status.symbol, status.timeframe, status.strategy, status.parameters) == (
        "BASE/QUOTE",
        "1m",
        "Told",
        {"shift": 3},
    )
    assert (status.bars, status.last_bar_time, status.price, status.entry_price) == (0, None, None, None)
    assert (status.cash, status.equity, status.quantity, status.trades, status.fees) == (0, 0, 0, 0, 0)


def test_stop_and_start_again_go_on_where_it_stopped(stepped, make_frame):
    bot, clock = stepped("b---s-----")
    clock.step(3)
    bot.stop()
    assert (bot.status().state, bot.status().reason) == ("stopped", "stopped on request")
    assert bot.status().bars == 3
    assert bot.status().quantity == bot.exchange.ledger.quantity > 0
    bot.start()
    assert bot.status().state == "running"
    assert bot.status().reason == ""
    clock.step(4)
    assert bot.status().bars == 7
    assert [fill.side for fill in bot.exchange.executed] == ["buy", "sell"]
    assert bot.status().cash == bot.exchange.ledger.cash
    assert list(bot.bars().index) == list(make_frame("b---s--").index)


def test_every_bar_is_seen_however_often_it_is_stopped(stepped, make_frame, patience):
    words = "b-s-b-s-b-" * 3
    bot, clock = stepped(words)
    for _ in range(len(words) - 1):
        clock.step()
        bot.stop()
        bot.start()
    clock.release()
    assert bot.wait(patience)
    assert len(bot.bars()) == bot.status().bars == len(words)
    assert "missing" not in " ".join(texts(bot))


def test_a_bot_stopped_between_a_fill_and_its_bar_finds_that_bar_again(make_bot, make_frame, patience):
    class StopsOnFill(MemoryJournal):
        def append(self, time, kind, content, *, durable=True):
            if kind == "fill":
                bot.session.request_stop()
            return super().append(time, kind, content, durable=durable)

    bot = make_bot(exchange=ReplayExchange(make_frame("b-----s---")), journal=StopsOnFill())
    for _ in range(5):
        bot.start()
        assert bot.wait(patience)
        if bot.status().state == "finished":
            break
        assert bot.status().state == "stopped"
    assert bot.status().bars == 10
    assert len(bot.bars()) == 10
    assert len(bot.exchange.executed) == 2


def test_stop_is_idempotent_and_logged(stepped):
    bot, clock = stepped("-----")
    clock.settle()
    assert bot.stop() is bot
    first = bot.status()
    assert bot.stop().stop() is bot
    assert bot.status().state == first.state == "stopped"
    assert texts(bot).count("Stop: it does not run.") == 2
    assert any("Stopped after 0 bars: nothing is open." in text for text in texts(bot))


def test_a_bot_that_never_ran_can_be_stopped_and_waited_for(make_bot):
    bot = make_bot()
    assert bot.wait(0)
    assert bot.stop().status().state == "new"


def test_stop_says_what_stays_open(stepped):
    bot, clock = stepped("b----")
    clock.step(2)
    bot.stop()
    assert bot.logs()[-1].text == "Stopped after 2 bars: a position of 99.009901 BASE stays open."


def test_stop_withdraws_the_order_that_waits(stepped):
    bot, clock = stepped("-b---b--")
    clock.step(2)
    bot.stop()
    [said] = texts(bot, "warning")
    assert re.fullmatch(r"Order to[a-z0-9]{9}-1 ended as cancelled: nothing was traded\.", said)
    bot.start()
    clock.step(2)
    assert bot.exchange.executed == []
    clock.step(3)
    assert [fill.intent_id for fill in bot.exchange.executed] == [said.split()[1].replace("-1", "-2")]


def test_stop_from_many_threads_at_once(stepped, patience):
    bot, clock = stepped("-----")
    clock.step()
    stoppers = [threading.Thread(target=bot.stop, args=(patience,)) for _ in range(8)]
    for thread in stoppers:
        thread.start()
    for thread in stoppers:
        thread.join(patience)
        assert not thread.is_alive()
    assert bot.status().state == "stopped"
    assert not threads()


def test_stop_from_the_bots_own_thread_does_not_wait_for_itself(make_bot, told, patience):
    class Stops(told):
        def should_buy(self, x):
            if x.close[-1] >= 104:
                bot.stop()
            return x.close < 0

    bot = make_bot(Stops(), words="-" * 500)
    bot.start()
    assert bot.wait(patience)
    assert (bot.status().state, bot.status().bars) == ("stopped", 5)


def test_what_was_asked_for_and_not_done_at_a_stop_is_said_and_does_not_outlive_the_bot(stepped, monkeypatch, patience):
    """The exchange does not answer the order that flattens the position, and the bot is stopped."""
    bot, clock = stepped("b---------")
    clock.step(3)
    assert bot.status().quantity > 0
    asked, ended, said = threading.Event(), threading.Event(), []

    async def silent(intent):
        asked.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    def flatten():
        with pytest.raises(ConfigError, match="stopped before that was done") as error:
            bot.flatten()
        said.append(error)

    monkeypatch.setattr(bot.exchange, "submit", silent)
    monkeypatch.setattr(runner, "_DRAIN", 0.01)
    person = threading.Thread(target=flatten)
    person.start()
    assert asked.wait(patience)
    bot.stop()
    person.join(patience)
    assert said
    assert ended.is_set()
    assert bot.journal.last("outcome").content.kind == "absent"  # the last comparison found out
    assert not threads()


def test_start_twice_starts_one(stepped):
    bot, clock = stepped("-----")
    clock.settle()
    assert bot.start() is bot
    assert len(threads()) == 1
    assert "Start: it runs already." in texts(bot)


def test_many_starts_at_once_start_one(stepped, patience):
    bot, clock = stepped("-----", start=False)
    starters = [threading.Thread(target=bot.start) for _ in range(8)]
    for thread in starters:
        thread.start()
    for thread in starters:
        thread.join(patience)
    clock.settle()
    assert len(threads()) == 1
    assert texts(bot).count("Start: it runs already.") == 7


def test_a_finished_bot_cannot_start_again(make_bot):
    bot = make_bot(words="---")
    bot.run()
    with pytest.raises(ConfigError, match="replay has no more bars. Make a new exchange and a new bot"):
        bot.start()


def test_wait_with_a_timeout_says_whether_it_ended(stepped, patience):
    bot, clock = stepped("--")
    clock.settle()
    assert bot.wait(0.01) is False
    clock.release()
    assert bot.wait(patience) is True


def test_twenty_starts_and_stops_leave_no_thread(stepped):
    before = threading.active_count()
    bot, clock = stepped("-" * 40)
    for _ in range(20):
        clock.step()
        bot.stop()
        bot.start()
    bot.stop()
    assert bot.status().bars == 20
    assert threading.active_count() == before
    assert bot not in running_bots()


def test_an_endless_bot_stops_within_its_timeout(make_bot, patience):
    bot = make_bot(MovingAverageCrossover(), PracticeExchange(speed=math.inf, history=0)).start()
    bot.stop(patience)
    assert bot.status().state == "stopped"


def test_ctrl_c_stops_it_cleanly(stepped, monkeypatch):
    bot, _ = stepped("-----", start=False)

    def interrupted(timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(bot, "wait", interrupted)
    assert bot.run().state == "stopped"


# -- refusals to start


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"symbol": "BASE/QOUTE"}, r"no market 'BASE/QOUTE'\. Did you mean `BASE/QUOTE`\?"),
        ({"symbol": "BTC/EUR"}, r"no market 'BTC/EUR'\. It has `BASE/QUOTE`\."),
        ({"timeframe": "5m"}, "bars of 1m, not 5m"),
    ],
)
def test_what_the_exchange_cannot_do_is_raised_where_start_was_called(make_bot, options, words, patience):
    bot = make_bot(**options)
    for _ in range(5):  # each time: a start that failed has ended when the error comes
        with pytest.raises(ConfigError, match=words):
            bot.start()
        assert bot.status().state == "halted"
    assert bot.wait(patience)
    assert any(text.startswith("Start failed: ") for text in texts(bot, "error"))


def test_a_foreign_balance_refuses_to_start(make_bot, make_frame):
    exchange = ReplayExchange(make_frame("b--"), fee=0)
    exchange.core.deposit("BASE", Decimal("1.5"))
    with pytest.raises(ConfigError, match=r"the account holds 1\.5 BASE that this bot did not buy"):
        make_bot(exchange=exchange).start()
    assert len(exchange.executed) == 0


def test_an_account_without_money_refuses_to_start(make_bot, make_frame, monkeypatch):
    exchange = ReplayExchange(make_frame("b--"))

    async def nothing():
        return {}

    monkeypatch.setattr(exchange, "balances", nothing)
    with pytest.raises(ConfigError, match=r"^cash: 0 is not allowed"):
        make_bot(exchange=exchange).start()


def test_two_bots_do_not_share_an_exchange(make_bot, stepped, told, patience):
    first, clock = stepped("-b------")
    clock.step(2)
    second = make_bot(told(), first.exchange, name="second")
    second.start()
    assert second.wait(patience)
    assert second.status().state == "halted"
    assert "somebody is reading this exchange already" in second.status().reason
    clock.step(1)
    assert first.status().quantity > 0  # its waiting order was not lost


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategy": MovingAverageCrossover}, r"Make one: MovingAverageCrossover\(\)"),
        ({"strategy": "ma_crossover"}, "'ma_crossover' is not a strategy"),
        ({"strategy": None}, "strategy: None"),
        ({"exchange": "binance"}, "exchange: 'binance' is not an exchange"),
        ({"exchange": PracticeExchange}, "is not an exchange"),
        ({"timeframe": "soon"}, "timeframe"),
        ({"sizing": "all"}, "sizing: 'all'"),
        ({"sizing": FractionOfEquity}, "sizing: "),
        ({"sizing": 1.5}, "fraction: 1.5 is not allowed"),
        ({"sizing": 0}, "fraction: 0 is not allowed"),
    ],
)
def test_a_wrong_argument_is_named(make_frame, told, options, words):
    values = {"strategy": told(), "exchange": ReplayExchange(make_frame("---")), **options}
    strategy = values.pop("strategy")
    with pytest.raises(ConfigError, match=words):
        Bot(strategy, **values)


def test_sizing_may_be_a_number(make_bot):
    bot = make_bot(words="b--", sizing=0.25)
    assert bot.run().cash == bot.exchange.ledger.cash == pytest.approx(Decimal(7_500))


# -- ends


def test_a_bot_that_has_ended_is_garbage(told, make_frame, patience, faulty):
    def lived(words, strategy=None, error=None):
        exchange = faulty(make_frame(words), "stream" if error else "", error)
        bot = Bot(strategy or told(), exchange=exchange)
        bot.start()
        assert bot.wait(patience)
        bot.status(), bot.tape(), bot.trades()
        return weakref.ref(bot)

    ended = [lived("b-s-b-s-"), lived("b-s-b-s-", error=RuntimeError("x"))]
    gc.collect()
    assert [reference() for reference in ended] == [None, None]


def test_a_running_bot_is_kept_alive_without_a_name(told, make_frame, step_clock, patience):
    clock = step_clock()
    Bot(told(), exchange=ReplayExchange(make_frame("---"), speed=1, clock=clock), name="nameless").start()
    gc.collect()
    [bot] = [bot for bot in running_bots() if bot.name == "nameless"]
    clock.settle()
    assert bot.status().state == "running"
    bot.stop(patience)


def test_client_ids_are_short_enough_for_any_exchange_and_belong_to_one_session(make_bot, make_frame):
    clock = SimulatedClock(1_700_000_000 * 10**9)

    def first_id(name):
        bot = make_bot(exchange=ReplayExchange(make_frame("b-----s---")), name=name, clock=clock)
        bot.run()
        return bot.session.engine.intents[0].id

    one = first_id("My Bot: BTC/USDT")
    clock.advance(0.1)
    other = first_id("My Bot: BTC/USDT")
    assert one != other
    assert re.fullmatch(r"my[a-z0-9]{9}-1", one)
    assert len(first_id("a" * 200).removesuffix("1") + "99999") <= 18  # Kraken's limit


# -- its journal


@pytest.mark.parametrize("journal", ["bot.sqlite", Path("bot.sqlite"), ["bot.sqlite"], 3])
def test_what_is_no_journal_is_refused_before_anything_begins(make_frame, told, journal):
    with pytest.raises(ConfigError, match=r"is none\. Give cb\.SqliteJournal\(path\), with create=cb\.JournalHeader"):
        Bot(told(), exchange=ReplayExchange(make_frame("b--")), journal=journal)


@pytest.mark.parametrize(
    "other", [{"symbol": "ETH/USDT"}, {"timeframe": "5m"}, {"mode": Mode.TESTNET}], ids=lambda other: next(iter(other))
)
def test_a_journal_of_another_market_interval_or_mode_is_refused(make_frame, told, tmp_path, other):
    whose = JournalHeader(
        **{"bot": "b", "exchange": "replay", "account": "", "mode": Mode.PRACTICE, "opened": 0}
        | {"symbol": "BASE/QUOTE", "timeframe": "1m"}
        | other
    )
    with SqliteJournal(tmp_path / "b.sqlite", create=whose) as journal:
        with pytest.raises(ConfigError, match=str(next(iter(other.values())))):
            Bot(told(), exchange=ReplayExchange(make_frame("b--")), journal=journal)
        journal.append(0, "notice", Notice("info", "still there"))  # it was not touched


def test_a_header_that_is_none_leaves_no_file_behind(tmp_path):
    with pytest.raises(ConfigError, match=r"create: True does not say whose journal .* cb\.JournalHeader"):
        SqliteJournal(tmp_path / "b.sqlite", create=True)
    assert list(tmp_path.iterdir()) == []
