"""Binance's filters, one by one, and the rounding that gets an order through them."""

from __future__ import annotations

import dataclasses
from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType
from cryptobot.core.types import Intent, Side
from cryptobot.exchange.filters import rounded, violation
from cryptobot.exchange.rules import MarketRules, MarketStatus

SYMBOL = "BTC/USDT"
# As in the exchangeInfo of BTCUSDT, with the limits brought near.
RULES = MarketRules(
    Market(SYMBOL, "0.01", "0.00001", "5"),
    min_price=Decimal("0.01"),
    max_price=Decimal(1_000_000),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9_000),
    market_lot_size=Decimal("0.0001"),
    market_min_quantity=Decimal("0.001"),
    market_max_quantity=Decimal(100),
    max_notional=Decimal(9_000_000),
    bid_multiplier_up=Decimal("1.5"),
    bid_multiplier_down=Decimal("0.2"),
    ask_multiplier_up=Decimal(5),
    ask_multiplier_down=Decimal("0.8"),
    max_orders=200,
    max_algo_orders=5,
)


def found(intent, rules=RULES, *, price=100, **known):
    reference = None if price is None else Decimal(price)
    return violation(rules, intent, reference_price=reference, **known)


CASES = [
    # what, rule, words
    (lambda o: o.limit("buy", "a", 1, 100), None, ""),
    (lambda o: o.limit("buy", "a", 1, "100.001"), "PRICE_FILTER", "100.001, no whole multiple of the tick 0.01"),
    (lambda o: o.limit("buy", "a", 1, 0), "PRICE_FILTER", "its price is 0 USDT; allowed: at least 0.01 and at most"),
    (lambda o: o.limit("sell", "a", 1, 1_000_001), "PRICE_FILTER", "at most 1000000"),
    (lambda o: o.sell("a", 1, "stop_loss", stop="90.005"), "PRICE_FILTER", "its stop_price is 90.005"),
    (lambda o: o.sell("a", 1, "stop_loss", stop=0), "PRICE_FILTER", "its stop_price is 0"),
    (lambda o: o.limit("buy", "a", 1, 150), None, ""),
    (lambda o: o.limit("buy", "a", 1, "150.01"), "PERCENT_PRICE_BY_SIDE", "allowed for a buy now: at least 20.0 and"),
    (lambda o: o.limit("buy", "a", 1, "19.99"), "PERCENT_PRICE_BY_SIDE", "at most 150.0"),
    (lambda o: o.limit("sell", "a", 1, "79.99"), "PERCENT_PRICE_BY_SIDE", "allowed for a sell now: at least 80.0"),
    (lambda o: o.limit("sell", "a", 1, 500), None, ""),
    (lambda o: o.limit("sell", "a", 1, "500.01"), "PERCENT_PRICE_BY_SIDE", "at most 500"),
    (lambda o: o.limit("buy", "a", "1.000001", 100), "LOT_SIZE", "1.000001, no whole multiple of the lot 0.00001"),
    (lambda o: o.limit("buy", "a", 9_001, 100), "LOT_SIZE", "its quantity is 9001 BTC; allowed: at least 0.00001 and"),
    (lambda o: o.limit("buy", "a", 0, 100), "LOT_SIZE", "under one lot of 0.00001 BTC"),
    (lambda o: o.limit("buy", "a", "0.05", 100), None, ""),
    (lambda o: o.limit("buy", "a", "0.04999", 100), "NOTIONAL", "4.99900 USDT is under the minimum notional 5"),
    (lambda o: o.sell("a", "0.06", "stop_loss", stop=80), "NOTIONAL", "under the minimum notional 5"),
    (lambda o: o.buy("a", 1), None, ""),
    (lambda o: o.buy("a", "0.00011"), "MARKET_LOT_SIZE", "allowed for market orders: at least 0.001 and at most 100"),
    (lambda o: o.buy("a", 101), "MARKET_LOT_SIZE", "at most 100"),
    (lambda o: o.buy("a", "1.00001"), "MARKET_LOT_SIZE", "no whole multiple of the lot 0.0001 of market orders"),
    (lambda o: o.sell("a", 101, "stop_loss", stop=90), "MARKET_LOT_SIZE", "allowed for market orders"),
    (lambda o: o.sell("a", "0.04"), "NOTIONAL", "its value 4.00 USDT is under"),
    (lambda o: o.buy("a", amount=100), None, ""),
    (lambda o: o.buy("a", amount="4.99"), "NOTIONAL", "under the minimum notional 5"),
    (lambda o: o.buy("a", amount="0.0001"), "LOT_SIZE", "under one lot"),
    (lambda o: o.buy("a", amount=20_000), "MARKET_LOT_SIZE", "its quantity is 200 BTC"),
    (lambda o: o.buy("a"), "PARAMETERS", "needs either `quote_amount` or `quantity`"),
    (lambda o: o.buy("a", 1, amount=100), "PARAMETERS", "needs either `quote_amount` or `quantity`"),
    (lambda o: o.sell("a", amount=100), "PARAMETERS", "a market sell takes no `quote_amount`; give a `quantity`"),
    (lambda o: o.sell("a"), "PARAMETERS", "a market sell needs a `quantity`"),
    (lambda o: o.of("buy", "limit", "a", amount=100, price=100), "PARAMETERS", "takes no `quote_amount`"),
    (lambda o: o.of("buy", "limit", "a", 1), "PARAMETERS", "a limit order needs a `price`"),
    (lambda o: o.buy("a", 1, price=100), "PARAMETERS", "a market order takes no `price`"),
    (lambda o: o.limit("buy", "a", 1, 100, stop=90), "PARAMETERS", "a limit order takes no `stop_price`"),
    (lambda o: o.sell("a", 1, "stop_loss_limit", price=90), "PARAMETERS", "needs a `stop_price`"),
    (lambda o: o.buy("a", 1, tif="IOC"), "PARAMETERS", "takes no `time_in_force`, IOC was given"),
    (lambda o: o.buy("a", 1, "limit_maker", price=90, tif="FOK"), "PARAMETERS", "takes no `time_in_force`"),
    (lambda o: o.limit("buy", "a", -1, 100), "PARAMETERS", "`quantity` is Decimal('-1'); it must be a Decimal above 0"),
    (lambda o: o.limit("buy", "a", "nan", 100), "PARAMETERS", "`quantity` is Decimal('NaN')"),
    (lambda o: o.limit("buy", "a", 1, "inf"), "PARAMETERS", "`price` is Decimal('Infinity')"),
    (lambda o: o.limit("buy", "a", "1e60", 100), "PARAMETERS", "at most 60 digits before the point"),
    (lambda o: o.limit("buy", "a", "1e59", 100), "LOT_SIZE", "at most 9000"),
    (lambda o: o.limit("buy", "a", "999999999999999999999999999999.999999", 100), "LOT_SIZE", "at most 9000"),
    (
        lambda o: dataclasses.replace(o.buy("a", 1), quantity=1.5),
        "PARAMETERS",
        "`quantity` is 1.5; it must be a Decimal",
    ),
    (lambda o: o.limit("buy", "", 1, 100), "PARAMETERS", "needs a client id"),
]


