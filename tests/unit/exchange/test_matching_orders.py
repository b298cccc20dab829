"""What becomes of each kind of order, and who is refused."""

from __future__ import annotations

import dataclasses
import pickle
from decimal import Decimal

import pytest

from cryptobot.core.errors import ConfigError, DataError, OrderNotFound, OrderRejected
from cryptobot.core.money import Market
from cryptobot.core.orders import OrderStatus
from cryptobot.core.types import Balance
from cryptobot.exchange.matching import Accepted, Ended, EndReason, Executed, Fees, Refused
from cryptobot.exchange.rules import MarketRules, MarketStatus

SYMBOL = "BTC/USDT"
FREE = Fees(0, 0)


def kinds(events):
    return [type(event).__name__ for event in events]


def filled(events):
    fills = [event.fill for event in events if isinstance(event, Executed)]
    return [tuple(f"{number.normalize():f}" for number in (fill.price, fill.quantity)) for fill in fills]


def held(core, asset="USDT"):
    balance = core.balances[asset]
    return float(balance.free), float(balance.locked)


# -- market orders


def test_a_market_buy_by_amount_is_filled_at_once_and_pays_in_what_it_receives(make_core, orders):
    core = make_core()
    accepted, executed = core.submit(orders.buy("a", amount=1_000), 7)
    assert isinstance(accepted, Accepted)
    assert (accepted.order.status, accepted.order.filled_quantity) == (OrderStatus.NEW, 0)
    assert (executed.fill.price, executed.fill.quantity, executed.fill.time) == (100, 10, 7)
    assert (executed.fill.fee, executed.fill.fee_asset, executed.maker) == (Decimal("0.01"), "BTC", False)
    order = core.order(SYMBOL, client_id="a")
    assert (order.status, order.filled_value, order.quote_amount) == (OrderStatus.FILLED, 1_000, 1_000)
    assert core.balances == {"USDT": Balance(Decimal(9_000)), "BTC": Balance(Decimal("59.99"))}


def test_an_amount_includes_a_fee_in_the_quote_currency_unless_it_is_on_top(make_core, orders):
    core = make_core(fees=Fees(asset="quote"))
    [_, executed] = core.submit(orders.buy("a", amount=1_001), 7)
    assert (executed.fill.quantity, executed.fill.fee, executed.fill.fee_asset) == (10, 1, None)
    [_, executed] = core.submit(orders.buy("b", amount=1_000), 7, fee_on_top=True)
    assert (executed.fill.quantity, executed.fill.fee) == (10, 1)
    assert held(core) == (10_000 - 2 * 1_001, 0)


def test_a_market_sell_is_paid_in_quote_less_its_fee(make_core, orders):
    core = make_core()
    [_, executed] = core.submit(orders.sell("a", 2), 7)
    assert (executed.fill.fee, executed.fill.fee_asset) == (Decimal("0.2"), None)
    assert (held(core), held(core, "BTC")) == ((10_199.8, 0), (48, 0))


@pytest.mark.parametrize(("side", "price"), [("buy", "100.03"), ("sell", "99.97")])
def test_slippage_worsens_who_takes_and_is_rounded_to_the_tick_against_the_order(make_core, orders, side, price):
    core = make_core(slippage_bps=2.5)
    assert filled(core.submit(orders.of(side, "market", "a", 1), 7)) == [(price, "1")]


def test_what_the_depth_does_not_hold_expires(make_core, orders):
    core = make_core(volume_share="0.1")
    core.set_price(SYMBOL, 100, 2, volume=30)
    events = core.submit(orders.buy("a", 5), 7)
    assert kinds(events) == ["Accepted", "Executed", "Ended"]
    assert [event.order.status.value for event in events] == ["new", "partially_filled", "expired"]
    assert filled(events) == [("100", "3")]
    assert events[-1].reason is EndReason.NOT_AT_ONCE
    assert kinds(core.submit(orders.buy("b", 5), 8)) == ["Accepted", "Ended"]  # the depth of this price is used up
    assert filled(core.submit(orders.sell("c", 1), 8)) == [("100", "1")]  # the other side has its own
    core.set_price(SYMBOL, 100, 9)
    assert filled(core.submit(orders.buy("d", 5), 9)) == [("100", "5")]  # nobody said how much was traded


