"""What waits: nothing is lost, nothing grows, and the order is right."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.alerts.alert import LEVELS, Alert, Digest
from cryptobot.alerts.delivery import Delivery
from cryptobot.alerts.outbox import Outbox

NOON = 1_790_078_400_000_000_000  # 2026-09-22 12:00 UTC
HOUR = 3_600_000_000_000


def weight(message):
    return message.count if isinstance(message, Digest) else 1


def drain(outbox, now=0.0, time=NOON):
    found = []
    while (message := outbox.next(now, time)) is not None:
        found.append(message)
    return found


def test_few_alerts_come_one_by_one_in_order(alert_of):
    outbox = Outbox(Delivery())
    for number in range(1, 6):
        outbox.take(alert_of(number, level="warning" if number % 2 else "info"), 0.0)
    assert [message.number for message in drain(outbox)] == [1, 2, 3, 4, 5]
    assert outbox.settled == 5


def test_critical_ones_come_first(alert_of):
    outbox = Outbox(Delivery())
    for number, level in enumerate(("info", "warning", "critical"), 1):
        outbox.take(alert_of(number, level=level), 0.0)
    assert outbox.next(0.0, NOON).level == "critical"
    assert outbox.settled == 0  # the first still waits
    drain(outbox)
    assert outbox.settled == 3


def test_a_storm_becomes_one_message_with_a_count(alert_of):
    outbox = Outbox(Delivery())
    for number in range(1, 10_001):
        outbox.take(alert_of(number, level=("info", "warning")[number % 2]), 0.0)
    (digest,) = drain(outbox)
    assert digest.count == 10_000
    assert digest.number == outbox.settled == 10_000
    assert [(tally.level, tally.count) for tally in digest.tallies] == [("warning", 5_000), ("info", 5_000)]
    assert {1, 10_000} <= {sample.number for sample in digest.samples}


def test_the_same_is_told_once_and_then_counted(alert_of):
    outbox = Outbox(Delivery(same_within=300))
    stale = {"topic": "stale_feed", "level": "warning"}
    told = []
    for second in range(600):
        outbox.take(alert_of(second + 1, text=f"No price for {second} s.", **stale), float(second))
        told += drain(outbox, float(second))
    told += drain(outbox, 600.0)
    assert [weight(message) for message in told] == [1, 299, 300]
    assert outbox.settled == 600
    outbox.take(alert_of(601, text="No price for 1 s.", **stale), 2_000.0)
    assert weight(outbox.next(2_000.0, NOON)) == 1  # it was quiet in between: told at once


def test_executions_and_critical_alerts_of_other_orders_are_never_the_same(alert_of):
    outbox = Outbox(Delivery(most_waiting=100))
    for number in range(1, 4):
        outbox.take(alert_of(number, topic="entry", text="Bought 1 BTC."), 0.0)
    for number in range(4, 7):
        outbox.take(alert_of(number, topic="unknown_order", level="critical", text=f"Order bot-{number}?"), 0.0)
    assert len(drain(outbox)) == 6


def test_in_quiet_hours_only_info_waits(alert_of):
    outbox = Outbox(Delivery(quiet="22:00-07:00", zone="UTC"))
    night, morning = NOON + 11 * HOUR, NOON + 19 * HOUR
    for number, level in enumerate(LEVELS, 1):
        outbox.take(alert_of(number, level=level), 0.0)
    assert [message.level for message in drain(outbox, time=night)] == ["critical", "warning"]
    assert outbox.settled == 0
    assert outbox.wait(0.0) is not None  # it is looked at again
    assert [message.level for message in drain(outbox, time=morning)] == ["info"]
    assert outbox.settled == 3


def test_a_level_that_is_not_wanted_is_settled_at_once(alert_of):
    outbox = Outbox(Delivery(level="warning"))
    outbox.take(alert_of(1), 0.0)
    assert (drain(outbox), outbox.settled, outbox.wait(0.0)) == ([], 1, None)


def test_at_the_end_nothing_is_held_back(alert_of):
    outbox = Outbox(Delivery())
    for number in (1, 2, 3):
        outbox.take(alert_of(number, text="the same"), 0.0)
    assert len(drain(outbox)) == 1
    outbox.finish()
    assert [weight(message) for message in drain(outbox)] == [2]
    assert outbox.settled == 3


events = st.lists(
    st.tuples(
        st.sampled_from(["warning", "info", "critical", "warning"]),
        st.sampled_from(["stale_feed", "entry"]),
        st.integers(0, 1),  # which words
        st.sampled_from([0.0, 0.5, 400.0]),  # seconds until the next one
        st.integers(0, 3),  # how many messages may be told meanwhile
    ),
    min_size=10,
    max_size=60,
)


@settings(max_examples=300)
@given(
    events,
    st.sampled_from(["info", "warning"]),
    st.integers(1, 6),
    st.sampled_from([300.0, 0.0]),
    st.sampled_from([None, "13:00-13:10"]),
)
def test_each_alert_is_told_or_counted_once_and_settled_only_then(happened, level, most, within, quiet):
    outbox = Outbox(Delivery(level=level, most_waiting=most, same_within=within, quiet=quiet, zone="UTC"))
    now, told, wanted, waiting = 0.0, 0, 0, set()
    for number, (kind, topic, words, pause, turns) in enumerate(happened, 1):
        outbox.take(Alert(0, kind, topic, topic, f"words {'ab'[words]}", number=number), now)
        wanted += LEVELS.index(kind) >= LEVELS.index(level)
        for _ in range(turns):
            message = outbox.next(now, NOON + int(now * 1e9))
            told += 0 if message is None else weight(message)
            if isinstance(message, Alert):
                waiting.add(message.number)
        now += pause
        assert outbox.count == wanted - told
        assert outbox.settled <= number
        # Whatever is settled was told: no more alerts can wait above it than there are.
        assert outbox.count <= number - outbox.settled
        kept = sum(len(line) for line in outbox._lines.values())
        assert kept <= 3 * most
    outbox.finish()
    told += sum(weight(message) for message in drain(outbox, now + 1_000, NOON + 5 * HOUR))
    assert told == wanted
    assert outbox.settled == len(happened)


def test_however_many_kinds_there_are_little_is_kept(alert_of):
    outbox = Outbox(Delivery())
    for number in range(1, 5_001):
        text = "".join(chr(97 + int(digit)) for digit in str(number))
        outbox.take(alert_of(number, text=text, title=text, level=LEVELS[number % 3]), 0.0)
    assert len(outbox._told) <= 200
    digest = outbox.next(0.0, NOON)
    assert digest.count == 5_000
    assert len(digest.tallies) <= 15
    assert len(digest.samples) <= 9


@pytest.mark.parametrize("level", LEVELS)
def test_what_was_asked_for_is_told_whatever_the_hour(alert_of, level):
    outbox = Outbox(Delivery(level=level, quiet="00:00-23:59", zone="UTC"))
    outbox.ask(alert_of(0, topic="summary"))
    assert outbox.ready(0.0, NOON)
    assert [message.topic for message in drain(outbox)] == ["summary"]
