"""What is known of the orders that protect a position."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.order_types import OrderType
from cryptobot.core.types import Intent, OcoIntent, Side
from cryptobot.trading.guard import Guard


def leg(name, quantity=2):
    return Intent(name, 0, "BTC/USDT", Side.SELL, quantity=Decimal(quantity), type=OrderType.STOP_LOSS)


@pytest.fixture
def guard():
    return Guard()


@pytest.fixture
def pair(guard):
    guard.place(OcoIntent("p", leg("above"), leg("below")))
    guard.accepted("above")
    guard.accepted("below")
    return guard


def test_an_empty_guard_covers_nothing_but_no_orders(guard):
    assert (len(guard), guard.ids, guard.busy, guard.partly_filled) == (0, (), False, False)
    assert guard.covers(Decimal(2), 0)
    assert not guard.covers(Decimal(2), 1)
    assert "above" not in guard


def test_a_single_order_covers_once_it_is_there(guard):
    guard.place(leg("stop"))
    assert guard.busy
    assert "stop" in guard
    guard.accepted("stop")
    assert not guard.busy
    assert guard.covers(Decimal(2), 1)
    assert not guard.covers(Decimal("1.99"), 1)
    assert not guard.covers(Decimal(2), 2)
    assert guard.intent("stop").id == "stop"


def test_a_pair_waits_for_both_answers(guard):
    guard.place(OcoIntent("p", leg("above"), leg("below")))
    guard.accepted("below")
    assert guard.busy
    guard.accepted("above")
    assert not guard.busy
    assert guard.ids == ("above", "below")
    assert guard.covers(Decimal(2), 2)


def test_a_part_that_is_filled_is_no_longer_covered(pair):
    pair.filled("above", Decimal("0.5"), complete=False)
    assert pair.partly_filled
    assert not pair.covers(Decimal(2), 2)
    pair.filled("below", Decimal("0.5"), complete=False)
    assert pair.covers(Decimal("1.5"), 2)
    pair.filled("above", Decimal("0.25"), complete=False)  # they add up
    pair.ended("below")
    assert pair.covers(Decimal("1.25"), 1)


def test_an_execution_is_an_answer(guard):
    guard.place(leg("stop"))
    guard.filled("stop", Decimal(1), complete=False)
    assert not guard.busy


def test_what_ended_is_remembered_and_covers_nothing(pair):
    pair.cancelling = True
    pair.filled("above", Decimal(2), complete=True)
    assert pair.ids == ("below",)
    assert pair.cancelling
    assert not pair.partly_filled
    pair.ended("below")
    assert not pair.cancelling
    assert len(pair) == 0
    assert "above" in pair
    assert pair.intent("above").id == "above"


def test_a_refused_order_is_not_awaited(guard):
    guard.place(leg("stop"))
    guard.ended("stop")
    assert not guard.busy


def test_what_a_session_left_is_covered_less_what_was_executed(guard):
    guard.restore([(leg("above"), Decimal(0)), (leg("below"), Decimal("0.5"))])
    assert not guard.busy
    assert guard.partly_filled
    assert not guard.covers(Decimal(2), 2)
    guard.ended("above")
    assert guard.covers(Decimal("1.5"), 1)
    assert guard.intent("below").quantity == 2


@given(st.lists(st.decimals("0.0001", "1", places=4), max_size=8))
def test_what_is_covered_is_what_is_left(parts):
    guard = Guard()
    guard.place(leg("stop", 10))
    left = Decimal(10)
    for part in parts:
        guard.filled("stop", part, complete=False)
        left -= part
    assert guard.covers(left, 1)
    assert not guard.covers(left + Decimal("0.0001"), 1)
    assert guard.partly_filled is bool(parts)
