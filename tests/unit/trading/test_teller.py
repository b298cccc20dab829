"""What a bot says never stands before an order on its way, and none of it is lost or told out of turn."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cryptobot.core.clock import SimulatedClock
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import MemoryJournal
from cryptobot.trading.recorder import Recorder
from cryptobot.trading.teller import Teller


class Heard:
    """Notes in which order things happened, and how many of them were written down by then."""

    def __init__(self, fails=(), journal=None):
        self.journal = journal or MemoryJournal()
        self.happened = []
        self.failures = []
        self._fails = fails
        recorder = Recorder(self.journal, SimulatedClock(), lambda problem: None)
        self.teller = Teller(self._log, recorder, None, self._notice, lambda: None, self.failures.append)

    def _log(self, level, text, facts):
        self.happened.append(text)

    def _notice(self, notice):
        if notice.text in self._fails:
            raise ValueError(notice.text)
        self.happened.append(f"heard {notice.text}")

    def written(self):
        return [record.content.text for record in self.journal.records(kinds=["notice"])]


def notice(text):
    return Notice("info", text)


class Flushed(MemoryJournal):
    """Notes how many notices were safe."""

    def __init__(self):
        super().__init__()
        self.safe = []

    def flush(self):
        super().flush()
        self.safe.append(len(list(self.records(kinds=["notice"]))))


def test_what_was_said_while_an_order_is_on_its_way_is_safe_after_one_flush():
    heard = Heard(journal=Flushed())

    async def work():
        answer = asyncio.get_running_loop().create_future()
        with heard.teller.after_orders():
            heard.teller.tell(notice("one"))
            heard.teller.tell(notice("two"))
            heard.teller.log("info", "line")
            asyncio.get_running_loop().call_later(0, answer.set_result, None)
            await answer
            assert heard.journal.safe == [2]
            heard.teller.log("info", "line")
        with heard.teller.after_orders():
            heard.teller.tell(notice("three"))  # with no order to come it waits for the journal's second, as before
        with heard.teller.after_orders():
            heard.teller.log("info", "line")
            await asyncio.sleep(0)

    asyncio.run(work())
    assert heard.journal.safe == [2]


def test_outside_of_a_bars_work_things_are_said_at_once():
    heard = Heard()
    heard.teller.tell(notice("one"))
    heard.teller.log("debug", "two")
    assert heard.happened == ["one", "heard one", "two"]
    assert heard.written() == ["one"]


def test_an_order_goes_out_before_what_was_said_about_it():
    heard = Heard()

    async def work():
        answer = asyncio.get_running_loop().create_future()
        with heard.teller.after_orders():
            heard.teller.tell(notice("bought"))
            heard.teller.log("info", "line")
            heard.happened.append("the stop is sent")
            asyncio.get_running_loop().call_later(0, answer.set_result, None)
            await answer
            heard.happened.append("its answer is there")
            heard.teller.tell(notice("stopped"))
            heard.happened.append("done")
        heard.happened.append("the next event")

    asyncio.run(work())
    assert heard.happened == [
        *("the stop is sent", "bought", "heard bought", "line"),
        *("its answer is there", "done", "stopped", "heard stopped", "the next event"),
    ]
    assert heard.written() == ["bought", "stopped"]


def test_where_the_loop_is_never_free_it_is_said_before_the_next_event():
    heard = Heard()

    async def work():
        for number in range(3):
            with heard.teller.after_orders():
                heard.teller.tell(notice(f"{number}"))
                assert heard.written() == [f"{n}" for n in range(number)]

    asyncio.run(work())
    assert heard.written() == ["0", "1", "2"]


def test_an_error_in_the_work_loses_nothing_that_was_said():
    heard = Heard()

    async def work():
        with heard.teller.after_orders():
            heard.teller.tell(notice("before"))
            raise KeyError("work")

    with pytest.raises(KeyError, match="work"):
        asyncio.run(work())
    assert heard.written() == ["before"]


def test_other_threads_do_not_wait_for_the_loop():
    heard = Heard()

    async def work():
        with heard.teller.after_orders():
            heard.teller.tell(notice("mine"))
            other = threading.Thread(target=heard.teller.tell, args=(notice("theirs"),))
            other.start()
            other.join()
            assert heard.written() == ["theirs"]

    asyncio.run(work())
    assert heard.written() == ["theirs", "mine"]


def test_a_failure_between_two_steps_is_not_swallowed_and_the_rest_is_said():
    heard = Heard(fails=["breaks"])

    async def work():
        with heard.teller.after_orders():
            heard.teller.tell(notice("breaks"))
            heard.teller.tell(notice("fits"))
            assert heard.failures == []
            await asyncio.sleep(0)
            assert [str(error) for error in heard.failures] == ["breaks"]
            assert heard.written() == ["breaks", "fits"]

    asyncio.run(work())
    assert heard.written() == ["breaks", "fits"]


def test_what_is_said_while_something_is_said_comes_after_it():
    heard = Heard()
    plain = heard.teller._heard
    heard.teller._heard = lambda told: (plain(told), heard.teller.log("info", f"after {told.text}"))

    async def work():
        with heard.teller.after_orders():
            heard.teller.tell(notice("one"))
            await asyncio.sleep(0)

    asyncio.run(work())
    assert heard.happened == ["one", "heard one", "after one"]
