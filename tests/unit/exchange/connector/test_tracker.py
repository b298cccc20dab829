"""Whatever an exchange says of an order, in whatever order and however often: each thing is told once, and forward."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.events import OrderChanged, OrderFilled
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Fill, Side
from cryptobot.exchange.connector.quirks.ticket import Answer
from cryptobot.exchange.connector.tracker import Tracker

SYMBOL = "BTC/USDT"


def state(status, filled, time, kind=OrderType.LIMIT, client_id="a", exchange_id="1", quantity=10):
    return Order(
        client_id, exchange_id, SYMBOL, Side.BUY, kind, OrderStatus(status), Decimal(quantity), Decimal(filled),
        Decimal(filled) * 100, 0, time, price=Decimal(100),
    )  # fmt: skip


def fill(number, quantity=1, client_id="a"):
    return Fill(str(number), client_id, number, Side.BUY, Decimal(100), Decimal(quantity), Decimal(0))


def life(parts, end):
    """What truly happens: accepted, filled in parts, then ended."""
    told = [Answer(state("new", 0, 0))]
    done = 0
    for number, part in enumerate(parts, 1):
        done += part
        status = "filled" if done == 10 else "partially_filled"
        told.append(Answer(state(status, done, number), (fill(number, part),)))
    if done < 10 and end:
        told.append(Answer(state(end, done, len(parts) + 1)))
    return told


PARTS = st.lists(st.integers(1, 4), max_size=4).filter(lambda parts: sum(parts) <= 10)
ENDS = st.sampled_from([None, "cancelled", "expired"])


@given(PARTS, ENDS, st.data())
def test_every_mixture_of_messages_tells_the_same_once(parts, end, data):
    truth = life(parts, end)
    tracker = Tracker()
    tracked = tracker.sent(SYMBOL, "a", 0.0)
    # Some arrive before the answer, some twice, all in any order.
    mixed = data.draw(st.permutations(truth + data.draw(st.lists(st.sampled_from(truth), max_size=6))))
    before = data.draw(st.integers(0, len(mixed)))
    answer = data.draw(st.sampled_from(truth))
    events = [event for message in mixed[:before] for event in tracker.heard(message)]
    assert events == []  # nothing is told of an order whose own answer is still out
    events += tracker.answered(tracked, answer)
    events += [event for message in mixed[before:] for event in tracker.heard(message)]
    fills = [event.fill.id for event in events if isinstance(event, OrderFilled)]
    assert sorted(fills) == [str(number) for number in range(1, len(parts) + 1)]
    assert len(fills) == len(set(fills))
    changes = [event.order for event in events if isinstance(event, OrderChanged)]
    assert sum(order.is_open for order in changes) <= 1
    ended = [order for order in changes if not order.is_open]
    assert [order.status for order in ended] == ([OrderStatus(end)] if end and sum(parts) < 10 else [])
    assert not ended or events[-1] == OrderChanged(ended[0])
    complete = [event.complete for event in events if isinstance(event, OrderFilled)]
    assert complete == [False] * (len(parts) - 1) + [sum(parts) == 10] * bool(parts)
    assert tracked.order.filled_quantity == sum(parts) == tracked.booked
    assert tracked.settled is (not truth[-1].order.is_open)


def test_an_order_without_an_answer_is_told_by_what_others_said():
    tracker = Tracker()
    tracked = tracker.sent(SYMBOL, "a", 0.0)
    assert tracker.heard(Answer(state("filled", 10, 1), (fill(1, 10),))) == []
    assert tracked.order is None
    [event] = tracker.unanswered(tracked)
    assert event == OrderFilled(fill(1, 10))
    assert tracked.order is not None


def test_orders_of_others_are_left_alone():
    tracker = Tracker()
    tracker.answered(tracker.sent(SYMBOL, "a", 0.0), Answer(state("new", 0, 0)))
    assert tracker.heard(Answer(state("filled", 10, 1, client_id="b", exchange_id="2"), (fill(9, 10, "b"),))) == []
    # The same client id once more, by somebody else: another order.
    assert tracker.heard(Answer(state("filled", 10, 1, exchange_id="3"), (fill(8, 10),))) == []


def test_an_end_waits_for_its_executions():
    tracker = Tracker()
    tracked = tracker.sent(SYMBOL, "a", 0.0)
    tracker.answered(tracked, Answer(state("new", 0, 0)))
    assert tracker.heard(Answer(state("cancelled", 4, 2))) == []
    assert tracked.lacks_fills
    assert not tracked.settled
    events = tracker.heard(Answer(state("cancelled", 4, 2), (fill(1, 4),)))
    assert [type(event) for event in events] == [OrderFilled, OrderChanged]
    assert tracked.settled


def test_an_adopted_order_tells_only_what_is_new():
    tracker = Tracker()
    tracker.adopt(Answer(state("partially_filled", 4, 1), (fill(1, 4),)), 0.0)
    assert tracker.heard(Answer(state("partially_filled", 4, 1), (fill(1, 4),))) == []
    [event] = tracker.heard(Answer(state("filled", 10, 2), (fill(1, 4), fill(2, 6))))
    assert event == OrderFilled(fill(2, 6))


def test_a_market_order_is_told_by_its_fills_only():
    tracker = Tracker()
    tracked = tracker.sent(SYMBOL, "a", 0.0)
    first = Answer(state("new", 0, 0, OrderType.MARKET))
    assert tracker.answered(tracked, first) == []
    events = tracker.heard(Answer(state("filled", 10, 1, OrderType.MARKET), (fill(1, 10),)))
    assert events == [OrderFilled(fill(1, 10))]
