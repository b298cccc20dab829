"""What the gate remembers over a restart, and the positions that could not be protected."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.limits import Limits
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType
from cryptobot.core.risk import Refusal, RiskGate, Situation
from cryptobot.core.types import Intent, Side

MARKET = Market("BTC/USDT", "0.01", "0.00001", "5")
LIMITS = Limits(max_daily_loss=50, max_drawdown=0.2)
HOUR = 3600 * 10**9
NOW = Situation(0, Decimal(100))


def buy(amount=None, quantity=None, **rest):
    numbers = (None if each is None else Decimal(str(each)) for each in (amount, quantity))
    return Intent("o-1", 0, "BTC/USDT", Side.BUY, *numbers, **rest)


hours = st.lists(st.tuples(st.integers(1, 30), st.integers(500, 1500)), min_size=1, max_size=30)


@given(hours, st.integers(0, 29), st.booleans())
def test_a_restart_changes_nothing(steps, cut, cleared):
    """A gate that was remembered and recalled goes on as one that was never interrupted."""
    whole, parts = RiskGate(LIMITS, MARKET), RiskGate(LIMITS, MARKET)
    time = 0
    for number, (wait, equity) in enumerate(steps):
        time += wait * HOUR
        if number == cut:
            if cleared:
                whole.clear()
                parts.clear()
            fresh = RiskGate(LIMITS, MARKET)
            if parts.memory is not None:
                fresh.recall(parts.memory)
            fresh.state, fresh.reason = parts.state, parts.reason  # the journal tells these
            parts = fresh
        assert whole.on_bar(time, Decimal(equity)) == parts.on_bar(time, Decimal(equity))
        assert (whole.state, whole.reason) == (parts.state, parts.reason)
        assert (whole.daily_pnl, whole.drawdown, whole.memory) == (parts.daily_pnl, parts.drawdown, parts.memory)


def test_before_the_first_bar_there_is_nothing_to_remember():
    assert RiskGate(LIMITS, MARKET).memory is None


def test_a_memory_is_day_equity_and_peak():
    gate = RiskGate(LIMITS, MARKET)
    gate.on_bar(20 * HOUR, Decimal(1000))
    gate.on_bar(24 * HOUR, Decimal(1010))
    gate.on_bar(25 * HOUR, Decimal(950))
    assert gate.memory == (1, 1010, 950, 1010, 1)
    gate.on_bar(49 * HOUR, Decimal(960))
    assert gate.memory == (2, 950, 960, 1010, None)


@pytest.mark.parametrize("how", ["halt", "reduce", "clear"])
def test_what_a_person_decides_does_not_end_with_the_day(how):
    gate = RiskGate(LIMITS, MARKET)
    gate.on_bar(2 * HOUR, Decimal(1000))
    gate.on_bar(3 * HOUR, Decimal(900))
    assert gate.memory[4] == 0
    getattr(gate, how)(*(["enough"] if how != "clear" else []))
    assert gate.memory[4] is None
    state = gate.state
    gate.on_bar(50 * HOUR, Decimal(905))
    assert gate.state is state


def test_reducing_never_ends_a_halt():
    gate = RiskGate(LIMITS, MARKET)
    gate.halt("killed")
    gate.reduce("a withdrawal")
    assert (str(gate.state), gate.reason) == ("halted", "killed")


# -- positions that could not be protected


@pytest.mark.parametrize(
    ("intent", "passes"),
    [
        (buy(10), False),  # at its stop worth 5: the least that is taken is refused as being at the edge
        (buy("10.01"), True),
        (buy(quantity="0.1"), False),
        (buy(quantity="0.1001"), True),
        (buy(quantity="0.1", type=OrderType.LIMIT, price=Decimal("100.1")), True),
        (buy(quantity="0.1", type=OrderType.LIMIT, price=Decimal("99.9")), False),
        (buy(), False),
    ],
)
def test_an_entry_whose_stop_nobody_would_take_is_refused(intent, passes):
    gate = RiskGate(Limits(stop_loss=0.5), MARKET)
    passed = gate.check(intent, NOW)
    assert (passed is intent) is passes
    if not passes:
        assert passed.limit == "stop_loss"


def test_the_refusal_names_the_figures():
    passed = RiskGate(Limits(stop_loss=0.5), MARKET).check(buy(8), NOW)
    assert isinstance(passed, Refusal)
    assert passed.reason == (
        "at its stop a position of 8 USDT would be worth 4, and the market takes no order under 5: it could not be "
        "protected"
    )


@pytest.mark.parametrize("limits", [Limits(), Limits(take_profit=0.5)])
def test_without_a_stop_small_entries_pass(limits):
    assert RiskGate(limits, MARKET).check(buy(6), NOW) == buy(6)


def test_a_market_without_a_least_value_takes_any_stop():
    assert RiskGate(Limits(stop_loss=0.5), Market("BTC/USDT")).check(buy("0.01"), NOW) == buy("0.01")


def test_an_entry_that_is_made_smaller_is_judged_by_what_is_left():
    gate = RiskGate(Limits(stop_loss=0.5, max_order_value=9), MARKET)
    passed = gate.check(buy(1000), NOW)
    assert isinstance(passed, Refusal)
    assert passed.limit == "stop_loss"


def test_a_sale_is_never_refused_for_being_small():
    sale = Intent("o-2", 0, "BTC/USDT", Side.SELL, quantity=Decimal("0.00001"))
    assert RiskGate(Limits(stop_loss=0.5), MARKET).check(sale, NOW) is sale


@given(st.decimals("0.01", "100", places=2), st.decimals("0.01", "0.99", places=2))
def test_what_passes_is_worth_more_than_the_least_at_its_stop(amount, stop):
    passed = RiskGate(Limits(stop_loss=stop), MARKET).check(buy(amount), NOW)
    assert isinstance(passed, Refusal) is (amount * (1 - stop) <= 5)
