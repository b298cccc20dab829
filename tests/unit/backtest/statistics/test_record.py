"""What the statistics see of a backtest is what the backtest says."""

from __future__ import annotations

import numpy as np
import pytest

from cryptobot.backtest.run import backtest
from cryptobot.backtest.statistics.record import Record, Terms, rows
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market
from cryptobot.market.practice import practice_bars
from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover

RULES = Market("BTC/USDT", "0.01", "0.00001", "5")


@pytest.mark.parametrize("market", [None, RULES])
@pytest.mark.parametrize("start", [0, 700])
def test_a_record_has_the_figures_of_the_backtest(market, start):
    frame = practice_bars(3_000, seed=4)
    strategy = MovingAverageCrossover(fast=8, slow=40)
    report = backtest(strategy, frame, cash=500, fee=0.002, slippage_bps=3, market=market, start=frame.index[start])
    bars = BarColumns.of(frame)
    terms = Terms.of(500, 0.002, 3, market)
    record = Record.of(strategy, bars, terms, start=start)
    assert np.array_equal(record.equity, report.equity_values)
    assert record.sharpe == pytest.approx(report.stats.sharpe, rel=1e-9)
    assert record.total_return == pytest.approx(report.stats.total_return, rel=1e-12)
    assert record.max_drawdown == report.stats.max_drawdown
    assert len(record.trips) == report.stats.trades + report.stats.open_trades
    assert np.prod(1 + record.trade_returns) - 1 == pytest.approx(record.total_return, rel=1e-9)
    assert np.prod(1 + record.returns) - 1 == pytest.approx(record.total_return, rel=1e-9)
    hold = Record.buy_and_hold(rows(bars, start, len(bars)), terms)
    assert np.array_equal(hold.equity, report.buy_and_hold_values)


def test_an_open_trade_is_valued_at_the_last_close(follow, market):
    bars = market(50, seed=1, buckets=1)
    record = Record.of(follow(bucket=0), bars, Terms.of(1_000, 0.001, 0, None))
    assert record.trips.exits.tolist() == [50]
    assert record.trade_returns == pytest.approx([record.equity[-1] / 1_000 - 1])


def test_without_a_trade_there_is_nothing_to_measure(follow, market):
    record = Record.of(follow(bucket=20), market(50), Terms.of(1_000, 0.001, 0, None))
    assert record.trade_returns.size == 0
    assert np.isnan(record.sharpe)
    assert record.total_return == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cash": 0}, "cash: 0"),
        ({"fee": 1}, "fee: 1"),
        ({"slippage_bps": -1}, "slippage_bps"),
        ({"market": "BTC"}, "not a Market"),
    ],
)
def test_bad_terms(change, said):
    with pytest.raises(ConfigError, match=said):
        Terms.of(**{"cash": 1, "fee": 0, "slippage_bps": 0, "market": None, **change})
