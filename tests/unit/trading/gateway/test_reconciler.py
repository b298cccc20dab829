"""The reconciler: taken over is what is shown, absent only what is proved absent, and money that is missing is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from cryptobot.core.errors import OrderNotFound, OrderUnknown, TransientError
from cryptobot.core.events import OrderChanged, OrderFilled, OrderRefused
from cryptobot.core.types import Balance
from cryptobot.trading.journal import BalanceChanged, JournalView
from tests.unit.trading.shop import DEADLINE, Bench, Shop


@pytest.fixture
def bench():
    return Bench()


def bought(bench):
    """Buy, and hear of it."""
    intent = bench.buy()
    bench.submit(intent)
    bench.shop.buy_whole(intent.id)
    bench.hear_wire()
    return intent


def lost(bench, *, after, wanted=None):
    """Send an order of which nobody hears."""
    intent = wanted or bench.buy()
    bench.shop.fault("submit", OrderUnknown("timeout"), after=after)
    bench.submit(intent)
    return intent


def test_nothing_but_agreement(bench):
    weighed = bench.compare()
    assert weighed.agrees
    assert not weighed.again
    assert (weighed.news, weighed.adopted, weighed.halt, weighed.reduce) == ([], [], None, None)
    assert bench.notices == []


# -- orders of which nobody heard


def test_an_order_that_arrived_is_found(bench):
    intent = lost(bench, after=True)
    assert bench.compare().news == [OrderChanged(bench.shop.orders[intent.id])]
    assert bench.compare().agrees


def test_an_order_that_arrived_and_was_executed_is_found_with_its_executions(bench):
    intent = lost(bench, after=True)
    fill = bench.shop.buy_whole(intent.id)
    news = bench.compare().news
    assert [event.fill for event in news if isinstance(event, OrderFilled)] == [fill]
    assert bench.gateway.open_lives == []
    assert bench.compare().agrees
    assert bench.written_fills() == [fill.id]


def test_early_not_found_proves_nothing(bench):
    intent = lost(bench, after=True)
    bench.shop.hidden.add(intent.id)
    while bench.clock.monotonic() < DEADLINE - 1:
        bench.clock.advance(1)
        weighed = bench.compare()
        assert weighed.again
        assert weighed.news == []
        assert bench.gateway.blocked is not None
    bench.shop.hidden.clear()
    bench.compare()
    assert bench.state(intent.id) == "acknowledged"


def test_an_order_that_no_question_shows_by_the_deadline_is_absent(bench):
    intent = lost(bench, after=False)
    bench.clock.advance(DEADLINE - 0.1)
    assert bench.compare().news == []
    bench.clock.advance(0.1)
    [news] = bench.compare().news
    assert isinstance(news, OrderRefused)
    assert news.reason == "the exchange shows no trace of it 30 s after it was sent"
    assert bench.outcomes()[-1] == (intent.id, "absent")
    assert bench.topics() == ["unknown_order", "resolved"]
    assert bench.compare().agrees
    assert JournalView.of(bench.journal).opened_orders == []


def test_the_deadline_counts_from_when_the_question_was_asked(bench):
    lost(bench, after=False)
    bench.clock.advance(DEADLINE - 1)
    evidence = asyncio.run(bench.gateway.gather())
    bench.clock.advance(60)
    weighed = bench.reconciler.weigh(evidence, bench.position)
    assert weighed.again
    assert weighed.news == []


def test_an_order_that_is_not_shown_while_the_money_is_gone_is_not_absent(bench):
    intent = lost(bench, after=True)
    bench.shop.buy_whole(intent.id)
    bench.shop.hidden.add(intent.id)
    bench.clock.advance(DEADLINE + 100)
    for _ in range(3):
        weighed = bench.compare()
        assert weighed.again
        assert (weighed.news, weighed.reduce, weighed.halt) == ([], None, None)  # the order may explain the difference
        bench.clock.advance(1)
    bench.shop.hidden.clear()
    bench.settle()
    assert bench.written_fills() == [bench.shop.ledger[0].id]
    assert bench.position == bench.shop.position


@pytest.mark.parametrize("side", ["buy", "sell"])
@pytest.mark.parametrize(("coins", "cash"), [(1, 0), (0, 100)])
def test_who_takes_money_away_takes_no_proof_away(bench, coins, cash, side):
    """Else a position whose sale was lost could never be sold once somebody withdrew something."""
    bought(bench)
    intent = lost(bench, after=False, wanted=bench.buy() if side == "buy" else bench.sell(bench.position))
    bench.shop.coins -= coins
    bench.shop.cash -= cash
    bench.clock.advance(DEADLINE + 1)
    bench.settle()
    assert bench.outcomes()[-1] == (intent.id, "absent")


def test_where_both_coins_and_money_were_moved_a_person_is_asked_once_and_decides(bench):
    bought(bench)
    intent = lost(bench, after=False, wanted=bench.sell(bench.position))
    bench.shop.coins += 1
    bench.shop.cash -= 100
    bench.clock.advance(DEADLINE + 1)
    assert bench.settle().again
    before = len(bench.notices)
    bench.clock.advance(3 * DEADLINE)
    for _ in range(3):
        assert bench.compare().again
    assert bench.state(intent.id) == "unknown"
    [notice] = bench.notices[before:]
    assert "clear the bot" in notice.text
    assert notice.facts["order"] == intent.id
    bench.reconciler.accept()
    assert bench.settle().agrees
    assert bench.outcomes()[-1] == (intent.id, "absent")
    assert bench.position == bench.shop.position == 10


def test_an_order_that_was_shown_once_cannot_be_absent(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.shop.hidden.add(stop.id)
    assert bench.compare().again
    assert bench.gateway.blocked is None  # not yet: answers may be a moment late
    bench.clock.advance(DEADLINE)
    for _ in range(3):
        assert bench.compare().again
    assert bench.state(stop.id) == "unknown"
    assert bench.topics() == ["unknown_order"]
    assert "does not show it any more" in bench.gateway.blocked
    bench.shop.hidden.clear()
    bench.compare()
    assert bench.gateway.blocked is None


def test_an_order_with_executions_cannot_be_absent(bench):
    intent = lost(bench, after=True)
    fill = bench.shop.execute(intent.id, 1)
    bench.take(OrderFilled(fill, complete=False))
    bench.shop.hidden.add(intent.id)
    bench.clock.advance(DEADLINE + 1)
    bench.compare()
    assert bench.state(intent.id) == "unknown"


def test_a_restart_does_not_shorten_the_deadline(bench):
    intent = lost(bench, after=False)
    bench.clock.advance(3)
    again = bench.restart()
    bench.clock.advance(DEADLINE - 1)  # of the new session: the old one's clock may have been another
    assert again.compare().news == []
    bench.clock.advance(1)
    assert len(again.compare().news) == 1
    assert again.state(intent.id) == "rejected"
    other = lost(again, after=False)
    again.clock.advance(24 * 3600)
    third = again.restart()
    assert third.compare().news == []
    third.clock.advance(DEADLINE)
    [news] = third.compare().news
    assert news.intent_id == other.id


@pytest.mark.parametrize("hours", [-1, 1])
def test_an_exchange_whose_clock_is_another_does_not_confuse_the_deadline(bench, hours):
    lost(bench, after=False)
    bench.shop.ahead = hours * 3600 * 10**9
    bench.clock.advance(DEADLINE - 1)
    assert bench.compare().news == []
    bench.clock.advance(1)
    assert len(bench.compare().news) == 1


def test_an_execution_without_a_name_may_be_that_of_an_order_that_is_not_shown_yet(bench):
    bench.shop.named = set()
    intent = lost(bench, after=True)
    bench.shop.buy_whole(intent.id)
    again = bench.restart()
    shown, again.shop._shown = again.shop._shown, lambda client_id: shown("none")  # its executions are, it is not
    for _ in range(3):
        again.clock.advance(1)
        assert again.compare().again
    assert again.written_fills(own=False) == []
    again.shop._shown = shown
    assert again.settle().agrees
    assert again.written_fills() == [fill.id for fill in bench.shop.ledger]
    assert "external" not in again.topics()


def test_somebody_elses_execution_waits_until_all_orders_are_shown(bench):
    bench.shop.named = set()
    lost(bench, after=False)
    bench.shop.stranger("buy", 1)
    bench.shop.named.clear()
    bench.compare()
    assert bench.topics() == ["unknown_order"]
    bench.clock.advance(DEADLINE)
    assert bench.settle().agrees
    assert bench.topics().count("external") == 1
    assert bench.gateway.account.base == bench.shop.coins


def test_a_simulated_market_needs_no_deadline(bench):
    intent = lost(bench, after=False)
    reconciler = type(bench.reconciler)(bench.gateway, 0.0)
    weighed = reconciler.weigh(asyncio.run(bench.gateway.gather()), Decimal(0))
    assert [news.intent_id for news in weighed.news] == [intent.id]


def test_each_order_is_judged_by_itself(bench):
    bought(bench)
    kept, gone = bench.stop(4), bench.stop(4)
    bench.submit(kept)
    lost(bench, after=False, wanted=gone)
    bench.clock.advance(DEADLINE)
    [news] = bench.compare().news
    assert news.intent_id == gone.id
    assert [life.client_id for life in bench.gateway.open_lives] == [kept.id]


# -- executions that the stream did not tell


def test_what_the_stream_lost_is_found(bench):
    bought(bench)
    pair = bench.pair(bench.position)
    bench.submit(pair)
    bench.shop.execute(pair.below.id, bench.position, 90)
    bench.shop.wire.clear()
    bench.clock.advance(60)
    bench.settle()
    assert bench.position == 0
    assert bench.gateway.open_lives == []
    assert bench.told_fills() == [fill.id for fill in bench.shop.ledger]


def test_an_order_that_says_more_than_its_executions_is_asked_again(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    fill = bench.shop.execute(stop.id, bench.position, 90)
    bench.shop.ledger.remove(fill)  # the executions are booked a moment later
    weighed = bench.compare()
    assert weighed.again
    assert weighed.news == []
    assert bench.gateway.lacks_fills
    bench.shop.ledger.append(fill)
    assert [event.fill for event in bench.compare().news] == [fill]
    assert not bench.gateway.lacks_fills


def test_executions_that_are_booked_very_late_are_found(bench):
    intent = lost(bench, after=True)
    fill = bench.shop.buy_whole(intent.id)
    bench.shop.ledger.remove(fill)
    for _ in range(10):
        bench.clock.advance(60)
        assert bench.compare().again
    bench.shop.ledger.append(fill)
    assert bench.settle().agrees
    assert bench.written_fills() == [fill.id]


def test_executions_come_before_the_end_of_their_order(bench):
    intent = bench.buy()
    bench.submit(intent)
    for _ in range(3):
        bench.shop.execute(intent.id, 2)
    bench.shop.end(intent.id)
    kinds = [type(event) for event in bench.compare().news]
    assert kinds[:3] == [OrderFilled] * 3
    assert kinds.count(OrderChanged) <= 1
    assert not any(kind is OrderFilled for kind in kinds[3:])
    assert bench.gateway.open_lives == []


def test_news_of_an_order_puts_the_balances_off(bench):
    intent = bench.buy()
    bench.submit(intent)
    bench.shop.execute(intent.id, 2)
    weighed = bench.compare()
    assert weighed.again
    assert not weighed.agrees
    assert bench.compare().agrees


# -- orders of the bot's own that its journal does not know


def test_an_own_order_that_the_journal_does_not_know_is_adopted(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.shop.own.add(stop.id)
    asyncio.run(bench.shop.submit(stop))
    bench.shop.execute(stop.id, 3, 90)
    weighed = bench.compare()
    [(intent, filled)] = weighed.adopted
    assert (intent.id, intent.side, intent.quantity, intent.type, filled) == (stop.id, stop.side, 10, stop.type, 0)
    assert intent.stop_price == stop.stop_price
    assert bench.gateway.lives[stop.id].sent_time == bench.shop.orders[stop.id].created
    assert [type(event) for event in weighed.news] == [OrderFilled, OrderChanged]
    assert bench.position == 7
    assert bench.topics() == ["reconciliation"]
    assert bench.compare().agrees
    assert JournalView.of(bench.journal).lives[stop.id].filled_quantity == 3
    assert bench.compare().adopted == []


def test_an_own_order_that_has_ended_meanwhile_is_booked(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    asyncio.run(bench.shop.submit(stop))
    bench.shop.execute(stop.id, bench.position, 90)
    assert bench.hear_wire() == []
    assert bench.gateway.restless
    weighed = bench.settle()
    assert weighed.agrees
    assert weighed.adopted == []
    assert bench.position == 0
    assert bench.written_fills() == [fill.id for fill in bench.shop.ledger]
    assert "external" not in bench.topics()


def test_an_own_id_of_which_nothing_is_shown_is_given_up(bench):
    intent = bench.buy()
    asyncio.run(bench.shop.submit(intent))
    bench.gateway.take(OrderChanged(bench.shop.orders[intent.id]))
    assert bench.gateway.restless
    bench.shop.hidden.add(intent.id)
    bench.compare()
    assert not bench.gateway.restless


@pytest.mark.parametrize("bought_by_hand", ["10", "12", None])
def test_a_sale_that_only_the_exchange_remembers_is_the_bots_also_without_a_name(bench, bought_by_hand):
    """The disk fails, the bot sells all the same and is killed; somebody's own coins hide that its own are gone."""
    bench.shop.named = set()
    bought(bench)
    bench.ids.next()  # of an entry that was not sent
    sale = bench.sell(bench.position)
    bench.shop.own.add(sale.id)
    asyncio.run(bench.shop.submit(sale))
    bench.shop.execute(sale.id, 10, 90)
    if bought_by_hand is not None:
        bench.shop.stranger("buy", bought_by_hand, client_id="web_1")
    bench.clock.advance(1)
    again = bench.restart()
    weighed = again.settle()
    assert weighed.agrees
    assert again.position == again.shop.position == 0
    assert again.topics() == ["reconciliation", *(["external"] if bought_by_hand else [])]
    assert again.written_fills()[-1] == bench.shop.ledger[1].id
    assert again.restart().settle().agrees


