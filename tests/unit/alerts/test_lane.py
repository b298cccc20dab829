"""One channel's way: marks, repeats, rhythm, and everything that a channel may refuse. No thread, no real time."""

from __future__ import annotations

from itertools import pairwise

import pytest

from cryptobot.alerts.alert import Alert, Digest
from cryptobot.alerts.errors import AlertError
from cryptobot.alerts.lane import Lane
from cryptobot.core.errors import JournalError


@pytest.fixture
def begin(source, clock):
    def begin(channel):
        lane = Lane(channel.name, channel, source, clock)
        lane.begin()
        source.flush()
        return lane

    return begin


def run(lane, clock, seconds):
    """Let a lane work for so long; return when it did something."""
    end = clock.monotonic() + seconds
    while clock.monotonic() < end:
        wait = lane.step()
        clock.advance(min(max(wait if wait is not None else seconds, 0.0), end - clock.monotonic()) if wait != 0 else 0)


def test_what_comes_is_told_and_marked(source, notebook, clock, begin):
    channel = notebook()
    lane = begin(channel)
    source.add()
    run(lane, clock, 1)
    assert [message.number for message in channel.told] == [1]
    assert source.marks["notebook"] == 1
    assert not channel.told[0].repeat


def test_a_new_channel_is_not_told_the_past(source, notebook, clock, begin):
    source.add()
    channel = notebook()
    lane = begin(channel)
    source.add()
    run(lane, clock, 1)
    assert [message.number for message in channel.told] == [2]


def test_what_was_not_told_before_a_crash_is_told_after_it(source, notebook, clock, begin):
    begin(notebook())
    source.add()
    source.crash()
    channel = notebook()
    run(begin(channel), clock, 1)
    assert [(message.number, message.repeat) for message in channel.told] == [(1, True)]  # it may have been told


def test_a_crash_between_telling_and_marking_makes_a_repeat_that_says_so(source, notebook, clock, begin):
    channel = notebook()
    lane = begin(channel)
    source.add()
    run(lane, clock, 1)
    source.crash()  # the mark was not safe yet
    again = notebook()
    lane = begin(again)
    source.add()
    run(lane, clock, 5)
    assert [(message.number, message.repeat) for message in again.told] == [(1, True), (2, False)]


def test_after_an_end_in_order_nothing_is_a_repeat(source, notebook, clock, begin):
    channel = notebook()
    channel.raises = [AlertError("down")] * 3
    lane = begin(channel)
    source.add()
    run(lane, clock, 1)
    lane.leave()
    source.flush()
    source.crash()
    again = notebook()
    run(begin(again), clock, 20)
    assert [(message.number, message.repeat) for message in again.told] == [(1, False)]


def test_an_answer_that_was_lost_makes_a_repeat_also_after_an_end_in_order(source, notebook, clock, begin):
    channel = notebook()
    channel.raises = [AlertError("no answer", maybe_told=True)] * 9
    lane = begin(channel)
    source.add()
    lane.step()
    lane.leave()
    source.flush()
    again = notebook()
    run(begin(again), clock, 20)
    assert [message.repeat for message in again.told] == [True]


def test_an_answer_that_was_lost_makes_the_next_try_a_repeat(source, notebook, clock, begin):
    channel = notebook()
    channel.raises = [AlertError("no answer", maybe_told=True)]
    lane = begin(channel)
    source.add()
    run(lane, clock, 20)
    assert [message.repeat for message in channel.told] == [False, True]


def test_no_more_than_one_message_a_second(source, notebook, clock, begin):
    channel = notebook(most_waiting=100)
    lane = begin(channel)
    for _ in range(50):
        source.add(topic="entry")
    times = []
    send = channel.send
    channel.send = lambda message: (times.append(clock.monotonic()), send(message))[1]
    run(lane, clock, 60)
    assert len(times) == 50
    assert min(after - before for before, after in pairwise(times)) >= 1.0


def test_a_shared_channel_keeps_its_rhythm_for_all(source, notebook, clock, begin):
    channel = notebook(most_waiting=100)
    lanes = [begin(channel), begin(channel)]
    for _ in range(3):
        source.add(topic="entry")
    for lane in lanes:
        for _ in range(3):
            lane.step()
    assert len(channel.told) == 1


@pytest.mark.parametrize("asked", [1.0, 17.0, 600.0])
def test_retry_after_is_obeyed(source, notebook, clock, begin, asked):
    channel = notebook()
    channel.raises = [AlertError("too many", retry_after=asked)]
    lane = begin(channel)
    source.add()
    lane.step()
    start = clock.monotonic()
    while not channel.told:
        clock.advance(lane.step() or 0.01)
    assert clock.monotonic() - start >= asked
    assert clock.monotonic() - start <= asked + 1.1


def test_tries_become_rarer_and_never_end(source, notebook, clock, begin):
    channel = notebook()
    channel.raises = [AlertError("down")] * 1_000
    lane = begin(channel)
    source.add()
    run(lane, clock, 3_600)
    tries = 1_000 - len(channel.raises)
    assert 55 <= tries <= 75  # a minute apart in the end
    assert lane.status().state == "failing"
    assert lane.status().trouble == "down"
    channel.raises.clear()
    run(lane, clock, 61)
    assert len(channel.told) == 1
    assert (lane.status().state, lane.status().trouble) == ("ok", "")


def test_what_needs_a_person_is_tried_every_five_minutes(source, notebook, clock, begin):
    channel = notebook()
    channel.raises = [AlertError("wrong token", again="later")] * 100
    lane = begin(channel)
    source.add()
    run(lane, clock, 3_600)
    assert 100 - len(channel.raises) == 12


