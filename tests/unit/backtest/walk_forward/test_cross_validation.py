"""Combinatorial purged cross-validation: the book's example, distances, and figures by another way."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.backtest.statistics.luck import Luck
from cryptobot.backtest.statistics.record import Record, Terms
from cryptobot.backtest.sweep.run import sweep
from cryptobot.backtest.walk_forward.cross_validation import cross_validate
from cryptobot.backtest.walk_forward.folds import folds
from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.indicators import SMA
from cryptobot.strategy.param import param

YEAR = math.sqrt(365 * 24)


def test_six_groups_two_tested_are_the_books_fifteen_splits_and_five_paths():
    """López de Prado (2018), figures 12.1 and 12.2."""
    layout = folds(600, 6, 2, 0, 0)
    assert len(layout.tests) == 15
    assert layout.tests[0].tolist() == [0, 1]
    assert layout.tests[14].tolist() == [4, 5]
    # The table of the book counts splits from 1: path 1 is S1 S1 S2 S3 S4 S5, path 2 is S2 S6 S6 S7 S8 S9.
    assert (layout.paths + 1).tolist()[:2] == [[1, 1, 2, 3, 4, 5], [2, 6, 6, 7, 8, 9]]
    assert len(layout.paths) == 5


@given(
    n=st.integers(40, 400),
    groups=st.integers(3, 8),
    tested=st.integers(1, 4),
    purge=st.integers(0, 12),
    embargo=st.integers(0, 6),
)
def test_training_keeps_its_distance_from_what_is_tested(n, groups, tested, purge, embargo):
    try:
        layout = folds(n, groups, tested, purge, embargo)
    except ConfigError:
        return
    assert len(layout.tests) == math.comb(groups, tested)
    assert layout.paths.shape == (math.comb(groups - 1, tested - 1), groups)
    for split in range(len(layout.tests)):
        in_test, in_train = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
        for group in layout.tests[split]:
            in_test[layout.rows_of(group)] = True
        for block in np.flatnonzero(layout.train[split]):
            in_train[layout.edges[block] : layout.edges[block + 1]] = True
        blocks = layout.test_blocks(split)
        assert in_test.sum() == np.diff(layout.edges)[blocks].sum()
        allowed = ~in_test
        for row in np.flatnonzero(in_test):
            allowed[max(0, row - purge) : row + purge + embargo + 1] = False
        assert not (in_train & ~allowed).any()
        # Rounding to blocks leaves out less than a block on either side of a tested stretch.
        widest = int(np.diff(layout.edges).max())
        assert (allowed & ~in_train).sum() <= 2 * tested * widest
    # Every path takes each group from a split that tested it, and no two paths the same.
    for group in range(groups):
        splits = layout.paths[:, group]
        assert len(set(splits.tolist())) == len(splits)
        assert all(group in layout.tests[split] for split in splits)


@pytest.fixture(scope="module")
def report(follow, market):
    return cross_validate(
        follow, market(3_000, seed=6, edge=0.0015), fee=0.0002, groups=5, test_groups=2, bucket=range(8)
    )


def test_every_winner_is_the_best_on_the_training_rows(report):
    terms = Terms.of(10_000, 0.0002, 0, None)
    records = [Record.of(report.strategy(bucket=b), report.bars, terms) for b in range(8)]
    layout = report.layout
    for split, (_, row) in enumerate(report.splits.iterrows()):
        rows = np.concatenate(
            [np.arange(layout.edges[b], layout.edges[b + 1]) for b in np.flatnonzero(layout.train[split])]
        )
        tested = np.concatenate([np.arange(len(report.bars))[layout.rows_of(g)] for g in layout.tests[split]])
        trained = [r.returns[rows].mean() / r.returns[rows].std(ddof=1) * YEAR for r in records]
        outside = [r.returns[tested].mean() / r.returns[tested].std(ddof=1) * YEAR for r in records]
        assert row["bucket"] == int(np.argmax(trained))
        assert row["train_sharpe"] == pytest.approx(max(trained), rel=1e-6)
        assert row["test_sharpe"] == pytest.approx(outside[row["bucket"]], rel=1e-6)
        assert row["median_sharpe"] == pytest.approx(np.median(outside), rel=1e-6)
        assert row["tested"] == ", ".join(str(g + 1) for g in layout.tests[split])


def test_paths_are_joined_from_the_winners(report):
    terms = Terms.of(10_000, 0.0002, 0, None)
    returns = {b: Record.of(report.strategy(bucket=b), report.bars, terms).returns for b in range(8)}
    for path, (_, row) in enumerate(report.paths.iterrows()):
        parts = []
        for group, split in enumerate(report.layout.paths[path]):
            chosen = report.splits["bucket"].iloc[split]
            parts.append(returns[chosen][report.layout.rows_of(group)])
        joined = np.concatenate(parts)
        assert np.array_equal(report.path_returns[path], joined)
        equity = np.cumprod(1 + joined)
        assert row["total_return"] == pytest.approx(equity[-1] - 1)
        assert row["sharpe"] == pytest.approx(joined.mean() / joined.std(ddof=1) * YEAR)
        assert row["max_drawdown"] == pytest.approx(
            (equity / np.maximum.accumulate(np.append(1, equity))[1:] - 1).min()
        )


class AboveAverage(Strategy):
    """Holds whatever closes above its average: every row decides for itself, from ``window`` bars."""

    window = param(5, ge=2, le=50)

    def features(self):
        return {"average": SMA(self.window)}

    def should_buy(self, x):
        return x.close > x.average

    def should_sell(self, x):
        return x.close <= x.average


def upset(bars: BarColumns, rows: slice) -> BarColumns:
    """The same moves everywhere but in some rows."""
    close = np.log(np.array(bars.close))
    moves = np.diff(close, prepend=np.log(bars.open[0]))
    moves[rows] = 0.03 * np.random.default_rng(1).standard_normal(moves[rows].size)
    changed = np.exp(np.cumsum(moves)) * bars.open[0]
    opened = np.append(bars.open[0], changed[:-1])
    columns = {
        "open": opened,
        "high": np.maximum(opened, changed),
        "low": np.minimum(opened, changed),
        "close": changed,
        "volume": np.array(bars.volume),
    }
    return BarColumns.unchecked(np.array(bars.time), columns, bars.timeframe)


def test_purging_by_the_memory_keeps_training_from_what_is_tested(market):
    """With the tested group turned upside down the training stays; without purging, features carry it over."""
    bars = market(1_000, seed=8)
    base = upset(bars, slice(0, 0))  # off the grid of prices, like the other
    tried = {"window": [45], "fee": 0.0, "groups": 5, "test_groups": 1}

    def trained(given: BarColumns, **options: int) -> list[float]:
        return list(cross_validate(AboveAverage, given, **tried, **options).splits["train_sharpe"])

    clean, leaky = trained(base), trained(base, purge=0)
    for group in (1, 3):
        rows = cross_validate(AboveAverage, base, **tried).layout.rows_of(group)
        other = upset(bars, rows)
        assert trained(other)[group] == pytest.approx(clean[group], rel=1e-9)
        assert trained(other, purge=0)[group] != pytest.approx(leaky[group], rel=1e-3)


def test_it_says_what_it_found(report, follow):
    assert report.summary().startswith("In 10 splits and 4 paths out of sample, Follow had a median Sharpe ratio of ")
    assert report.verdict == report.luck.sentence
    swept = sweep(follow, report.bars, fee=0.0002, bucket=range(8))
    # The luck is that of the same sweep in the usual sixteen blocks, up to where the blocks begin.
    assert report.luck.probability == Luck.of(swept).probability
    page = report._repr_html_()
    assert page.count("Path ") == 4
    assert report.luck.html() in page
    said = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert len(said["splits"]) == 10
    assert len(report.plot(template="dark").data) == 4
    assert report.verdict in repr(report)


def test_where_nothing_trades_nothing_is_made_up(follow, market):
    idle = cross_validate(follow, market(500), bucket=[15, 16], groups=4, test_groups=1)
    assert idle.splits["bucket"].isna().all()
    assert (idle.paths["total_return"] == 0).all()
    assert "never traded" in idle.summary()
    json.dumps(idle.as_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"groups": 2}, "groups: 2"),
        ({"groups": 4.0}, "groups: 4.0"),
        ({"test_groups": 0}, "test_groups: 0"),
        ({"test_groups": 6}, "leave nothing to train on"),
        ({"purge": -1}, "purge: -1"),
        ({"embargo": True}, "embargo: True"),
        ({"purge": 99}, "99 beside each tested one"),
        ({"groups": 20, "test_groups": 10, "purge": 0}, "At most 2,000"),
        ({"bucket": []}, "is empty"),
    ],
)
def test_bad_input(follow, market, change, said):
    with pytest.raises(ConfigError, match=said):
        cross_validate(follow, market(500), **{"bucket": [1, 2], **change})


def test_frames_are_taken_as_well(follow, market):
    bars = market(500)
    assert set(COLUMNS) <= set(bars.to_frame().columns)
    options = {"bucket": [1, 2], "groups": 4, "test_groups": 1}
    found = [cross_validate(follow, given, **options).paths for given in (bars, bars.to_frame())]
    assert found[0].equals(found[1])