def test_orders_beyond_the_journal_are_looked_for_once(bench):
    bench.shop.named = set()
    bought(bench)
    bench.clock.advance(1)
    again = bench.restart()
    for number in range(3):
        again.shop.stranger("buy", 1, client_id=f"web_{number}")
        again.shop.named.clear()
        assert again.settle().agrees
    asked = [name for door, name in again.shop.asked if door == "order"]
    assert asked == [f"{bench.ids.prefix}-{number}" for number in range(2, 22)]


# -- balances


def test_a_difference_is_believed_at_the_second_look(bench):
    bench.shop.cash -= 100
    first = bench.compare()
    assert first.again
    assert first.reduce is None
    second = bench.compare()
    assert second.reduce == (
        "the account holds 100 USDT less than the bot's orders explain: a withdrawal, or orders by hand"
    )
    assert not second.agrees
    assert bench.journal.contents("session")[-1] == BalanceChanged(Decimal(0), Decimal(-100))
    assert bench.compare().agrees  # told once


def test_a_difference_that_changes_is_looked_at_once_more(bench):
    bench.shop.cash -= 100
    bench.compare()
    bench.shop.cash -= 1
    weighed = bench.compare()
    assert weighed.again
    assert weighed.reduce is None
    assert "101 USDT less" in bench.compare().reduce


