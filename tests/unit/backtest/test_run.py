"""Backtests small enough to compute by hand."""

from __future__ import annotations

import decimal
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cryptobot.backtest.run import backtest
from cryptobot.core.bars import BarColumns
from cryptobot.core.money import Market
from cryptobot.core.sizing import FixedQuote, FractionOfEquity
from cryptobot.core.types import Side

TWO_TRADES = ([90, 100, 100, 120, 100, 50, 40, 40], "b.sb.s..")


def minute(n: int) -> pd.Timestamp:
    return pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(n, unit="min")


@pytest.fixture
def two_trades(scripted, bars_of):
    """Buy 10 at 100, sell at 120; buy at 100, sell at 40. The fee is 1 %, and 1010 pays for 10 at 100."""
    return backtest(scripted, bars_of(*TWO_TRADES), cash=1010, fee=0.01)


def test_a_signal_fills_at_the_next_open(two_trades):
    assert [(fill.side, fill.price) for fill in two_trades.fills] == [
        (Side.BUY, 100),
        (Side.SELL, 120),
        (Side.BUY, 100),
        (Side.SELL, 40),
    ]
    assert [pd.Timestamp(fill.time, tz="UTC") for fill in two_trades.fills] == [minute(n) for n in (1, 3, 4, 6)]


def test_quantity_is_what_the_money_buys_with_its_fee(two_trades):
    first, sale, second, _ = two_trades.fills
    assert (first.quantity, first.fee) == (10, 10)
    assert (sale.quantity, sale.fee) == (10, 12)
    assert float(second.quantity) == pytest.approx(1188 / 101, rel=1e-15)


def test_every_figure(two_trades):
    stats = two_trades.stats
    quantity = 1188 / 101
    final = quantity * 40 * 0.99
    lost = 1188 - final
    assert stats.trades == 2
    assert stats.open_trades == 0
    assert stats.final_equity == pytest.approx(final, rel=1e-14)
    assert stats.total_return == pytest.approx(final / 1010 - 1, rel=1e-14)
    assert stats.win_rate == 0.5
    assert stats.profit_factor == pytest.approx(178 / lost, rel=1e-14)
    assert stats.exposure == 4 / 8  # held at the close of rows 1, 2, 4 and 5
    assert stats.fees_paid == pytest.approx(22 + quantity * 1.4, rel=1e-14)
    assert stats.refused == 0
    # Bought at 100 like the first trade, worth 40 at the end.
    assert stats.buy_and_hold == pytest.approx(400 / 1010 - 1, rel=1e-14)
    # Equity at the closes: the peak is 10 × 120 at row 2.
    curve = [1010, 1000, 1200, 1188, quantity * 50, quantity * 40, final, final]
    assert list(two_trades.equity) == pytest.approx(curve, rel=1e-14)
    assert stats.max_drawdown == pytest.approx(final / 1200 - 1, rel=1e-14)
    returns = np.diff(curve) / curve[:-1]
    returns = np.append(0.0, returns)
    assert stats.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1) * math.sqrt(365 * 24 * 60), rel=1e-12)


def test_sharpe_is_annualised_by_the_interval_of_the_bars(scripted, bars_of):
    minutes = backtest(scripted, bars_of(*TWO_TRADES))
    hours = backtest(scripted, bars_of(*TWO_TRADES, freq="1h"))
    assert minutes.stats.sharpe == pytest.approx(hours.stats.sharpe * math.sqrt(60), rel=1e-12)


def test_the_table_of_trades(two_trades):
    table = two_trades.trades
    first = table.iloc[0].to_dict()
    assert first == {
        "entry_time": minute(1),
        "entry_price": 100.0,
        "exit_time": minute(3),
        "exit_price": 120.0,
        "quantity": 10.0,
        "fees": 22.0,
        "pnl": 178.0,
        "return": 0.178,
        "status": "closed",
    }
    assert list(table["status"]) == ["closed", "closed"]


