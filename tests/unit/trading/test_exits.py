"""The way out: protected as soon as a position is there, sold by one order at a time, and never more than is held."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal

import pytest

from cryptobot.core.events import BarClosed, OrderChanged, OrderFilled, OrderRefused
from cryptobot.core.grid import PriceGrid
from cryptobot.core.limits import Limits
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.risk import RiskGate
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Fill, OcoIntent, Side
from cryptobot.trading.actions import Cancel, Notice, SetTradingState, Submit
from cryptobot.trading.engine import Engine
from tests.unit.trading.shop import MARKET, MINUTE, START

STOP = Limits(stop_loss=0.05)
PAIR = Limits(stop_loss=0.05, take_profit=0.1)
SECOND = 10**9


class Seat:
    """An engine, and the answers of an exchange in one word each."""

    def __init__(self, told, make_bar, limits=STOP, *, oco=True, order_types=frozenset(OrderType), cash=1000):
        numbers = itertools.count(1)
        self.make_bar = make_bar
        self.now = START + MINUTE
        self.bars = 0
        self.fill_number = 0
        self.engine = Engine(
            told(),
            MARKET,
            Timeframe(60),
            PriceGrid(2),
            Portfolio(cash, MARKET),
            FractionOfEquity(),
            lambda: f"o-{next(numbers)}",
            gate=RiskGate(limits, MARKET),
            order_types=order_types,
            oco=oco,
        )
        self.exits = self.engine.exits

    def bar(self, word="-", price=100):
        self.bars += 1
        self.now = START + self.bars * MINUTE
        return self.engine.handle(BarClosed(self.make_bar(self.bars - 1, price, word)))

    def fill(self, intent, quantity=None, price=100, *, complete=True):
        self.fill_number += 1
        if quantity is None:
            quantity = intent.quantity if intent.quantity is not None else intent.quote_amount / Decimal(price)
        fill = Fill(
            f"f-{self.fill_number}", intent.id, self.now, intent.side, Decimal(price), Decimal(quantity), Decimal(0)
        )
        return self.engine.handle(OrderFilled(fill, complete))

    def order(self, intent, status="new", filled=0):
        status = OrderStatus(status)
        order = Order(
            intent.id,
            "x",
            intent.symbol,
            intent.side,
            intent.type,
            status,
            intent.quantity,
            Decimal(filled),
            Decimal(filled) * 100,
            self.now,
            self.now,
        )
        return self.engine.handle(OrderChanged(order))

    def refuse(self, intent, reason="no", rule="", *, certain=True):
        return self.engine.handle(OrderRefused(intent.id, self.now, reason, rule, certain_to_fail=certain))

    def wait(self, seconds=1):
        """Let so many seconds pass, one look each; return what the engine wanted."""
        done = []
        for _ in range(seconds):
            self.now += SECOND
            done += self.engine.exits.watch(self.now) + self.engine.attend(self.now)
        return done

    def bought(self):
        """Buy for all there is; return the protective orders that follow."""
        [entry] = submits(self.bar("b"))
        actions = submits(self.fill(entry))
        return actions[0] if actions else None

    def covered(self):
        """Buy, and have the protective orders accepted."""
        wanted = self.bought()
        for leg in legs(wanted):
            assert submits(self.order(leg)) == []
        assert self.exits.protected
        return wanted


def legs(wanted):
    return [wanted.above, wanted.below] if isinstance(wanted, OcoIntent) else [wanted]


def submits(actions):
    return [action.intent for action in actions if isinstance(action, Submit)]


def cancels(actions):
    return [action.client_ids for action in actions if isinstance(action, Cancel)]


def topics(actions):
    return [action.topic for action in actions if isinstance(action, Notice)]


def texts(actions):
    return " ".join(action.text for action in actions if isinstance(action, Notice))


@pytest.fixture
def seat(told, make_bar):
    return Seat(told, make_bar)


@pytest.fixture
def make_seat(told, make_bar):
    return lambda *args, **options: Seat(told, make_bar, *args, **options)


# -- protecting


def test_a_stop_rests_as_soon_as_the_entry_is_filled(seat):
    assert seat.exits.protected is None
    stop = seat.bought()
    assert (stop.type, stop.stop_price, stop.quantity, stop.side) == (OrderType.STOP_LOSS, 95, 10, Side.SELL)
    assert seat.exits.protected is False
    assert seat.engine.busy
    seat.order(stop)
    assert seat.exits.protected is True
    assert not seat.engine.busy


def test_without_a_wish_nothing_is_protected(make_seat):
    seat = make_seat(Limits())
    assert seat.bought() is None
    assert seat.exits.protected is None
    assert seat.wait(30) == []


def test_that_a_position_is_protected_is_told_once_all_of_it_is_there(make_seat):
    seat = make_seat(PAIR)
    stop, target = sorted(legs(seat.bought()), key=lambda leg: not leg.type.has_stop)
    assert topics(seat.order(stop)) == []  # the other one may still be refused
    told = seat.order(target)
    assert topics(told) == ["protected"]
    base, quote = seat.engine.market.base, seat.engine.market.quote
    assert f"Stop-loss at 95 {quote} and take-profit at 110 {quote} rest on the exchange for" in texts(told)
    [notice] = told
    assert notice.facts["order"] == f"{stop.id}, {target.id}"
    assert notice.facts["quantity"].endswith(f" {base}")
    assert topics(seat.order(stop)) == topics(seat.order(target)) == []  # what is known is not told again


def test_stop_and_target_rest_as_a_pair(make_seat):
    seat = make_seat(PAIR)
    pair = seat.bought()
    assert (pair.above.price, pair.below.stop_price) == (Decimal(110), Decimal(95))
    assert (pair.above.type, pair.below.type) == (OrderType.LIMIT_MAKER, OrderType.STOP_LOSS)
    seat.order(pair.above)
    assert seat.exits.protected is False  # one leg has not been heard of
    seat.order(pair.below)
    assert seat.exits.protected is True


def test_a_target_alone_rests_as_a_limit_order(make_seat):
    seat = make_seat(Limits(take_profit=0.1))
    target = seat.bought()
    assert (target.type, target.price) == (OrderType.LIMIT, 110)
    seat.order(target)
    assert "take_profit" in topics(seat.fill(target, price=110))
    assert seat.engine.portfolio.is_flat


def test_an_entry_that_is_filled_in_parts_is_protected_once_it_is_whole(seat):
    [entry] = submits(seat.bar("b"))
    assert submits(seat.fill(entry, 4, complete=False)) == []
    [stop] = submits(seat.fill(entry, 6))
    assert stop.quantity == 10


def test_an_entry_that_ends_in_part_is_protected_by_what_it_got(seat):
    [entry] = submits(seat.bar("b"))
    seat.fill(entry, 4, complete=False)
    [stop] = submits(seat.order(entry, "expired", 4))
    assert stop.quantity == 4


def test_an_entry_that_hangs_is_protected_in_time(seat):
    [entry] = submits(seat.bar("b"))
    seat.fill(entry, 4, complete=False)
    [stop] = submits(seat.wait(1))
    assert stop.quantity == 4
    seat.order(stop)
    assert cancels(seat.fill(entry, 2, complete=False)) == []  # with the entry still at work, in a moment
    assert cancels(seat.wait(2)) == [(stop.id,)]
    [larger] = submits(seat.order(stop, "cancelled")) or submits(seat.wait(2))
    assert larger.quantity == 6


def test_what_comes_late_makes_the_stop_larger(seat):
    stop = seat.covered()
    entry = seat.engine.intents[0]
    assert cancels(seat.fill(entry, 2)) == [(stop.id,)]
    assert seat.wait(1) == []  # while the cancel is on its way
    [larger] = submits(seat.order(stop, "cancelled"))
    assert larger.quantity == 12
    assert larger.id != stop.id


def test_a_remainder_under_the_lot_stays_unprotected(make_seat):
    seat = make_seat(STOP, cash=1000)
    [entry] = submits(seat.bar("b"))
    [stop] = submits(seat.fill(entry, Decimal("5.000019")))
    assert stop.quantity == Decimal("5.00001")
    seat.order(stop)
    assert seat.wait(20) == []


def test_a_stop_that_is_filled_ends_the_position(seat):
    stop = seat.covered()
    actions = seat.fill(stop, price=94)
    assert "stop_loss" in topics(actions)
    assert stop.reason in [dict(action.facts).get("why") for action in actions if isinstance(action, Notice)]
    assert submits(actions) == cancels(actions) == []
    assert seat.engine.portfolio.is_flat
    assert seat.wait(20) == []


def test_a_stop_that_is_filled_in_part_still_covers_the_rest(seat):
    stop = seat.covered()
    assert submits(seat.fill(stop, 4, 95, complete=False)) == []
    assert seat.exits.protected
    assert seat.wait(20) == []
    seat.fill(stop, 6, 95)
    assert seat.engine.portfolio.is_flat


def test_one_leg_filled_and_the_other_ended_in_either_order(make_seat):
    for order_of_news in ("fill first", "end first"):
        seat = make_seat(PAIR)
        pair = seat.covered()
        if order_of_news == "fill first":
            seat.fill(pair.above, price=110)
            actions = seat.order(pair.below, "expired")
        else:
            actions = seat.order(pair.below, "expired")
            actions += seat.fill(pair.above, price=110)
        assert submits(actions) == []
        assert seat.engine.portfolio.is_flat
        assert submits(seat.wait(20)) == []
        assert len(seat.exits.guard) == 0


def test_one_leg_filled_in_part_and_the_other_ended(make_seat):
    seat = make_seat(PAIR)
    pair = seat.covered()
    actions = seat.fill(pair.above, 4, 110, complete=False)
    actions += seat.order(pair.below, "expired")
    # The rest has one order only: it is cancelled and protected anew by a pair.
    assert cancels(actions) == [(pair.above.id,)] or cancels(actions) == [(pair.above.id, pair.below.id)]
    found = submits(seat.order(pair.above, "cancelled", 4)) or submits(seat.wait(3))
    assert [leg.quantity for leg in legs(found[0])] == [6, 6]


def test_protection_that_somebody_cancels_is_put_back_in_a_moment(seat):
    stop = seat.covered()
    assert submits(seat.order(stop, "cancelled")) == []  # perhaps it is a pair whose other leg has been filled
    assert submits(seat.wait(1)) == []
    [again] = submits(seat.wait(2))
    assert (again.quantity, again.stop_price) == (10, 95)


def test_a_pair_that_somebody_cancels_is_put_back_once_both_have_ended(make_seat):
    seat = make_seat(PAIR)
    pair = seat.covered()
    assert submits(seat.order(pair.above, "cancelled")) == []
    assert submits(seat.order(pair.below, "cancelled")) == []
    [again] = submits(seat.wait(5))
    assert {leg.quantity for leg in legs(again)} == {10}


def test_what_is_left_when_the_position_is_gone_is_cancelled(make_seat):
    seat = make_seat(PAIR)
    pair = seat.covered()
    seat.fill(pair.above, price=110)
    assert cancels(seat.wait(3)) == [(pair.below.id,)]
    assert submits(seat.wait(30)) == []


# -- an order that protects is refused or does not arrive


@pytest.mark.parametrize("rule", ["WOULD_TRIGGER", "WOULD_MATCH"])
def test_a_stop_whose_price_is_reached_already_sells_at_once(seat, rule):
    stop = seat.bought()
    actions = seat.refuse(stop, rule=rule)
    [sale] = submits(actions)
    assert (sale.type, sale.quantity, sale.side) == (OrderType.MARKET, 10, Side.SELL)
    assert sale.reason == "the stop price is reached already"
    assert sale.time == seat.now
    assert "unprotected" not in topics(actions)


def test_a_stop_that_is_refused_for_good_sells_and_tells(seat):
    stop = seat.bought()
    actions = seat.refuse(stop, "no stops here", "STOPS")
    assert "unprotected" in topics(actions)
    assert "no stops here" in texts(actions)
    [sale] = submits(actions)
    assert sale.quantity == 10
    seat.fill(sale, price=99)
    assert seat.engine.portfolio.is_flat
    assert seat.wait(20) == []


def test_a_pair_is_refused_once(make_seat):
    seat = make_seat(PAIR)
    pair = seat.bought()
    first = seat.refuse(pair.above, rule="WOULD_MATCH")
    second = seat.refuse(pair.below, rule="WOULD_MATCH")
    assert len(submits(first + second)) == 1
    assert len(seat.exits.guard) == 0


def test_a_stop_that_did_not_arrive_is_tried_again_and_then_the_position_is_sold(seat):
    stop = seat.bought()
    actions = seat.refuse(stop, "no route", certain=False)
    assert "unprotected" in topics(actions)
    assert submits(actions) == []
    began, tries, sale = seat.now, [], None
    while sale is None and seat.now < began + 30 * SECOND:
        for intent in submits(seat.wait()):
            if intent.type is OrderType.MARKET:
                sale = intent
            else:
                tries.append(intent)
                seat.refuse(intent, "no route", certain=False)
    assert len(tries) >= 2
    assert len({intent.id for intent in [stop, *tries]}) == len(tries) + 1
    assert sale is not None
    assert seat.now - began <= 10 * SECOND
    assert sale.reason == "the position could not be protected"
    assert sale.time == seat.now


def test_giving_up_on_protection_is_told(seat):
    stop = seat.bought()
    actions = seat.refuse(stop, certain=False)
    for _ in range(10):
        done = seat.wait()
        actions += done
        for intent in submits(done):
            if intent.type is not OrderType.MARKET:
                actions += seat.refuse(intent, certain=False)
    assert "could be placed within 7 s" in texts(actions)
    assert len(submits([a for a in actions if isinstance(a, Submit) and a.intent.type is OrderType.MARKET])) == 1


def test_a_position_that_grows_is_protected_without_waiting_for_the_next_attempt(seat):
    entry_stop = seat.bought()
    seat.refuse(entry_stop, certain=False)
    for _ in range(4):
        for intent in submits(seat.wait()):
            seat.refuse(intent, certain=False)
    [stop] = submits(seat.fill(seat.engine.intents[0], 1))
    assert stop.quantity == 11


def test_what_cannot_be_protected_nor_sold_is_left_until_the_position_changes(seat):
    stop = seat.bought()
    [sale] = submits(seat.refuse(stop))
    seat.refuse(sale)
    assert seat.exits.leaving is None
    assert submits(seat.wait(120)) == []  # not again and again
    entry = seat.engine.intents[0]
    assert submits(seat.fill(entry, 1)) != []  # the position has changed


def test_a_signal_still_sells_what_could_not_be_protected(seat):
    stop = seat.bought()
    [sale] = submits(seat.refuse(stop))
    seat.refuse(sale)
    [again] = submits(seat.bar("s"))
    assert again.quantity == 10


def test_a_stop_without_an_answer_is_awaited(seat):
    seat.bought()
    assert submits(seat.wait(60)) == []
    assert seat.engine.busy


# -- leaving


def test_leaving_cancels_first_and_sells_what_is_left(seat):
    stop = seat.covered()
    actions = seat.bar("s")
    assert cancels(actions) == [(stop.id,)]
    assert submits(actions) == []
    assert seat.exits.protected is False
    assert submits(seat.fill(stop, 3, 95, complete=False)) == []
    [sale] = submits(seat.order(stop, "cancelled", 3))
    assert sale.quantity == 7
    assert sale.reason.startswith("sell signal")
    assert seat.engine.intents[-1] is sale
    assert sale.time == START + seat.bars * MINUTE
    assert submits(seat.wait(60)) == []  # one at a time
    seat.fill(sale)
    assert seat.engine.portfolio.is_flat
    assert seat.exits.leaving is None


def test_a_stop_that_wins_the_race_leaves_nothing_to_sell(seat):
    stop = seat.covered()
    seat.bar("s")
    assert submits(seat.fill(stop, price=94)) == []
    assert seat.engine.portfolio.is_flat
    assert seat.exits.leaving is None
    assert seat.wait(20) == []


def test_both_legs_must_have_ended_before_the_sale(make_seat):
    seat = make_seat(PAIR)
    pair = seat.covered()
    assert cancels(seat.bar("s")) == [(pair.above.id, pair.below.id)]
    assert submits(seat.order(pair.above, "cancelled")) == []
    assert submits(seat.wait(5)) == []
    [sale] = submits(seat.order(pair.below, "cancelled"))
    assert sale.quantity == 10


def test_the_cancel_is_sent_once(seat):
    seat.covered()
    assert len(cancels(seat.bar("s"))) == 1
    assert cancels(seat.bar("s") + seat.wait(30)) == []


def test_a_cancel_that_was_not_heard_is_sent_again(seat):
    stop = seat.covered()
    seat.bar("s")
    assert cancels(seat.order(stop, "new")) == []
    assert cancels(seat.wait(3)) == [(stop.id,)]


def test_while_a_stop_is_being_placed_leaving_cancels_it(seat):
    stop = seat.bought()
    assert cancels(seat.bar("s")) == [(stop.id,)]
    [sale] = submits(seat.order(stop, "cancelled"))
    assert sale.quantity == 10


def test_an_order_that_never_arrived_does_not_stop_the_sale(seat):
    stop = seat.bought()
    seat.bar("s")
    [sale] = submits(seat.refuse(stop, certain=False))
    assert sale.quantity == 10


def test_a_sale_that_did_not_arrive_is_tried_again_with_another_id(seat):
    stop = seat.covered()
    seat.bar("s")
    [sale] = submits(seat.order(stop, "cancelled"))
    assert submits(seat.refuse(sale, certain=False)) == []
    [again] = submits(seat.wait(3))
    assert (again.quantity, again.reason) == (sale.quantity, sale.reason)
    assert again.id != sale.id


def test_attempts_to_sell_come_ever_more_rarely(make_seat):
    seat = make_seat(Limits())
    seat.bought()
    [sale] = submits(seat.bar("s"))
    seat.refuse(sale, certain=False)
    times = []
    for _ in range(300):
        for again in submits(seat.wait()):
            times.append(seat.now // SECOND)
            seat.refuse(again, certain=False)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps == sorted(gaps)
    assert gaps[0] <= 2
    assert 16 <= gaps[4] < 32
    assert gaps[5:] == [30] * len(gaps[5:])


def test_a_sale_that_is_refused_for_good_goes_back_to_the_stop(seat):
    stop = seat.covered()
    seat.bar("s")
    [sale] = submits(seat.order(stop, "cancelled"))
    actions = seat.refuse(sale) + seat.wait(3)
    [again] = submits(actions)
    assert again.type is OrderType.STOP_LOSS
    assert seat.exits.leaving is None


def test_a_market_that_takes_a_part_only_gets_the_rest_a_moment_later(seat):
    stop = seat.covered()
    seat.bar("s")
    [sale] = submits(seat.order(stop, "cancelled"))
    assert submits(seat.fill(sale, 4, complete=False)) == []
    assert submits(seat.order(sale, "expired", 4)) == []
    [rest] = submits(seat.wait(3))
    assert rest.quantity == 6
    seat.fill(rest)
    assert seat.engine.portfolio.is_flat


def test_news_of_other_orders_do_not_end_a_sale(seat):
    stop = seat.covered()
    seat.bar("s")
    [sale] = submits(seat.order(stop, "cancelled"))
    other = replace(sale, id="other")
    seat.order(other, "cancelled")
    seat.refuse(other)
    seat.order(sale, "new")
    assert seat.exits.selling is sale


def test_a_slow_exit_of_a_protected_position_is_told_once(seat):
    seat.covered()
    actions = seat.bar("s")
    assert "unprotected" not in topics(actions)
    told = []
    while seat.now < START + 5 * MINUTE:
        if "unprotected" in topics(seat.wait()):
            told.append(seat.now)
    assert len(told) == 1
    assert told[0] - (START + 2 * MINUTE) <= 10 * SECOND


def test_a_slow_exit_of_a_position_that_nobody_protects_is_not(make_seat):
    seat = make_seat(Limits())
    seat.bought()
    seat.bar("s")
    assert seat.wait(60) == []


def test_a_clock_that_is_set_back_keeps_nothing_waiting(seat):
    stop = seat.bought()
    seat.refuse(stop, certain=False)
    for _ in range(3):  # attempts have begun, and the next one is due at a time
        for intent in submits(seat.wait()):
            seat.refuse(intent, certain=False)
    seat.now -= 3600 * SECOND
    seen = []
    for _ in range(12):
        for intent in submits(seat.wait()):
            seen.append(intent)
            seat.refuse(intent, certain=False)
    assert any(intent.type is OrderType.MARKET for intent in seen)


# -- killing, flattening, halting


def test_killing_cancels_everything_and_sells_nothing(make_seat):
    seat = make_seat(PAIR)
    pair = seat.covered()
    actions = seat.engine.kill("enough", "user", seat.now, flatten=False)
    assert actions[0] == SetTradingState(seat.engine.gate.state, "enough", "user")
    assert str(seat.engine.gate.state) == "halted"
    assert topics(actions) == ["killed"]
    assert "stays open, unprotected" in texts(actions)
    assert cancels(actions) == [(pair.above.id, pair.below.id)]
    after = [*seat.order(pair.above, "cancelled"), *seat.order(pair.below, "cancelled"), *seat.wait(60)]
    after += [*seat.bar("s"), *seat.bar("b")]
    assert submits(after) == []
    assert cancels(after) == []


def test_killing_cancels_an_entry(seat):
    [entry] = submits(seat.bar("b"))
    actions = seat.engine.kill("enough", "user", seat.now, flatten=False)
    assert cancels(actions) == [(entry.id,)]
    assert "position" not in texts(actions)
    after = seat.fill(entry, 3, complete=False) + seat.order(entry, "cancelled", 3) + seat.wait(30)
    assert submits(after) == []


def test_killing_with_flatten_sells_once_everything_is_cancelled(seat):
    stop = seat.covered()
    actions = seat.engine.kill("enough", "user", seat.now, flatten=True)
    assert cancels(actions) == [(stop.id,)]
    assert submits(actions) == []
    assert "is sold at the market" in texts(actions)
    [sale] = submits(seat.order(stop, "cancelled"))
    assert (sale.quantity, sale.reason) == (10, "killed")
    seat.fill(sale)
    assert submits(seat.wait(30) + seat.bar("b")) == []


def test_killing_while_a_sale_is_at_work_lets_it_end(seat):
    stop = seat.covered()
    seat.bar("s")
    [sale] = submits(seat.order(stop, "cancelled"))
    assert cancels(seat.engine.kill("enough", "user", seat.now, flatten=False)) == []
    assert seat.exits.leaving is not None
    seat.fill(sale)
    assert seat.engine.portfolio.is_flat


def test_killing_while_the_cancel_before_a_sale_is_on_its_way_sells_nothing(seat):
    stop = seat.covered()
    seat.bar("s")
    seat.engine.kill("enough", "user", seat.now, flatten=False)
    assert submits(seat.order(stop, "cancelled") + seat.wait(30)) == []
    assert not seat.engine.portfolio.is_flat


def test_a_cancel_after_a_kill_is_sent_until_it_is_heard(seat):
    stop = seat.covered()
    seat.engine.kill("enough", "user", seat.now, flatten=False)
    for _ in range(3):
        seat.order(stop, "new")
        assert (stop.id,) in cancels(seat.wait(40))
    seat.order(stop, "cancelled")
    assert seat.wait(60) == []


@pytest.mark.parametrize("flatten", [False, True])
def test_an_entry_that_is_filled_after_a_kill_is_sold_if_that_was_wanted(seat, flatten):
    [entry] = submits(seat.bar("b"))
    seat.engine.kill("enough", "user", seat.now, flatten=flatten)
    actions = seat.fill(entry) + seat.wait(5)
    assert [sale.quantity for sale in submits(actions)] == ([10] if flatten else [])


@pytest.mark.parametrize("flatten", [False, True])
def test_a_kill_of_an_earlier_session_is_gone_on_with(seat, flatten):
    stop = seat.covered()
    seat.engine.gate.halt("enough")
    seat.exits.killed_before(flatten=flatten)
    assert (stop.id,) in cancels(seat.wait(3))
    actions = seat.order(stop, "cancelled") + seat.wait(5)
    assert [sale.quantity for sale in submits(actions)] == ([10] if flatten else [])


def test_flattening_sells_and_buys_nothing_more_until_cleared(seat):
    stop = seat.covered()
    actions = seat.engine.flatten("no more", "user", seat.now)
    assert str(seat.engine.gate.state) == "reducing"
    assert topics(actions) == ["flattened"]
    assert "The position is sold at the market: no more" in texts(actions)
    assert cancels(actions) == [(stop.id,)]
    [sale] = submits(seat.order(stop, "cancelled"))
    assert sale.reason == "no more"
    seat.fill(sale)
    assert submits(seat.bar("b")) == []
    actions = seat.engine.clear("go on", "user", seat.now)
    assert topics(actions) == ["cleared"]
    assert len(submits(seat.bar("b"))) == 1


def test_flattening_nothing_says_so(seat):
    actions = seat.engine.flatten("no more", "user", seat.now)
    assert "There is no position to sell" in texts(actions)
    assert submits(actions) == cancels(actions) == []
    assert seat.exits.leaving is None


def test_clearing_protects_again(seat):
    stop = seat.covered()
    seat.engine.kill("enough", "user", seat.now, flatten=False)
    seat.order(stop, "cancelled")
    assert submits(seat.wait(10)) == []
    seat.now += SECOND
    actions = seat.engine.clear("go on", "user", seat.now) + seat.wait(3)
    [again] = submits(actions)
    assert again.quantity == 10


def test_while_only_reducing_a_position_stays_protected_and_is_left(seat):
    seat.covered()
    seat.engine.gate.reduce("loss")
    [stop_id] = cancels(seat.bar("s"))[0]
    stop = seat.exits.guard.intent(stop_id)
    assert len(submits(seat.order(stop, "cancelled"))) == 1


# -- after a restart


def test_a_sale_of_an_earlier_session_is_gone_on_with(seat):
    stop = seat.covered()
    seat.bar("s")
    [sale] = submits(seat.order(stop, "cancelled"))
    seat.exits.selling = seat.exits.leaving = None
    seat.engine.restore([], [], [(sale, Decimal(0))])
    assert seat.exits.selling is sale
    assert seat.exits.leaving == sale.reason
    seat.fill(sale, 4, complete=False)
    seat.order(sale, "cancelled", 4)
    [rest] = submits(seat.wait(3))
    assert (rest.quantity, rest.time) == (6, sale.time)


def test_a_sale_without_a_reason_is_gone_on_with_all_the_same(seat):
    stop = seat.covered()
    seat.bar("s")
    [sale] = submits(seat.order(stop, "cancelled"))
    seat.exits.selling = seat.exits.leaving = None
    seat.engine.restore([], [], [(replace(sale, reason=""), Decimal(0))])
    assert seat.exits.leaving == "an earlier session was selling"


def test_protection_of_an_earlier_session_is_taken_over(make_seat):
    seat = make_seat(PAIR)
    pair = seat.bought()
    for leg in legs(pair):
        seat.exits.guard.ended(leg.id)
    seat.engine.restore([], [], [(pair.above, Decimal(0)), (pair.below, Decimal(0))])
    assert seat.exits.protected
    assert seat.wait(20) == []
    seat.fill(pair.below, price=95)
    seat.order(pair.above, "expired")
    assert seat.engine.portfolio.is_flat


def test_an_entry_of_an_earlier_session_is_gone_on_with(seat):
    [entry] = submits(seat.bar("b"))
    seat.engine.restore([], [], [(entry, Decimal(0))])
    assert seat.engine.waiting is entry
    assert submits(seat.bar("b")) == []
    assert len(submits(seat.fill(entry))) == 1


@pytest.mark.parametrize("oco", [False, True])
def test_a_market_without_pairs_says_so(make_seat, oco):
    seat = make_seat(PAIR, oco=oco)
    [entry] = submits(seat.bar("b"))
    actions = seat.fill(entry)
    assert (seat.engine.halted is None) is oco
    assert bool(submits(actions)) is oco


def test_a_market_with_stop_limit_orders_only_gets_those(make_seat):
    seat = make_seat(order_types=frozenset({OrderType.MARKET, OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT}))
    stop = seat.bought()
    assert (stop.type, stop.stop_price, stop.price) == (OrderType.STOP_LOSS_LIMIT, 95, Decimal("90.25"))
