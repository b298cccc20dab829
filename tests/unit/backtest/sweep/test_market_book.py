"""Where even doubled numbers cannot tell, the exact book is asked."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.core.types import Side


@pytest.fixture
def asked(monkeypatch):
    """Count how often the exact book was asked."""
    walks = importlib.import_module("cryptobot.backtest.sweep.walks")
    count: list[int] = []
    exact = walks.exact_book

    def counted(*given):
        count.append(1)
        return exact(*given)

    monkeypatch.setattr(walks, "exact_book", counted)
    return count


def round_bars():
    """Prices that divide the cash without a rest."""
    closes = np.array([100.0, 101, 99, 100, 102, 98, 100, 103, 97, 100] * 20)
    bars = cb.practice_bars(closes.size, seed=1)
    bars["open"] = bars["close"] = bars["high"] = bars["low"] = 0.0
    bars["close"] = closes
    bars["open"] = np.append(100.0, closes[:-1])
    bars["high"], bars["low"] = bars[["open", "close"]].max(axis=1), bars[["open", "close"]].min(axis=1)
    return bars


def test_an_order_on_the_edge_of_a_lot_is_counted_exactly(asked):
    bars = round_bars()
    market = cb.Market("A/B", lot_size="0.5")
    report = cb.sweep(cb.RsiReversal, bars, window=[2, 3], oversold=[45.0], market=market, fee=0, cash=10_000)
    assert asked
    for row in range(len(report)):
        single = cb.backtest(report.strategy_of(row), bars, market=market, fee=0, cash=10_000)
        assert report.table["total_return"][row] == pytest.approx(single.stats.total_return, rel=1e-13)
        assert report.table["trades"][row] == single.stats.trades > 5
        assert any(float(f.quantity) == float(f.quantity // 1) for f in single.fills if f.side is Side.BUY)


def test_an_order_on_the_least_value_is_counted_exactly(asked):
    bars = round_bars()
    market = cb.Market("A/B", min_notional="10000")
    report = cb.sweep(cb.RsiReversal, bars, window=[2], oversold=[45.0], market=market, fee=0, cash=10_000)
    single = cb.backtest(report.strategy_of(0), bars, market=market, fee=0, cash=10_000)
    assert asked
    assert report.table["trades"][0] == single.stats.trades
    assert report.table["total_return"][0] == pytest.approx(single.stats.total_return, rel=1e-13)


def test_ordinary_orders_need_no_exact_book(asked):
    bars = cb.practice_bars(4_000, seed=2)
    market = cb.Market("A/B", "0.01", "0.00001", "5")
    report = cb.sweep(cb.MovingAverageCrossover, bars, fast=[5, 10], slow=[20, 50], market=market, slippage_bps=2)
    assert report.table["trades"].min() > 10
    assert asked == []


def test_prices_that_a_coarse_tick_rounds_to_nothing_are_refused():
    bars = round_bars() / 1.0
    market = cb.Market("A/B", tick_size="250", lot_size="0.1")
    report = cb.sweep(cb.RsiReversal, bars, window=[2], oversold=[45.0], market=market)
    single = cb.backtest(report.strategy_of(0), bars, market=market)
    assert single.stats.refused > 0
    assert report.table["exposure"][0] == single.stats.exposure
    assert report.table["total_return"][0] == pytest.approx(single.stats.total_return, rel=1e-12)
