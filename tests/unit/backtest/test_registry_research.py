"""Sweeps and walk-forwards are recorded once each, with what was tried, under which terms, and what came of it."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

import cryptobot as cb
from cryptobot.backtest.html_parts import tone_of
from cryptobot.backtest.registry import sweeps
from cryptobot.backtest.registry.recording import registry, runs
from cryptobot.backtest.registry.run import bars_digest
from cryptobot.backtest.registry.sweeps import tried
from cryptobot.backtest.registry.words import short
from cryptobot.backtest.sweep.combinations import combinations_of
from cryptobot.backtest.words import percent
from cryptobot.core.bars import BarColumns
from cryptobot.market.practice import PRACTICE_MARKET
from cryptobot.strategy.digest import strategy_digest

BARS = cb.practice_bars(1_200, seed=4)
TRIED = {"fast": [3, 5, 9], "slow": range(8, 20, 4)}
TERMS = {"cash": 5_000, "fee": 0.002, "slippage_bps": 1, "market": PRACTICE_MARKET}
MA = cb.MovingAverageCrossover


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CRYPTOBOT_RECORD_RUNS", "true")
    return tmp_path


def same(kept, given):
    """Equal, NaN included."""
    return kept == given or (math.isnan(kept) and math.isnan(given))


def test_a_sweep_is_kept_with_what_was_tried_and_the_figures_of_the_best():
    report = cb.sweep(MA, BARS, rank="total_return", **TERMS, **TRIED)
    [run] = runs("sweep")
    assert run.id == report.run_id
    assert (run.kind, run.strategy, run.symbol, run.timeframe, run.bars) == ("sweep", MA.name, "BTC/USDT", "1m", 1_200)
    assert run.code == strategy_digest(MA)
    assert run.data == bars_digest(BarColumns.of(BARS))
    assert run.parameters == {
        "fast": [3, 5, 9],
        "slow": [8, 12, 16],
        "volatility_window": 20,
        "volatility_threshold": 0.0,
    }
    assert {name: run.assumptions[name] for name in ("cash", "fee", "slippage_bps", "rank")} == {
        "cash": "5000",
        "fee": "0.002",
        "slippage_bps": "1",
        "rank": "total_return",
    }
    assert run.assumptions["market"]["tick_size"] == "0.01"
    best = report.best(1).iloc[0]
    figures = ("total_return", "max_drawdown", "sharpe", "trades", "win_rate", "profit_factor", "exposure")
    assert all(same(run.results[name], best[name]) for name in figures)
    assert isinstance(run.results["trades"], int)
    assert run.results["best"] == report.best_strategy.params
    # fast 9 with slow 8 breaks a constraint: asked for, skipped, and no trial.
    assert [run.results[name] for name in ("asked", "skipped", "trials", "complete")] == [9, 1, 8, True]
    pd.testing.assert_frame_equal(registry().table(run.id, "table"), report.table)


def test_a_walk_forward_is_kept_with_its_windows_its_equity_and_its_verdict():
    windows = {"train": "6h", "test": dt.timedelta(hours=2), "purge": 3, "embargo": 2, "anchored": True}
    report = cb.walk_forward(MA, BARS, **windows, **TERMS, **TRIED)
    [run] = runs()
    assert run.id == report.run_id
    assert (run.kind, run.strategy, run.symbol, run.bars) == ("walk_forward", MA.name, "BTC/USDT", 1_200)
    assert run.parameters["slow"] == [8, 12, 16]
    assert run.assumptions["fee"] == "0.002"
    assert run.assumptions["rank"] == "sharpe"
    assert {name: run.assumptions[name] for name in (*windows, "step")} == {
        **windows,
        "test": "2:00:00",
        "step": None,
    }
    # All bars that it was given, not only those out of sample.
    assert run.data == bars_digest(BarColumns.of(BARS)) != bars_digest(report.bars)
    assert all(same(run.results[name], value) for name, value in report.stats.as_dict().items())
    assert (run.results["verdict"], run.results["sentence"]) == (report.luck.verdict, report.verdict)
    assert run.results["latest"] == report.latest.params
    assert (run.results["windows"], run.results["complete"]) == (len(report.windows), True)
    pd.testing.assert_frame_equal(registry().table(run.id, "windows"), report.windows)
    pd.testing.assert_series_equal(registry().table(run.id, "equity")["equity"], report.equity, check_freq=False)


def test_a_long_equity_is_thinned_to_its_end():
    report = cb.walk_forward(MA, cb.practice_bars(5_000, seed=1), train=500, test=500, fast=[3], slow=[8, 12])
    kept = registry().table(report.run_id, "equity")
    assert len(kept) <= 2_000
    assert kept["equity"].equals(report.equity[kept.index])
    assert kept.index[-1] == report.equity.index[-1]


def test_one_call_is_one_run():
    """What a call does within itself is not the user's run."""
    cb.walk_forward(MA, BARS, train=400, test=200, **TRIED)
    assert [run.kind for run in runs()] == ["walk_forward"]
    assert cb.sweep(MA, BARS, **TRIED).luck is not None
    assert [run.kind for run in runs()] == ["sweep", "walk_forward"]
    cb.stability(MA(3, 12), BARS, samples=10)
    cb.cross_validate(MA, BARS, purge=20, **TRIED)
    assert len(runs()) == 2