# -- limit orders


def test_a_limit_order_rests_sets_money_aside_and_is_filled_at_its_own_price(make_core, orders):
    core = make_core(fees=Fees("0.001", "0.002", "quote"))
    [accepted] = core.submit(orders.limit("buy", "a", 10, 90), 7)
    assert accepted.order.is_open
    assert held(core) == (10_000 - 900 * 1.002, 900 * 1.002)
    assert core.set_price(SYMBOL, "90.01", 8) == []
    [executed] = core.set_price(SYMBOL, 85, 9)  # through it: whoever sold found it there first
    assert (executed.fill.price, executed.fill.fee, executed.maker) == (90, Decimal("0.9"), True)
    assert held(core) == (10_000 - 900.9, 0)


def test_a_limit_order_that_takes_gets_the_better_price_and_never_one_beyond_its_limit(make_core, orders):
    core = make_core(fees=FREE, slippage_bps=100)
    assert filled(core.submit(orders.limit("buy", "a", 1, 105), 7)) == [("101", "1")]
    assert filled(core.submit(orders.limit("buy", "b", 1, "100.5"), 7)) == [("100.5", "1")]
    assert filled(core.submit(orders.limit("sell", "c", 1, "99.5"), 7)) == [("99.5", "1")]
    assert held(core)[1] == 0


def test_a_limit_order_rests_with_what_the_depth_left_and_ioc_and_fok_do_not(make_core, orders):
    core = make_core(volume_share=1)
    core.set_price(SYMBOL, 100, 2, volume=3)
    assert kinds(core.submit(orders.limit("buy", "fok", 4, 100, tif="FOK"), 7)) == ["Accepted", "Ended"]
    assert kinds(core.submit(orders.limit("buy", "gtc", 2, 100), 7)) == ["Accepted", "Executed"]
    assert kinds(core.submit(orders.limit("buy", "ioc", 2, 100, tif="IOC"), 7)) == ["Accepted", "Executed", "Ended"]
    assert kinds(core.submit(orders.limit("buy", "rest", 2, 100), 7)) == ["Accepted"]
    assert kinds(core.submit(orders.limit("buy", "low", 2, 99, tif="IOC"), 7)) == ["Accepted", "Ended"]
    assert [order.client_id for order in core.open_orders()] == ["rest"]
    assert held(core) == (10_000 - 300 - 200, 200)
    core.set_price(SYMBOL, 100, 8, volume=9)
    assert kinds(core.submit(orders.limit("buy", "whole", 7, 100, tif="FOK"), 9)) == ["Accepted", "Executed"]


def test_who_is_filled_first_best_price_then_oldest(make_core, orders):
    core = make_core(volume_share=1)
    for name, price in (("old", 90), ("best", 95), ("new", 90)):
        core.submit(orders.limit("buy", name, 2, price), 7)
    events = core.set_price(SYMBOL, 90, 8, volume=5)
    assert [(e.fill.intent_id, float(e.fill.quantity)) for e in events] == [("best", 2), ("old", 2), ("new", 1)]
    events = core.set_price(SYMBOL, 90, 9, volume=5)
    assert [(e.fill.intent_id, float(e.fill.quantity), e.order.status.value) for e in events] == [("new", 1, "filled")]