def test_a_difference_that_goes_away_was_none(bench):
    bench.shop.cash -= 100
    bench.compare()
    bench.shop.cash += 100
    assert bench.compare().agrees
    bench.shop.cash -= 100
    assert bench.compare().reduce is None  # a first look again


def test_the_same_again_is_looked_at_twice_again(bench):
    for _ in range(2):
        bench.shop.cash -= 100
        assert bench.compare().reduce is None
        assert bench.compare().reduce is not None


@pytest.mark.parametrize(
    ("coins", "cash", "words"),
    [(0, 50, "50 USDT more"), (2, 0, "2 BTC more"), (1, 5, "1 BTC more and 5 USDT more")],
)
def test_more_than_is_explained_is_told_and_does_not_stop_anything(bench, coins, cash, words):
    bench.shop.coins += coins
    bench.shop.cash += cash
    bench.compare()
    weighed = bench.compare()
    assert weighed.agrees
    assert bench.topics() == ["external"]
    assert words in bench.notices[0].text
    assert bench.compare().agrees
    assert bench.topics() == ["external"]


def test_coins_that_were_never_the_bots_may_go(bench):
    bench.shop.coins = Decimal(7)
    other = Bench(bench.shop)
    other.shop.coins -= 3
    other.compare()
    assert "3 BTC less" in other.compare().reduce