def test_a_sweep_that_backtests_its_sets_one_by_one_is_one_run():
    class Unreadable(MA):
        """Its condition cannot be read as an expression, so that it is evaluated set by set."""

        def should_buy(self, x):
            return np.where(np.sin(x.fast - x.slow) > 0, x.fast > x.slow, x.fast > x.slow)

    report = cb.sweep(Unreadable, BARS, combos=[{"fast": 3, "slow": 8}, {"fast": 5, "slow": 12}])
    assert [run.id for run in runs()] == [report.run_id]


def test_an_interrupted_sweep_is_kept_and_says_so():
    def interrupt(done, total, left):
        if done:
            raise KeyboardInterrupt

    report = cb.sweep(
        MA, BARS, fast=range(2, 60), slow=range(60, 120), workers=1, market=PRACTICE_MARKET, progress=interrupt
    )
    assert not report.complete
    [run] = runs("sweep")
    assert run.results["complete"] is False
    assert len(registry().table(run.id, "table")) == len(report) < run.results["asked"]


def test_a_length_of_time_is_not_taken_for_bars():
    hours = np.timedelta64(6 * 3600 * 10**9, "ns"), np.timedelta64(2, "h")
    cb.walk_forward(MA, BARS, train=hours[0], test=hours[1], **TRIED)
    assumed = runs()[0].assumptions
    assert [assumed["train"], assumed["test"]] == ["21600000000000 nanoseconds", "2 hours"]


def test_without_a_market_none_is_made_up():
    cb.sweep(MA, BARS, **TRIED)
    cb.walk_forward(MA, BARS, train=400, test=200, **TRIED)
    assert [(run.symbol, run.assumptions["market"]) for run in runs()] == [("", None)] * 2


def test_nothing_is_recorded_where_that_is_asked_for(place, monkeypatch):
    assert cb.sweep(MA, BARS, record=False, **TRIED).run_id is None
    assert cb.walk_forward(MA, BARS, train=400, test=200, record=False, **TRIED).run_id is None
    monkeypatch.setenv("CRYPTOBOT_RECORD_RUNS", "false")
    assert cb.sweep(MA, BARS, **TRIED).run_id is None
    assert cb.walk_forward(MA, BARS, train=400, test=200, **TRIED).run_id is None
    assert not (place / "runs").exists()


def test_recording_changes_no_digit():
    recorded, plain = (cb.sweep(MA, BARS, record=record, **TRIED) for record in (True, False))
    pd.testing.assert_frame_equal(recorded.table, plain.table)
    assert recorded.moments.tobytes() == plain.moments.tobytes()


def test_a_place_that_cannot_be_written_costs_the_record_and_not_the_result(place):
    (place / "runs").write_text("a file where a folder is wanted")
    with pytest.warns(UserWarning, match="This sweep could not be recorded"):
        report = cb.sweep(MA, BARS, **TRIED)
    assert report.run_id is None
    assert len(report) == 8
    with pytest.warns(UserWarning, match="This walk-forward could not be recorded"):
        assert cb.walk_forward(MA, BARS, train=400, test=200, **TRIED).run_id is None