def test_bid_and_ask_each_fill_their_side_with_their_own_depth(make_core, orders):
    core = make_core()
    core.submit(orders.limit("buy", "b", 2, 98), 7)
    core.submit(orders.limit("sell", "s", 2, 102), 7)
    assert core.set_quote(SYMBOL, 98, 102, 8) == []  # a buy gets the ask, a sell the bid
    assert core.price(SYMBOL) == 100
    assert filled(core.set_quote(SYMBOL, 97, 98, 9, ask_quantity="0.5")) == [("98", "0.5")]
    assert filled(core.set_quote(SYMBOL, 102, 103, 10, bid_quantity=1)) == [("102", "1")]
    assert filled(core.submit(orders.buy("m", 1), 11)) == [("103", "1")]
    quote = core.quote(SYMBOL)
    assert (quote.bid, quote.ask, quote.bid_quantity, quote.ask_quantity, quote.time) == (102, 103, 0, None, 10)


def test_a_market_that_stands_still_fills_at_the_next_price(make_core, orders):
    core = make_core(fees=FREE, slippage_bps=100)
    for intent in (
        orders.limit("buy", "gtc", 1, 105),
        orders.limit("buy", "ioc", 1, 105, tif="IOC"),
        orders.limit("buy", "missed", 1, 100),
        orders.limit("buy", "late", 1, 101, tif="FOK"),
    ):
        assert kinds(core.submit(intent, 7, at_next_price=True)) == ["Accepted"]
    core.submit(orders.limit("sell", "gone", 1, 99), 7, at_next_price=True)
    core.cancel(SYMBOL, 8, client_id="gone")
    events = core.set_price(SYMBOL, 102, 9)
    assert [(e.order.client_id, e.order.status.value) for e in events] == [
        ("gtc", "filled"),
        ("ioc", "filled"),
        ("late", "expired"),
    ]
    assert filled(events) == [("103.02", "1"), ("103.02", "1")]
    assert [order.client_id for order in core.open_orders()] == ["missed"]
    assert filled(core.set_price(SYMBOL, 99, 10)) == [("100", "1")]


# -- orders that wait for a stop price

STOPS = [
    # side, kind, stop, limit, the price that misses it, the price that reaches it, filled at
    ("sell", "stop_loss", 90, None, "90.01", 90, "90"),
    ("sell", "stop_loss", 90, None, 91, 80, "80"),
    ("sell", "stop_loss_limit", 90, 85, "90.01", 88, "88"),
    ("sell", "take_profit", 110, None, "109.99", 115, "115"),
    ("sell", "take_profit_limit", 110, 108, "109.99", 110, "110"),
    ("buy", "stop_loss", 110, None, "109.99", 110, "110"),
    ("buy", "stop_loss", 110, None, 105, 120, "120"),
    ("buy", "stop_loss_limit", 110, 112, 109, 111, "111"),
    ("buy", "take_profit", 90, None, "90.01", 85, "85"),
    ("buy", "take_profit_limit", 90, 91, "90.01", 90, "90"),
]


@pytest.mark.parametrize(("side", "kind", "stop", "limit", "misses", "reaches", "at"), STOPS)
def test_a_stop_price_is_waited_for_and_then_filled_at_the_price_there_is(
    make_core, orders, side, kind, stop, limit, misses, reaches, at
):
    core = make_core()
    [accepted] = core.submit(orders.of(side, kind, "a", 2, price=limit, stop=stop), 7)
    assert core.working_since(SYMBOL, accepted.order.exchange_id) is None
    assert held(core, "BTC" if side == "sell" else "USDT")[1] == (2 if side == "sell" else 2 * (limit or stop))
    assert core.set_price(SYMBOL, misses, 8) == []
    events = core.set_price(SYMBOL, reaches, 9)
    assert filled(events) == [(at, "2")]
    assert not events[0].maker
    assert core.working_since(SYMBOL, accepted.order.exchange_id) == 9
    assert held(core)[1] == held(core, "BTC")[1] == 0


def test_a_stop_limit_that_a_gap_passed_rests_at_its_limit(make_core, orders):
    core = make_core()
    core.submit(orders.sell("a", 2, "stop_loss_limit", price=89, stop=90), 7)
    assert core.set_price(SYMBOL, 80, 8) == []
    assert core.order(SYMBOL, client_id="a").is_open
    [executed] = core.set_price(SYMBOL, 95, 9)
    assert (executed.fill.price, executed.maker) == (89, True)