def test_a_position_open_at_the_end_stays_open_and_is_valued_at_the_last_close(scripted, bars_of):
    report = backtest(scripted, bars_of([90, 100, 110], "b..", closes=[100, 110, 130]), cash=1010, fee=0.01)
    assert (report.stats.trades, report.stats.open_trades) == (0, 1)
    assert report.stats.final_equity == 1300
    assert report.stats.fees_paid == 10
    assert math.isnan(report.stats.win_rate)
    assert math.isnan(report.stats.profit_factor)
    last = report.trades.iloc[-1]
    assert last["status"] == "open"
    assert last["exit_time"] is pd.NaT
    assert math.isnan(last["exit_price"])
    assert last["pnl"] == 290


def test_a_signal_on_the_last_bar_is_not_filled(scripted, bars_of):
    report = backtest(scripted, bars_of([90, 100, 110], "..b"))
    assert report.fills == []
    assert report.stats.total_return == 0


def test_a_signal_on_the_last_bar_but_one_is_filled(scripted, bars_of):
    report = backtest(scripted, bars_of([90, 100, 110], ".b."))
    assert [fill.price for fill in report.fills] == [110]


def test_no_trade_at_all(scripted, bars_of):
    stats = backtest(scripted, bars_of([90, 100, 110], "...")).stats
    assert (stats.trades, stats.exposure, stats.max_drawdown, stats.fees_paid) == (0, 0, 0, 0)
    assert [math.isnan(stats[name]) for name in ("sharpe", "win_rate", "profit_factor")] == [True] * 3
    assert stats.as_dict()["sharpe"] is None


def test_one_bar(scripted, bars_of):
    report = backtest(scripted, bars_of([90], "b"))
    assert report.stats.final_equity == 10_000
    assert report.stats.buy_and_hold == 0


def test_both_signals_at_once_buy_when_flat_and_sell_when_long(scripted, bars_of):
    report = backtest(scripted, bars_of([90, 100, 110, 120], "xx.."))
    assert [fill.side for fill in report.fills] == [Side.BUY, Side.SELL]


def test_a_buy_while_long_and_a_sell_while_flat_do_nothing(scripted, bars_of):
    report = backtest(scripted, bars_of([90, 100, 110, 120, 130, 140], "sbbss."))
    assert [(fill.side, fill.price) for fill in report.fills] == [(Side.BUY, 110), (Side.SELL, 130)]


def test_slippage_worsens_both_sides(scripted, bars_of):
    report = backtest(scripted, bars_of(*TWO_TRADES), fee=0, slippage_bps=50)
    assert [fill.price for fill in report.fills] == [Decimal(p) for p in ("100.5", "119.4", "100.5", "39.8")]


@pytest.mark.parametrize("sizing", [0.25, FractionOfEquity(0.25), np.float64(0.25)])
def test_sizing_by_a_fraction_of_the_equity(scripted, bars_of, sizing):
    report = backtest(scripted, bars_of([90, 100, 100, 200, 200, 200], "b.sb.."), cash=1000, fee=0, sizing=sizing)
    assert [fill.quantity for fill in report.fills if fill.side is Side.BUY] == [Decimal("2.5"), Decimal("1.5625")]


def test_sizing_by_a_fixed_amount_and_by_what_is_left_of_it(scripted, bars_of):
    report = backtest(scripted, bars_of([90, 100, 100, 50, 50, 50], "b.sb.."), cash=500, fee=0, sizing=FixedQuote(400))
    assert [fill.quantity for fill in report.fills if fill.side is Side.BUY] == [4, 6]  # 300 are left: 6 at 50


def test_lot_and_tick_round_to_the_disadvantage_of_the_order(scripted, bars_of):
    market = Market("A/B", tick_size="0.5", lot_size="0.1")
    bars = bars_of([90, 100.1, 100, 120.3, 100, 100], "b.s...")
    report = backtest(scripted, bars, cash=1000, fee=0, market=market)
    buy, sell = report.fills
    assert (buy.price, buy.quantity) == (Decimal("100.5"), Decimal("9.9"))
    assert (sell.price, sell.quantity) == (Decimal("120.0"), Decimal("9.9"))


