"""Limits and protective orders: the replayed bot does what the backtest does, to the last digit."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cryptobot as cb

# A backtest knows no time within a bar.
MINUTE = 60 * 10**9

LIMITS = {
    "stop": {"stop_loss": 0.004},
    "target": {"take_profit": 0.003},
    "pair": {"stop_loss": 0.005, "take_profit": 0.004},
    "order value": {"max_order_value": 500},
    "position value": {"max_position_value": 900, "stop_loss": 0.003},
    "collar": {"price_collar": 0.0002},
    "collar and pair": {"price_collar": 0.0003, "stop_loss": 0.004, "take_profit": 0.006},
    "orders a minute": {"max_orders_per_minute": 1},
    "daily loss": {"max_daily_loss": 5},
    "drawdown": {"max_drawdown": 0.01},
    "a stop that is reached at once": {"stop_loss": 0.0001},
    "everything": {
        "max_order_value": 700,
        "max_daily_loss": 30,
        "max_drawdown": 0.05,
        "price_collar": 0.001,
        "stop_loss": 0.004,
        "take_profit": 0.005,
    },
}


def compare(bars, limits, market=None, fee=0.001, slippage_bps=2, strategy=None):
    strategy = strategy or cb.MovingAverageCrossover(5, 20)
    report = cb.backtest(strategy, bars, fee=fee, slippage_bps=slippage_bps, limits=limits, market=market, record=False)
    exchange = cb.ReplayExchange(bars, fee=fee, slippage_bps=slippage_bps, speed=math.inf, market=market)
    bot = cb.Bot(strategy, exchange=exchange, limits=limits)
    status = bot.run()
    assert status.state == "finished", status.reason
    mine = [(f.time // MINUTE * MINUTE, f.side, f.price, f.quantity, f.fee) for f in bot.session.engine.fills]
    theirs = [(f.time, f.side, f.price, f.quantity, f.fee) for f in report.fills]
    assert mine == theirs
    assert [f.id for f in exchange.executed] == [f.id for f in bot.session.engine.fills]
    return bot, report


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("seed", [1, 7])
def test_a_bot_under_limits_does_what_the_backtest_does(name, seed):
    bot, report = compare(cb.practice_bars(4_000, seed=seed), cb.Limits(**LIMITS[name]))
    assert len(report.fills) >= 4
    if LIMITS[name].get("stop_loss", 0) > 0.001:
        assert any(notice.topic == "stop_loss" for notice in bot.notices())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    stop=st.none() | st.floats(0.0005, 0.05),
    target=st.none() | st.floats(0.0005, 0.05),
    collar=st.none() | st.floats(0.0001, 0.01),
    value=st.none() | st.integers(20, 2_000),
    notional=st.sampled_from(["5", "10", "400"]),
)
def test_any_limits_on_any_bars(seed, stop, target, collar, value, notional):
    given_limits = {"stop_loss": stop, "take_profit": target, "price_collar": collar, "max_order_value": value}
    limits = cb.Limits(**{k: round(v, 5) for k, v in given_limits.items() if v is not None})
    market = cb.Market("BTC/USDT", Decimal("0.01"), Decimal("0.00001"), Decimal(notional))
    compare(cb.practice_bars(700, seed=seed), limits, market, strategy=cb.MovingAverageCrossover(3, 9))
