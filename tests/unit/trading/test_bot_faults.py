"""What goes wrong: the bot halts, says why, keeps its position, and never trades unrecorded."""

from __future__ import annotations

import threading

import pytest

from cryptobot.core.errors import ConfigError, ExchangeError, JournalError
from cryptobot.exchange.replay import ReplayExchange
from cryptobot.trading.bot import running_bots
from cryptobot.trading.journal import MemoryJournal


def texts(bot, level=None):
    return [line.text for line in bot.logs() if level in (None, line.level)]


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("cryptobot-")]


# -- halts


def test_a_strategy_that_raises_halts_the_bot(make_bot, told):
    class Breaks(told):
        def should_sell(self, x):
            if x.close[-1] >= 104:
                raise RuntimeError("lost my way")
            return super().should_sell(x)

    bot = make_bot(Breaks(), words="b---bsbsbs")
    status = bot.run()
    assert status.state == "halted"
    assert "Breaks.should_sell raised RuntimeError: lost my way" in status.reason
    assert status.quantity == bot.exchange.ledger.quantity > 0
    assert len(bot.exchange.executed) == 1
    [line] = texts(bot, "error")
    assert line.startswith("Halted: Breaks.should_sell raised")
    assert line.endswith("What is left: a position of 99.009901 BASE stays open.")
    assert bot.logs()[-1].text.startswith("Halted after 4 bars: a position")
    assert not threads()


@pytest.mark.parametrize("door", ["connect", "balances", "history"])
@pytest.mark.parametrize("error", [RuntimeError("cable cut"), ExchangeError("cable cut"), OSError("cable cut")])
def test_a_fault_while_starting_is_raised_and_logged(make_bot, make_frame, door, error, faulty):
    bot = make_bot(exchange=faulty(make_frame("b----"), door, error))
    with pytest.raises(ExchangeError, match="cable cut"):
        bot.start()
    assert bot.status().state == "halted"
    assert "cable cut" in bot.status().reason
    assert any(text.startswith("Start failed: ") for text in texts(bot, "error"))


@pytest.mark.parametrize("door", ["stream", "submit"])
@pytest.mark.parametrize("error", [RuntimeError("cable cut"), ExchangeError("cable cut"), KeyError("cable cut")])
def test_a_fault_of_the_exchange_halts_and_is_never_silent(make_bot, make_frame, door, error, faulty):
    bot = make_bot(exchange=faulty(make_frame("-b-----"), door, error))
    status = bot.run()
    assert status.state == "halted"
    assert "cable cut" in status.reason
    assert texts(bot, "error")[-1] == f"Halted: {status.reason}"
    assert any("Traceback" in text for text in texts(bot, "debug"))
    assert bot.logs()[-1].text.startswith("Halted after ")
    if not isinstance(error, ExchangeError):
        assert status.reason.startswith(f"internal error: {type(error).__name__}: ")
    assert bot not in running_bots()


def test_a_fault_while_closing_is_told_and_the_bot_stops(make_bot, make_frame, faulty):
    bot = make_bot(exchange=faulty(make_frame("-b-----"), "close", RuntimeError("no answer")))
    assert bot.run().state == "finished"
    assert texts(bot, "error") == ["Closing replay failed: RuntimeError: no answer"]


def test_a_halted_bot_can_be_started_again_and_goes_on(make_bot, told):
    class Stumbles(told):
        def should_sell(self, x):
            if x.close[-1] == 104:
                raise RuntimeError("once")
            return super().should_sell(x)

    bot = make_bot(Stumbles(), words="b-------s-")
    assert bot.run().state == "halted"
    status = bot.run()
    assert status.state == "finished"
    assert status.trades == len(bot.exchange.ledger.trades) == 1
    assert status.cash == bot.exchange.ledger.cash


def test_a_hung_connection_can_be_stopped(make_bot, make_frame, patience):
    import asyncio

    connecting = threading.Event()

    class Hangs(ReplayExchange):
        async def connect(self):
            connecting.set()
            await asyncio.Event().wait()

    bot = make_bot(exchange=Hangs(make_frame("---")))
    starter = threading.Thread(target=bot.start)
    starter.start()
    assert connecting.wait(patience)
    assert bot.status().state == "starting"
    bot.stop(patience)
    starter.join(patience)
    assert not starter.is_alive()
    assert bot.status().state == "stopped"


