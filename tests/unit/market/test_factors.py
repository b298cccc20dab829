"""The parts that the practice market is made of."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.market.factors import Echo, Wave, decayed_sum
from cryptobot.market.forces import ALL_JUMPS, EXCESS_VARIANCE, JUMP_VARIANCE, Drift, Jumps, Volatility
from cryptobot.market.season import variance_share

WEEK = 7 * 86_400


@settings(deadline=None)
@given(
    inputs=st.lists(st.floats(-10, 10), min_size=1, max_size=300),
    keep=st.floats(0, 1),
    last=st.floats(-10, 10),
)
def test_the_scan_is_the_loop(inputs: list[float], keep: float, last: float) -> None:
    expected, value = [], last
    for number in inputs:
        value = keep * value + number
        expected.append(value)
    assert decayed_sum(np.array(inputs), keep, last) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_scan_in_parts_is_the_scan() -> None:
    inputs = np.random.default_rng(1).standard_normal(1000)
    whole = decayed_sum(inputs, 0.97, 2.0)
    first = decayed_sum(inputs[:313], 0.97, 2.0)
    assert np.concatenate((first, decayed_sum(inputs[313:], 0.97, first[-1]))) == pytest.approx(whole)


@pytest.mark.parametrize("memory", [0.5, 10.0, 300.0])
def test_a_wave_has_the_memory_and_deviation_it_is_given(memory: float) -> None:
    random = np.random.default_rng(2)
    fine = Wave(memory, 0.3, memory / 100, random)
    assert fine.deviation == pytest.approx(0.3, rel=0.01)
    values = fine.next(400_000, random)
    assert values.std() == pytest.approx(0.3, rel=0.1)
    assert np.corrcoef(values[100:], values[:-100])[0, 1] == pytest.approx(np.exp(-1), abs=0.06)


def test_a_wave_goes_on_where_it_ended() -> None:
    random = np.random.default_rng(4)
    wave = Wave(10_000.0, 1.0, 1.0, random)
    ends = [wave.next(500, random)[[0, -1]] for _ in range(40)]
    jumps = [abs(after[0] - before[1]) for before, after in itertools.pairwise(ends)]
    assert max(jumps) < 0.1


@pytest.mark.parametrize("bars_per_memory", [0.2, 1.0, 5.0])
def test_long_bars_average_a_wave(bars_per_memory: float) -> None:
    random = np.random.default_rng(3)
    values = Wave(100.0, 1.0, 1.0, random).next(1_000_000, random)
    bar = round(100 / bars_per_memory)
    means = values[: values.size // bar * bar].reshape(-1, bar).mean(axis=1)
    assert Wave(100.0, 1.0, bar, random).deviation == pytest.approx(means.std(), rel=0.05)


@settings(deadline=None)
@given(memory=st.floats(0.01, 1000), bar=st.floats(0.1, 100), event=st.integers(0, 5))
def test_an_echo_spreads_all_of_an_event_and_nothing_before_it(memory: float, bar: float, event: int) -> None:
    echo = Echo(memory, bar)
    events = np.zeros(10)
    events[event] = 2.0
    parts = [echo.next(events)]
    parts += [echo.next(np.zeros(5_000)) for _ in range(int(40 * memory / bar / 5_000) + 1)]
    heard = np.concatenate(parts)
    assert (heard[:event] == 0).all()
    assert (heard >= 0).all()
    assert heard.sum() == pytest.approx(2.0)
    assert (np.diff(heard[event + 1 :]) <= 1e-12).all()


@pytest.mark.parametrize("seconds", [1, 60, 3600, 7200, 86_400, WEEK])
def test_a_week_has_the_variance_of_a_week(seconds: int) -> None:
    start = 1_704_067_200  # a Monday
    opened = start + np.arange(WEEK // seconds) * seconds
    share = variance_share(opened, seconds)
    assert share.mean() == pytest.approx(1.0)
    assert (share > 0.2).all()
    assert (share < 3).all()
    assert np.allclose(variance_share(opened + 5 * WEEK, seconds), share)


def test_nights_and_weekends_are_quiet() -> None:
    monday = 1_704_067_200
    night, day = variance_share(np.array([monday + 4 * 3600, monday + 15 * 3600]), 3600)
    assert night < 0.5 * day
    days = variance_share(monday + np.arange(7) * 86_400, 86_400)
    assert days[5:].max() < 0.8 * days[:5].min()


@pytest.mark.parametrize("bar", [1.0, 30.0])
def test_jumps_bring_aftershocks_and_excitement(bar: float) -> None:
    jumps, excited = Jumps(bar).next(1_000_000, np.random.default_rng(5))
    assert (jumps**2).mean() / bar == pytest.approx(JUMP_VARIANCE, rel=0.1)
    assert excited.mean() == pytest.approx(1 + EXCESS_VARIANCE, rel=0.05)
    assert excited.min() >= 1
    assert abs(jumps.mean()) < 0.02 * bar
    if bar == 1.0:
        assert np.mean(jumps != 0) == pytest.approx(ALL_JUMPS, rel=0.15)
        rows = np.flatnonzero(jumps[:-500])
        soon = np.mean([np.mean(jumps[row + 1 : row + 16] != 0) for row in rows])
        assert soon > 3 * ALL_JUMPS
        assert np.mean(excited[rows + 1]) > 3 * np.mean(excited[rows + 200])


@pytest.mark.parametrize("seconds", [60, 3600, 86_400])
def test_volatility_is_one_in_the_mean_square(seconds: int) -> None:
    squares = []
    for seed in range(30):
        random = np.random.default_rng(seed)
        opened = 1_704_067_200 + np.arange(50_000) * seconds
        squares.append(float((Volatility(seconds, random).next(opened, random) ** 2).mean()))
    assert np.mean(squares) == pytest.approx(1.0, abs=0.25)


def test_drift_is_weaker_than_noise() -> None:
    random = np.random.default_rng(6)
    drift = Drift(1.0, random)
    parts = np.concatenate([drift.next(np.full(5_000, 6e-4), random) for _ in range(20)])
    assert parts.std() < 0.5 * 6e-4
    assert np.cumsum(parts).std() > 6e-4
    assert np.abs(parts).max() < 5 * 6e-4