def test_a_triggered_buy_takes_what_the_account_can_pay_after_a_gap(make_core, orders):
    core = make_core(balances={"USDT": Decimal(1_100)}, fees=Fees(asset="quote"))
    core.submit(orders.buy("a", 9, "stop_loss", stop=120), 7)
    events = core.set_price(SYMBOL, 200, 8)
    assert filled(events) == [("200", "5.4945")]  # 1,100 / 200.2
    assert events[-1].reason is EndReason.NO_BALANCE
    assert 0 <= held(core)[0] < 0.01
    assert held(core)[1] == 0


def test_stops_reached_at_one_price_are_filled_oldest_first(make_core, orders):
    core = make_core(volume_share=1)
    core.submit(orders.sell("far", 1, "stop_loss", stop=80), 7)
    core.submit(orders.sell("near", 1, "stop_loss", stop=90), 8)
    events = core.set_price(SYMBOL, 70, 9, volume=1)
    assert [(kind, e.order.client_id) for kind, e in zip(kinds(events), events, strict=True)] == [
        ("Executed", "far"),
        ("Ended", "near"),
    ]


def test_a_triggered_order_queues_behind_those_that_were_in_the_book(make_core, orders):
    core = make_core(volume_share=1)
    core.submit(orders.sell("stop", 1, "stop_loss_limit", price=95, stop=90), 7)
    core.submit(orders.limit("sell", "limit", 1, 110), 8)
    core.set_price(SYMBOL, 80, 9)  # the stop order goes to the book at 95
    core.submit(orders.limit("sell", "second", 1, 95), 10)
    core.cancel(SYMBOL, 11, client_id="limit")
    assert [event.order.client_id for event in core.set_price(SYMBOL, 95, 12, volume=1)] == ["stop"]
    core.submit(orders.sell("late", 1, "stop_loss_limit", price=95, stop=90), 13)
    core.set_price(SYMBOL, 94, 15)
    core.submit(orders.limit("sell", "before", 1, 95), 16)
    core.set_price(SYMBOL, 89, 17)
    names = [event.order.client_id for event in core.set_price(SYMBOL, 95, 18, volume=3)]
    assert names == ["second", "before", "late"]


# -- pairs


def pair(orders, quantity=2, below="stop_loss_limit"):
    limit = 88 if below.endswith("limit") else None
    return orders.pair(
        "pair",
        orders.sell("above", quantity, "limit_maker", price=110),
        orders.sell("below", quantity, below, price=limit, stop=90),
    )


@pytest.mark.parametrize(
    ("price", "ended", "done", "at"), [(110, "below", "above", "110"), (89, "above", "below", "89")]
)
def test_one_order_of_a_pair_ends_the_other(make_core, orders, price, ended, done, at):
    core = make_core()
    above, below = core.submit_oco(pair(orders), 7)
    assert above.order.list_id == below.order.list_id == core.pairs(SYMBOL)[0].id
    assert held(core, "BTC") == (48, 2)  # once, not twice
    end, executed = core.set_price(SYMBOL, price, 8)
    assert (end.order.client_id, end.order.status, end.reason) == (ended, OrderStatus.EXPIRED, EndReason.PAIR)
    assert (executed.order.client_id, str(executed.fill.price)) == (done, at)
    assert core.open_orders() == []
    assert held(core, "BTC") == (48, 0)


def test_a_pair_is_cancelled_whole_and_may_come_again(make_core, orders):
    core = make_core()
    for leg in ("above", "below"):
        core.submit_oco(pair(orders), 7)
        with pytest.raises(Refused, match="open pair has this client id already|open order has this"):
            core.submit_oco(pair(orders), 7)
        events = core.cancel(SYMBOL, 8, client_id=leg)
        assert {event.order.client_id for event in events} == {"above", "below"}
        assert {event.order.status for event in events} == {OrderStatus.CANCELLED}
        assert events[0].order.client_id == leg
        assert held(core, "BTC") == (50, 0)
    assert core.set_price(SYMBOL, 80, 9) == []


