"""What an entry may spend."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError
from cryptobot.core.sizing import FixedQuote, FractionOfEquity

cash = st.decimals(min_value="0.01", max_value="1e9", places=8)


@given(cash, st.floats(1e-6, 1.0))
def test_a_fraction_never_spends_more_than_there_is(money, fraction):
    amount = FractionOfEquity(fraction).quote_amount(money)
    assert 0 < amount <= money
    assert float(amount) == pytest.approx(float(money) * fraction, rel=1e-12)


@given(cash)
def test_everything_is_everything(money):
    assert FractionOfEquity().quote_amount(money) == money


@given(cash, st.floats(0.01, 1e9))
def test_a_fixed_amount_is_capped_by_the_cash(money, amount):
    assert FixedQuote(amount).quote_amount(money) == min(money, Decimal(repr(amount)))


@pytest.mark.parametrize("fraction", [0, -0.1, 1.0001, float("nan"), "all", True])
def test_a_bad_fraction_is_named(fraction):
    with pytest.raises(ConfigError, match="fraction: "):
        FractionOfEquity(fraction)


@pytest.mark.parametrize("amount", [0, -5, float("inf"), None])
def test_a_bad_amount_is_named(amount):
    with pytest.raises(ConfigError, match="amount: "):
        FixedQuote(amount)