@pytest.mark.parametrize(("make", "rule", "words"), CASES)
def test_each_filter(orders, make, rule, words):
    broken = found(make(orders))
    assert (broken and broken.rule) == rule
    if broken is not None:
        assert words in broken.text


@pytest.mark.parametrize(("status", "words"), [("halted", "is halted"), ("cancel_only", "is cancel only")])
def test_a_market_that_takes_no_orders(orders, status, words):
    broken = found(orders.buy("a", 1), dataclasses.replace(RULES, status=MarketStatus(status)))
    assert (broken.rule, broken.text) == ("STATUS", f"BTC/USDT takes no orders now: it {words}")


def test_types_that_a_market_does_not_take(orders):
    rules = dataclasses.replace(
        RULES, order_types=frozenset({OrderType.LIMIT, OrderType.MARKET}), quote_amount=False, oco=False
    )
    broken = found(orders.sell("a", 1, "stop_loss", stop=90), rules)
    assert broken.rule == "ORDER_TYPE"
    assert "no orders of type `stop_loss`; allowed: `limit`, `market`" in broken.text
    broken = found(orders.buy("a", amount=100), rules)
    assert (broken.rule, "give a `quantity`" in broken.text) == ("ORDER_TYPE", True)
    assert found(orders.limit("buy", "a", 1, 100), rules) is None


def test_how_many_orders_may_be_open(orders):
    limit, stop = orders.limit("buy", "a", 1, 90), orders.sell("a", 1, "stop_loss", stop=90)
    assert found(limit, open_orders=199, open_algo_orders=5) is None
    assert found(limit, open_orders=200).rule == "MAX_NUM_ORDERS"
    assert found(stop, open_orders=199, open_algo_orders=4) is None
    broken = found(stop, open_orders=5, open_algo_orders=5)
    assert (broken.rule, "allowed: 5. Cancel one first" in broken.text) == ("MAX_NUM_ALGO_ORDERS", True)
    assert found(orders.buy("a", 1), open_orders=200, open_algo_orders=5) is None  # it never rests


def test_limits_of_the_notional_for_market_orders(orders):
    small, large = orders.buy("a", "0.01"), orders.buy("a", 100)
    rules = dataclasses.replace(RULES, max_notional=Decimal(9_999), min_notional_for_market=False)
    assert found(small, rules) is None
    assert found(large, rules) is None
    rules = dataclasses.replace(rules, max_notional_for_market=True)
    broken = found(large, rules)
    assert (broken.rule, broken.text) == ("NOTIONAL", "its value 10000 USDT is over the maximum notional 9999")
    assert found(orders.limit("buy", "a", "99.99", 100), rules) is None
    assert found(orders.limit("buy", "a", 100, 100), rules).rule == "NOTIONAL"


