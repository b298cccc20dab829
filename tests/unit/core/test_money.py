"""Money is exact, and rounding never asks for more than was decided."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market, ceil_to, cut_quantity, decimal_of, floor_to
from cryptobot.core.types import Side

positive = st.decimals(min_value="1e-12", max_value="1e12", allow_nan=False, allow_infinity=False).filter(
    lambda d: d > 0
)
# More digits than any Decimal context would keep, near whole multiples on both sides.
long_numbers = st.builds(
    lambda whole, tail, digits: Decimal(whole) + Decimal(tail).scaleb(-digits),
    st.integers(1, 10**6),
    st.integers(-9, 9),
    st.integers(20, 45),
)
steps = st.sampled_from(["0.00000001", "0.00001", "0.01", "0.05", "0.1", "0.25", "1", "3", "7.5", "10"]).map(Decimal)


@given(st.one_of(positive, long_numbers).filter(lambda d: d > 0), steps)
def test_rounding_to_a_step_is_exact_floor_and_ceiling(value, step):
    exact = Fraction(value) / Fraction(step)
    assert Fraction(floor_to(value, step)) == exact.__floor__() * Fraction(step)
    assert Fraction(ceil_to(value, step)) == exact.__ceil__() * Fraction(step)


@given(st.one_of(positive, long_numbers).filter(lambda d: d > 0), steps)
def test_a_quantity_is_never_enlarged_and_never_cut_by_a_whole_lot(quantity, lot):
    rounded = Market("BTC/USDT", lot_size=lot).round_quantity(quantity)
    assert rounded <= quantity
    assert Fraction(quantity) - Fraction(rounded) < Fraction(lot)
    assert (Fraction(rounded) / Fraction(lot)).denominator == 1


@given(positive, steps)
def test_a_price_is_rounded_against_the_order(price, tick):
    market = Market("BTC/USDT", tick_size=tick)
    bought, sold = market.round_price(price, Side.BUY), market.round_price(price, Side.SELL)
    assert sold <= price <= bought
    assert Fraction(bought) - Fraction(sold) in (0, Fraction(tick))


@given(positive, steps)
def test_rounding_does_not_depend_on_the_callers_decimal_context(value, step):
    with localcontext(Context(prec=3)):
        narrow = floor_to(value, step), ceil_to(value, step)
    assert narrow == (floor_to(value, step), ceil_to(value, step))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_becomes_what_a_person_would_write(value):
    assert decimal_of(value) == Decimal(repr(value))
    assert decimal_of(np.float64(value)) == Decimal(repr(value))
    assert float(decimal_of(value)) == value


@given(st.decimals(min_value="1e-10", max_value="1e10", places=40))
def test_cutting_never_enlarges(value):
    assert cut_quantity(value) <= value
    assert len(cut_quantity(value).as_tuple().digits) <= 24


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "abc", "", None, [], True, np.True_, "NaN", "sNaN"])
def test_what_is_not_a_number_is_refused_by_name(value):
    with pytest.raises(ConfigError, match="fee: .*number"):
        decimal_of(value, "fee")


@pytest.mark.parametrize(
    ("given_", "wanted"), [("0.10", "0.10"), (5, "5"), (np.int64(7), "7"), (Decimal("1e-8"), "1E-8")]
)
def test_texts_and_whole_numbers_are_taken_as_they_are(given_, wanted):
    assert decimal_of(given_) == Decimal(wanted)


def test_a_market_takes_floats_and_texts_as_decimals():
    market = Market("BTC/USDT", 0.1, "0.001", 5)
    assert (market.tick_size, market.lot_size, market.min_notional) == (Decimal("0.1"), Decimal("0.001"), Decimal(5))
    assert (market.base, market.quote) == ("BTC", "USDT")
    assert Market("BTC/USDT:USDT").quote == "USDT"


def test_a_market_without_rules_rounds_nothing():
    market = Market("BTC/USDT")
    assert market.round_price(Decimal("1.23456789"), Side.BUY) == Decimal("1.23456789")
    assert market.round_quantity(Decimal("1.23456789")) == Decimal("1.23456789")
    assert market.refusal(Decimal(1), Decimal("1e-20")) is None


@pytest.mark.parametrize("symbol", ["BTCUSDT", "/USDT", "BTC/", "", 5, None])
def test_a_symbol_names_base_and_quote(symbol):
    with pytest.raises(ConfigError, match="symbol: .*BASE/QUOTE"):
        Market(symbol)


@pytest.mark.parametrize("name", ["tick_size", "lot_size", "min_notional"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), "x", True])
def test_a_rule_is_a_number_above_zero(name, value):
    with pytest.raises(ConfigError, match=name):
        Market("BTC/USDT", **{name: value})


def test_refusals_say_which_rule_is_broken():
    market = Market("BTC/USDT", "0.01", "0.001", "5")
    assert "one lot of 0.001 BTC" in (market.refusal(Decimal(100), Decimal(0)) or "")
    assert "minimum notional 5" in (market.refusal(Decimal("4999.99"), Decimal("0.001")) or "")
    assert market.refusal(Decimal(5000), Decimal("0.001")) is None  # exactly the minimum is allowed
    with localcontext(Context(prec=2)):
        assert market.refusal(Decimal("4999.99"), Decimal("0.001")) is not None