def test_a_triggered_stop_limit_of_a_pair_that_is_not_filled_has_ended_the_other(make_core, orders):
    core = make_core()
    core.submit_oco(pair(orders), 7)
    [end] = core.set_price(SYMBOL, 80, 8)
    assert end.order.client_id == "above"
    assert held(core, "BTC") == (48, 2)
    assert filled(core.set_price(SYMBOL, 120, 9)) == [("88", "2")]
    assert held(core, "BTC") == (48, 0)


def test_a_pair_that_buys_sets_the_dearer_of_both_aside(make_core, orders):
    core = make_core(fees=FREE)
    bracket = orders.pair(
        "pair",
        orders.buy("above", 2, "stop_loss_limit", price=115, stop=110),
        orders.buy("below", 2, "limit_maker", price=90),
    )
    core.submit_oco(bracket, 7)
    assert held(core) == (10_000 - 230, 230)
    assert filled(core.set_price(SYMBOL, 90, 8)) == [("90", "2")]
    assert held(core) == (10_000 - 180, 0)


def test_a_pair_has_a_client_id_of_its_own_and_counts_as_two_orders(make_core, orders):
    rules = MarketRules(Market(SYMBOL), max_orders=3)
    core = make_core(rules=rules)
    core.submit_oco(pair(orders), 7)

    def another(name):
        legs = orders.sell(f"{name}-a", 1, "limit_maker", price=110), orders.sell(f"{name}-b", 1, "stop_loss", stop=90)
        return orders.pair(name, *legs)

    with pytest.raises(Refused, match="an open pair has this client id already") as refused:
        core.submit_oco(another("pair"), 8)
    assert refused.value.rule == "DUPLICATE"
    with pytest.raises(Refused, match="3 orders are open; allowed: 3") as refused:
        core.submit_oco(another("more"), 8)
    assert refused.value.rule == "MAX_NUM_ORDERS"
    core.cancel(SYMBOL, 9, client_id="above")
    core.submit_oco(another("pair"), 10)
    assert [one.client_id for one in core.pairs()] == ["pair", "pair"]


@pytest.mark.parametrize(
    ("change", "rule", "words"),
    [
        ({"above": {"price": Decimal(99)}}, "WOULD_MATCH", "it would be filled at once, at 100"),
        ({"below": {"stop_price": Decimal(101)}}, "WOULD_TRIGGER", "reached already: the price is 100; give one below"),
        ({"below": {"quantity": Decimal(1)}}, "PARAMETERS", "the same symbol, side and quantity"),
        ({"below": {"id": "above"}}, "PARAMETERS", "client ids of their own"),
        (
            {"above": {"type": "limit"}},
            "PARAMETERS",
            "takes no limit order as `above`; give a limit-maker or take-profit",
        ),
        ({"above": {"type": "stop_loss"}}, "PARAMETERS", "takes no stop_loss order as `above`"),
        ({"below": {"type": "take_profit"}}, "PARAMETERS", "takes no take_profit order as `below`; give a stop-loss"),
        ({"below": {"price": Decimal("88.001")}}, "PRICE_FILTER", "no whole multiple of the tick"),
    ],
)
def test_a_pair_that_cannot_be(make_core, orders, change, rule, words):
    core = make_core()
    good = pair(orders)
    legs = {
        name: dataclasses.replace(
            leg, **{k: type(leg.type)(v) if k == "type" else v for k, v in change.get(name, {}).items()}
        )
        for name, leg in (("above", good.above), ("below", good.below))
    }
    with pytest.raises(Refused, match=words) as refused:
        core.submit_oco(orders.pair("pair", legs["above"], legs["below"]), 7)
    assert refused.value.rule == rule
    assert core.open_orders() == []
    assert held(core, "BTC") == (50, 0)