class Seeded(MA):
    """Has a parameter whose values no column of 64 bits holds, and one of text."""

    seed = cb.param(0)
    side = cb.param("long", choices=("long", "flat"))


def test_values_that_no_column_holds_are_kept_as_text():
    report = cb.sweep(Seeded, BARS, fast=[3], slow=[8], seed=[1, 2**70], side=["long", "flat"])
    [run] = runs()
    assert run.parameters["seed"] == [1, 2**70]
    kept = registry().table(run.id, "table")
    assert list(kept["seed"]) == ["1", "1", str(2**70), str(2**70)]
    assert list(kept["side"]) == list(report.table["side"])
    cb.walk_forward(Seeded, BARS, train=400, test=200, fast=[3], slow=[8, 12], seed=[2**70])
    assert len(runs()) == 2


def test_what_never_traded_is_kept_without_figures():
    cb.sweep(MA, BARS, fast=[3], slow=[8], volatility_threshold=[0.9])
    assert math.isnan(runs()[0].results["sharpe"])
    assert runs()[0].results["trades"] == 0
    cb.walk_forward(MA, BARS, train=400, test=200, fast=[3], slow=[8], volatility_threshold=[0.9])
    assert runs()[0].results["verdict"] == "no trades"
    assert runs()[0].results["latest"] is None
    assert runs()[0].parameters["volatility_threshold"] == 0.9
    assert "–" in runs()._repr_html_()


def test_of_a_long_table_the_best_rows_are_kept(monkeypatch):
    monkeypatch.setattr(sweeps, "_ROWS", 3)
    report = cb.sweep(MA, BARS, **TRIED)
    pd.testing.assert_frame_equal(registry().table(report.run_id, "table"), report.best(3))
    assert runs()[0].results["trials"] == 8


def test_of_many_values_the_range_is_told():
    many = combinations_of(MA, {}, [{"fast": fast, "slow": 5_000} for fast in range(2, 1_500)])
    assert tried(many)["fast"] == "2…1499 (1,498 values)"
    assert tried(many)["slow"] == 5_000
    cb.sweep(MA, BARS, fast=range(2, 7), slow=[20])
    assert "fast=2…6 (5), slow=20, volatility_window=20" in repr(runs())


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1, 2, 3], "[1, 2, 3]"),
        ([0.1, 0.2, 0.3, 0.30000000000000004], "0.1…0.3 (4)"),
        ({"fast": 3, "level": 0.1 + 0.2}, "fast=3, level=0.3"),
        (None, "–"),
        (math.nan, "–"),
        (1234567.0, "1.23457e+06"),
        (12_345.6, "12,345.6"),
        (True, "True"),
    ],
)
def test_what_a_run_was_made_of_in_few_words(value, said):
    assert short(value) == said


def test_sweeps_and_walk_forwards_stand_beside_each_other():
    cb.sweep(MA, BARS, **TRIED)
    cb.walk_forward(MA, BARS, train=400, test=200, **TRIED)
    beside = runs().compare()
    assert {"kind", "train", "total_return", "trials", "verdict"} <= set(beside.index)
    assert "fee" not in beside.index


def test_a_notebook_shows_them_by_kind_with_their_figures():
    report = cb.sweep(MA, BARS, market=PRACTICE_MARKET, **TRIED)
    cb.walk_forward(MA, BARS, train=400, test=200, **TRIED)
    shown = runs()._repr_html_()
    assert shown.count("<tr>") == 3
    assert shown.index("<b>walk-forward</b>") < shown.index("<b>sweep</b>")
    assert report.run_id in shown
    assert "ma_crossover, 1,200 bars of BTC/USDT 1m" in shown
    assert "ma_crossover, 1,200 bars of 1m" in shown
    assert "fast=[3, 5, 9], slow=[8, 12, 16]" in shown
    total = float(report.best(1)["total_return"].iloc[0])
    assert f"<td class='{tone_of(total)}'>{percent(total, sign=True)}</td>" in shown
    assert runs("backtest")._repr_html_() == "<i>No runs recorded yet.</i>"
