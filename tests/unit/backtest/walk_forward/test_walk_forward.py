"""Walk-forward: every figure by another way, and no leak across the boundary, proved by planting one."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from cryptobot.backtest.ledger import keep_ledger
from cryptobot.backtest.run import backtest, market_of
from cryptobot.backtest.statistics.luck import Luck
from cryptobot.backtest.statistics.record import Record, Terms, rows
from cryptobot.backtest.sweep.run import sweep
from cryptobot.backtest.walk_forward import run as runner
from cryptobot.backtest.walk_forward.run import walk_forward
from cryptobot.backtest.walk_forward.splits import Splits, Window
from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.errors import ConfigError, StrategyError
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.exchange.matching import Costs
from cryptobot.market.practice import practice_bars
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.decision import Decisions
from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover
from cryptobot.strategy.param import param

TRIED = {"fast": [5, 12, 20], "slow": [30, 60]}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return practice_bars(3_000, seed=5, timeframe="15m", holes=3)


@pytest.fixture(scope="module")
def report(frame):
    return walk_forward(MovingAverageCrossover, frame, train="12d", test="5d", slippage_bps=2, **TRIED)


def test_the_winner_of_each_window_is_that_of_a_sweep_over_its_training(frame, report):
    for (_, row), chosen in zip(report.windows.iterrows(), report.chosen, strict=True):
        trained = frame[row["train_from"] : row["train_to"]]
        swept = sweep(MovingAverageCrossover, trained, slippage_bps=2, **TRIED)
        assert len(trained) == row["train_bars"]
        assert chosen == swept.best_strategy
        best = swept.best(1).iloc[0]
        assert row["train_return"] == best["total_return"]
        assert row["train_sharpe"] == best["sharpe"]
        assert row["train_skill"] == pytest.approx(Luck.of(swept, samples=10).probability, rel=1e-9)
        assert row["overfitting"] == pytest.approx(Luck.of(swept, samples=10).overfitting, abs=0.06)
        assert {name: row[name] for name in chosen.params} == chosen.params


def test_the_test_of_each_window_is_a_backtest_warmed_up_by_the_bars_before_it(frame, report):
    for (_, row), chosen in zip(report.windows.iterrows(), report.chosen, strict=True):
        alone = backtest(chosen, frame[: row["test_to"]], slippage_bps=2, start=row["test_from"])
        assert len(alone.bars) == row["test_bars"]
        assert row["test_return"] == pytest.approx(alone.stats.total_return, rel=1e-12, abs=1e-12)
        assert row["test_drawdown"] == alone.stats.max_drawdown
        assert row["test_trades"] == alone.stats.trades + alone.stats.open_trades
        assert row["buy_and_hold"] == pytest.approx(alone.stats.buy_and_hold, rel=1e-12)
        if alone.stats.trades:
            assert row["test_sharpe"] == pytest.approx(alone.stats.sharpe, rel=1e-9)


def test_the_stitched_equity_is_one_account_that_the_winners_trade_in_turn(frame, report):
    buy, sell = [], []
    ends = [*report.windows["test_from"].iloc[1:], frame.index[-1] + pd.Timedelta("15min")]
    for begin, end, chosen in zip(report.windows["test_from"], ends, report.chosen, strict=True):
        said = chosen.batch(frame)
        here = (frame.index >= begin) & (frame.index < end)
        buy.append(said.buy[here])
        sell.append(said.sell[here])
    part = BarColumns.of(frame[report.windows["test_from"].iloc[0] :])
    decisions = Decisions(part.time, np.concatenate(buy), np.concatenate(sell), {})
    ledger = keep_ledger(
        decisions,
        part,
        cash=10_000,
        costs=Costs("0.001", "2"),
        sizing=FractionOfEquity(),
        market=market_of(None),
    )
    assert np.array_equal(report.equity.to_numpy(), ledger.equity(part.close))
    assert report.equity.index.equals(frame.index[frame.index >= report.windows["test_from"].iloc[0]])
    assert report.stats.total_return == pytest.approx(report.equity.iloc[-1] / 10_000 - 1, rel=1e-12)
    assert report.stats.trades == len(ledger.portfolio.trades)
    assert len(report.trades) == report.stats.trades + report.stats.open_trades
    assert report.drawdown.min() == report.stats.max_drawdown
    assert report.luck.sharpe == pytest.approx(report.stats.sharpe, rel=1e-9)
    assert report.buy_and_hold.iloc[-1] / 10_000 - 1 == pytest.approx(report.stats.buy_and_hold, rel=1e-9)


def test_holes_are_missing_bars_and_are_counted(frame, report):
    for _, row in report.windows.iterrows():
        rows = len(frame[row["train_from"] : row["test_to"]])
        whole = (row["test_to"] - row["train_from"]) / pd.Timedelta("15min") + 1
        assert row["missing"] == whole - rows
    assert report.windows["missing"].sum() > 0


def changed_from(bars: BarColumns, row: int) -> BarColumns:
    """The same bars up to a row, and another market from it on."""
    random = np.random.default_rng(9)
    columns = {name: np.array(getattr(bars, name)) for name in COLUMNS}
    close = np.round(columns["close"][row - 1] * np.exp(np.cumsum(0.02 * random.standard_normal(len(bars) - row))), 2)
    opened = np.append(columns["close"][row - 1], close[:-1])
    columns["open"][row:], columns["close"][row:] = opened, close
    columns["high"][row:], columns["low"][row:] = np.maximum(opened, close), np.minimum(opened, close)
    columns["volume"][row:] = random.integers(0, 8, len(bars) - row)
    return BarColumns.unchecked(np.array(bars.time), columns, bars.timeframe)


@pytest.mark.parametrize("anchored", [False, True])
def test_nothing_after_the_boundary_changes_anything_before_it(follow, market, anchored):
    """Whatever the market does from the first tested bar on, the choice and its training figures stay in every bit."""
    bars = market(800, seed=3, edge=0.002)
    options = {"train": 300, "test": 100, "anchored": anchored, "bucket": range(8)}
    original = walk_forward(follow, bars, **options)
    trained = ["train_return", "train_sharpe", "train_skill", "overfitting", "bucket"]
    for window in range(len(original.windows)):
        first = 300 + 100 * window
        other = walk_forward(follow, changed_from(bars, first), **options)
        assert original.windows[trained].iloc[: window + 1].equals(other.windows[trained].iloc[: window + 1])
        # Up to the boundary the account is the same, too.
        assert np.array_equal(original.equity[: first - 300], other.equity[: first - 300])


class Bait(Strategy):
    """Buys after a volume of ``taste`` and sells on the next bar."""

    taste = param(1, ge=1, le=2)

    def should_buy(self, x):
        return x.volume == self.taste

    def should_sell(self, x):
        return x.volume != self.taste


def baited() -> BarColumns:
    """A fortune in the first tested bar for whoever trades the signal of the last trained one.

    Volume 1 earns a little now and then; volume 2 comes once, on the last bar of the first training.
    """
    n, boundary = 400, 200
    volume = np.zeros(n)
    volume[10::20] = 1.0
    volume[boundary - 1] = 2.0
    moves = np.zeros(n)
    moves[11::20] = 0.01
    moves[boundary] = 2.0
    moves[boundary + 1] = -1.0
    close = np.round(1_000 * np.exp(np.cumsum(moves)), 2)
    opened = np.append(1_000.0, close[:-1])
    frame = pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
            "volume": volume,
        },
        index=pd.date_range("2024-01-01", periods=n, freq="1h", tz="UTC"),
    )
    return BarColumns.of(frame)


def test_a_planted_leak_is_not_taken_and_would_be_seen(monkeypatch):
    options = {"train": 200, "test": 100, "rank": "total_return", "fee": 0, "taste": [1, 2]}
    clean = walk_forward(Bait, baited(), **options)
    assert clean.windows["taste"].iloc[0] == 1
    assert clean.windows["train_return"].iloc[0] == pytest.approx(1.01**10 - 1, rel=0.02)

    def leaking(*_args, **_options):
        return Splits((Window(0, 201, 200, 300),), ())  # one bar too many

    monkeypatch.setattr(runner, "split", leaking)
    leaked = walk_forward(Bait, baited(), **options)
    assert leaked.windows["taste"].iloc[0] == 2
    assert leaked.windows["train_return"].iloc[0] > 5


def test_purge_and_embargo_keep_their_distance(follow, market):
    bars = market(900, seed=1)
    found = walk_forward(follow, bars, train=300, test=100, purge=7, embargo=5, bucket=[1, 2])
    step = bars.timeframe.nanoseconds
    gaps = (found.windows["test_from"] - found.windows["train_to"]).dt.total_seconds() * 1e9 / step
    assert set(gaps) == {13.0}
    assert set(found.windows["train_bars"]) == {293}


def test_a_position_is_handed_on_and_nobody_pays_for_it(market):
    class Always(Strategy):
        """Buys once and keeps it."""

        tag = param(1)

        def should_buy(self, x):
            return x.close > 0

        def should_sell(self, x):
            return x.close < 0

    bars = market(600, seed=2)
    found = walk_forward(Always, bars, train=200, test=100, tag=[1, 2])
    assert len(found.windows) == 4
    assert found.stats.trades == 0
    assert found.stats.open_trades == 1
    assert np.array_equal(found.equity, found.buy_and_hold)
    assert (
        "<span>Trades + 1 open</span><b class=''>0</b>" in found._repr_html_()
    )  # closed ones, as in `stats` and `cb.runs`


def test_where_nothing_traded_in_training_nobody_trades(follow, market):
    bars = market(600, seed=2)
    columns = {name: np.array(getattr(bars, name)) for name in COLUMNS}
    columns["volume"][:200] = 20.0
    found = walk_forward(
        follow, BarColumns.unchecked(bars.time, columns, bars.timeframe), train=200, test=200, bucket=[1, 2]
    )
    assert found.chosen[0] is None
    assert found.windows["test_trades"].iloc[0] == 0
    assert found.windows["test_return"].iloc[0] == 0
    assert pd.isna(found.windows["bucket"].iloc[0])
    assert found.chosen[1] is not None
    assert "–" in found._repr_html_()
    json.dumps(found.as_dict(), allow_nan=False)
    assert found.latest == found.chosen[-1]


def test_iterators_and_rows_can_be_tried_in_every_window(follow, market):
    bars = market(700, seed=4)
    straight = walk_forward(follow, bars, train=300, test=200, bucket=[1, 2, 5])
    for tried in (
        {"bucket": iter([1, 2, 5])},
        {"combos": ({"bucket": b} for b in (1, 2, 5))},
        {"combos": pd.DataFrame({"bucket": [1, 2, 5]})},
    ):
        assert walk_forward(follow, bars, train=300, test=200, **tried).windows.equals(straight.windows)


def test_shorter_steps_choose_more_often(follow, market):
    bars = market(700, seed=4)
    found = walk_forward(follow, bars, train=300, test=200, step=100, bucket=[1, 2, 5])
    assert found.starts.tolist() == [0, 100, 200, 300]
    assert found.windows["test_bars"].tolist() == [200, 200, 200, 100]
    assert len(found.equity) == 400
    # Where two tests overlap, the newer winner decides alone.
    buy, sell = np.zeros(700, dtype=bool), np.zeros(700, dtype=bool)
    for first, chosen in zip((300, 400, 500, 600), found.chosen, strict=True):
        buy[first:], sell[first:] = chosen.batch(bars).buy[first:], chosen.batch(bars).sell[first:]
    assert len({chosen.bucket for chosen in found.chosen}) > 1
    part = rows(bars, 300, 700)
    decided = Decisions(part.time, buy[300:], sell[300:], {})
    assert np.array_equal(found.equity, Record.of_decisions(decided, part, Terms.of(10_000, 0.001, 0, None)).equity)


def test_progress_is_told_and_ctrl_c_returns_what_is_done(follow, market, monkeypatch):
    bars, told = market(700, seed=4), []
    whole = walk_forward(
        follow,
        bars,
        train=300,
        test=100,
        bucket=[1, 2],
        progress=lambda done, total, left: told.append((done, total, left)),
    )
    assert [one[:2] for one in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert told[-1][2] == 0
    assert whole.complete

    calls = []

    def interrupted(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return sweep(*args, **options)

    monkeypatch.setattr(runner, "sweep", interrupted)
    part = walk_forward(follow, bars, train=300, test=100, bucket=[1, 2])
    assert not part.complete
    assert part.windows.equals(whole.windows.iloc[:2])
    assert len(part.equity) == 200
    assert "(interrupted: 4 were asked for)" in part.summary()
    calls[:] = [1, 1]
    with pytest.raises(KeyboardInterrupt):
        walk_forward(follow, bars, train=300, test=100, bucket=[1, 2])


class Clairvoyant(Strategy):
    """Knows the next close."""

    reach = param(1, ge=1, le=3)

    def should_buy(self, x):
        return np.append(x.close[self.reach :], np.zeros(self.reach)) > x.close

    def should_sell(self, x):
        return np.append(x.close[self.reach :], np.zeros(self.reach)) < x.close


def test_bad_input(follow, market, frame):
    bars = market(600)
    with pytest.raises(StrategyError, match="looks ahead"):
        walk_forward(Clairvoyant, bars, train=300, test=100, reach=[1, 2])
    with pytest.raises(ConfigError, match="is empty"):
        walk_forward(follow, bars, train=300, test=100, bucket=[])
    with pytest.raises(ConfigError, match="Did you mean `bucket`"):
        walk_forward(follow, bars, train=300, test=100, buckt=[1])
    with pytest.raises(ConfigError, match="no values to try"):
        walk_forward(follow, bars, train=300, test=100)
    with pytest.raises(ConfigError, match="Give the class"):
        walk_forward(follow(), bars, train=300, test=100, bucket=[1])
    with pytest.raises(ConfigError, match="Did you mean `sharpe`"):
        walk_forward(follow, bars, train=300, test=100, rank="sharp", bucket=[1])
    with pytest.raises(ConfigError, match="^Every one of the 2 combinations breaks a constraint"):
        walk_forward(MovingAverageCrossover, bars, train=300, test=100, fast=[50], slow=[20, 30])
    with pytest.raises(ConfigError, match="^The only combination breaks a constraint"):
        walk_forward(MovingAverageCrossover, bars, train=300, test=100, fast=[50], slow=[20])
    with pytest.raises(ConfigError, match="at least 402 are needed. The longest warm-up"):
        walk_forward(MovingAverageCrossover, bars, train=300, test=100, fast=[5], slow=[20, 401])
    with pytest.raises(ConfigError, match="progress"):
        walk_forward(follow, bars, train=300, test=100, bucket=[1], progress="yes")
    with pytest.raises(ConfigError, match="cash"):
        walk_forward(follow, bars, train=300, test=100, bucket=[1], cash=-1)


def test_it_reads_as_text_in_a_notebook_as_json_and_as_a_picture(report):
    assert re.match(
        r"Chosen anew in \d windows, MovingAverageCrossover returned .* out of sample in \d+ days", report.summary()
    )
    assert report.verdict == report.luck.sentence
    text = repr(report)
    assert report.verdict in text
    assert "chosen by sharpe" in text
    page = report._repr_html_()
    assert page.count("<svg") == page.count("</svg>") == 1
    assert report.luck.html() in page
    assert page.count("<tr>") == len(report.windows) + 1
    said = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert len(said["windows"]) == len(report.windows)
    assert said["latest"] == report.latest.params
    for template in ("auto", "light", "dark"):
        figure = report.plot(template=template)
        assert [trace.name for trace in figure.data] == [
            "Buy and hold",
            "Out of sample",
            "Drawdown",
            "Training, over as many bars",
            "Test",
        ]
        assert len(figure.data[-1].x) == len(report.windows)
    with pytest.raises(ConfigError, match="Did you mean `dark`"):
        report.plot(template="drak")


def test_efficiency_is_growth_kept_of_growth_promised(report):
    table = report.windows
    promised = np.log1p(table["train_return"]).sum() / table["train_bars"].sum()
    kept = np.log1p(table["test_return"]).sum() / table["test_bars"].sum()
    expected = kept / promised if promised > 0 else np.nan
    assert report.efficiency == pytest.approx(expected, nan_ok=True)
