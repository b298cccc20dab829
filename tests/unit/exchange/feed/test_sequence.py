"""`BarSequence`: which candles of an answer are closed bars that nobody was given yet."""

from __future__ import annotations

import random

from cryptobot.core.bars import Hole
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.feed.sequence import BarSequence

MINUTE = 60 * 10**9


def bar(minute: int, close: float = 1.0) -> Bar:
    return Bar(minute * MINUTE, 1.0, 2.0, 0.5, close, 1.0)


def sequence(since: int = 0) -> BarSequence:
    return BarSequence(Timeframe(60), since * MINUTE)


def test_order_repeats_and_what_was_given_before_do_not_matter():
    made, answer = sequence(3), [bar(i) for i in range(8)]
    random.Random(3).shuffle(answer)
    assert made.closed([*answer, bar(5, close=1.5)], None, 0.0) == [bar(3), bar(4), bar(5, close=1.5), bar(6)]
    assert made.closed([bar(6), bar(2), bar(7), bar(8)], None, 0.0) == [bar(7)]
    assert (made.next, made.newest) == (8 * MINUTE, 8 * MINUTE)
    assert made.closed([], 100 * MINUTE, 0.0) == []


def test_the_last_candle_is_closed_by_time_only_once_its_last_trades_are_booked():
    made = sequence()
    assert made.settle == 2 * 10**9
    assert made.closed([bar(0)], None, 0.0) == []
    assert made.closed([bar(0)], MINUTE + made.settle - 1, 0.0) == []
    assert made.closed([bar(0)], MINUTE + made.settle, 0.0) == [bar(0)]
    assert BarSequence(Timeframe(1), 0).settle == 10**8


def test_a_missing_candle_is_waited_for_a_second_and_then_a_hole():
    made = sequence()
    answer = [bar(0), bar(2), bar(3)]
    assert made.closed(answer, None, 50.0) == [bar(0)]
    assert made.waits
    assert made.closed(answer, None, 50.9) == []
    assert made.closed([*answer, bar(1)], None, 50.95) == [bar(1), bar(2)]
    assert not made.waits
    assert made.closed([bar(4), bar(5)], None, 60.0) == []
    assert made.closed([bar(4), bar(5)], None, 61.0) == [bar(4)]
    assert list(made.holes) == [Hole(2 * MINUTE, 4 * MINUTE, 1)]


def test_nobody_waits_for_what_is_long_past():
    made = sequence()
    assert made.closed([bar(0), bar(5), bar(9), bar(10), bar(11)], None, 0.0) == [bar(0), bar(5), bar(9), bar(10)]
    assert [hole.missing for hole in made.holes] == [4, 3]
    assert not made.waits
