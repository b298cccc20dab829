"""The gateway: written down before it is sent, sent once, and each thing that happens is news once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from cryptobot.core.errors import (
    AuthError,
    ExchangeError,
    OrderNotFound,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    TransientError,
)
from cryptobot.core.events import BarClosed, ConnectionChanged, OrderChanged, OrderFilled, OrderRefused
from cryptobot.core.orders import OrderStatus
from cryptobot.core.types import Bar
from cryptobot.trading.journal import JournalView
from tests.unit.trading.shop import DEADLINE, START, Bench


@pytest.fixture
def bench():
    return Bench()


def bought(bench, quantity=None):
    """Buy, and hear of it."""
    intent = bench.buy()
    bench.submit(intent)
    bench.shop.buy_whole(intent.id)
    bench.hear_wire()
    return intent


# -- sending


def test_an_intent_is_safe_before_it_is_sent(bench):
    intent = bench.buy()
    seen = []

    async def submit(wanted):
        seen.append((wanted, bench.journal.contents("intent"), list(bench.journal.durable)))
        return await type(bench.shop).submit(bench.shop, wanted)

    bench.shop.submit = submit
    bench.submit(intent)
    assert seen == [(intent, [intent], [True, True])]


def test_the_answer_is_news_and_is_written_down(bench):
    intent = bench.buy()
    news = bench.submit(intent)
    assert news == [OrderChanged(bench.shop.orders[intent.id])]
    assert bench.outcomes() == [(intent.id, "acknowledged")]
    assert bench.journal.contents("outcome")[0].exchange_id == bench.shop.orders[intent.id].exchange_id
    assert bench.journal.contents("order") == [bench.shop.orders[intent.id]]
    assert bench.state(intent.id) == "acknowledged"
    assert [life.client_id for life in bench.gateway.open_lives] == [intent.id]
    assert bench.gateway.blocked is None
    assert not bench.gateway.restless


def test_an_answer_may_come_by_the_stream_only(bench):
    async def submit(wanted):
        await type(bench.shop).submit(bench.shop, wanted)

    bench.shop.submit = submit
    intent = bench.buy()
    assert bench.submit(intent) == []
    assert bench.state(intent.id) == "sent"
    assert bench.outcomes() == []
    assert len(bench.take(OrderChanged(bench.shop.orders[intent.id]))) == 1


def test_a_pair_is_one_record_and_two_orders(bench):
    bought(bench)
    pair = bench.pair(bench.position)
    news = bench.submit(pair)
    assert [event.order.client_id for event in news] == [pair.above.id, pair.below.id]
    assert bench.journal.contents("intent")[-1] == pair
    assert bench.outcomes()[1:] == [(pair.above.id, "acknowledged"), (pair.below.id, "acknowledged")]
    assert {life.client_id for life in bench.gateway.open_lives} == {pair.above.id, pair.below.id}
    assert bench.shop.sins == []


@pytest.mark.parametrize("error", [OrderRejected("order {}: too small."), OrderNotSent("order {}: no rules. ")])
def test_what_was_not_taken_is_over_at_once(bench, error):
    intent = bench.buy()
    rejected = isinstance(error, OrderRejected)
    raised = type(error)(str(error).format(intent.id).strip())
    if rejected:
        raised.rule = "NOTIONAL"
    bench.shop.fault("submit", raised)
    reason = "too small" if rejected else "no rules"
    rule = "NOTIONAL" if rejected else ""
    assert bench.submit(intent) == [OrderRefused(intent.id, intent.time, reason, rule, certain_to_fail=rejected)]
    assert bench.outcomes() == [(intent.id, "rejected" if rejected else "not_sent")]
    assert bench.state(intent.id) == "rejected"
    assert bench.gateway.open_lives == []
    assert bench.gateway.blocked is None
    assert JournalView.of(bench.journal).opened_orders == []


def test_a_pair_is_refused_as_a_whole(bench):
    bought(bench)
    pair = bench.pair(bench.position)
    bench.shop.fault("submit_oco", OrderRejected("too many"))
    assert [event.intent_id for event in bench.submit(pair)] == [pair.above.id, pair.below.id]
    assert bench.outcomes()[-1] == (pair.id, "rejected")
    assert bench.gateway.open_lives == []
    assert {str(life.state) for life in JournalView.of(bench.journal).lives.values()} == {"filled", "rejected"}


@pytest.mark.parametrize("after", [False, True])
def test_without_an_answer_it_is_unknown_and_told_and_never_sent_again(bench, after):
    intent = bench.buy()
    bench.shop.fault("submit", OrderUnknown("no answer within 10 s."), after=after)
    assert bench.submit(intent) == []
    assert bench.state(intent.id) == "unknown"
    assert bench.gateway.unknown == (intent.id,)
    assert intent.id in bench.gateway.blocked
    assert "no answer within 10 s" in bench.gateway.blocked
    assert bench.gateway.restless
    assert bench.outcomes() == [(intent.id, "unknown")]
    assert bench.topics() == ["unknown_order"]
    assert dict(bench.notices[0].facts) == {"order": intent.id, "why": "no answer within 10 s"}
    assert "within 10 s. It is looked for" in bench.notices[0].text
    for _ in range(10):
        bench.clock.advance(7)
        bench.compare()
    assert [door for door, _ in bench.shop.asked].count("submit") == 1
    assert bench.state(intent.id) == ("acknowledged" if after else "rejected")
    assert bench.gateway.blocked is None
    assert bench.topics() == ["unknown_order", "resolved"]
    assert bench.shop.sins == []


def test_both_orders_of_a_pair_are_unknown_and_told_once(bench):
    bought(bench)
    pair = bench.pair(bench.position)
    bench.shop.fault("submit_oco", OrderUnknown("502"), after=True)
    bench.submit(pair)
    assert bench.gateway.unknown == (pair.above.id, pair.below.id)
    assert bench.topics() == ["unknown_order"]
    assert bench.outcomes()[-1] == (pair.id, "unknown")
    bench.settle()
    assert bench.gateway.unknown == ()
    assert len(bench.gateway.open_lives) == 2


@pytest.mark.parametrize("error", [AuthError("keys"), asyncio.CancelledError(), ZeroDivisionError(), SystemExit()])
def test_whatever_breaks_the_sending_off_it_stays_unknown(bench, error):
    intent = bench.buy()
    bench.shop.fault("submit", error)
    with pytest.raises(type(error)):
        bench.submit(intent)
    assert bench.state(intent.id) == "unknown"
    assert bench.gateway.blocked is not None
    assert type(error).__name__ in bench.gateway.blocked
    assert bench.outcomes() == [(intent.id, "unknown")]


def test_a_stream_that_is_faster_than_the_answer(bench):
    intent = bench.buy()
    news = []

    async def submit(wanted):
        order = await type(bench.shop).submit(bench.shop, wanted)
        bench.shop.buy_whole(wanted.id, part="0.5")
        news.extend(bench.hear_wire())
        return order  # as it was: new, nothing executed

    bench.shop.submit = submit
    bench.submit(intent)
    assert [type(event) for event in news] == [OrderFilled]
    assert bench.told_fills() == bench.written_fills() == [bench.shop.ledger[0].id]
    assert bench.gateway.open_lives == []


def test_an_unknown_order_that_the_stream_speaks_of_is_resolved(bench):
    intent = bench.buy()
    bench.shop.fault("submit", OrderUnknown("timeout"), after=True)
    bench.submit(intent)
    bench.take(OrderChanged(bench.shop.orders[intent.id]))
    assert bench.gateway.blocked is None
    assert bench.topics() == ["unknown_order", "resolved"]
    assert "the exchange shows it as new" in bench.notices[-1].text
    assert bench.state(intent.id) == "acknowledged"


def test_an_unknown_order_that_is_executed_is_resolved(bench):
    intent = bench.buy()
    bench.shop.fault("submit", OrderUnknown("timeout"), after=True)
    bench.submit(intent)
    bench.shop.execute(intent.id, 3)
    bench.hear_wire()
    assert bench.gateway.blocked is None
    assert bench.topics()[-1] == "resolved"
    assert bench.told_fills() == ["t2"]
    assert len(bench.gateway.open_lives) == 1  # not all of it was


# -- a full disk


def test_nothing_is_bought_while_the_disk_is_full(bench):
    bench.journal.full = True
    intent = bench.buy()
    [news] = bench.submit(intent)
    assert (news.intent_id, news.rule, news.certain_to_fail) == (intent.id, "JOURNAL", False)
    assert "No space left" in news.reason
    assert ("submit", intent.id) not in bench.shop.asked
    assert bench.gateway.lives == {}


def test_exits_pass_while_the_disk_is_full_and_are_written_later_in_order(bench):
    bought(bench)
    bench.journal.full = True
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.cancel(stop.id)
    sale = bench.sell(bench.position)
    bench.submit(sale)
    fill = bench.shop.execute(sale.id, bench.position)
    bench.hear_wire()
    assert bench.shop.position == bench.position == 0
    assert not JournalView.of(bench.journal).lives.keys() & {stop.id, sale.id}
    bench.journal.full = False
    bench.recorder.flush()
    view = JournalView.of(bench.journal)
    assert [intent.id for intent in view.intents[1:]] == [stop.id, sale.id]
    assert [str(view.lives[client_id].state) for client_id in (stop.id, sale.id)] == ["cancelled", "filled"]
    assert view.fills[-1] == fill
    assert view.opened_orders == []


def test_a_sale_during_which_the_process_dies_with_a_full_disk_is_found_by_its_id(bench):
    bought(bench)
    bench.journal.full = True
    sale = bench.sell(bench.position)
    bench.submit(sale)
    bench.journal.full = False
    again = bench.restart()
    weighed = again.compare()
    assert [(intent.id, filled) for intent, filled in weighed.adopted] == [(sale.id, 0)]
    assert again.topics() == ["reconciliation"]
    assert [life.client_id for life in again.gateway.open_lives] == [sale.id]
    bench.shop.execute(sale.id, again.position)
    again.hear_wire()
    again.settle()
    assert again.position == 0
    assert again.written_fills() == [fill.id for fill in bench.shop.ledger]


# -- cancelling


def test_a_cancel_returns_how_the_order_ended(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    assert bench.cancel(stop.id) == [OrderChanged(bench.shop.orders[stop.id])]
    assert bench.outcomes()[-1] == (stop.id, "cancel_sent")
    assert bench.gateway.open_lives == []
    assert bench.hear_wire() == []  # it was news once


def test_a_cancel_that_crosses_an_execution_is_not_over_before_the_execution_is_known(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.shop.execute(stop.id, 4, 90)
    assert bench.cancel(stop.id) == []
    assert bench.gateway.lacks_fills
    assert bench.gateway.restless
    news = bench.hear_wire()
    assert [type(event) for event in news] == [OrderFilled]
    assert news[0].complete  # all of it that will ever be
    assert bench.position == 6
    assert bench.gateway.open_lives == []


def test_what_has_ended_is_not_cancelled_again(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.cancel(stop.id)
    asked = len(bench.shop.asked)
    assert bench.cancel(stop.id, "never heard of") == []
    assert len(bench.shop.asked) == asked


def test_nor_what_has_ended_but_lacks_executions(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.shop.execute(stop.id, bench.position, 90)
    bench.shop.wire.clear()
    bench.take(OrderChanged(bench.shop.orders[stop.id]))
    assert bench.gateway.lacks_fills
    assert bench.cancel(stop.id) == []
    assert ("cancel", stop.id) not in bench.shop.asked


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("error", [OrderUnknown("502"), OrderNotFound("-2011"), TransientError("down")])
def test_a_cancel_without_an_answer_makes_unknown_and_is_resolved_by_asking(bench, error, after):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.shop.fault("cancel", error, after=after)
    assert bench.cancel(stop.id) == []
    assert bench.state(stop.id) == "unknown"
    assert bench.topics() == ["unknown_order"]
    assert "it was to be cancelled" in bench.gateway.blocked
    bench.hear_wire()  # what the stream says may be older than the cancel
    bench.compare()
    assert bench.state(stop.id) == ("cancelled" if after else "acknowledged")
    assert bench.gateway.blocked is None
    assert bench.topics() == ["unknown_order", "resolved"]


def test_a_stream_that_says_open_does_not_settle_whether_a_cancel_was_heard(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.shop.fault("cancel", OrderUnknown("502"))
    bench.cancel(stop.id)
    order = replace(bench.shop.orders[stop.id], updated=bench.shop.time + 1)
    assert bench.take(OrderChanged(order)) == []
    assert bench.gateway.blocked is not None


@pytest.mark.parametrize("error", [AuthError("keys"), asyncio.CancelledError()])
def test_a_cancel_that_is_broken_off_makes_unknown(bench, error):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.shop.fault("cancel", error)
    with pytest.raises(type(error)):
        bench.cancel(stop.id)
    assert bench.state(stop.id) == "unknown"
    assert "broken off" in bench.gateway.blocked


def test_one_cancel_that_fails_does_not_hinder_the_other(bench):
    bought(bench)
    one, two = bench.stop(4), bench.stop(4)
    bench.submit(one)
    bench.submit(two)
    bench.shop.fault("cancel", OrderUnknown("502"))
    news = bench.cancel(one.id, two.id)
    assert [event.order.client_id for event in news] == [two.id]
    assert bench.gateway.unknown == (one.id,)


# -- the stream


def test_bars_and_connections_pass(bench):
    bar = BarClosed(Bar(0, 1.0, 1.0, 1.0, 1.0, 1.0))
    lost = ConnectionChanged(up=False, time=0, reason="silent")
    before = bench.gateway.activity
    assert bench.take(bar, lost) == [bar, lost]
    assert bench.journal.contents("event") == [lost]
    assert bench.gateway.activity == before


def test_every_execution_is_news_once_however_often_it_is_told(bench):
    intent = bench.buy()
    bench.submit(intent)
    fill = bench.shop.execute(intent.id, 3)
    for _ in range(3):
        bench.take(OrderFilled(fill, complete=False))
    bench.compare()
    bench.compare()
    assert bench.told_fills() == bench.written_fills() == [fill.id]
    assert bench.gateway.account.base == bench.shop.coins
    assert bench.gateway.account.quote == bench.shop.cash


def test_the_end_of_an_order_comes_after_its_executions(bench):
    intent = bench.buy()
    bench.submit(intent)
    bench.shop.execute(intent.id, 3)
    bench.shop.execute(intent.id, 2)
    bench.shop.end(intent.id)
    first, second, end = bench.shop.wire
    assert bench.take(end) == []
    assert [event.complete for event in bench.take(second)] == [False]
    assert bench.gateway.lacks_fills
    assert [event.complete for event in bench.take(first)] == [True]
    assert not bench.gateway.lacks_fills
    assert bench.written_fills() == ["t3", "t2"]
    assert [booked.complete for booked in bench.journal.contents("fill")] == [False, True]
    assert bench.take(end, second, first) == []


def test_an_execution_that_later_turns_out_to_be_the_last(bench):
    intent = bench.buy()
    bench.submit(intent)
    fill = bench.shop.execute(intent.id, 3)
    assert [event.complete for event in bench.take(OrderFilled(fill, complete=False))] == [False]
    [end] = bench.take(OrderFilled(fill, complete=True))
    assert isinstance(end, OrderChanged)
    assert (end.order.status, end.order.client_id) == (OrderStatus.NEW, intent.id)
    assert bench.gateway.open_lives == []
    assert bench.written_fills() == [fill.id]


def test_an_order_of_which_only_executions_are_told_is_described_when_it_ends(bench):
    bench.shop.keeps_account = False  # else its last execution alone would prove nothing about those before

    async def submit(wanted):
        await type(bench.shop).submit(bench.shop, wanted)

    bench.shop.submit = submit
    intent = bench.buy(500)
    bench.submit(intent)
    fill = bench.shop.execute(intent.id, 3)
    bench.take(OrderFilled(fill, complete=False))
    bench.clock.advance(5)
    [end] = bench.take(OrderFilled(fill, complete=True))
    order = end.order
    assert (order.client_id, order.exchange_id, order.status) == (intent.id, "", OrderStatus.FILLED)
    assert (order.quantity, order.filled_quantity, order.filled_value) == (3, 3, 300)
    assert (order.side, order.type, order.symbol) == (intent.side, intent.type, intent.symbol)
    assert (order.created, order.updated, order.quote_amount) == (START, START + 5 * 10**9, 500)


def test_the_last_execution_of_an_order_of_which_nothing_else_was_told_is_not_trusted_to_be_the_only_one(bench):
    async def submit(wanted):
        await type(bench.shop).submit(bench.shop, wanted)

    bench.shop.submit = submit
    intent = bench.buy(500)
    bench.submit(intent)
    bench.shop.execute(intent.id, 3)
    last = bench.shop.execute(intent.id, 2)
    bench.shop.end(intent.id, OrderStatus.FILLED)
    bench.shop.wire.clear()
    assert [event.complete for event in bench.take(OrderFilled(last, complete=True))] == [False]
    assert bench.gateway.lacks_fills
    assert bench.gateway.restless
    bench.settle()
    assert bench.position == 5
    assert bench.gateway.open_lives == []


def test_nor_is_a_last_execution_that_leaves_a_part_of_the_order_unexplained(bench):
    bought(bench)
    sale = bench.sell(bench.position)
    bench.submit(sale)
    bench.shop.execute(sale.id, 4)
    last = bench.shop.execute(sale.id, 6)
    bench.shop.wire.clear()
    assert [event.complete for event in bench.take(OrderFilled(last, complete=True))] == [False]
    assert bench.gateway.lacks_fills
    bench.settle()
    assert bench.position == 0
    assert bench.gateway.open_lives == []


def test_an_end_is_news_once(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.shop.end(stop.id)
    [end] = bench.shop.wire
    assert bench.take(end, end, end) == [end]
    assert bench.compare().news == []
    assert len([order for order in bench.journal.contents("order") if order.client_id == stop.id]) == 2


def test_a_refusal_in_the_stream(bench):
    async def submit(wanted):
        await type(bench.shop).submit(bench.shop, wanted)

    bench.shop.submit = submit
    intent = bench.buy()
    bench.submit(intent)
    refused = OrderRefused(intent.id, START, "too late", "MARKET_CLOSED")
    assert bench.take(refused, refused) == [refused]
    assert bench.outcomes() == [(intent.id, "rejected")]
    assert bench.gateway.open_lives == []
    assert bench.take(OrderRefused("nobodys", START, "?")) == []


def test_a_refusal_in_the_stream_settles_a_doubt(bench):
    intent = bench.buy()
    bench.shop.fault("submit", OrderUnknown("timeout"))
    bench.submit(intent)
    refused = OrderRefused(intent.id, START, "too late", "MARKET_CLOSED")
    assert bench.take(refused) == [refused]
    assert bench.gateway.blocked is None
    assert bench.gateway.unknown == ()
    assert bench.restart().gateway.blocked is None


def test_evidence_that_contradicts_itself_is_raised(bench):
    intent = bench.buy()
    bench.shop.fault("submit", OrderRejected("no"))
    bench.submit(intent)
    other = bench.buy()
    bench.submit(other)
    fill = replace(bench.shop.execute(other.id, 1), intent_id=intent.id)
    with pytest.raises(ExchangeError, match="contradicts itself"):
        bench.take(OrderFilled(fill))
    assert bench.written_fills() == []


# -- going on after a restart


def test_a_session_goes_on_where_the_last_one_ended(bench):
    bought(bench)
    pair = bench.pair(bench.position)
    bench.submit(pair)
    again = bench.restart()
    assert {life.client_id for life in again.gateway.open_lives} == {pair.above.id, pair.below.id}
    assert again.gateway.blocked is None
    assert again.gateway.account.base == bench.shop.coins
    assert again.gateway.account.quote == bench.shop.cash
    weighed = again.settle()
    assert weighed.agrees
    assert again.news == []
    assert again.notices == []


def test_an_intent_without_an_answer_is_unknown_after_a_restart_and_reminded_of(bench):
    intent = bench.buy()
    bench.recorder.must_write("intent", intent)
    again = bench.restart()
    assert again.gateway.unknown == (intent.id,)
    assert again.gateway.blocked is not None
    again.gateway.remind()
    assert again.topics() == ["unknown_order"]
    assert not again.compare().agrees
    again.clock.advance(DEADLINE + 1)
    [news] = again.compare().news
    assert (news.intent_id, news.rule, news.certain_to_fail) == (intent.id, "ABSENT", False)
    assert again.gateway.blocked is None
    assert ("submit", intent.id) not in bench.shop.asked


def test_a_doubt_that_was_settled_is_settled_after_a_restart(bench):
    intent = bench.buy()
    bench.shop.fault("submit", OrderUnknown("timeout"), after=True)
    bench.submit(intent)
    assert bench.restart().gateway.unknown == (intent.id,)
    bench.compare()
    again = bench.restart()
    assert again.gateway.unknown == ()
    assert [life.client_id for life in again.gateway.open_lives] == [intent.id]


def test_executions_that_happened_while_nobody_was_there(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.shop.named = set()  # a new connection is not told whose old executions are
    bench.clock.advance(3600)
    fill = bench.shop.execute(stop.id, bench.position, 90)
    bench.clock.advance(3600)
    again = bench.restart()
    weighed = again.settle()
    assert weighed.agrees
    assert [event.fill.id for event in again.news if isinstance(event, OrderFilled)] == [fill.id]
    assert again.position == 0
    assert "external" not in again.topics()
    assert sorted(again.written_fills()) == sorted(each.id for each in bench.shop.ledger)
    assert again.written_fills(own=False) == []


def test_an_own_execution_that_is_told_again_without_its_name_is_known(bench):
    bench.shop.named = set()
    bought(bench)
    bench.shop.named.clear()  # the connection was made anew
    assert bench.settle().agrees
    assert bench.topics() == []
    assert bench.written_fills(own=False) == []


def test_executions_are_asked_for_from_before_the_last_answer_on(bench):
    bench.compare()
    assert ("fills", START) in bench.shop.asked
    bench.clock.advance(600)
    bench.compare()
    bench.compare()
    assert bench.shop.asked[-2] == ("fills", START + 480 * 10**9)
    bench.gateway.seen_until(START)  # never back
    assert bench.gateway.since == START + 480 * 10**9


def test_after_a_restart_with_open_orders_executions_are_asked_for_from_the_beginning(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.clock.advance(6000)
    assert bench.restart().gateway.since == START
    bench.cancel(stop.id)
    assert bench.restart().gateway.since == START + 5880 * 10**9


def test_what_an_earlier_session_explained_stays_explained(bench):
    bench.shop.cash += 100
    for _ in range(3):
        bench.compare()
    assert bench.topics() == ["external"]
    bench.shop.stranger("buy", 2)
    bench.compare()
    again = bench.restart()
    for _ in range(3):
        assert again.compare().agrees
    assert again.topics() == []


def test_coins_that_were_there_are_counted_and_are_not_the_bots(bench):
    shop = bench.shop
    shop.coins = Decimal(7)
    other = Bench(shop)
    assert other.compare().agrees
    assert other.gateway.account.base == 7
    assert other.position == 0


def test_elapsed_counts_from_sending(bench):
    intent = bench.buy()
    bench.submit(intent)
    bench.clock.advance(4)
    assert bench.gateway.elapsed(intent.id, bench.clock.monotonic()) == 4
    again = bench.restart()
    again.clock.advance(3)
    assert again.gateway.elapsed(intent.id, again.clock.monotonic()) == 3


@pytest.mark.parametrize(
    "do", ["submit", "refuse", "lose", "cancel", "observe", "fill", "absent", "stranger", "change", "send"]
)
def test_whatever_happens_while_the_exchange_is_asked_makes_the_answers_void(bench, do):
    bought(bench)
    stop = bench.stop(5)
    bench.submit(stop)
    lost = bench.buy()
    if do == "absent":
        bench.shop.fault("submit", OrderUnknown("?"))
        bench.submit(lost)
    evidence = asyncio.run(bench.gateway.gather())
    if do == "submit":
        bench.submit(bench.stop(1))
    elif do == "refuse":
        bench.shop.fault("submit", OrderRejected("no"))
        bench.submit(bench.stop(1))
    elif do == "lose":
        bench.gateway.doubt(stop.id, "?")
    elif do == "cancel":
        bench.shop.fault("cancel", OrderUnknown("?"))
        bench.cancel(stop.id)
    elif do == "observe":
        bench.shop.end(stop.id)
        bench.gateway.observe(bench.shop.orders[stop.id])
    elif do == "fill":
        bench.take(OrderFilled(bench.shop.execute(stop.id, 1)))
    elif do == "absent":
        bench.gateway.absent(lost.id, "?")
    elif do == "change":
        bench.shop.end(stop.id)
        bench.take(bench.shop.wire[-1])
    elif do == "send":  # one of which only the stream will tell

        async def submit(wanted):
            bench.shop.own.add(wanted.id)

        bench.shop.submit = submit
        bench.submit(bench.stop(1))
    else:
        bench.take(OrderFilled(bench.shop.stranger("buy", 1)))
    weighed = bench.reconciler.weigh(evidence, bench.position)
    assert weighed.again
    assert not weighed.agrees
    assert (weighed.news, weighed.halt, weighed.reduce) == ([], None, None)
