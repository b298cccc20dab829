"""The recorder: what a disk refuses is written later, in order, each once; what must be safe before is never late."""

from __future__ import annotations

import itertools
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import JournalError
from cryptobot.trading import recorder as module
from cryptobot.trading.recorder import Recorder
from tests.unit.trading.shop import Moody


class Desk:
    """A recorder, its journal and what it said."""

    def __init__(self):
        self.journal = Moody()
        self.clock = SimulatedClock(0)
        self.said = []
        self.recorder = Recorder(self.journal, self.clock, self.said.append)
        self.expected = []

    def write(self, content, kind="note", *, durable=True):
        self.clock.advance(1)
        self.expected.append((self.clock.now(), kind, content))
        self.recorder.write(kind, content, durable=durable)

    def must_write(self, content, kind="intent"):
        self.clock.advance(1)
        try:
            self.recorder.must_write(kind, content)
        except JournalError:
            return False
        self.expected.append((self.clock.now(), kind, content))
        return True

    @property
    def written(self):
        return [(record.time, record.kind, record.content) for record in self.journal.records()]


@pytest.fixture
def desk():
    return Desk()


steps = st.lists(
    st.one_of(
        st.sampled_from(["write", "write lazily", "must write", "full", "empty", "flush"]),
        st.tuples(st.just("full after"), st.integers(0, 4)),
    ),
    max_size=40,
)


@given(steps)
def test_whatever_fails_the_journal_ends_with_every_record_once_in_order(steps):
    desk, number = Desk(), itertools.count()
    for step in steps:
        if step == "write":
            desk.write(next(number))
        elif step == "write lazily":
            desk.write(next(number), durable=False)
        elif step == "must write":
            behind = desk.recorder.waiting
            safe = desk.must_write(next(number))
            if safe:  # nothing older waits, and it is there itself
                assert desk.written == desk.expected
            else:
                assert desk.recorder.failing is not None
                assert desk.recorder.waiting <= behind
        elif step == "full":
            desk.journal.full = True
        elif step == "empty":
            desk.journal.full, desk.journal.lost_after = False, None
        elif step == "flush":
            desk.recorder.flush()
        else:
            desk.journal.lost_after = step[1]
        # Never out of order, never twice, and nothing that is in neither place.
        assert desk.written == desk.expected[: len(desk.written)]
        assert len(desk.written) + desk.recorder.waiting == len(desk.expected)
        # Told of every change, and of nothing else.
        assert [reason is None for reason in desk.said] == [n % 2 == 1 for n in range(len(desk.said))]
        assert desk.recorder.failing == (desk.said[-1] if desk.said else None)
        assert desk.recorder.failing is not None or not desk.recorder.waiting
    desk.journal.full, desk.journal.lost_after = False, None
    desk.write("last")
    assert desk.written == desk.expected
    assert (desk.recorder.waiting, desk.recorder.failing) == (0, None)


def test_a_record_that_must_be_safe_is_not_written_late(desk):
    desk.journal.full = True
    assert not desk.must_write("an order")
    assert desk.recorder.waiting == 0
    desk.journal.full = False
    desk.write("what comes next")
    assert [content for *_, content in desk.written] == ["what comes next"]


def test_a_record_that_must_be_safe_comes_after_all_that_wait(desk):
    desk.journal.full = True
    desk.write("first")
    assert not desk.must_write("refused, because an older one waits")
    desk.journal.full = False
    assert desk.must_write("second")
    assert [content for *_, content in desk.written] == ["first", "second"]


def test_what_is_raised_and_told_names_the_cause(desk):
    desk.journal.full = True
    with pytest.raises(JournalError, match="OSError: .*No space left on device"):
        desk.recorder.must_write("intent", 1)
    desk.write(2)
    with pytest.raises(JournalError, match=r"the journal cannot be written \(OSError: .*No space left on device\)"):
        desk.recorder.must_write("intent", 3)
    assert desk.said == [desk.recorder.failing]
    assert "No space left" in desk.said[0]


def test_a_journals_own_words_are_kept(desk):
    def refuse(*_args, **_kwargs):
        raise JournalError("journal: it was moved")

    with patch.object(desk.journal, "append", refuse):
        desk.write(1)
    assert desk.said == ["journal: it was moved"]


def test_only_what_is_safe_shows_that_the_disk_takes_again(desk):
    desk.journal.full = True
    assert not desk.must_write(1)
    desk.journal.full = False
    desk.write(2, durable=False)  # in memory only: it proves nothing
    assert desk.recorder.failing is not None
    desk.write(3)
    assert desk.recorder.failing is None
    desk.journal.full = True
    assert not desk.must_write(4)
    desk.journal.full = False
    assert desk.must_write(5)
    assert [reason is None for reason in desk.said] == [False, True, False, True]


def test_one_sync_is_enough_for_all_that_waited(desk):
    desk.journal.full = True
    for number in range(5):
        desk.write(number)
    desk.journal.full = False
    desk.recorder.flush()
    assert desk.journal.durable == [False, False, False, False, True]
    assert desk.written == desk.expected
    assert desk.journal.flushed == 1


def test_records_are_as_durable_as_was_asked_for(desk):
    desk.write(1)
    desk.write(2, durable=False)
    desk.must_write(3)
    desk.recorder.write("note", 4)  # what nobody says anything about is dear
    assert desk.journal.durable == [True, False, True, True]


def test_flushing_makes_safe_and_tells_if_it_cannot(desk):
    desk.write(1, durable=False)
    desk.recorder.flush()
    assert desk.journal.flushed == 1
    desk.journal.full = True
    desk.recorder.flush()
    assert desk.said == [desk.recorder.failing]
    assert desk.journal.flushed == 1
    desk.write(2)
    desk.recorder.flush()  # nothing to make safe: the disk takes nothing
    assert desk.recorder.waiting == 1


def test_a_write_after_what_waits_is_itself_as_durable_as_asked(desk):
    desk.journal.full = True
    desk.write(1)
    desk.journal.full = False
    desk.write(2, durable=False)
    assert desk.journal.durable == [True, False]
    assert desk.recorder.failing is None


def test_memory_is_bounded_and_what_can_be_missed_goes_first(desk):
    desk.journal.full = True
    with patch.object(module, "_KEPT", 6):
        for number, kind in enumerate(["fill", "bar", "notice", "risk", "order", "bar"]):
            desk.write(number, kind)
        desk.write("one too many", "notice")  # is not kept
        assert desk.recorder.waiting == 6
        desk.write("dear", "fill")  # drives out what can be missed
        assert desk.recorder.waiting == 3
        for number in range(6):
            desk.write(number, "fill")
        assert desk.recorder.waiting == 9  # but nothing dear is ever forgotten
        desk.write("cheap", "bar")
    desk.journal.full = False
    desk.recorder.flush()
    kinds = [kind for _, kind, _ in desk.written]
    assert kinds == ["fill", "order", "fill", *["fill"] * 6]


def test_times_are_those_of_what_happened(desk):
    desk.journal.full = True
    desk.write(1)
    desk.clock.advance(3600)
    desk.journal.full = False
    desk.recorder.flush()
    assert desk.written == [(10**9, "note", 1)]