def test_bought_by_hand_is_both(bench):
    bench.shop.coins += 2
    bench.shop.cash -= 200
    bench.compare()
    assert "2 BTC more and 200 USDT less" in bench.compare().reduce


def test_the_bots_own_coins_gone_halts(bench):
    bought(bench)
    bench.shop.coins -= 3
    assert bench.compare().halt is None
    weighed = bench.compare()
    assert weighed.reduce is None
    assert "does not hold the position of 10 BTC" in weighed.halt
    assert not weighed.agrees
    # and it stays said, whatever was adjusted
    later = [bench.compare() for _ in range(3)]
    assert all(not each.agrees for each in later)


def test_coins_that_others_hold_do_not_hide_that_the_bots_are_gone(bench):
    bought(bench)
    bench.shop.stranger("buy", 1)
    bench.settle()
    bench.shop.coins -= 5
    bench.compare()
    assert "does not hold the position" in bench.compare().halt


def test_nothing_is_said_of_balances_while_an_order_is_unknown(bench):
    lost(bench, after=True)
    bench.shop.hidden.update(bench.shop.orders)
    bench.shop.cash -= 500
    for _ in range(4):
        weighed = bench.compare()
        assert weighed.again
        assert weighed.reduce is None


def test_rounding_explains_a_little_for_each_execution(bench):
    cent = Decimal("2e-8")
    bench.shop.cash -= cent
    assert bench.compare().agrees
    bench.shop.cash -= cent
    assert not bench.compare().agrees
    bench.shop.cash += 2 * cent
    bought(bench)
    bench.settle()
    bench.shop.cash -= 2 * cent
    bench.shop.coins -= 2 * cent
    assert bench.compare().agrees


