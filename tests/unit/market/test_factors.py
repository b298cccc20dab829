"""The parts that the practice market is made of."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.market.factors import Echo, Wave, decayed_sum
from cryptobot.market.season import variance_share

WEEK = 7 * 86_400


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
    assert variance_share(opened + 5 * WEEK, seconds) == pytest.approx(share)


def test_nights_and_weekends_are_quiet() -> None:
    monday = 1_704_067_200
    night, day = variance_share(np.array([monday + 4 * 3600, monday + 15 * 3600]), 3600)
    assert night < 0.5 * day
    days = variance_share(monday + np.arange(7) * 86_400, 86_400)
    assert days[5:].max() < 0.8 * days[:5].min()