def test_a_message_that_is_refused_for_good_stops_no_other(source, notebook, clock, begin, caplog):
    channel = notebook()
    channel.raises = [AlertError("bad layout", again="never")]
    lane = begin(channel)
    source.add()
    source.add()
    run(lane, clock, 5)
    assert [message.number for message in channel.told] == [2]
    assert lane.status().dropped == 1
    assert source.marks["notebook"] == 2
    assert "bad layout" in caplog.text


def test_an_outage_of_an_hour_ends_in_one_digest(source, notebook, clock, begin):
    channel = notebook()
    channel.raises = [AlertError("down")] * 65
    lane = begin(channel)
    for _ in range(10_000):
        source.add(topic="connection", level="warning")
        clock.advance(0.36)
        lane.step()
    assert lane.status().waiting == 10_000
    channel.raises.clear()
    run(lane, clock, 700)
    assert sum(m.count if isinstance(m, Digest) else 1 for m in channel.told) == 10_000
    assert len(channel.told) <= 3  # the one that was in hand, and a digest; then those like them
    assert source.marks["notebook"] == 10_000


def test_a_channel_that_raises_anything_is_only_failing(source, notebook, clock, begin, caplog):
    channel = notebook()
    channel.raises = [ZeroDivisionError("https://hooks.example/canary")]
    lane = begin(channel)
    source.add()
    lane.step()
    assert "ZeroDivisionError" in lane.status().trouble
    assert "canary" not in lane.status().trouble + caplog.text  # its text is not trusted
    run(lane, clock, 10)
    assert len(channel.told) == 1


def test_a_source_that_cannot_be_read_is_told_in_the_status(source, notebook, clock, begin, monkeypatch):
    channel = notebook()
    lane = begin(channel)
    source.add()
    broken = monkeypatch.context()
    with broken as patch:
        patch.setattr(source, "alerts", lambda after: (_ for _ in ()).throw(JournalError("the disk is gone")))
        assert lane.step() == 60.0
        assert "the disk is gone" in lane.status().trouble
    run(lane, clock, 5)
    assert len(channel.told) == 1


def test_marks_that_cannot_be_kept_stop_nothing(source, notebook, clock, begin, monkeypatch, caplog):
    channel = notebook()
    lane = begin(channel)

    def full(name, number):
        raise JournalError("the disk is full")

    monkeypatch.setattr(source, "done", full)
    source.add()
    run(lane, clock, 1)
    assert len(channel.told) == 1
    assert "the disk is full" in caplog.text


def test_a_trade_is_told_under_its_entry_also_after_a_restart(source, notebook, clock, begin):
    channel = notebook(most_waiting=100)
    lane = begin(channel)
    channel.mark = 77
    source.add(topic="entry", facts={"order": "bot-1"})
    source.add(topic="entry", facts={"order": "bot-1"})
    source.add(topic="limit", level="warning")
    run(lane, clock, 9)
    lane.leave()
    channel.mark = 88
    lane = begin(channel)
    source.add(topic="exit", text="a part")
    source.add(topic="exit", facts={"pnl": "+1"})
    source.add(topic="protected")
    source.add(topic="entry", facts={"order": "bot-2"})
    source.add(topic="stop_loss", facts={"pnl": "-1"})
    run(lane, clock, 9)
    threads = [(message.topic, message.thread) for message in channel.told]
    assert threads == [
        ("entry", None),
        ("entry", 77),
        ("limit", None),
        ("exit", 77),
        ("exit", 77),
        ("protected", None),
        ("entry", None),
        ("stop_loss", 88),
    ]


@pytest.mark.parametrize("end", ["in order", "crash"])
def test_what_was_told_at_night_is_not_told_again_because_something_less_urgent_waits(
    source, notebook, clock, begin, end
):
    at_night = {"quiet": "00:00-23:59", "zone": "UTC"}
    channel = notebook(**at_night)
    lane = begin(channel)
    source.add(topic="entry")
    source.add(topic="halted", level="critical")
    source.add(topic="connection", level="warning")
    run(lane, clock, 5)
    if end == "in order":
        lane.leave()
    source.flush()
    source.crash()
    source.add(topic="limit", level="warning")
    by_day = notebook()
    run(begin(by_day), clock, 10)
    assert [message.number for message in channel.told] == [2, 3]
    assert [(message.number, message.repeat) for message in by_day.told] == [
        (1, True),  # it stands before what was tried, and only numbers are kept
        (4, end == "crash"),
    ]


def test_what_is_told_late_says_so(source, notebook, clock, begin):
    channel = notebook()
    lane = begin(channel)
    source.add(topic="entry")
    clock.advance(1_000)
    source.add(topic="entry", time=clock.now())
    run(lane, clock, 5)
    assert [message.late for message in channel.told] == [True, False]


def test_the_summary_comes_once_a_day_also_over_a_restart(source, notebook, clock, begin, alert_of):
    source.day = alert_of(0, topic="summary")
    channel = notebook(summary="20:00", zone="UTC")
    lane = begin(channel)
    run(lane, clock, 86_400)
    assert [message.topic for message in channel.told] == ["summary"]
    lane.leave()
    lane = begin(channel)
    run(lane, clock, 600)
    assert len(channel.told) == 1
    run(lane, clock, 2 * 86_400)
    assert len(channel.told) == 3
    assert [until for _, until in source.asked[:-1]] == [since for since, _ in source.asked[1:]]


def test_nothing_is_marked_once_the_source_may_be_closed(source, notebook, clock, begin):
    channel = notebook()
    lane = begin(channel)
    source.add()
    lane.abandon()
    before = dict(source.marks)
    run(lane, clock, 1)
    lane.leave()
    assert source.marks == before
    assert isinstance(channel.told[0], Alert)