# -- refusals


def crowded(orders):
    return [orders.limit("buy", f"o{n}", 1, 50 + n) for n in range(3)]


REFUSALS = [
    ("DUPLICATE", lambda o: o.limit("buy", "o1", 1, 40), "order o1: an open order has this client id already"),
    ("INSUFFICIENT_BALANCE", lambda o: o.limit("buy", "x", 200, 90), "it needs 18000 USDT, 9847 are free"),
    ("INSUFFICIENT_BALANCE", lambda o: o.buy("x", amount=10_000), "it needs 10000 USDT, 9847 are free"),
    ("INSUFFICIENT_BALANCE", lambda o: o.buy("x", 99), "it needs 9900 USDT"),
    ("INSUFFICIENT_BALANCE", lambda o: o.sell("x", 51), "it needs 51 BTC, 50 are free"),
    ("INSUFFICIENT_BALANCE", lambda o: o.sell("x", 51, "stop_loss", stop=90), "it needs 51 BTC"),
    ("WOULD_MATCH", lambda o: o.buy("x", 1, "limit_maker", price=100), "it would be filled at once, at 100"),
    ("WOULD_MATCH", lambda o: o.sell("x", 1, "limit_maker", price=100), "with a price further away"),
    ("WOULD_TRIGGER", lambda o: o.sell("x", 1, "stop_loss", stop=100), "give one below it"),
    ("WOULD_TRIGGER", lambda o: o.buy("x", 1, "take_profit", stop=100), "give one below it"),
    ("WOULD_TRIGGER", lambda o: o.buy("x", 1, "stop_loss", stop=99), "give one above it"),
    ("UNKNOWN_SYMBOL", lambda o: o.buy("x", 1, symbol="BTC/USD"), "Did you mean `BTC/USDT`?"),
    ("LOT_SIZE", lambda o: o.buy("x", "0.000001"), "no whole multiple of the lot 0.00001"),
    ("LOT_SIZE", lambda o: o.buy("x", amount="0.0001"), "under one lot of 0.00001 BTC"),
    ("NOTIONAL", lambda o: o.buy("x", amount="4.99"), "its value 4.99.* USDT is under the minimum notional 5"),
    ("NOTIONAL", lambda o: o.sell("x", "0.04"), "its value 4.00"),
    ("PRICE_FILTER", lambda o: o.limit("buy", "x", 1, "90.001"), "its price is 90.001"),
    ("PARAMETERS", lambda o: o.buy("", 1), "needs a client id"),
    ("PARAMETERS", lambda o: o.sell("x", amount=100), "takes no `quote_amount`"),
]


@pytest.mark.parametrize(("rule", "intent", "words"), REFUSALS)
def test_a_refusal_names_its_rule_and_changes_nothing(make_core, orders, rule, intent, words):
    core = make_core(fees=FREE)
    for resting in crowded(orders):
        core.submit(resting, 5)
    before = (core.balances, core.open_orders(), core.orders(SYMBOL), core.executions(SYMBOL), core.quote(SYMBOL))
    with pytest.raises(Refused, match=words) as refused:
        core.submit(intent(orders), 7)
    assert refused.value.rule == rule
    assert isinstance(refused.value, OrderRejected)
    after = (core.balances, core.open_orders(), core.orders(SYMBOL), core.executions(SYMBOL), core.quote(SYMBOL))
    assert after == before


def test_a_refusal_survives_being_sent_to_another_process(make_core, orders):
    with pytest.raises(Refused) as refused:
        make_core().submit(orders.sell("a", 51), 7)
    copy = pickle.loads(pickle.dumps(refused.value))
    assert (str(copy), copy.rule, copy.order_id, copy.reason) == (
        "order a: it needs 51 BTC, 50 are free",
        "INSUFFICIENT_BALANCE",
        "a",
        "it needs 51 BTC, 50 are free",
    )


