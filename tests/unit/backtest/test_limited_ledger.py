"""Backtests under limits: nothing changes where none binds, and stops fill where an oracle in fractions says."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cryptobot as cb
from cryptobot.core.limits import Limits
from cryptobot.core.types import Side
from cryptobot.market.practice import PRACTICE_MARKET

BARS = cb.practice_bars(3_000, seed=11)
LOOSE = Limits(max_order_value=10**12, max_daily_loss=10**12, max_drawdown=0.999999, max_orders_per_minute=10**6)


def run(limits, bars=BARS, market=PRACTICE_MARKET, **more):
    return cb.backtest(cb.MovingAverageCrossover(5, 15), bars, market=market, limits=limits, slippage_bps=2, **more)


@pytest.mark.parametrize("market", [PRACTICE_MARKET, None])
@pytest.mark.parametrize("slippage", [0, 2])
def test_limits_that_do_not_bind_change_no_digit(market, slippage):
    strategy = cb.MovingAverageCrossover(5, 15)
    free = cb.backtest(strategy, BARS, market=market, slippage_bps=slippage)
    bound = cb.backtest(strategy, BARS, market=market, slippage_bps=slippage, limits=LOOSE)
    plain = [(f.time, f.side, f.price, f.quantity, f.fee) for f in free.fills]
    assert plain == [(f.time, f.side, f.price, f.quantity, f.fee) for f in bound.fills]
    assert len(plain) > 100
    pd.testing.assert_frame_equal(free.trades, bound.trades, check_exact=True)
    assert free.stats == bound.stats


TICK, LOT = Fraction(1, 100), Fraction(1, 100_000)
FEE, SLIP = Fraction(1, 1000), Fraction(2, 10_000)


def up(x, step):
    return -((-x) // step) * step


def down(x, step):
    return x // step * step


class Oracle:
    """Trades with a stop and a target in fractions: market of tick 0.01 and lot 0.00001."""

    def __init__(self, stop, target):
        self.stop, self.target = stop, target
        self.cash, self.held, self.fills = Fraction(10_000), Fraction(0), []
        self.level = self.goal = None

    def out(self, row, price):
        self.fills.append((row, "sell", price, self.held))
        self.cash += price * self.held * (1 - FEE)
        self.held, self.level, self.goal = Fraction(0), None, None

    def enter(self, row, opened):
        price = up(opened * (1 + SLIP), TICK)
        self.held = down(self.cash / (price * (1 + FEE)), LOT)
        self.cash -= price * self.held * (1 + FEE)
        self.fills.append((row, "buy", price, self.held))
        self.level = up(price * (1 - self.stop), TICK) if self.stop else None
        self.goal = down(price * (1 + self.target), TICK) if self.target else None
        if self.level is not None and opened <= self.level:  # slippage has carried the entry so far above the market
            self.out(row, down(opened * (1 - SLIP), TICK))

    def gap(self, row, opened):
        if self.level is not None and opened <= self.level:
            self.out(row, down(opened * (1 - SLIP), TICK))
        elif self.goal is not None and opened >= self.goal:
            self.out(row, self.goal)

    def within(self, row, low, high):
        if self.level is not None and low <= self.level:
            self.out(row, down(self.level * (1 - SLIP), TICK))
        elif self.goal is not None and high >= self.goal:
            self.out(row, self.goal)


def oracle(stop, target, bars):
    decisions = cb.MovingAverageCrossover(5, 15).batch(bars)
    opens, highs, lows = ([Fraction(str(v)) for v in bars[name]] for name in ("open", "high", "low"))
    books, pending = Oracle(stop, target), None
    for row in range(len(opens)):
        books.gap(row, opens[row])
        if pending == "buy":
            books.enter(row, opens[row])
        elif pending == "sell":
            books.out(row, down(opens[row] * (1 - SLIP), TICK))
        pending = None
        books.within(row, lows[row], highs[row])
        if row < len(opens) - 1:
            if books.held == 0 and decisions.buy[row]:
                pending = "buy"
            elif books.held > 0 and decisions.sell[row]:
                pending, books.level, books.goal = "sell", None, None
    return books.fills


@pytest.mark.parametrize(
    ("stop", "target"), [("0.002", None), ("0.0005", None), (None, "0.002"), ("0.002", "0.003"), ("0.0008", "0.0008")]
)
def test_protective_orders_fill_where_the_bars_reach_them(stop, target):
    report = run(Limits(stop_loss=stop, take_profit=target))
    said = [
        (int(np.searchsorted(report.bars.time, f.time)), str(f.side), Fraction(f.price), Fraction(f.quantity))
        for f in report.fills
    ]
    wanted = oracle(Fraction(stop or 0), Fraction(target or 0), BARS)
    assert said == wanted
    assert sum(side == "sell" for _, side, _, _ in wanted) > 50


def test_an_entry_and_its_stop_in_one_bar_are_two_orders_of_that_bar():
    report = run(Limits(stop_loss="0.0002"))
    rows = np.searchsorted(report.bars.time, [fill.time for fill in report.fills])
    assert (np.diff(rows) == 0).any()
    assert len(report.trades) == report.stats.trades + report.stats.open_trades
    exact = report.equity.to_numpy()
    assert exact[-1] == pytest.approx(report.stats.final_equity, rel=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(0, 60))
def test_whatever_the_market_the_oracle_agrees(seed, stop, target):
    bars = cb.practice_bars(400, seed=seed)
    limits = Limits(stop_loss=Decimal(stop) / 10_000, **({"take_profit": Decimal(target) / 10_000} if target else {}))
    report = run(limits, bars)
    rows = np.searchsorted(report.bars.time, [fill.time for fill in report.fills]).tolist()
    said = [
        (row, str(f.side), Fraction(f.price), Fraction(f.quantity)) for row, f in zip(rows, report.fills, strict=True)
    ]
    assert said == oracle(Fraction(stop, 10_000), Fraction(target, 10_000), bars)


def test_an_order_value_is_kept():
    report = run(Limits(max_order_value=500))
    buys = [f for f in report.fills if f.side is Side.BUY]
    assert buys
    assert all(f.price * f.quantity + f.fee <= 500 for f in buys)


def test_after_a_drawdown_nothing_is_entered_any_more():
    report = run(Limits(max_drawdown=0.05))
    equity = report.equity.to_numpy()
    reached = int(np.argmax(equity <= np.maximum.accumulate(equity) * 0.95))
    assert 0 < reached < len(equity) - 1
    after = [f for f in report.fills if f.time > report.bars.time[reached] + 60 * 10**9]
    assert all(f.side is Side.SELL for f in after)
    assert len(after) <= 1
    assert report.stats.refused > 10
    assert "max_drawdown" in report.refused[0].reason


def test_a_daily_loss_ends_with_its_day():
    report = run(Limits(max_daily_loss=150))
    equity = report.equity
    days = equity.groupby((equity.index + pd.Timedelta(minutes=1) - pd.Timedelta(1, "ns")).floor("D"))
    buys = pd.DatetimeIndex(pd.to_datetime([f.time for f in report.fills if f.side is Side.BUY], utc=True))
    start, held_back = 10_000.0, 0
    for day, values in days:
        lost = start - values
        start = float(values.iloc[-1])
        if (lost >= 150).any():
            first = values.index[int(np.argmax(lost >= 150))] + pd.Timedelta(minutes=1)
            assert not ((buys > first) & (buys < day + pd.Timedelta(days=1))).any()
            held_back += 1
    assert held_back
    assert buys[-1].floor("D") == equity.index[-1].floor("D")  # and it trades again


def test_a_collar_refuses_a_gap():
    frame = BARS.iloc[:400].copy()
    signals = cb.MovingAverageCrossover(5, 15).batch(frame)
    row = int(np.flatnonzero(signals.buy)[0])
    frame.iloc[row + 1 :, :4] *= 1.05
    frame = frame.round(2)
    free, bound = run(None, frame), run(Limits(price_collar=0.01), frame)
    assert free.fills[0].time == int(free.bars.time[row + 1])
    assert bound.refused[0].time == int(bound.bars.time[row + 1])
    assert bound.fills[0].time > free.fills[0].time


def test_only_limits_are_limits():
    with pytest.raises(cb.ConfigError, match="Limits"):
        run({"stop_loss": 0.1})