@pytest.mark.parametrize("fee", [{"fee": "0.01", "fee_asset": "BTC"}, {"fee": "1"}, {"fee": "3", "fee_asset": "BNB"}])
def test_fees_in_any_currency_are_explained(bench, fee):
    intent = bench.buy()
    bench.submit(intent)
    bench.shop.buy_whole(intent.id, **fee)
    bench.hear_wire()
    assert bench.compare().agrees
    assert bench.position == bench.shop.coins


def test_locked_money_counts(bench):
    evidence = asyncio.run(bench.gateway.gather())
    split = {"USDT": Balance(Decimal(9_000), Decimal(1_000)), "BTC": Balance(Decimal(0))}
    assert bench.reconciler.weigh(replace(evidence, balances=split), Decimal(0)).agrees


def test_a_currency_that_is_not_named_is_nothing(bench):
    evidence = asyncio.run(bench.gateway.gather())
    assert bench.reconciler.weigh(replace(evidence, balances={"USDT": Balance(Decimal(10_000))}), Decimal(0)).agrees


# -- other people


def test_a_foreign_order_is_told_once_and_left_alone(bench):
    bench.shop._take(replace(bench.buy(), id="web_7", quote_amount=None, quantity=Decimal(1)), None)
    for _ in range(3):
        assert bench.compare().agrees
    assert bench.topics() == ["external"]
    bench.take(OrderChanged(bench.shop.orders["web_7"]))
    assert bench.topics() == ["external"]
    assert "web_7" in bench.notices[0].text
    assert [order.client_id for order in bench.journal.contents("order")] == ["web_7"]
    assert bench.gateway.open_lives == []
    assert not any(door == "cancel" for door, _ in bench.shop.asked)