def test_a_stop_that_takes_too_long_says_so(make_bot, make_frame, patience):
    import asyncio

    sending, answer = threading.Event(), []

    class Slow(ReplayExchange):
        async def submit(self, intent):
            answer.extend([asyncio.get_running_loop(), asyncio.Event()])
            sending.set()
            await answer[1].wait()
            await super().submit(intent)

    bot = make_bot(exchange=Slow(make_frame("b---")))
    bot.start()
    assert sending.wait(patience)
    with pytest.raises(ConfigError, match=r"has not stopped within 0\.05 s\. Wait for it: bot\.wait"):
        bot.stop(0.05)
    assert bot.status().state == "stopping"
    answer[0].call_soon_threadsafe(answer[1].set)
    assert bot.wait(patience)
    assert bot.status().state == "stopped"


# -- journal


def test_the_intent_is_in_the_journal_before_it_is_sent(make_bot, make_frame):
    journal = MemoryJournal()
    seen = []

    class Spy(ReplayExchange):
        async def submit(self, intent):
            seen.append((intent, [record.content for record in journal.records() if record.kind == "intent"]))
            await super().submit(intent)

    bot = make_bot(exchange=Spy(make_frame("b-s-b-s-b-")), journal=journal)
    bot.run()
    assert len(seen) == 5
    for number, (intent, written) in enumerate(seen, start=1):
        assert len(written) == number
        assert written[-1] is intent
    fills = [r.content.fill for r in journal.records() if r.kind == "fill"]
    assert fills == bot.exchange.executed
    states = [r.content[0] for r in journal.records() if r.kind == "state"]
    assert states == ["starting", "running", "finished"]
    assert [r.number for r in journal.records()] == list(range(1, journal.count + 1))


class Broken(MemoryJournal):
    def __init__(self, kind, state=None):
        super().__init__()
        self.kind, self.state = kind, state

    def append(self, time, kind, content, *, durable=True):
        if kind == self.kind and (self.state is None or content[0] == self.state):
            raise OSError("disk full")
        return super().append(time, kind, content, durable=durable)


def test_what_cannot_be_written_down_is_not_sent(make_bot, make_frame):
    bot = make_bot(exchange=ReplayExchange(make_frame("b-s-b-s-")), journal=Broken("intent"))
    status = bot.run()
    assert status.state == "finished"
    assert any("disk full" in text and "Nothing new is bought" in text for text in texts(bot, "error"))
    assert bot.exchange.executed == []


@pytest.mark.parametrize("state", ["starting", "running"])
def test_a_session_that_cannot_be_written_down_does_not_begin(make_bot, make_frame, state):
    bot = make_bot(exchange=ReplayExchange(make_frame("b-s-b-s-")), journal=Broken("state", state))
    with pytest.raises(JournalError, match="disk full"):
        bot.start()
    assert bot.exchange.executed == []


@pytest.mark.parametrize("state", ["finished", "halted", "stopping", "stopped"])
def test_an_end_that_cannot_be_written_down_is_an_end_all_the_same(make_bot, make_frame, state, patience, faulty):
    exchange = faulty(make_frame("b-s-b-s-"), "stream" if state == "halted" else "", RuntimeError("cable cut"))
    bot = make_bot(exchange=exchange, journal=Broken("state", state))
    if state.startswith("stop"):
        bot.session.touch = lambda touch=bot.session.touch: (touch(), bot.session.bars == 2 and bot.stop())
    bot.start()
    assert bot.wait(patience)
    assert bot.status().state == ("stopped" if state == "stopping" else state)
    assert any("disk full" in text for text in texts(bot, "error"))


def test_a_journal_used_from_two_threads_counts_every_record():
    import sys

    journal, before = MemoryJournal(), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        writers = [
            threading.Thread(target=lambda: [journal.append(0, "event", None) for _ in range(2_000)]) for _ in range(4)
        ]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    finally:
        sys.setswitchinterval(before)
    assert [record.number for record in journal.records()] == list(range(1, 8_001))
