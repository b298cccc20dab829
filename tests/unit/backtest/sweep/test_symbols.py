"""A sweep over several symbols: each as if swept alone, the best of all, and luck counted over all of them."""

from __future__ import annotations

import importlib
from decimal import Decimal

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.backtest.statistics.luck import trial_spread
from cryptobot.backtest.statistics.sharpe import best_by_luck

CROSS = cb.MovingAverageCrossover
RANGES = {"fast": range(3, 8), "slow": range(6, 30, 4)}


@pytest.fixture(scope="module")
def frames():
    return {"BTC/USDT": cb.practice_bars(3_000, seed=1), "ETH/USDT": cb.practice_bars(2_500, seed=2)}


@pytest.fixture(scope="module")
def sweeps(frames):
    return cb.sweep(CROSS, frames, workers=1, **RANGES)


def test_each_symbol_is_as_if_swept_alone(frames, sweeps):
    assert list(sweeps) == list(frames)
    assert sweeps.complete
    for symbol, bars in frames.items():
        alone = cb.sweep(CROSS, bars, **RANGES)
        assert sweeps[symbol].figures.tobytes() == alone.figures.tobytes()
        assert sweeps[symbol].block_sums.tobytes() == alone.block_sums.tobytes()
        assert len(sweeps[symbol].skipped) == len(alone.skipped) > 0


def test_the_table_and_the_best_are_of_all(frames, sweeps):
    assert len(sweeps.table) == sum(len(report) for report in sweeps.values())
    assert sweeps.table.index.names == ["symbol", "row"]
    sharpe = {symbol: float(report.best(1)["sharpe"].iloc[0]) for symbol, report in sweeps.items()}
    winner = max(sharpe, key=sharpe.__getitem__)
    assert sweeps.best_symbol == winner
    assert sweeps.best(1)["sharpe"].iloc[0] == sharpe[winner]
    assert (np.diff(sweeps.best(20)["sharpe"]) <= 0).all()
    again = cb.backtest(sweeps.best_strategy, frames[winner])
    assert again.stats.total_return == pytest.approx(sweeps.best(1)["total_return"].iloc[0], rel=1e-9)
    assert winner in sweeps.summary()
    assert all(symbol in sweeps._repr_html_() for symbol in frames)
    with pytest.raises(cb.ConfigError, match="at least 1"):
        sweeps.best(0)


def test_luck_counts_the_trials_of_all_symbols(sweeps):
    luck = sweeps.luck
    spreads = [trial_spread(report) for report in sweeps.values()]
    assert luck.trials == sum(trials for trials, _ in spreads) > max(trials for trials, _ in spreads)
    variance = sum(trials * variance for trials, variance in spreads) / luck.trials
    year = sweeps[sweeps.best_symbol].bars.timeframe.bars_per_year
    assert luck.luck_sharpe == pytest.approx(best_by_luck(luck.trials, variance) * np.sqrt(year))
    assert luck.luck_sharpe > sweeps[sweeps.best_symbol].luck.luck_sharpe * 0.9


def test_luck_of_one_symbol_is_that_of_its_own_report(frames):
    one = cb.sweep(CROSS, {"BTC/USDT": frames["BTC/USDT"]}, **RANGES)
    assert one.luck == one["BTC/USDT"].luck


def test_markets_by_symbol_keep_their_own_rules(frames):
    rules = {
        "BTC/USDT": cb.Market("BTC/USDT", lot_size=Decimal("0.01")),
        "ETH/USDT": cb.Market("ETH/USDT", tick_size=Decimal("0.1")),
    }
    got = cb.sweep(CROSS, frames, market=rules, fast=[3, 4], slow=20)
    for symbol, bars in frames.items():
        alone = cb.sweep(CROSS, bars, market=rules[symbol], fast=[3, 4], slow=20)
        assert got[symbol].figures.tobytes() == alone.figures.tobytes()


def test_a_run_is_recorded_for_each_symbol(frames, monkeypatch, tmp_path):
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CRYPTOBOT_RECORD_RUNS", "true")
    got = cb.sweep(CROSS, frames, fast=[3, 4], slow=20)
    assert {run.id: run.symbol for run in cb.runs()} == {report.run_id: symbol for symbol, report in got.items()}


BAD = {
    "empty": ({}, None, "the mapping is empty"),
    "no text": ({3: "bars"}, None, "3 is no symbol"),
    "unknown market": ("frames", {"BTC/USD": None}, "Did you mean `BTC/USDT`?"),
    "market left out": ("frames", {"BTC/USDT": None}, "no rules for `ETH/USDT`"),
    "markets for one": ("one", {"BTC/USDT": None}, "rules by symbol need bars by symbol"),
}


@pytest.mark.parametrize(("bars", "market", "said"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_refused(frames, bars, market, said):
    given = {"frames": frames, "one": frames["BTC/USDT"]}.get(bars, bars) if isinstance(bars, str) else bars
    with pytest.raises(cb.ConfigError) as caught:
        cb.sweep(CROSS, given, market=market, fast=[5])
    assert said in str(caught.value)


def test_bad_bars_name_their_symbol(frames):
    broken = frames["ETH/USDT"].copy()
    broken.iloc[7, broken.columns.get_loc("close")] = np.nan
    with pytest.raises(cb.DataError, match=r"bars\['ETH/USDT'\]: bar 7"):
        cb.sweep(CROSS, {**frames, "ETH/USDT": broken}, fast=[5])


def test_an_unknown_symbol_is_named(sweeps):
    with pytest.raises(KeyError, match="Did you mean `BTC/USDT`"):
        sweeps["BTC/USD"]
    assert sweeps.get("BTC/USD") is None
    assert "BTC/USD" not in sweeps


def test_ctrl_c_between_symbols_keeps_what_is_done(frames, monkeypatch):
    compute = importlib.import_module("cryptobot.backtest.sweep.compute")
    plain, seen = compute.make_plan, []

    def interrupted(*given, **more):
        seen.append(1)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return plain(*given, **more)

    monkeypatch.setattr(compute, "make_plan", interrupted)
    got = cb.sweep(CROSS, {**frames, "SOL/USDT": frames["BTC/USDT"]}, workers=1, **RANGES)
    assert list(got) == ["BTC/USDT"]
    assert got["BTC/USDT"].complete
    assert not got.complete
    assert got.missing == ("ETH/USDT", "SOL/USDT")
    assert "interrupted before `ETH/USDT`, `SOL/USDT`" in repr(got)
    with pytest.raises(KeyError, match="not reached"):
        got["ETH/USDT"]
