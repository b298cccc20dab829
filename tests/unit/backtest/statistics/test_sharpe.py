"""Sharpe ratios and what they are worth, against the numbers of the papers."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.backtest.statistics.sharpe import (
    Shape,
    best_by_luck,
    deflated_sharpe,
    minimum_track_record,
    probabilistic_sharpe,
)
from cryptobot.core.errors import ConfigError


def test_the_probability_of_the_hedge_fund_in_the_paper():
    """Bailey and López de Prado (2012): 24 months, Sharpe ratio 0.458 a month (1.59 a year)."""
    assert round(probabilistic_sharpe(0.458, 24), 3) == 0.982
    assert round(probabilistic_sharpe(0.458, 24, skewness=-2.448, kurtosis=10.164), 3) == 0.913


@pytest.mark.parametrize(
    ("a_year", "shape", "years"),
    [(252, {}, 2.73), (52, {}, 2.83), (12, {}, 3.24), (12, {"skewness": -0.72, "kurtosis": 5.78}, 4.99)],
)
def test_how_long_it_takes_to_prove_a_sharpe_ratio_above_1_with_one_of_2(a_year, shape, years):
    """The same paper: days, weeks, months, and the months of a hedge fund index."""
    root = math.sqrt(a_year)
    needed = minimum_track_record(2 / root, benchmark=1 / root, **shape)
    assert round(needed / a_year, 2) == years


def test_the_deflated_ratio_of_the_paper():
    """Bailey and López de Prado (2014): 2.5 a year on five years of days, variance of the trials 1/2 a year."""
    fat = {"skewness": -3, "kurtosis": 10}
    assert round(best_by_luck(100, 0.5 / 250), 4) == 0.1132
    assert round(deflated_sharpe(2.5 / 250**0.5, 1250, trials=100, variance=0.5 / 250, **fat), 4) == 0.9004
    assert round(deflated_sharpe(2.5 / 250**0.5, 1250, trials=46, variance=0.5 / 250, **fat), 4) == 0.9505
    # The paper: with normal returns it would have stood up to 88 trials.
    assert deflated_sharpe(2.5 / 250**0.5, 1250, trials=88, variance=0.5 / 250) > 0.95
    assert deflated_sharpe(2.5 / 250**0.5, 1250, trials=91, variance=0.5 / 250) < 0.95


def test_the_best_by_luck_is_what_luck_shows():
    """The mean of the largest of N normal numbers, by drawing them."""
    random = np.random.default_rng(3)
    for trials in (10, 100, 1_000):
        largest = random.standard_normal((4_000, trials)).max(axis=1).mean()
        assert best_by_luck(trials, 1.0) == pytest.approx(largest, rel=0.03)
    assert best_by_luck(1, 1.0) == 0.0
    assert best_by_luck(100, 0.0) == 0.0


def test_the_track_record_is_where_the_probability_reaches_the_confidence():
    shape = {"skewness": -0.4, "kurtosis": 6.0, "benchmark": 0.01}
    needed = minimum_track_record(0.05, confidence=0.95, **shape)
    assert probabilistic_sharpe(0.05, math.ceil(needed), **shape) >= 0.95
    assert probabilistic_sharpe(0.05, math.floor(needed) - 1, **shape) < 0.95
    assert minimum_track_record(0.01, benchmark=0.01) == math.inf


def test_the_probability_is_how_often_a_true_ratio_is_above():
    """Of series whose true ratio equals the benchmark, one in twenty has a probability above 95 %."""
    random = np.random.default_rng(5)
    series = 0.1 + random.standard_normal((4_000, 250))
    above = [probabilistic_sharpe(one.mean() / one.std(ddof=1), 250, benchmark=0.1) > 0.95 for one in series]
    assert np.mean(above) == pytest.approx(0.05, abs=0.01)


def test_shape_is_mean_spread_skewness_and_kurtosis():
    values = [0.01, -0.02, 0.03, 0.005, -0.001, 0.07]
    shape = Shape.of(np.array(values))
    mean, spread = statistics.fmean(values), statistics.pstdev(values)
    assert shape.n == 6
    assert shape.sharpe == pytest.approx(mean / statistics.stdev(values), rel=1e-12)
    assert shape.skewness == pytest.approx(statistics.fmean(((v - mean) / spread) ** 3 for v in values), rel=1e-12)
    assert shape.kurtosis == pytest.approx(statistics.fmean(((v - mean) / spread) ** 4 for v in values), rel=1e-12)


@pytest.mark.parametrize("values", [[], [0.1], [0.0] * 9, [0.1] * 7])
def test_what_never_moves_has_no_ratio(values):
    shape = Shape.of(np.array(values, dtype=float))
    assert math.isnan(shape.sharpe)
    assert math.isnan(probabilistic_sharpe(shape.sharpe, 10, skewness=shape.skewness, kurtosis=shape.kurtosis))
    assert math.isnan(minimum_track_record(shape.sharpe))


@given(
    returns=st.lists(st.floats(-0.5, 0.5), min_size=3, max_size=30),
    benchmarks=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
)
def test_the_probability_is_one_and_falls_with_the_benchmark(returns, benchmarks):
    shape = Shape.of(np.array(returns))
    if math.isnan(shape.sharpe):
        return
    low, high = (
        probabilistic_sharpe(shape.sharpe, shape.n, skewness=shape.skewness, kurtosis=shape.kurtosis, benchmark=b)
        for b in sorted(benchmarks)
    )
    assert 0 <= high <= low <= 1


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: probabilistic_sharpe(0.1, 1), "at least 2"),
        (lambda: probabilistic_sharpe(0.5, 10, skewness=5, kurtosis=1), "kurtosis is at least 1"),
        (lambda: minimum_track_record(0.1, confidence=0.4), "above 0.5 and below 1"),
        (lambda: best_by_luck(0, 1.0), "at least 1"),
    ],
)
def test_bad_input(call, said):
    with pytest.raises(ConfigError, match=said):
        call()