def test_without_a_price_only_orders_that_bring_one_are_taken(make_core, orders):
    core = make_core(None)
    for refused in (orders.buy("a", 1), orders.buy("a", amount=100)):
        with pytest.raises(Refused, match="has no price yet") as caught:
            core.submit(refused, 7)
        assert caught.value.rule == "NO_PRICE"
    with pytest.raises(Refused, match="has no price yet"):
        core.submit_oco(pair(orders), 7)
    core.submit(orders.limit("buy", "a", 1, 100), 7)
    assert core.quote(SYMBOL) is None
    assert filled(core.set_price(SYMBOL, 100, 8)) == [("100", "1")]


def test_a_price_of_nothing_is_never_sold_at(make_core, orders):
    core = make_core(price="0.01", rules=MarketRules(Market(SYMBOL, "0.01")), slippage_bps=100)
    with pytest.raises(Refused, match="its price is 0.00 USDT") as refused:
        core.submit(orders.sell("a", 1), 7)
    assert refused.value.rule == "PRICE_FILTER"
    core.set_price(SYMBOL, 1, 8)
    core.submit(orders.sell("b", 1, "stop_loss", stop="0.5"), 8)
    [end] = core.set_price(SYMBOL, "0.01", 9)
    assert end.reason is EndReason.UNTRADABLE
    assert held(core, "BTC") == (50, 0)


def test_a_client_id_is_free_again_once_its_order_has_ended(make_core, orders):
    core = make_core()
    core.submit(orders.buy("a", 1), 7)
    core.submit(orders.sell("a", 2), 8)
    assert core.order(SYMBOL, client_id="a").quantity == 2  # the newest
    assert [order.exchange_id for order in core.orders(SYMBOL)] == ["1", "2"]
    assert core.order(SYMBOL, exchange_id="1").quantity == 1


# -- the market's status and rules


@pytest.mark.parametrize("status", [MarketStatus.HALTED, MarketStatus.CANCEL_ONLY])
def test_a_market_that_does_not_trade_fills_nothing_and_lets_cancel(make_core, orders, status):
    core = make_core()
    core.submit(orders.limit("buy", "a", 1, 90), 5)
    core.submit(orders.limit("buy", "b", 1, 90), 5)
    rules = core.rules(SYMBOL)
    assert core.set_rules(dataclasses.replace(rules, status=status), 6) == []
    assert core.set_price(SYMBOL, 80, 7) == []
    with pytest.raises(Refused, match="takes no orders now") as refused:
        core.submit(orders.buy("c", 1), 7)
    assert refused.value.rule == "MARKET_CLOSED"
    assert kinds(core.cancel(SYMBOL, 8, client_id="a")) == ["Ended"]
    core.set_rules(rules, 9)
    assert filled(core.set_price(SYMBOL, 80, 10)) == [("90", "1")]


def test_a_delisting_ends_every_order_and_frees_the_money(make_core, orders):
    core = make_core()
    core.submit(orders.limit("buy", "a", 1, 90), 5)
    core.submit_oco(pair(orders), 5)
    events = core.set_rules(dataclasses.replace(core.rules(SYMBOL), status=MarketStatus.DELISTED), 6)
    assert [event.reason for event in events] == [EndReason.DELISTED] * 3
    assert core.balances == {"USDT": Balance(Decimal(10_000)), "BTC": Balance(Decimal(50))}
    assert core.open_orders() == []


def test_changed_filters_hold_for_new_orders_and_a_market_can_be_added(make_core, orders):
    core = make_core()
    core.submit(orders.limit("buy", "a", "0.06", 90), 5)
    core.set_rules(MarketRules(Market(SYMBOL, "0.1", "0.01", "1000")), 6)
    with pytest.raises(Refused, match="under the minimum notional 1000"):
        core.submit(orders.limit("buy", "b", "0.06", 90), 7)
    assert filled(core.set_price(SYMBOL, 90, 8)) == [("90", "0.06")]
    core.set_rules(MarketRules(Market("ETH/USDT")), 9)
    core.set_price("ETH/USDT", 10, 10)
    core.submit(orders.buy("e", 1, symbol="ETH/USDT"), 11)
    assert core.symbols == [SYMBOL, "ETH/USDT"]
    assert float(core.balances["ETH"].free) == 0.999