def test_what_nobody_knows_is_not_checked(orders):
    assert found(orders.buy("a", "0.001"), price=None) is None
    assert found(orders.buy("a", amount=4), price=None).rule == "NOTIONAL"  # its value is what it names
    assert found(orders.limit("buy", "a", 1, 900), price=None) is None
    assert found(orders.limit("buy", "a", 1, 900), price=None, average_price=Decimal(100)).rule.startswith("PERCENT")
    assert found(orders.limit("buy", "a", 1, 150), average_price=Decimal(90)).rule.startswith("PERCENT")
    known = found(orders.buy("a", amount=100), quantity=Decimal("0.01"))  # what it really comes to
    assert known.rule == "NOTIONAL"


def test_large_numbers_are_held_against_the_steps_too(orders):
    rules = MarketRules(Market(SYMBOL, "0.01", "0.00001"))
    assert found(orders.limit("buy", "a", "1e45", "1e40"), rules) is None
    assert found(orders.limit("buy", "a", "9999999999999999999999999999.999999", 1), rules).rule == "LOT_SIZE"
    assert found(orders.limit("buy", "a", 1, "9999999999999999999999999999999.001"), rules).rule == "PRICE_FILTER"
    assert found(orders.buy("a", amount="1e45"), rules) is None


def test_without_rules_everything_passes(orders):
    rules = MarketRules(Market(SYMBOL))
    for intent in (
        orders.buy("a", "0.000000000000000000000001"),
        orders.limit("sell", "a", "1e19", "0.000000001"),
        orders.sell("a", 1, "take_profit_limit", price="1e-9", stop="1e9"),
    ):
        assert found(intent, rules) is None
        assert rounded(rules, intent) is intent
    assert found(orders.buy("a", 0), rules).text == "nothing to trade"


# -- rounding

numbers = st.integers(1, 10**13).map(lambda units: Decimal(units).scaleb(-8))
steps = st.sampled_from([None, "0.00001", "0.01", "0.3", "1", "25"])


@given(st.sampled_from(list(Side)), st.sampled_from(list(OrderType)), numbers, numbers, numbers, steps, steps, steps)
def test_what_is_rounded_keeps_the_steps_and_is_never_more_or_worse(
    side, kind, quantity, price, stop, tick, lot, extra
):
    rules = MarketRules(Market(SYMBOL, tick, lot), market_lot_size=extra and Decimal(extra))
    limit, trigger = price if kind.has_price else None, stop if kind.has_stop else None
    intent = Intent("a", 0, SYMBOL, side, None, quantity, "", kind, limit, trigger)
    near = rounded(rules, intent)
    assert 0 <= near.quantity <= intent.quantity
    lots = [step for step in (lot, None if kind.has_price else extra) if step is not None]
    assert all((Fraction(near.quantity) / Fraction(step)).denominator == 1 for step in lots)
    if len(lots) == 1:
        assert intent.quantity - near.quantity < Decimal(lots[0])
    elif not lots:
        assert near.quantity == intent.quantity
    for before, after in ((intent.price, near.price), (intent.stop_price, near.stop_price)):
        assert (before is None) is (after is None)
        if before is not None and tick is not None:
            assert (Fraction(after) / Fraction(tick)).denominator == 1
            assert abs(after - before) < Decimal(tick)
            assert after <= before if side is Side.BUY else after >= before
        else:
            assert after == before
    assert rounded(rules, near) is near
    with localcontext(Context(prec=5)):
        assert rounded(rules, intent) == near


def test_a_quantity_of_a_market_order_keeps_both_lots(orders):
    assert rounded(RULES, orders.sell("a", "1.23456")).quantity == Decimal("1.2345")
    assert rounded(RULES, orders.limit("sell", "a", "1.234567", 100)).quantity == Decimal("1.23456")
    assert rounded(RULES, orders.sell("a", "1.23456", "stop_loss", stop=90)).quantity == Decimal("1.2345")
    odd = MarketRules(Market(SYMBOL, None, "0.3"), market_lot_size=Decimal(1))
    assert rounded(odd, orders.sell("a", "8.9")).quantity == 6


def test_what_an_amount_buys_keeps_both_lots(make_core, orders):
    core = make_core(rules=RULES)
    [_, executed] = core.submit(orders.buy("a", amount="123.456789"), 7)
    assert executed.fill.quantity == Decimal("1.2345")


def test_what_cannot_be_rounded_is_left_to_the_filters(orders):
    for intent in (orders.limit("buy", "a", "nan", 100), orders.limit("buy", "a", 1, "-inf"), orders.buy("a", "1e70")):
        assert repr(rounded(RULES, intent)) == repr(intent)
        assert found(intent).rule == "PARAMETERS"
    tiny = rounded(RULES, orders.limit("buy", "a", "0.000001", "0.001"))
    assert (tiny.quantity, tiny.price) == (0, 0)
    assert found(tiny).rule == "PRICE_FILTER"
    amount = orders.buy("a", amount="12.3456789012345")
    assert rounded(RULES, amount) is amount
