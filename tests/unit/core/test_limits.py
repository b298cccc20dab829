"""Limits are understood or refused; the gate shrinks or refuses, and never enlarges."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError
from cryptobot.core.limits import Limits
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.risk import Refusal, RiskGate, Situation
from cryptobot.core.trading_state import TradingState
from cryptobot.core.types import Intent, Side

MARKET = Market("BTC/USDT", "0.01", "0.00001", "5")
DAY = 86_400 * 10**9
MONEY = [
    "max_order_value",
    "max_position_value",
    "max_daily_loss",
    "max_bar_age",
    "max_clock_skew",
    "take_profit",
]
FRACTIONS = ["max_drawdown", "price_collar", "stop_loss"]
COUNTS = ["max_open_orders", "max_orders_per_minute"]


def buy(amount="100", **changes):
    return Intent(
        **{"id": "a", "time": 0, "symbol": "BTC/USDT", "side": Side.BUY, "quote_amount": Decimal(amount)} | changes
    )


def sale(quantity="1"):
    return Intent("b", 0, "BTC/USDT", Side.SELL, quantity=Decimal(quantity))


def now(time=0, **changes):
    return Situation(**{"time": time, "price": Decimal(100)} | changes)


@pytest.mark.parametrize("name", MONEY + FRACTIONS + COUNTS)
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "much", True, [1]])
def test_an_absurd_limit_is_refused_by_name(name, value):
    with pytest.raises(ConfigError, match=name):
        Limits(**{name: value})


@pytest.mark.parametrize("name", FRACTIONS)
@pytest.mark.parametrize("value", [1, 1.5, 100])
def test_a_fraction_of_everything_or_more_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"{name}.*fraction"):
        Limits(**{name: value})


@pytest.mark.parametrize("value", [1.5, "3"])
def test_a_count_is_whole(value):
    with pytest.raises(ConfigError, match="max_open_orders.*whole"):
        Limits(max_open_orders=value)


def test_a_misspelt_limit_is_refused_with_the_closest():
    with pytest.raises(ConfigError, match="Did you mean `max_daily_loss`"):
        Limits(max_dayly_loss=5)
    with pytest.raises(ConfigError, match="Did you mean `stop_loss`"):
        Limits.of({"stoploss": 0.1})


def test_limits_survive_copies():
    limits = Limits(max_order_value=500, stop_loss="0.05")
    assert pickle.loads(pickle.dumps(limits)) == copy.deepcopy(limits) == limits
    assert limits.stop_loss == Decimal("0.05")


def test_without_limits_everything_passes():
    gate = RiskGate(Limits(), MARKET)
    assert gate.on_bar(1, Decimal(1)) == gate.on_bar(2, Decimal("0.0001")) == []
    assert gate.check(buy("1e9"), now(open_orders=99, bar_age=1e9)) == buy("1e9")


def test_an_entry_is_made_smaller_by_the_tighter_limit_and_says_so():
    gate = RiskGate(Limits(max_order_value=50, max_position_value=120), MARKET)
    assert gate.check(buy("40"), now()) == buy("40")
    assert gate.check(buy("80"), now()).quote_amount == 50
    held = gate.check(buy("80"), now(quantity=Decimal("0.9")))
    assert held.quote_amount == 30
    assert "max_position_value" in held.reason
    refused = gate.check(buy("80"), now(quantity=Decimal("1.2")))
    assert isinstance(refused, Refusal)
    assert refused.limit == "max_position_value"
    by_quantity = gate.check(buy(quote_amount=None, quantity=Decimal(3)), now())
    assert by_quantity.quantity == Decimal("0.5")


def test_an_exit_always_passes_whole_unless_halted():
    gate = RiskGate(
        Limits(max_order_value=1, max_position_value=1, max_open_orders=1, max_orders_per_minute=1, max_bar_age=1),
        MARKET,
    )
    gate.sent(0)
    late = now(1, open_orders=5, bar_age=1e6, clock_skew=9.0)
    assert gate.check(sale("9"), late) == sale("9")
    gate.reduce("test")
    assert gate.check(sale("9"), late) == sale("9")
    gate.halt("test")
    assert gate.check(sale("9"), late).limit == "halted"


@pytest.mark.parametrize(
    ("limit", "changes"),
    [
        ({"max_open_orders": 2}, {"open_orders": 2}),
        ({"max_bar_age": 90}, {"bar_age": 90.5}),
        ({"max_clock_skew": 1}, {"clock_skew": 1.01}),
        ({"max_bar_age": 90}, {"bar_age": float("nan")}),
    ],
)
def test_a_guard_refuses_entries_by_name(limit, changes):
    gate = RiskGate(Limits(**limit), MARKET)
    assert gate.check(buy(), now()) == buy()
    refused = gate.check(buy(), now(**changes))
    assert [refused.limit] == list(limit)
    assert next(iter(limit)) in refused.reason


def test_orders_a_minute_are_counted_over_sixty_seconds():
    gate = RiskGate(Limits(max_orders_per_minute=2), MARKET)
    second = 10**9
    for at in (0, 30):
        assert gate.check(buy(), now(at * second)) == buy()
        gate.sent(at * second)
    assert gate.check(buy(), now(59 * second)).limit == "max_orders_per_minute"
    assert gate.check(buy(), now(60 * second)) == buy()


def test_a_daily_loss_holds_until_the_next_day():
    gate = RiskGate(Limits(max_daily_loss=100), MARKET)
    assert gate.on_bar(DAY, Decimal(1_000)) == []  # closes at midnight: the end of the first day
    assert gate.on_bar(DAY + 1, Decimal(901)) == []
    assert gate.daily_pnl == -99
    [said] = gate.on_bar(DAY + 2, Decimal(900))
    assert "max_daily_loss" in said
    assert gate.state is TradingState.REDUCING
    assert gate.check(buy(), now()).limit == "reducing"
    assert gate.on_bar(2 * DAY, Decimal(950)) == []
    assert gate.state is TradingState.REDUCING
    [said] = gate.on_bar(2 * DAY + 1, Decimal(940))
    assert "new day" in said
    assert gate.state is TradingState.ACTIVE
    assert gate.daily_pnl == -10


def test_a_drawdown_holds_until_a_person_clears_it():
    gate = RiskGate(Limits(max_drawdown=0.2, max_daily_loss=10_000), MARKET)
    gate.on_bar(1, Decimal(1_000))
    gate.on_bar(2, Decimal(1_500))
    assert gate.on_bar(3, Decimal(1_201)) == []
    [said] = gate.on_bar(4, Decimal(1_200))
    assert "max_drawdown" in said
    for day in range(1, 5):
        assert gate.on_bar(day * DAY + 1, Decimal(1_600)) == []
        assert gate.state is TradingState.REDUCING
    gate.clear()
    assert gate.check(buy(), now()) == buy()
    assert gate.on_bar(9 * DAY, Decimal(1_300)) == []


def test_both_limits_at_once_leave_the_longer_one():
    gate = RiskGate(Limits(max_drawdown=0.5, max_daily_loss=10), MARKET)
    gate.on_bar(1, Decimal(100))
    assert len(gate.on_bar(2, Decimal(85))) == 1
    assert len(gate.on_bar(3, Decimal(40))) == 1
    gate.on_bar(DAY + 5, Decimal(40))
    assert gate.state is TradingState.REDUCING


def test_a_halt_stays_whatever_the_equity_does():
    gate = RiskGate(Limits(max_daily_loss=1, max_drawdown=0.01), MARKET)
    gate.halt("killed")
    for n, equity in enumerate((100, 50, 500)):
        assert gate.on_bar(n * DAY + 1, Decimal(equity)) == []
        assert gate.state is TradingState.HALTED
    gate.reduce("weaker")
    assert gate.state is TradingState.HALTED


def test_a_collar_makes_an_entry_a_limit_order_of_the_moment_that_can_be_paid():
    gate = RiskGate(Limits(price_collar=0.02), MARKET)
    passed = gate.check(buy("1000"), now(price=Decimal("99.999"), fee=Decimal("0.001")))
    assert (passed.type, passed.time_in_force, passed.quote_amount) == (OrderType.LIMIT, TimeInForce.IOC, None)
    assert passed.price == Decimal("101.99")  # never beyond the collar: 101.99898
    assert passed.quantity == MARKET.round_quantity(1000 / (passed.price * Decimal("1.001")))
    assert passed.price * passed.quantity * Decimal("1.001") <= 1_000
    assert gate.check(sale(), now()) == sale()
    assert gate.check(buy("1000"), now(price=Decimal("0.001"))).limit == "price_collar"


amounts = st.decimals("0.01", "1e6", places=2)


@given(
    st.fixed_dictionaries({}, optional={"max_order_value": amounts, "max_position_value": amounts}),
    st.booleans(),
    amounts,
    amounts,
    amounts,
    st.sampled_from(["active", "reducing", "halted"]),
)
def test_no_limit_ever_enlarges_an_order_or_lets_more_through_than_it_says(limits, by_amount, size, price, held, state):
    gate = RiskGate(Limits(**limits), MARKET)
    if state == "reducing":
        gate.reduce("x")
    elif state == "halted":
        gate.halt("x")
    intent = buy(size) if by_amount else buy(quote_amount=None, quantity=size)
    passed = gate.check(intent, now(price=price, quantity=held / price))
    if isinstance(passed, Refusal):
        assert passed.reason
        return
    assert state == "active"
    asked = size if by_amount else size * price
    value = passed.quote_amount if by_amount else passed.quantity * price
    assert value <= asked
    slack = Decimal("1e-20") * (asked + held + 1)
    assert value <= limits.get("max_order_value", value) + slack
    assert value + held <= max(limits.get("max_position_value", value + held), 0) + slack
