"""Costs, delays, lost orders, neighbours, regimes and months, each by another way."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cryptobot.backtest.run import backtest
from cryptobot.backtest.stability.costs import break_even_fee, delayed, dropped
from cryptobot.backtest.stability.neighbours import neighbourhood, shares
from cryptobot.backtest.stability.regimes import regimes
from cryptobot.backtest.stability.run import stability
from cryptobot.backtest.statistics.record import Record, Terms
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market
from cryptobot.exchange.matching import Costs
from cryptobot.market.practice import practice_bars
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.decision import Decisions
from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover
from cryptobot.strategy.param import param

STRATEGY = MovingAverageCrossover(fast=10, slow=40)


@pytest.fixture(scope="module")
def frame():
    return practice_bars(6_000, seed=11, timeframe="1h")


@pytest.fixture(scope="module")
def report(frame):
    return stability(STRATEGY, frame, slippage_bps=2, samples=40)


def test_every_case_of_the_costs_is_a_backtest(frame, report):
    table = report.costs
    assert table.groupby("what").size().to_dict() == {"delay": 3, "fee": 6, "slippage": 6}
    assert table["given"].sum() == 3
    for line in table[table["what"] != "delay"].to_dict("records"):
        fee = line["value"] if line["what"] == "fee" else 0.001
        slippage = line["value"] if line["what"] == "slippage" else 2
        stats = backtest(STRATEGY, frame, fee=fee, slippage_bps=slippage).stats
        assert line["total_return"] == pytest.approx(stats.total_return, rel=1e-12)
        assert line["sharpe"] == pytest.approx(stats.sharpe, rel=1e-9)
        assert line["max_drawdown"] == stats.max_drawdown
        assert line["trades"] == stats.trades
    assert sorted(table[table["what"] == "slippage"]["value"]) == [2, 3, 4, 7, 12, 22]
    given = table[table["given"]]["total_return"]
    assert len(set(given)) == 1


def test_a_delay_moves_every_fill_by_bars(bars_of, scripted):
    bars = BarColumns.of(bars_of([10, 11, 12, 13, 14, 15, 16], "b..s..."))
    said = scripted.batch(bars)
    late = delayed(said, 2)
    record = Record.of_decisions(late, bars, Terms.of(100, 0, 0, None))
    assert record.ledger.rows == [3, 6]
    assert delayed(said, 0) is said


def test_without_a_fee_others_are_tried(frame):
    table = stability(STRATEGY, frame, fee=0, samples=10).costs
    assert table[table["what"] == "fee"]["value"].tolist() == [0, 0.0005, 0.001, 0.002]


def closed_form(record: Record) -> float:
    """The fee that eats up closed trades: each multiplies the money by gross (1 - f) / (1 + f)."""
    trips = record.trips
    gross = np.prod((trips.prices[trips.exits] / trips.prices[trips.entries]) ** (1 / len(trips)))
    return (gross - 1) / (gross + 1)


def test_the_break_even_fee_is_where_nothing_is_left(follow, market):
    bars = market(3_000, seed=2, edge=0.002)
    decisions = follow(bucket=3).batch(bars)
    terms = Terms.of(10_000, 0.001, 0, None)
    broken = break_even_fee(decisions, bars, terms)
    record = Record.of_decisions(decisions, bars, Terms.of(10_000, 0, 0, None))
    if record.trips.exits[-1] < len(bars):
        assert broken == pytest.approx(closed_form(record), abs=1e-6)
    left = Record.of_decisions(decisions, bars, Terms.of(10_000, broken, 0, None)).total_return
    assert abs(left) < 1e-3
    # Slippage eats from the same margin.
    slipping = break_even_fee(decisions, bars, Terms.of(10_000, 0.001, 5, None))
    assert slipping == pytest.approx(broken - 0.0005, abs=5e-6)


def test_there_is_no_break_even_fee_without_a_gain(follow, market):
    bars = market(500, seed=1, edge=-0.01)
    terms = Terms.of(10_000, 0.001, 0, None)
    assert math.isnan(break_even_fee(follow(bucket=3).batch(bars), bars, terms))
    assert math.isnan(break_even_fee(follow(bucket=20).batch(bars), bars, terms))


def test_lost_orders(follow, market):
    bars = market(2_000, seed=2, edge=0.002)
    decisions, costs = follow(bucket=3).batch(bars), Costs(Decimal("0.001"), Decimal(1))
    exact = Record.of_decisions(decisions, bars, Terms.of(1, 0.001, 1, None)).total_return
    assert dropped(decisions, bars, costs, rate=0.0, samples=3, seed=0) == pytest.approx([exact] * 3, rel=1e-9)
    assert (dropped(decisions, bars, costs, rate=1.0, samples=3, seed=0) == 0).all()
    some = dropped(decisions, bars, costs, rate=0.1, samples=200, seed=0)
    assert np.array_equal(some, dropped(decisions, bars, costs, rate=0.1, samples=200, seed=0))
    assert some.std() > 0
    # One trade in ten is missed, and each exit is one bar late one time in ten: about a tenth of the growth.
    assert np.median(np.log1p(some)) < np.log1p(exact)


def test_a_lost_order_is_tried_again_at_the_next_signal():
    n = 60
    bars = BarColumns.of(practice_bars(n, seed=1))
    buy, sell = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    buy[[5, 20]] = True
    sell[40] = True
    decisions = Decisions(bars.time, buy, sell, {})
    found = dropped(decisions, bars, Costs(0, 0), rate=0.5, samples=400, seed=3)
    opened, last = bars.open, bars.close[-1]
    possible = {0.0} | {end / opened[start] - 1 for start in (6, 21) for end in (opened[41], last)}
    assert {round(v, 9) for v in found} == {round(v, 9) for v in possible}
    assert np.mean(found == 0) == pytest.approx(0.25, abs=0.07)


class Peak(Strategy):
    """Holds the bar after a volume near ``at``, within ``reach`` of it."""

    at = param(10, ge=0, le=100)
    reach = param(0, ge=0, le=50)

    def should_buy(self, x):
        return abs(x.volume - self.at) <= self.reach

    def should_sell(self, x):
        return abs(x.volume - self.at) > self.reach


def test_a_plateau_is_told_from_a_peak(market):
    terms = Terms.of(10_000, 0, 0, None)
    lone = neighbourhood(Peak(at=10), market(4_000, seed=3, good=10, edge=0.004, buckets=30), terms)
    assert lone.table["at"].tolist()[0] == 10
    assert set(lone.table["at"]) == {8, 9, 10, 11, 12}
    assert lone.table["steps"].tolist()[0] == 0
    assert not lone.is_plateau
    assert lone.kept < 0.5
    assert lone.better == 0
    rising = market(4_000, seed=3, good=10, edge=0.0, buckets=30)
    wide = neighbourhood(Peak(at=10, reach=30), rising, terms)
    assert set(wide.table["reach"]) == {24, 27, 30, 33, 36}
    # Nearly every bar is held, whatever the numbers: the Sharpe ratio is that of the market.
    market_ratio = Record.buy_and_hold(rising, terms).sharpe
    assert wide.table["sharpe"].to_numpy() == pytest.approx(market_ratio, abs=0.7)
    assert wide.is_plateau == (market_ratio > 0)


def test_half_of_the_ratio_is_what_counts_as_kept():
    assert shares(np.array([2.0, 1.0, 0.99, 2.1, np.nan, -3.0])) == (0.4, 0.2)
    kept, better = shares(np.array([-1.0, 0.0, -2.0]))
    assert math.isnan(kept)
    assert better == 0.5
    assert all(map(math.isnan, shares(np.array([np.nan, 1.0]))))
    assert all(map(math.isnan, shares(np.array([1.0]))))


def test_neighbours_keep_bounds_and_constraints(frame):
    terms = Terms.of(10_000, 0.001, 0, None)
    around = neighbourhood(MovingAverageCrossover(fast=1, slow=2, volatility_window=2), BarColumns.of(frame), terms)
    assert (around.table["fast"] < around.table["slow"]).all()
    assert around.table["fast"].min() >= 1
    assert around.table["volatility_window"].min() >= 2
    # A threshold of 0 has no scale and stays.
    assert set(around.table["volatility_threshold"]) == {0.0}
    assert len(around.table) == len(around.table.drop_duplicates(["fast", "slow", "volatility_window"]))
    first = around.table.iloc[0]
    assert (first["fast"], first["slow"], first["volatility_window"]) == (1, 2, 2)
    figures = backtest(MovingAverageCrossover(fast=1, slow=2, volatility_window=2), frame).stats
    assert first["total_return"] == pytest.approx(figures.total_return, rel=1e-9)


def test_a_strategy_without_numbers_has_no_neighbours(scripted, bars_of):
    report = stability(scripted, bars_of([10.0 + i % 3 for i in range(60)], "b.s..." * 10), samples=10)
    assert report.neighbours is None
    assert report._repr_html_()
    assert report.plot()
    assert report.as_dict()["neighbours"] is None


def test_months_and_regimes_compound_to_the_whole(report):
    whole = report.record.total_return
    assert np.prod(1 + report.months["total_return"]) - 1 == pytest.approx(whole, rel=1e-9)
    assert np.prod(1 + report.regimes["total_return"]) - 1 == pytest.approx(whole, rel=1e-9)
    hold = report.hold.total_return
    assert np.prod(1 + report.months["buy_and_hold"]) - 1 == pytest.approx(hold, rel=1e-9)
    assert np.prod(1 + report.regimes["buy_and_hold"]) - 1 == pytest.approx(hold, rel=1e-9)
    assert report.regimes["share"].sum() == pytest.approx(1)
    assert report.months["trades"].sum() == len(report.record.trips)


def test_a_trade_belongs_to_the_month_of_its_fill(bars_of, scripted):
    frame = bars_of([10.0] * 6, "b.sb..")
    frame.index = pd.date_range("2024-01-31 21:00", periods=6, freq="1h", tz="UTC")  # fills at 22:00 and at 01:00
    assert stability(scripted, frame, samples=10).months["trades"].to_dict() == {"2024-01": 1, "2024-02": 1}
    frame.index = pd.date_range(
        "2024-01-31 23:00", periods=6, freq="1h", tz="UTC"
    )  # signalled in one, filled in the next
    assert stability(scripted, frame, samples=10).months["trades"].to_dict() == {"2024-01": 0, "2024-02": 2}


def test_months_are_those_of_the_calendar(frame, report):
    whole = backtest(STRATEGY, frame, slippage_bps=2)
    strategy = whole.equity
    bought = whole.trades["entry_time"].dt.strftime("%Y-%m").value_counts()
    assert report.months["trades"].to_dict() == {month: bought.get(month, 0) for month in report.months.index}
    ends = strategy.groupby(strategy.index.strftime("%Y-%m")).last()
    expected = ends / ends.shift(1, fill_value=10_000) - 1
    assert report.months.index.tolist() == expected.index.tolist()
    assert report.months["total_return"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-9, abs=1e-12)
    for month, line in report.months.iterrows():
        inside = np.append(1.0, 1 + report.record.returns[frame.index.strftime("%Y-%m") == month]).cumprod()
        assert line["max_drawdown"] == pytest.approx((inside / np.maximum.accumulate(inside) - 1).min())


def test_a_regime_is_known_from_the_bars_before(frame):
    bars = BarColumns.of(frame)
    trend, temper = regimes(bars, 100)
    assert (trend[:101] == -1).all()
    assert (trend[101:] >= 0).all()
    assert set(temper[101:]) == {0, 1}
    assert np.mean(temper[101:]) == pytest.approx(0.5, abs=0.01)
    logs = np.log(bars.close)
    sums = np.array([logs[row - 1] - logs[row - 101] for row in range(101, len(bars))])
    limit = sums.std() / 2
    expected = np.where(sums > limit, 2, np.where(sums < -limit, 0, 1))
    assert np.mean(trend[101:] == expected) > 0.999  # but for the last bits of the sums
    spreads = np.array([np.diff(logs[row - 101 : row]).std() for row in range(101, len(bars))])
    assert np.mean(temper[101:] == (spreads > np.median(spreads))) > 0.999
    assert (regimes(bars.head(50), 100)[0] == -1).all()


def test_a_straight_rise_is_rising(market):
    close = np.round(100 * 1.001 ** np.arange(500), 6)
    opened = np.append(100.0, close[:-1])
    columns = {"open": opened, "high": close, "low": opened, "close": close, "volume": np.ones(500)}
    bars = BarColumns.unchecked(np.arange(500) * 3_600_000_000_000, columns, market(10).timeframe)
    trend, _ = regimes(bars, 24)
    assert (trend[25:] == 2).all()


def test_it_says_what_it_found(report):
    text = report.summary()
    assert text.startswith("MovingAverageCrossover (")
    assert "one bar late" in text
    assert text.endswith(".")
    assert text in repr(report)
    page = report._repr_html_()
    assert page.count("<table>") == page.count("</table>") == 3
    assert "Break-even fee" in page
    said = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert len(said["costs"]) == 15
    assert math.isnan(report.case("delay", 9))
    for template in ("auto", "light", "dark"):
        figure = report.plot(template=template)
        assert {trace.name for trace in figure.data} >= {"Fee, %", "Slippage, bps", "Orders lost, %", "Strategy"}


def test_what_never_trades_is_said_to_be_so(follow, market):
    idle = stability(follow(bucket=20), market(800), samples=10)
    assert idle.summary() == "Follow never traded, so that there is nothing to shake."
    assert idle._repr_html_()
    json.dumps(idle.as_dict(), allow_nan=False)


def test_markets_rules_are_kept(frame):
    rules = Market("BTC/USDT", "0.01", "0.001", "5")
    report = stability(STRATEGY, frame, market=rules, samples=10)
    stats = backtest(STRATEGY, frame, market=rules).stats
    assert report.record.total_return == pytest.approx(stats.total_return, rel=1e-12)
    assert report.neighbours.table["total_return"].iloc[0] == pytest.approx(stats.total_return, rel=1e-9)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strategy": MovingAverageCrossover}, "is a class"),
        ({"strategy": "ma_crossover"}, "get_strategy"),
        ({"samples": 5}, "samples: 5"),
        ({"fee": 1}, "fee: 1"),
        ({"cash": 0}, "cash: 0"),
        ({"bars": [1, 2]}, "not a table of bars"),
    ],
)
def test_bad_input(frame, change, said):
    arguments = {"strategy": STRATEGY, "bars": frame, **change}
    with pytest.raises(ConfigError, match=said):
        stability(arguments.pop("strategy"), arguments.pop("bars"), **arguments)
