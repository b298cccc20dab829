"""Block bootstrap: published block lengths, exact sums, and intervals as wide as they should be."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cryptobot.backtest.statistics.bootstrap import _lengths, block_length, intervals, resampled_sums
from cryptobot.core.errors import ConfigError


def autoregressive(n: int, share: float, seed: int) -> np.ndarray:
    shocks = np.random.RandomState(seed).standard_normal(n + 100)
    for row in range(1, shocks.size):
        shocks[row] += share * shocks[row - 1]
    return shocks[100:]


def test_the_published_block_lengths():
    """Those that Patton's program and the package arch 7 give for this series."""
    stationary, circular = block_length(autoregressive(10_000, 0.3, 0))
    assert stationary == pytest.approx(13.635665, rel=1e-6)
    assert circular == pytest.approx(15.60894, rel=1e-6)


def test_a_longer_memory_takes_longer_blocks_within_bounds():
    lengths = [block_length(autoregressive(2_000, share, 1))[0] for share in (0.0, 0.3, 0.6, 0.9)]
    assert lengths == sorted(lengths)
    assert 1 <= lengths[0] < 6
    walk = np.cumsum(np.random.default_rng(0).standard_normal(900))
    assert max(block_length(walk)) <= 3 * math.sqrt(900)
    assert block_length(np.zeros(100)) == (1.0, 1.0)
    assert block_length(np.arange(5.0)) == (1.0, 1.0)


@pytest.mark.parametrize("method", ["stationary", "circular"])
@pytest.mark.parametrize(("n", "block"), [(1, 1), (7, 1), (10, 3), (10, 10), (1_000, 33.3)])
def test_blocks_fill_the_series_exactly(method, n, block):
    random = np.random.default_rng(1)
    for _ in range(50):
        lengths = _lengths(n, block, method, random)
        assert lengths.sum() == n
        assert lengths.min() >= 1
    if method == "circular":
        assert set(lengths[:-1]) <= {max(1, round(block))}


def test_stationary_blocks_have_the_mean_length_asked_for():
    lengths = np.concatenate([_lengths(10_000, 20.0, "stationary", np.random.default_rng(s))[:-1] for s in range(40)])
    assert lengths.mean() == pytest.approx(20.0, rel=0.03)
    # Geometric: one in twenty has length 1.
    assert np.mean(lengths == 1) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize("method", ["stationary", "circular"])
def test_sums_are_those_of_the_rows_drawn(method):
    n, block = 200, 12.0
    values = np.random.default_rng(2).standard_normal((2, n))
    sums = resampled_sums(values, samples=30, block=block, method=method, seed=9)
    random = np.random.default_rng(9)
    for sample in range(30):
        lengths = _lengths(n, block, method, random)
        starts = random.integers(0, n, lengths.size)
        rows = np.concatenate([np.arange(s, s + length) % n for s, length in zip(starts, lengths, strict=True)])
        assert rows.size == n
        assert np.allclose(sums[:, sample], values[:, rows].sum(axis=1), rtol=0, atol=1e-10)


def test_intervals_of_independent_returns_are_as_wide_as_theory_says():
    """Standard error of a Sharpe ratio: √((1 + SR²/2) / n), Lo (2002)."""
    returns = 0.001 + 0.01 * np.random.default_rng(4).standard_normal(3_000)
    found = intervals(returns, samples=4_000)
    ratio = returns.mean() / returns.std(ddof=1)
    error = math.sqrt((1 + ratio * ratio / 2) / returns.size)
    assert found.sharpe[1] - found.sharpe[0] == pytest.approx(2 * 1.96 * error, rel=0.06)
    assert sum(found.sharpe) / 2 == pytest.approx(ratio, abs=0.2 * error)
    spread = 1.96 * returns.std() * math.sqrt(3_000)
    total = np.log1p(returns).sum()
    assert np.log1p(found.total_return) == pytest.approx([total - spread, total + spread], abs=0.15 * spread)


def test_intervals_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(6)
    covered = []
    for seed in range(300):
        found = intervals(0.05 + random.standard_normal(400), samples=200, level=0.9, block=1, seed=seed)
        covered.append(found.sharpe[0] <= 0.05 <= found.sharpe[1])
    assert np.mean(covered) == pytest.approx(0.9, abs=0.05)


def test_returns_that_follow_each_other_widen_the_interval():
    returns = 0.01 * autoregressive(4_000, 0.6, 3) + 0.001
    blocks, single = (intervals(returns, samples=1_000, block=b).sharpe for b in (None, 1))
    # The long-run variance of this series is four times that of its values: the interval is twice as wide.
    assert (blocks[1] - blocks[0]) / (single[1] - single[0]) == pytest.approx(2.0, rel=0.2)


def test_a_series_is_compared_with_another_on_the_same_blocks():
    returns = 0.01 * np.random.default_rng(5).standard_normal(1_000)
    assert intervals(returns, returns - 0.0001).better == 1.0
    assert intervals(returns, returns + 0.0001).better == 0.0
    assert math.isnan(intervals(returns).better)


def test_the_same_seed_gives_the_same_bounds():
    returns = 0.01 * np.random.default_rng(5).standard_normal(500)
    first, again, other = (intervals(returns, seed=seed) for seed in (1, 1, 2))
    assert first.sharpe == again.sharpe
    assert first.total_return == again.total_return
    assert first.sharpe != other.sharpe
    assert intervals(returns, method="circular").block >= 1


def test_losing_everything_and_not_moving_are_no_accidents():
    everything = np.array([0.1, -1.0, 0.0, 0.0])
    assert intervals(everything, block=1, samples=50).total_return[0] == pytest.approx(-1.0)
    assert intervals(np.zeros(50), samples=10).sharpe == (0.0, 0.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"returns": np.array([0.1])}, "at least 2"),
        ({"against": np.zeros(3)}, "equally many"),
        ({"level": 1.0}, "below 1"),
        ({"samples": 3}, "at least 10"),
        ({"block": 0.5}, "Give 1 to 50"),
        ({"block": 51}, "Give 1 to 50"),
        ({"method": "stationery"}, "Did you mean `stationary`"),
    ],
)
def test_bad_input(change, said):
    arguments = {"returns": np.linspace(-0.1, 0.1, 50), **change}
    with pytest.raises(ConfigError, match=said):
        intervals(arguments.pop("returns"), **arguments)
