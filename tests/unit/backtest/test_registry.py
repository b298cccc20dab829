"""Runs are recorded whole, found again, and told apart by code and data."""

from __future__ import annotations

import sqlite3
import threading
import warnings

import numpy as np
import pandas as pd
import pytest

import cryptobot as cb
from cryptobot.backtest.registry.recording import Runs, registry, runs
from cryptobot.backtest.registry.registry import RunRegistry
from cryptobot.backtest.registry.run import bars_digest
from cryptobot.core.bars import BarColumns
from cryptobot.core.clock import SimulatedClock
from cryptobot.core.limits import Limits
from cryptobot.market.practice import PRACTICE_MARKET

BARS = cb.practice_bars(600, seed=2)
STRATEGY = cb.MovingAverageCrossover(3, 8)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CRYPTOBOT_RECORD_RUNS", "true")
    return tmp_path


def test_a_backtest_is_kept_with_all_that_it_was_made_of(place):
    report = cb.backtest(STRATEGY, BARS, market=PRACTICE_MARKET, slippage_bps=1, limits=Limits(stop_loss=0.05))
    [run] = runs()
    assert run.id == report.run_id
    assert (run.kind, run.strategy, run.symbol, run.timeframe, run.bars) == (
        "backtest",
        "ma_crossover",
        "BTC/USDT",
        "1m",
        600,
    )
    assert run.parameters == STRATEGY.params
    assert run.results["total_return"] == report.stats.total_return
    assert run.assumptions["limits"] == {"stop_loss": "0.05"}
    assert run.assumptions["market"]["tick_size"] == "0.01"
    assert run.versions["cryptobot"] == cb.__version__
    assert (run.first, run.last) == (int(report.bars.time[0]), int(report.bars.time[-1]))
    pd.testing.assert_frame_equal(registry().table(run.id, "trades"), report.trades)
    equity = registry().table(run.id[:18], "equity")
    assert equity["equity"].iloc[-1] == report.stats.final_equity
    assert registry().get(run.id) == run


def test_a_long_equity_is_thinned_to_its_end():
    report = cb.backtest(STRATEGY, cb.practice_bars(5_000, seed=1))
    kept = registry().table(report.run_id, "equity")
    assert len(kept) <= 2_000
    assert kept.index[-1] == report.equity.index[-1]
    assert kept["equity"].equals(report.equity[kept.index])


def test_the_same_code_and_data_are_known_again_and_others_are_not():
    first, again = (cb.backtest(STRATEGY, BARS).run_id for _ in range(2))
    other = cb.backtest(cb.RSIStrategy() if hasattr(cb, "RSIStrategy") else cb.BuyAndHold(), BARS).run_id
    changed = BARS.copy()
    changed.iloc[300, 4] += 1e-9
    moved = cb.backtest(STRATEGY, changed).run_id
    kept = {run.id: run for run in runs()}
    assert kept[first].code == kept[again].code != kept[other].code
    assert kept[first].data == kept[again].data == kept[other].data != kept[moved].data
    assert len(registry().find(code=kept[first].code, data=kept[first].data)) == 2


def test_the_newest_come_first_and_can_be_chosen(place):
    clock = SimulatedClock(10**18)
    kept = RunRegistry(place / "runs", clock)
    columns = BarColumns.of(BARS)
    for number in range(4):
        clock.advance(60)
        kept.add(
            "sweep" if number % 2 else "backtest",
            cb.MovingAverageCrossover,
            columns,
            parameters={"fast": range(2, 5), "n": np.int64(number)},
            symbol="BTC/USDT",
            assumptions={},
            results={"sharpe": float("nan")},
        )
    assert [run.parameters["n"] for run in runs()] == [3, 2, 1, 0]
    assert [run.parameters["n"] for run in runs("sweep")] == [3, 1]
    assert len(runs(n=2)) == 2
    assert isinstance(runs()[1:], Runs)
    assert len(runs()[1:]) == 3
    assert runs()[0].parameters["fast"] == [2, 3, 4]
    assert [run.id for run in runs(ids=[runs()[2].id, runs()[0].id])] == [runs()[2].id, runs()[0].id]
    assert list(runs().table["kind"]) == ["sweep", "backtest"] * 2


