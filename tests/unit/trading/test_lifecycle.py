"""The life of one order: its states, what it refuses to believe, and that the order of messages does not matter."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.errors import ExchangeError
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Fill, Intent, Side
from cryptobot.trading.lifecycle import OrderLife, OrderState

SELL = Intent("bot-1", 0, "BTC/USDT", Side.SELL, quantity=Decimal(10))
BUY = Intent("bot-2", 0, "BTC/USDT", Side.BUY, quote_amount=Decimal(1000))


def order(status=OrderStatus.NEW, filled=0, updated=1, intent=SELL, **changes):
    made = Order(
        intent.id, "77", intent.symbol, intent.side, OrderType.MARKET, status, intent.quantity, Decimal(filled),
        Decimal(filled) * 100, 0, updated, intent.quote_amount,
    )  # fmt: skip
    return replace(made, **changes)


def fill(number, quantity, intent=SELL, price=100, **changes):
    made = Fill(str(number), intent.id, number, intent.side, Decimal(price), Decimal(quantity), Decimal(0))
    return replace(made, **changes)


@pytest.fixture
def life():
    made = OrderLife(SELL)
    assert made.sent(5)
    return made


def test_the_usual_way():
    life = OrderLife(SELL)
    states = [life.state]
    for step in (
        lambda: life.sent(5),
        lambda: life.acknowledged(order()),
        lambda: life.filled(fill(1, 4)),
        lambda: life.filled(fill(2, 6)),
    ):
        assert step()
        states.append(life.state)
    assert states == ["intent", "sent", "acknowledged", "partially_filled", "filled"]
    assert life.filled_quantity == 10
    assert life.filled_value == 1000
    assert list(life.fills) == ["1", "2"]
    assert life.exchange_id == "77"
    assert not life.is_open
    assert not life.is_risk


@pytest.mark.parametrize(
    ("tell", "state"),
    [
        (lambda life: life.refused("no money"), OrderState.REJECTED),
        (lambda life: life.absent("never left"), OrderState.REJECTED),
        (lambda life: life.acknowledged(order(OrderStatus.REJECTED)), OrderState.REJECTED),
        (lambda life: life.ended(OrderStatus.REJECTED, "filters"), OrderState.REJECTED),
        (lambda life: life.ended(OrderStatus.CANCELLED), OrderState.CANCELLED),
        (lambda life: life.ended(OrderStatus.EXPIRED), OrderState.CANCELLED),
        (lambda life: life.ended(order(OrderStatus.EXPIRED, 3)), OrderState.CANCELLED),
        (lambda life: life.found(order(OrderStatus.FILLED, 10)), OrderState.FILLED),
        (lambda life: life.filled(fill(1, 4), True), OrderState.FILLED),
        (lambda life: life.filled(fill(1, 4), False), OrderState.PARTIALLY_FILLED),
        (lambda life: life.filled(fill(1, 10)), OrderState.FILLED),
        (lambda life: life.acknowledged(order(OrderStatus.PARTIALLY_FILLED, 3)), OrderState.PARTIALLY_FILLED),
        (lambda life: life.confirmed("77"), OrderState.ACKNOWLEDGED),
        (lambda life: life.lost("timeout"), OrderState.UNKNOWN),
    ],
)
@pytest.mark.parametrize("doubted", [False, True])
def test_what_each_message_leads_to(life, tell, state, doubted):
    if doubted:
        life.lost("connection cut")
        if state is OrderState.UNKNOWN:
            assert not tell(life)
            return
    assert tell(life)
    assert life.state is state
    assert not tell(life), "the same again is nothing new"
    assert life.state is state
    assert life.is_open is not state.is_final


def test_only_an_order_that_was_sent_can_be_lost():
    life = OrderLife(SELL)
    assert not life.lost("too early")
    assert life.state is OrderState.INTENT
    assert not life.is_open
    life.refused("limits")
    assert not life.lost("too late")
    assert life.state is OrderState.REJECTED


def test_a_doubt_about_a_known_order_is_settled_by_asking_and_not_by_an_old_message(life):
    life.acknowledged(order())
    assert life.lost("was the cancel heard?")
    assert not life.acknowledged(order())
    assert life.acknowledged(order(OrderStatus.PARTIALLY_FILLED, 2, updated=2))
    assert life.filled(fill(1, 2), False)
    assert life.state is OrderState.UNKNOWN
    assert life.reason == "was the cancel heard?"
    assert life.found(order(OrderStatus.PARTIALLY_FILLED, 2, updated=2))
    assert life.state is OrderState.PARTIALLY_FILLED
    assert life.reason == ""


def test_a_first_sign_of_life_settles_whether_it_arrived(life):
    life.lost("timeout")
    assert life.filled(fill(1, 2), False)
    assert life.state is OrderState.PARTIALLY_FILLED


def test_fills_count_after_the_end_and_only_once(life):
    life.ended(order(OrderStatus.CANCELLED, 7))
    assert life.missing == 7
    assert life.is_risk
    assert not life.is_open
    assert life.filled(fill(1, 3))
    assert not life.filled(fill(1, 3))
    assert not life.filled(fill(1, 3, fee=Decimal("0.1")))
    assert life.missing == 4
    assert life.filled(fill(2, 4))
    assert life.missing == 0
    assert life.filled_quantity == 7
    assert not life.is_risk
    assert life.state is OrderState.CANCELLED


def test_an_older_word_of_the_exchange_changes_nothing(life):
    newest = order(OrderStatus.PARTIALLY_FILLED, 6, updated=9)
    life.acknowledged(newest)
    assert not life.acknowledged(order(OrderStatus.PARTIALLY_FILLED, 2, updated=3))
    assert not life.acknowledged(order())
    assert life.order is newest


def test_the_word_of_an_end_stands_above_an_open_one_however_late(life):
    end = order(OrderStatus.CANCELLED, updated=3)
    life.acknowledged(order(updated=9))
    assert life.ended(end)
    assert not life.acknowledged(order(updated=20))
    assert life.order is end


@pytest.mark.parametrize("backwards", [False, True])
def test_a_last_fill_of_an_order_that_expired_leaves_it_cancelled(life, backwards):
    tell = [lambda: life.filled(fill(1, 4), True), lambda: life.ended(order(OrderStatus.EXPIRED, 4, updated=2))]
    for each in reversed(tell) if backwards else tell:
        assert each()
    assert life.state is OrderState.CANCELLED
    assert life.missing == 0


def test_a_market_buy_by_amount_has_no_quantity_to_be_full():
    life = OrderLife(BUY)
    life.sent(0)
    assert life.ordered is None
    assert life.filled(fill(1, 4, BUY), False)
    assert life.filled(fill(2, 6, BUY), True)
    assert life.state is OrderState.FILLED
    assert life.filled_value == 1000


def test_the_exchange_may_have_rounded_the_quantity_down(life):
    life.acknowledged(order(quantity=Decimal(9)))
    life.filled(fill(1, 9))
    assert life.state is OrderState.FILLED


def test_one_proved_absent_may_be_sent_again_by_the_same_id(life):
    life.lost("timeout")
    life.absent("not there 20 s later")
    assert life.sent(30)
    assert life.state is OrderState.SENT
    assert life.sent_time == 30
    assert life.acknowledged(order())


@pytest.mark.parametrize(
    "before",
    [lambda life: None, lambda life: life.lost("timeout"), lambda life: life.acknowledged(order()),
     lambda life: life.refused("no money")],
)  # fmt: skip
def test_nothing_else_may_be_sent_again(life, before):
    before(life)
    with pytest.raises(ExchangeError, match="must not be sent"):
        life.sent(30)


def test_the_same_sending_told_twice_is_one(life):
    assert not life.sent(5)


CONTRADICTIONS = {
    "a fill after a refusal": [lambda x: x.refused("no"), lambda x: x.filled(fill(1, 1))],
    "a fill after absence": [lambda x: x.absent("no"), lambda x: x.filled(fill(1, 1))],
    "shown after absence": [lambda x: x.absent("no"), lambda x: x.acknowledged(order())],
    "confirmed after absence": [lambda x: x.absent("no"), lambda x: x.confirmed("7")],
    "ended after absence": [lambda x: x.absent("no"), lambda x: x.found(order(OrderStatus.CANCELLED))],
    "executed after a refusal": [lambda x: x.refused("no"), lambda x: x.found(order(OrderStatus.CANCELLED, 1))],
    "more filled than ordered": [lambda x: x.filled(fill(1, 8)), lambda x: x.filled(fill(2, 3))],
    "one fill of two sizes": [lambda x: x.filled(fill(1, 8)), lambda x: x.filled(fill(1, 7))],
}  # fmt: skip


@pytest.mark.parametrize("steps", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
@pytest.mark.parametrize("backwards", [False, True])
def test_evidence_that_contradicts_itself_is_refused_in_either_order(life, steps, backwards):
    first, second = reversed(steps) if backwards else steps
    assert first(life)
    before = (life.state, dict(life.fills), life.filled_quantity)
    with pytest.raises(ExchangeError, match="bot-1.*contradicts itself"):
        second(life)
    assert (life.state, life.fills, life.filled_quantity) == before


@pytest.mark.parametrize(
    "impossible",
    [
        lambda x: x.filled(fill(1, 1, side=Side.BUY)),
        lambda x: x.filled(fill(1, 1, intent_id="other")),
        lambda x: x.filled(fill(1, 0)),
        lambda x: x.filled(fill(1, "NaN")),
        lambda x: x.filled(fill(1, 1, price="-1")),
        lambda x: x.filled(fill(1, "10.00000001")),
        lambda x: x.acknowledged(order(OrderStatus.FILLED, 11)),
        lambda x: x.acknowledged(order(filled="NaN")),
        lambda x: x.acknowledged(order(side=Side.BUY)),
        lambda x: x.acknowledged(order(client_id="other")),
    ],
)
def test_a_message_that_cannot_be_true_is_refused(life, impossible):
    with pytest.raises(ExchangeError):
        impossible(life)
    assert life.fills == {}
    assert life.state is OrderState.SENT


def test_a_buy_by_amount_never_spends_more():
    life = OrderLife(BUY)
    life.sent(0)
    life.filled(fill(1, 10, BUY))
    with pytest.raises(ExchangeError, match="1000.100 is spent of 1000 ordered"):
        life.filled(fill(2, "0.001", BUY))


# -- any order of the messages of a true history


@st.composite
def histories(draw):
    """Messages of an order that ended, with its true end: state and fills."""
    by_amount = draw(st.booleans())
    intent = replace(BUY, quote_amount=Decimal(1000)) if by_amount else SELL
    sizes = draw(st.lists(st.integers(1, 4), max_size=4).filter(lambda each: sum(each) <= 10))
    done = sum(sizes)
    full = done == 10
    messages = [lambda x: x.acknowledged(order(intent=intent))]
    total = 0
    for number, size in enumerate(sizes, start=1):
        total += size
        last = full and number == len(sizes)
        one, status = fill(number, size, intent), OrderStatus.FILLED if last else OrderStatus.PARTIALLY_FILLED
        said = draw(st.sampled_from([None, last]))
        messages.append(lambda x, one=one, said=said: x.filled(one, said))
        shown = order(status, total, updated=number + 1, intent=intent)
        messages.append(lambda x, shown=shown: x.acknowledged(shown))
    if full:
        end = OrderState.FILLED
    elif not done and draw(st.booleans()):
        end = OrderState.REJECTED
        messages.append(lambda x: x.refused("no"))
    else:
        end = OrderState.CANCELLED
        status = draw(st.sampled_from([OrderStatus.CANCELLED, OrderStatus.EXPIRED]))
        shown = order(status, done, updated=50, intent=intent)
        messages.append(lambda x: x.ended(shown, "end"))
    if draw(st.booleans()):
        messages.append(lambda x: x.lost("timeout"))
    sent = [lambda x: x.sent(5)]
    extra = draw(st.lists(st.sampled_from(sent + messages), max_size=6))
    return (
        intent,
        sent + draw(st.permutations(messages + extra)),
        end,
        {str(n + 1): Decimal(size) for n, size in enumerate(sizes)},
    )


@given(histories())
def test_messages_in_any_order_and_number_lead_to_the_same_end(history):
    intent, messages, end, executed = history
    life = OrderLife(intent)
    final = []
    for message in messages:
        before = (life.state, dict(life.fills), life.order, life.missing)
        news = message(life)
        after = (life.state, dict(life.fills), life.order, life.missing)
        assert news or before == after, "nothing new, and yet something changed"
        if before[0].is_final:
            final.append(life.state)
    assert life.state is end
    assert {number: one.quantity for number, one in life.fills.items()} == executed
    assert life.filled_quantity == sum(executed.values())
    assert life.missing == 0
    assert not life.is_open
    assert all(state.is_final for state in final), "an order that has ended never comes back"