def test_an_order_under_the_minimum_notional_is_refused_and_tried_again(scripted, bars_of):
    market = Market("A/B", lot_size="1", min_notional="100")
    bars = bars_of([90, 60, 50, 30, 30, 30], "bbb.s.")
    report = backtest(scripted, bars, cash=100, fee=0, market=market)
    # 1 at 60 is worth 60: refused. 2 at 50 are worth 100: bought. 2 at 30 are worth 60: the sale is refused.
    assert [fill.price for fill in report.fills] == [50]
    assert report.stats.refused == 2
    assert "minimum notional 100" in report.refused[0].reason
    assert report.stats.open_trades == 1
    assert report.stats.buy_and_hold == -0.4


def test_a_tick_coarser_than_the_price_refuses_the_sale(scripted, bars_of):
    report = backtest(scripted, bars_of([90, 100, 100, 120], "b.s."), market=Market("A/B", tick_size="1000"))
    assert [fill.price for fill in report.fills] == [1000]
    assert report.stats.refused == report.stats.open_trades == 1


def test_start_ignores_earlier_signals_and_counts_from_there(scripted, bars_of):
    bars = bars_of([90, 100, 100, 120, 100, 50, 40, 40], "bb.bs...")
    report = backtest(scripted, bars, cash=1000, fee=0, start="2024-01-01 00:03")
    assert report.warm_up_bars == 3
    assert report.equity.index[0] == minute(3)
    assert len(report.equity) == len(report.bars) == len(report.decisions) == 5
    assert [(fill.side, fill.price) for fill in report.fills] == [(Side.BUY, 100), (Side.SELL, 50)]


@pytest.mark.parametrize("start", ["2024-01-01T00:03Z", minute(3), minute(3).tz_convert("Asia/Tokyo"), minute(3).asm8])
def test_start_is_a_time_in_utc_unless_it_says_otherwise(scripted, bars_of, start):
    assert backtest(scripted, bars_of(*TWO_TRADES), start=start).warm_up_bars == 3


@pytest.mark.parametrize("cash", [1e-4, 1e12])
def test_the_amount_of_cash_changes_no_return(scripted, bars_of, cash):
    opens = 64_000 + 900 * np.sin(np.arange(400.0)).round(3)
    bars = bars_of(opens, "b.s." * 100)
    plain, other = backtest(scripted, bars), backtest(scripted, bars, cash=cash)
    assert plain.portfolio_scale == 1
    assert other.stats.trades == plain.stats.trades == 100
    for name in ("total_return", "max_drawdown", "sharpe", "win_rate", "profit_factor", "exposure", "buy_and_hold"):
        assert other.stats[name] == pytest.approx(plain.stats[name], rel=1e-12), name
    assert other.equity.iloc[-1] == pytest.approx(other.stats.final_equity, rel=1e-12)


def test_a_hole_in_the_data_is_a_missing_row(scripted, bars_of):
    bars = bars_of(*TWO_TRADES).drop(index=minute(1))
    report = backtest(scripted, bars)
    assert pd.Timestamp(report.fills[0].time, tz="UTC") == minute(2)


def test_it_takes_checked_columns_and_changes_no_input(scripted, bars_of):
    bars = bars_of(*TWO_TRADES)
    before = bars.copy(deep=True)
    columns = BarColumns.of(bars)
    assert backtest(scripted, bars).stats == backtest(scripted, columns).stats
    pd.testing.assert_frame_equal(bars, before)


def test_the_callers_decimal_context_changes_nothing(scripted, bars_of):
    exact = backtest(scripted, bars_of(*TWO_TRADES))
    with decimal.localcontext(decimal.Context(prec=5)):
        coarse = backtest(scripted, bars_of(*TWO_TRADES))
    assert coarse.stats == exact.stats
    pd.testing.assert_frame_equal(coarse.trades, exact.trades, check_exact=True)
