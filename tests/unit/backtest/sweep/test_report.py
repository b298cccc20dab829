"""What a sweep shows: tables, pictures, sentences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.backtest.sweep.figures import FIGURES

CROSS = cb.MovingAverageCrossover


@pytest.fixture(scope="module")
def report():
    bars = cb.practice_bars(6_000, seed=3, timeframe="1h")
    return cb.sweep(CROSS, bars, fast=[5, 10, 20], slow=[15, 40, 80], volatility_threshold=[0.0, 0.004, 1.0])


def test_the_table_has_parameters_then_figures(report):
    assert list(report.table) == [*CROSS.parameters(), *FIGURES]
    assert report.table["fast"].dtype == np.int64
    assert report.table["trades"].dtype == np.int64
    assert len(report.table) == len(report) == 24
    assert report.parameters == ["fast", "slow", "volatility_threshold"]


def test_the_best_come_first_and_what_is_undefined_last(report):
    best = report.best(len(report))
    values = best["sharpe"].to_numpy()
    known = values[np.isfinite(values)]
    assert (np.diff(known) <= 0).all()
    assert np.isnan(values[known.size :]).all()
    assert np.isnan(values).sum() == 8  # a threshold that nothing passes
    assert report.table.loc[best.index[0]].equals(best.iloc[0])
    assert list(report.best(2).index) == list(best.index[:2])


def test_equals_keep_their_order(report):
    same = dataclasses.replace(report, rank="trades")
    last = same.best(len(report)).tail(8)
    assert list(last.index) == sorted(last.index)


def test_the_best_can_be_backtested(report):
    stats = cb.backtest(report.best_strategy, report.bars).stats
    assert stats.sharpe == pytest.approx(report.best(1)["sharpe"].iloc[0], rel=1e-9)


def test_moments_are_those_of_the_equity(report):
    equity = cb.backtest(report.strategy_of(0), report.bars).equity_values
    returns = np.append(0.0, equity[1:] / equity[:-1] - 1.0)
    edges = np.arange(17) * len(report.bars) // 16
    for block in range(16):
        part = returns[edges[block] : edges[block + 1]]
        wanted = [part.size, part.sum(), (part**2).sum()]
        assert report.moments[0, block] == pytest.approx(wanted, rel=1e-9, abs=1e-13)


@pytest.mark.parametrize("n", [0, -1, 1.5, True, None])
def test_best_of_nonsense_says_what_to_do(report, n):
    with pytest.raises(cb.ConfigError, match="whole number of at least 1"):
        report.best(n)


def test_a_row_that_is_not_there_says_which_are(report):
    with pytest.raises(cb.ConfigError, match="the rows 0 to 23"):
        report.strategy_of(24)


def test_the_heatmap_shows_every_pair(report):
    figure = report.heatmap("fast", "slow", "total_return", others="best")
    (trace,) = figure.data
    assert list(trace.x) == ["5", "10", "20"]
    assert list(trace.y) == ["15", "40", "80"]
    grid = np.array(trace.z, dtype=float)
    table = report.table.groupby(["slow", "fast"])["total_return"].max().unstack()
    assert np.array_equal(grid, table.to_numpy(), equal_nan=True)
    median = np.array(report.heatmap("fast", "slow", "total_return").data[0].z, dtype=float)
    assert median[1, 1] == report.table.query("fast == 10 and slow == 40")["total_return"].median()
    assert np.isnan(grid[0, 2])  # fast 20 is not below slow 15


BAD = {
    "an unknown parameter": (("fsat", "slow"), {}, "Did you mean `fast`?"),
    "one that does not differ": (("fast", "volatility_window"), {}, "does not differ"),
    "twice the same": (("fast", "fast"), {}, "other axis already"),
    "an unknown figure": (("fast", "slow", "sharp"), {}, "Did you mean `sharpe`?"),
    "unknown others": (("fast", "slow"), {"others": "mean"}, "others: 'mean' is unknown"),
    "an unknown template": (("fast", "slow"), {"template": "drak"}, "Did you mean `dark`?"),
}


@pytest.mark.parametrize(("names", "more", "said"), BAD.values(), ids=BAD)
def test_a_heatmap_of_nonsense_says_what_to_do(report, names, more, said):
    with pytest.raises(cb.ConfigError) as caught:
        report.heatmap(*names, **more)
    assert said in str(caught.value)


@pytest.mark.parametrize("template", ["auto", "light", "dark"])
def test_the_plot_has_a_panel_for_each_parameter(report, template):
    figure = report.plot(template=template)
    assert {trace.xaxis or "x" for trace in figure.data} == {"x", "x2", "x3", "x4"}
    middle = next(trace for trace in figure.data if trace.xaxis == "x2" and "markers" in (trace.mode or ""))
    assert list(middle.x) == [5, 10, 20]
    assert middle.y[0] == pytest.approx(report.table.query("fast == 5")["sharpe"].median())
    counts = next(trace for trace in figure.data if trace.type == "bar")
    assert sum(counts.y) == 16


def test_the_sentence_and_the_luck_stand_beside_the_best(report):
    shown = report._repr_html_()
    assert report.luck.sentence.partition(":")[0] in shown
    assert "The best of 24 combinations of MovingAverageCrossover by sharpe" in shown
    assert "3 combinations break a constraint and were skipped" in shown
    assert "MovingAverageCrossover" in repr(report)
    assert "The best 8 of 24 combinations by sharpe" in shown


def test_names_and_texts_are_escaped(report):
    class Named(cb.Strategy):
        side = cb.param("<b>up</b>")

        def should_buy(self, x):
            return x.close > 0

        def should_sell(self, x):
            return x.close < 0

    Named.__name__ = "<script>alert(1)</script>"
    shown = cb.sweep(Named, report.bars, side=["<b>up</b>", "<i>"])._repr_html_()
    assert "<script>" not in shown
    assert "<b>up</b>" not in shown


def test_what_never_trades_is_said_to():
    bars = cb.practice_bars(300, seed=1)
    never = cb.sweep(CROSS, bars, volatility_threshold=[1.0, 2.0])
    assert never.summary() == "None of 2 combinations of MovingAverageCrossover ever traded."
    assert never.best(1)["trades"].iloc[0] == 0
    assert "ever traded" in never._repr_html_()
    assert len(never.plot().data) >= 1


@pytest.mark.parametrize("n", [1, 2, 3])
def test_hardly_any_bars(n):
    report = cb.sweep(CROSS, cb.practice_bars(n, seed=1), fast=[1, 2], slow=[3, 200])
    assert (report.table["trades"] == 0).all()
    assert (report.table["total_return"] == 0).all()
    assert report.moments.shape == (4, 16, 3)
    assert report.moments[..., 0].sum(axis=1).tolist() == [n] * 4
    assert "CrossOver".lower() in repr(report).lower()