# -- reading and bad input


@pytest.mark.parametrize(
    "asked", [{"client_id": "x"}, {"exchange_id": "77"}, {"client_id": "b", "exchange_id": "1"}, {}]
)
def test_an_order_that_is_not_there(make_core, orders, asked):
    core = make_core()
    core.submit(orders.limit("buy", "a", 1, 90), 5)
    for call in (lambda: core.order(SYMBOL, **asked), lambda: core.cancel(SYMBOL, 6, **asked)):
        with pytest.raises(OrderNotFound, match="BTC/USDT: there is no order with"):
            call()


def test_an_order_that_has_ended_cannot_be_cancelled(make_core, orders):
    core = make_core()
    core.submit(orders.buy("a", 1), 5)
    with pytest.raises(OrderNotFound, match="order a is not open any more: it is filled"):
        core.cancel(SYMBOL, 6, client_id="a")


@pytest.mark.parametrize("price", [0, -1, float("nan"), float("inf"), "much", None])
def test_a_price_that_cannot_be_is_not_traded_on(make_core, price):
    core = make_core()
    for call in (
        lambda: core.set_price(SYMBOL, price, 2),
        lambda: core.set_quote(SYMBOL, price, 100, 2),
        lambda: core.set_quote(SYMBOL, 100, price, 2),
    ):
        with pytest.raises((DataError, ConfigError), match="price"):
            call()
    assert core.price(SYMBOL) == 100


def test_a_quote_or_a_depth_that_cannot_be(make_core):
    core = make_core()
    with pytest.raises(DataError, match="a bid of 101 above the ask of 100 cannot be"):
        core.set_quote(SYMBOL, 101, 100, 2)
    with pytest.raises(DataError, match="quantity: -1 cannot be"):
        core.set_quote(SYMBOL, 99, 100, 2, bid_quantity=-1)
    with pytest.raises(ConfigError, match="Did you mean `BTC/USDT`"):
        core.set_price("BTC/USD", 1, 2)
    assert core.quote(SYMBOL).time == 1


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan"), "all"])
def test_a_volume_share_that_cannot_be(make_core, share):
    with pytest.raises(ConfigError, match=r"^volume_share: "):
        make_core(volume_share=share)


def test_deposits_and_withdrawals_keep_to_what_is_free(make_core, orders):
    core = make_core()
    core.submit(orders.limit("buy", "a", 100, 90), 5)
    core.deposit("EUR", "7.5")
    core.deposit("USDT", -1_000)
    assert held(core) == (0, 9_000)
    assert core.balances["EUR"] == Balance(Decimal("7.5"))
    with pytest.raises(ConfigError, match="0.01 USDT cannot be taken out; 0 are free"):
        core.deposit("USDT", "-0.01")
    with pytest.raises(ConfigError, match="balance of BTC: -1 is not allowed"):
        make_core(balances={"BTC": Decimal(-1)})


def test_ids_count_up_from_where_they_are_told_to(make_core, orders):
    core = make_core(first_order_id=1_000)
    core.submit(orders.buy("a", 1), 5)
    above, below = core.submit_oco(pair(orders), 6)
    assert [order.exchange_id for order in core.orders(SYMBOL)] == ["1000", "1001", "1002"]
    assert (above.order.exchange_id, below.order.exchange_id) == ("1001", "1002")
    assert [fill.id for fill in core.fills(SYMBOL)] == ["1"]
    assert isinstance(core.cancel(SYMBOL, 7, exchange_id="1002")[0], Ended)
