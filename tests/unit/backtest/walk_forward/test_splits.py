"""Windows that train on the past and test on what comes next."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.backtest.walk_forward.splits import Window, split
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.timeframe import Timeframe

HOUR = 3_600_000_000_000


def bars_at(rows: np.ndarray) -> BarColumns:
    """Hourly bars at these hours."""
    columns = {name: np.ones(rows.size) for name in ("open", "high", "low", "close", "volume")}
    return BarColumns.unchecked(np.asarray(rows, dtype=np.int64) * HOUR, columns, Timeframe(3_600))


def test_rolling_windows_of_bars():
    found = split(bars_at(np.arange(20)), 6, 4)
    assert found.windows == (Window(0, 6, 6, 10), Window(4, 10, 10, 14), Window(8, 14, 14, 18), Window(12, 18, 18, 20))
    assert found.skipped == ()


def test_anchored_windows_begin_with_the_first_bar():
    found = split(bars_at(np.arange(15)), 6, 4, anchored=True)
    assert "1 bar to test on" in found.skipped[0]
    # The bar that is too little for a window of its own is traded on by the one before.
    assert found.windows == (Window(0, 6, 6, 10), Window(0, 10, 10, 15))
    assert split(bars_at(np.arange(15)), 6, 4).windows[-1] == Window(4, 10, 10, 15)


def test_purge_shortens_the_training_and_embargo_moves_it():
    plain, purged, apart = (
        split(bars_at(np.arange(40)), 10, 5, **kw).windows for kw in ({}, {"purge": 2}, {"embargo": 3})
    )
    assert plain[0] == Window(0, 10, 10, 15)
    assert purged[0] == Window(0, 8, 10, 15)
    assert apart[0] == Window(0, 10, 13, 18)
    assert apart[1] == Window(5, 15, 18, 23)


def test_times_keep_to_the_calendar_and_bars_count_rows():
    hours = np.r_[0:30, 60:100]  # a hole of thirty hours
    by_time = split(bars_at(hours), "24h", dt.timedelta(hours=12)).windows
    # Two tests would lie in the hole and a third would have nothing to train on: the first goes on trading.
    assert by_time == (Window(0, 24, 24, 42), Window(30, 42, 42, 54), Window(30, 54, 54, 66), Window(42, 66, 66, 70))
    in_bars = split(bars_at(hours), 24, 12).windows
    assert {w.train_end - w.train_first for w in in_bars} == {24}
    assert [w.test_end - w.test_first for w in in_bars] == [12, 12, 12, 10]


def test_a_window_that_a_hole_leaves_nothing_of_is_named_and_its_time_traded_on():
    hours = np.r_[0:36, 100:160]
    found = split(bars_at(hours), "24h", "12h", least=10)
    named = [text for text in found.skipped if "0 bars to test on" in text]
    assert named
    assert "1970-01-02 12:00" in named[0]
    tested = np.concatenate([np.arange(w.test_first, w.test_end) for w in found.windows])
    assert tested.tolist() == list(range(24, 96))
    assert all(w.train_end - w.train_first >= 10 for w in found.windows)


LENGTHS = st.tuples(st.integers(4, 30), st.integers(2, 20), st.integers(1, 20))


@given(
    lengths=LENGTHS,
    apart=st.tuples(st.integers(0, 2), st.integers(0, 3)),
    anchored=st.booleans(),
    by_time=st.booleans(),
    holes=st.lists(st.tuples(st.integers(5, 150), st.integers(1, 40)), max_size=3),
)
def test_no_training_ever_reaches_into_its_test(lengths, apart, anchored, by_time, holes):
    hours = np.arange(200)
    for at, length in holes:
        hours = hours[(hours < at) | (hours >= at + length)]
    bars = bars_at(hours)
    train, test, step = lengths[0], lengths[1], min(lengths[1], lengths[2])
    purge, embargo = apart
    given_lengths = [f"{value}h" if by_time else value for value in (train, test, step)]
    try:
        found = split(
            bars,
            given_lengths[0],
            given_lengths[1],
            step=given_lengths[2],
            anchored=anchored,
            purge=purge,
            embargo=embargo,
        )
    except ConfigError as error:
        assert "too short" in str(error) or "Give more bars" in str(error)  # noqa: PT017 - which refusal it is
        return
    for window in found.windows:
        assert 0 <= window.train_first < window.train_end <= window.test_first - purge - embargo
        assert window.test_first < window.test_end <= len(bars)
        if anchored:
            assert window.train_first == 0
        if by_time and not anchored:
            begin, end = bars.time[window.train_first], bars.time[window.test_first]
            assert end - begin >= 0
            assert bars.time[window.train_end - 1] - begin < (train + embargo) * HOUR
    firsts = [w.test_first for w in found.windows]
    assert firsts == sorted(set(firsts))
    # Every bar from the first test on is traded by somebody.
    covered = np.zeros(len(bars), dtype=bool)
    for window in found.windows:
        covered[window.test_first : window.test_end] = True
    assert covered[firsts[0] :].all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"train": 100, "test": "5h"}, "Give all as bars, or all as times"),
        ({"train": "x", "test": 5}, "train: 'x' is not a length"),
        ({"train": 10, "test": 0}, "test: 0 is not a length"),
        ({"train": 10, "test": True}, "test: True is not a length"),
        ({"train": 10, "test": -5}, "test: -5 is not a length"),
        ({"train": dt.timedelta(0), "test": "5h"}, "train: datetime.timedelta"),
        ({"train": np.timedelta64("NaT"), "test": "5h"}, "is not a length"),
        ({"train": 10, "test": 5, "step": 6}, "step: 6 is longer than test=5"),
        ({"train": 10, "test": 5, "purge": -1}, "purge: -1"),
        ({"train": 10, "test": 5, "embargo": 0.5}, "embargo: 0.5"),
        ({"train": 48, "test": 5}, "a single window of this split takes 50 bars at least"),
        ({"train": "3d", "test": "5h"}, "The bars reach over 2 days"),
        ({"train": 3, "test": 5, "least": 7}, "train: 3 bars of 1h; at least 7 are needed. The longest warm-up"),
        ({"train": 10, "test": 5, "purge": 9}, "9 are left out by purge"),
        ({"train": 10, "test": 1}, "test: 1 bar of 1h; at least 2"),
        ({"train": "10h", "test": "30m"}, "test: 0 bars of 1h"),
    ],
)
def test_bad_input(arguments, said):
    with pytest.raises(ConfigError, match=said):
        split(bars_at(np.arange(49)), **arguments)
