"""The fill rule against fractions: no rounding in the oracle."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError
from cryptobot.core.events import OrderFilled, OrderRefused
from cryptobot.core.money import Market
from cryptobot.core.types import Intent, Side
from cryptobot.exchange.matching import Costs, fill_market_order, fill_price

FREE = Market("BTC/USDT")
RULES = Market("BTC/USDT", "0.01", "0.00001", "5")

opens = st.integers(1, 10**9).map(lambda ticks: ticks / 100)
costs = st.builds(
    Costs,
    st.integers(0, 9_999).map(lambda units: Decimal(units).scaleb(-5)),
    st.integers(0, 5_000).map(lambda units: Decimal(units).scaleb(-1)),
)
amounts = st.integers(0, 10**10).map(lambda cents: Decimal(cents).scaleb(-2))
quantities = st.integers(0, 10**10).map(lambda units: Decimal(units).scaleb(-7))
markets = st.builds(
    Market,
    st.just("BTC/USDT"),
    st.sampled_from([None, "0.01", "0.5", "25", "0.0003"]),
    st.sampled_from([None, "0.00001", "1", "0.3"]),
    st.sampled_from([None, "5", "1000"]),
)


def buy(amount):
    return Intent("b-1", 60, "BTC/USDT", Side.BUY, quote_amount=amount)


def sell(quantity):
    return Intent("b-2", 60, "BTC/USDT", Side.SELL, quantity=quantity)


def answer(intent, price, cost=None, market=FREE):
    return fill_market_order(intent, price, 77, cost or Costs(), market, "fill-1")


@given(opens, costs, amounts, markets)
def test_a_buy_never_spends_more_than_it_may_and_never_less_than_the_rules_allow(price, cost, amount, market):
    result = answer(buy(amount), price, cost, market)
    slipped = Fraction(str(price)) * (1 + Fraction(cost.slippage_bps) / 10_000)
    tick = Fraction(market.tick_size or 0)
    at = -(-slipped // tick) * tick if tick else slipped
    each = at * (1 + Fraction(cost.fee))
    affordable = Fraction(amount) / each
    if isinstance(result, OrderRefused):
        lot, least = Fraction(market.lot_size or 0), Fraction(market.min_notional or 0)
        quantity = affordable // lot * lot if lot else affordable
        assert quantity == 0 or quantity * at < least * (1 + Fraction(1, 10**20))
        return
    fill = result.fill
    assert (fill.side, fill.time, fill.id, fill.intent_id) == (Side.BUY, 77, "fill-1", "b-1")
    assert result.complete
    if market.tick_size:
        assert Fraction(fill.price) == at
    else:
        assert abs(Fraction(fill.price) / at - 1) <= Fraction(1, 10**33)
    paid = Fraction(fill.price) * Fraction(fill.quantity) * (1 + Fraction(cost.fee))
    assert paid <= Fraction(amount)
    assert fill.price * fill.quantity + fill.fee <= amount
    if market.lot_size:
        lots = Fraction(fill.quantity) / Fraction(market.lot_size)
        assert lots.denominator == 1
        assert affordable - Fraction(fill.quantity) < Fraction(market.lot_size)
    else:
        assert 0 <= 1 - Fraction(fill.quantity) / affordable < Fraction(1, 10**22)
    if market.min_notional:
        assert Fraction(fill.price) * Fraction(fill.quantity) >= Fraction(market.min_notional)
    assert fill.quantity > 0


@given(opens, costs, quantities, markets)
def test_a_sell_gives_up_its_quantity_in_lots_at_a_price_rounded_down(price, cost, quantity, market):
    result = answer(sell(quantity), price, cost, market)
    slipped = Fraction(str(price)) * (1 - Fraction(cost.slippage_bps) / 10_000)
    tick, lot = Fraction(market.tick_size or 0), Fraction(market.lot_size or 0)
    at = slipped // tick * tick if tick else slipped
    sold = Fraction(quantity) // lot * lot if lot else Fraction(quantity)
    if at == 0 or sold == 0 or at * sold < Fraction(market.min_notional or 0):
        assert isinstance(result, OrderRefused)
        assert (result.intent_id, result.time) == ("b-2", 77)
        return
    assert isinstance(result, OrderFilled)
    assert Fraction(result.fill.price) == at
    assert Fraction(result.fill.quantity) == sold


@given(opens, costs, amounts)
def test_with_a_lot_and_a_tick_the_fee_is_exact_to_the_last_digit(price, cost, amount):
    for intent in (buy(amount), sell(amount)):
        result = answer(intent, price, cost, RULES)
        if isinstance(result, OrderFilled):
            fill = result.fill
            assert Fraction(fill.fee) == Fraction(fill.price) * Fraction(fill.quantity) * Fraction(cost.fee)


@given(opens, costs, amounts)
def test_without_a_lot_the_fee_is_right_in_every_digit_the_books_keep(price, cost, amount):
    result = answer(buy(amount), price, cost)
    if isinstance(result, OrderFilled):
        fill = result.fill
        exact = Fraction(fill.price) * Fraction(fill.quantity) * Fraction(cost.fee)
        assert abs(Fraction(fill.fee) - exact) <= exact * Fraction(1, 10**33)


@given(opens, costs, amounts)
def test_the_callers_decimal_context_changes_nothing(price, cost, amount):
    usual = answer(buy(amount), price, cost, RULES)
    with localcontext(Context(prec=6)):
        assert answer(buy(amount), price, cost, RULES) == usual


def test_a_worked_example():
    cost = Costs(Decimal("0.001"), Decimal(2))
    bought = answer(buy(Decimal(10_000)), 60_000.0, cost, RULES).fill
    # 60,000 × 1.0002 = 60,012.00; 10,000 / (60,012 × 1.001) = 0.16646673…
    assert (bought.price, bought.quantity) == (Decimal("60012.00"), Decimal("0.16646"))
    assert bought.fee == Decimal("9.9895975200")  # 60,012 × 0.16646 = 9,989.59752, and a thousandth of it
    sold = answer(sell(bought.quantity), 60_000.0, cost, RULES).fill
    assert sold.price == Decimal("59988.00")


@pytest.mark.parametrize(("side", "at"), [(Side.BUY, "100.03"), (Side.SELL, "99.97")])
def test_the_tick_rounds_against_the_order(side, at):
    cost = Costs(Decimal(0), Decimal("2.5"))  # 100 ± 0.025
    assert fill_price(side, Decimal(100), cost, RULES) == Decimal(at)


@pytest.mark.parametrize(
    ("intent", "market", "words"),
    [
        (buy(Decimal(0)), FREE, "nothing to trade"),
        (buy(Decimal("0.0005")), RULES, "under one lot of 0.00001 BTC"),
        (buy(Decimal("4.99")), RULES, "under the minimum notional 5"),
        (sell(Decimal("0.000009")), RULES, "under one lot of 0.00001 BTC"),
        (sell(Decimal("0.04")), RULES, "its value 4.000 USDT is under the minimum notional 5"),
        (sell(Decimal(0)), FREE, "nothing to trade"),
    ],
)
def test_a_refusal_says_why(intent, market, words):
    result = answer(intent, 100.0, Costs(), market)
    assert isinstance(result, OrderRefused)
    assert words in result.reason


def test_a_sale_at_less_than_one_tick_is_refused_instead_of_given_away():
    result = answer(sell(Decimal(1)), 0.004, Costs(), Market("BTC/USDT", "0.01"))
    assert isinstance(result, OrderRefused)
    assert "its price is 0" in result.reason


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        (Intent("x", 0, "BTC/USDT", Side.BUY, quantity=Decimal(1)), "a buy needs `quote_amount`"),
        (Intent("x", 0, "BTC/USDT", Side.SELL, quote_amount=Decimal(1)), "a sell needs `quantity`"),
    ],
)
def test_an_intent_without_its_amount_is_an_error(intent, words):
    with pytest.raises(ConfigError, match=words):
        answer(intent, 100.0)


@pytest.mark.parametrize("value", [-0.001, 1, 1.5, float("nan"), float("inf"), "much", None, True, -1e-300])
def test_a_fee_that_cannot_be(value):
    with pytest.raises(ConfigError, match=r"^fee: .*Give "):
        Costs(fee=value)


@pytest.mark.parametrize("value", [-1, 10_000, 1e9, float("nan"), float("-inf"), "2 bps", None, False])
def test_a_slippage_that_cannot_be(value):
    with pytest.raises(ConfigError, match=r"^slippage_bps: .*Give "):
        Costs(slippage_bps=value)


@pytest.mark.parametrize(
    ("given_fee", "kept"), [(0, "0"), (0.001, "0.001"), ("0.0005", "0.0005"), (0.1 + 0.2, "0.30000000000000004")]
)
def test_costs_keep_the_decimal_a_person_wrote(given_fee, kept):
    assert Costs(fee=given_fee).fee == Decimal(kept)