def test_foreign_orders_without_a_client_id_are_told_apart(bench):
    for number in (1, 2):
        order = replace(bench.shop._take(replace(bench.buy(), id="web"), None), client_id="", exchange_id=f"e{number}")
        bench.take(OrderChanged(order), OrderChanged(order))
    assert bench.topics() == ["external"] * 2
    assert "e2" in bench.notices[1].text
    ended = replace(order, exchange_id="e3", status=type(order.status).CANCELLED)
    bench.take(OrderChanged(ended))  # what is over is nobody's concern
    assert len(bench.topics()) == 2


def test_foreign_executions_are_counted_told_once_and_no_part_of_the_books(bench):
    bought(bench)
    bench.shop.stranger("buy", 2, client_id="web_1")
    bench.hear_wire()
    bench.shop.stranger("sell", "0.5", client_id="web_2")
    for _ in range(3):
        bench.compare()
    assert bench.compare().agrees
    assert bench.topics().count("external") == 2
    texts = [notice.text for notice in bench.notices]
    assert any("bought 2 BTC" in text and "at 100" in text for text in texts)
    assert any("sold 0.5 BTC" in text for text in texts)
    assert bench.position == bench.shop.position == 10
    assert bench.written_fills(own=False) == ["t4", "t6"]
    again = bench.restart()
    assert again.settle().agrees
    assert again.notices == []


def test_what_was_executed_before_the_books_began_is_in_them_already(bench):
    bench.shop.stranger("buy", 2)
    bench.clock.advance(1)
    late = Bench(bench.shop)
    assert late.compare().agrees
    late.take(OrderFilled(bench.shop.ledger[0]))
    assert late.notices == []
    assert late.gateway.account.base == 2


# -- questions that are not answered


@pytest.mark.parametrize("door", ["now", "open_orders", "order", "fills", "balances"])
def test_a_question_without_an_answer_leaves_all_as_it_was(bench, door):
    bench.shop.buy_whole(lost(bench, after=True).id)
    bench.shop.fault(door, TransientError("down"))
    with pytest.raises(TransientError):
        bench.compare()
    assert bench.gateway.blocked is not None
    assert bench.settle().agrees
    assert bench.gateway.blocked is None
    assert bench.position == bench.shop.position > 0


def test_open_orders_of_this_session_are_not_asked_for_one_by_one(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.compare()
    assert ("order", stop.id) not in bench.shop.asked
    again = bench.restart()
    again.compare()
    again.compare()
    assert bench.shop.asked.count(("order", stop.id)) == 1


def test_an_open_order_that_cannot_be_asked_for_is_there_all_the_same(bench):
    bought(bench)
    stop = bench.stop(bench.position)
    bench.submit(stop)
    bench.clock.advance(DEADLINE + 1)
    again = bench.restart()
    bench.shop.fault("order", OrderNotFound("not yet"))
    weighed = again.compare()
    assert weighed.agrees
    assert again.gateway.blocked is None


def test_an_account_of_its_own_oracle():
    """The shop itself tells when it is robbed: a test of the tests."""
    shop = Shop()
    bench = Bench(shop)
    bought(bench)
    sale = bench.sell(bench.position)
    twice = bench.sell(bench.position)
    bench.submit(sale)
    bench.submit(twice)
    assert shop.sins == [f"{twice.id} would sell more than is held"]
    asyncio.run(shop.submit(sale))
    assert "sent twice" in shop.sins[1]