def test_runs_beside_each_other_show_what_differs():
    cb.backtest(STRATEGY, BARS)
    cb.backtest(cb.MovingAverageCrossover(4, 8), BARS, fee=0.002)
    beside = runs().compare()
    assert {"fast", "fee"} <= set(beside.index)
    assert "slow" not in beside.index
    assert "total_return" in beside.index
    assert "<script" not in Runs(runs()[:])._repr_html_()
    assert "ma_crossover" in repr(runs())


def test_nothing_is_recorded_where_that_is_asked_for(place, monkeypatch):
    assert cb.backtest(STRATEGY, BARS, record=False).run_id is None
    monkeypatch.setenv("CRYPTOBOT_RECORD_RUNS", "false")
    assert cb.backtest(STRATEGY, BARS).run_id is None
    assert not (place / "runs").exists()
    assert repr(runs()) == "Runs: none recorded yet."


def test_a_place_that_cannot_be_written_costs_the_record_and_not_the_result(place):
    (place / "runs").write_text("a file where a folder is wanted")
    with pytest.warns(UserWarning, match="could not be recorded.*CRYPTOBOT_RECORD_RUNS"):
        report = cb.backtest(STRATEGY, BARS)
    assert report.run_id is None
    assert report.stats.trades > 0


def test_a_run_that_cannot_be_listed_leaves_no_tables(place, monkeypatch):
    kept = registry()

    def broken(*_, **__):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(type(kept), "_index", broken)
    with pytest.warns(UserWarning, match="disk I/O error"):
        cb.backtest(STRATEGY, BARS)
    assert [folder for folder in (place / "runs").iterdir() if folder.is_dir()] == []


def test_many_may_record_at_once(place):
    columns = BarColumns.of(BARS)
    errors = []

    def write():
        try:
            for _ in range(10):
                RunRegistry(place / "runs").add(
                    "backtest", cb.MovingAverageCrossover, columns, parameters={}, symbol="", assumptions={}, results={}
                )
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len({run.id for run in runs(n=None)}) == 40


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: runs("backtests"), "Did you mean `backtest`"),
        (lambda: registry().find(strategi="x"), "Did you mean `strategy`"),
        (lambda: registry().get("2020"), "unknown"),
        (lambda: runs(ids=["nothing"]), "unknown"),
    ],
)
def test_what_is_not_there_is_named(ask, said):
    with pytest.raises(cb.ConfigError, match=said):
        ask()


def test_a_table_that_is_not_there_is_named():
    run = cb.backtest(STRATEGY, BARS).run_id
    with pytest.raises(cb.ConfigError, match=r"trade.*Did you mean `trades`"):
        registry().table(run, "trade")
    cb.backtest(STRATEGY, BARS)
    with pytest.raises(cb.ConfigError, match="begin so"):
        registry().get(run[:8])


def test_runs_of_a_newer_version_are_refused(place):
    cb.backtest(STRATEGY, BARS)
    index = sqlite3.connect(place / "runs" / "index.sqlite")
    index.execute("PRAGMA user_version = 99")
    index.commit()
    index.close()
    with pytest.raises(cb.ConfigError, match="newer version"):
        runs()


def test_one_digit_of_one_bar_is_another_digest():
    columns = BarColumns.of(BARS)
    assert bars_digest(columns) == bars_digest(BarColumns.of(BARS.copy()))
    warnings.simplefilter("error")
    later = BARS.copy()
    later.iloc[-1, 3] = np.nextafter(later.iloc[-1, 3], 0)
    assert bars_digest(BarColumns.of(later)) != bars_digest(columns)
