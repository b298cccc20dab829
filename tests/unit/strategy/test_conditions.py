"""Crossings by their definition, and what a condition may return."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.errors import StrategyError
from cryptobot.strategy.conditions import Rows, as_mask, crossed_above, crossed_below, previous

values = st.sampled_from([1.0, 1.0, 2.0, 2.0, 3.0, math.nan, math.inf, -math.inf])


def above(a, b):
    """The definition, in plain Python: NaN makes every comparison false."""
    return [t > 0 and a[t] > b[t] and a[t - 1] <= b[t - 1] for t in range(len(a))]


@given(st.lists(st.tuples(values, values), max_size=40))
def test_crossings_are_as_defined(pairs):
    a, b = [p[0] for p in pairs], [p[1] for p in pairs]
    first, second = np.array(a, dtype=float), np.array(b, dtype=float)
    assert crossed_above(first, second).tolist() == above(a, b)
    assert crossed_below(first, second).tolist() == [
        t > 0 and a[t] < b[t] and a[t - 1] >= b[t - 1] for t in range(len(a))
    ]
    assert first.tolist() == a or np.isnan(first).any()


@given(st.lists(values, min_size=1, max_size=40), values)
def test_one_side_may_be_a_number(column, level):
    array = np.array(column)
    assert crossed_above(array, level).tolist() == above(column, [level] * len(column))
    assert crossed_above(level, array).tolist() == above([level] * len(column), column)
    assert crossed_below(array, level).tolist() == crossed_above(level, array).tolist()


def test_a_run_of_equals_crosses_once_when_it_ends():
    a, b = np.array([1.0, 2.0, 2.0, 2.0, 3.0, 3.0]), np.full(6, 2.0)
    assert np.flatnonzero(crossed_above(a, b)).tolist() == [4]
    assert np.flatnonzero(crossed_below(a[::-1], b)).tolist() == [5]
    touched = np.array([3.0, 2.0, 3.0])  # touching from above and leaving upward again is a crossing by definition
    assert crossed_above(touched, 2.0).tolist() == [False, False, True]


@given(st.lists(st.tuples(values, values), min_size=2, max_size=30))
def test_two_live_rows_say_what_the_column_says(pairs):
    a, b = (np.array(column) for column in zip(*pairs, strict=True))
    full = crossed_above(a, b)
    for t in range(1, len(a)):
        assert crossed_above(a[t - 1 : t + 1], b[t - 1 : t + 1])[-1] == full[t]
        np.testing.assert_array_equal(previous(a[t - 1 : t + 1])[-1], previous(a)[t])


def test_whole_numbers_and_read_only_views_are_fine():
    a = np.array([1, 3, 1])
    a.flags.writeable = False
    assert crossed_above(a, 2).tolist() == [False, True, False]
    assert crossed_above(a, np.full(3, 2.0)).tolist() == [False, True, False]
    assert a.tolist() == [1, 3, 1]


def test_crossings_do_not_write_into_their_operands():
    a, b = np.array([1.0, 3.0, 1.0]), np.array([2.0, 2.0, 2.0])
    crossed_above(a, b)[:] = True
    previous(a)[:] = 0
    assert (a.tolist(), b.tolist()) == ([1.0, 3.0, 1.0], [2.0, 2.0, 2.0])


def test_two_numbers_are_no_crossing():
    with pytest.raises(StrategyError, match="at least one column"):
        crossed_above(1.0, 2.0)


def test_previous():
    np.testing.assert_array_equal(previous(np.array([1.0, 2.0, 3.0])), [math.nan, 1.0, 2.0])
    np.testing.assert_array_equal(previous(np.array([1, 2])), [math.nan, 1.0])
    assert previous(np.empty(0)).shape == (0,)


@pytest.mark.parametrize(
    ("result", "seen"),
    [
        (True, "bool (True)"),
        (None, "NoneType (None)"),
        (np.True_, "bool"),
        (1.0, "float (1.0)"),
        (np.ones(3), "an array of float64 with shape (3,)"),
        (np.ones(3, dtype=int), "an array of int64 with shape (3,)"),
        (np.ones(2, dtype=bool), "an array of bool with shape (2,)"),
        (np.ones((3, 1), dtype=bool), "an array of bool with shape (3, 1)"),
        (np.array(True), "an array of bool with shape ()"),
        ([True, False, True], "list ([True, False, True])"),
        (pd.Series([True, False, True]), "Series"),
        (np.array([True, None, False]), "an array of object with shape (3,)"),
        ("x" * 1000, "str ('xxx"),
    ],
)
def test_what_is_no_mask_is_refused(result, seen):
    with pytest.raises(StrategyError) as caught:
        as_mask(result, 3, "Mine.should_buy")
    text = str(caught.value)
    assert text.startswith("Mine.should_buy returned ")
    assert seen in text
    assert "shape (3,)" in text
    assert len(text) < 400


def test_a_mask_is_taken_as_it_is():
    mask = np.array([True, False])
    assert as_mask(mask, 2, "x") is mask


def test_rows_know_their_columns_and_cannot_be_changed():
    x = Rows({"fast": np.ones(2), "close": np.ones(2)})
    assert x.fast.tolist() == [1.0, 1.0]
    with pytest.raises(StrategyError, match=r"x has no `fsat`. Did you mean `fast`\? It has `fast`, `close`"):
        _ = x.fsat
    with pytest.raises(StrategyError, match="x.fast cannot be assigned"):
        x.fast = np.zeros(2)
    with pytest.raises(StrategyError, match="x.new cannot be assigned"):
        x.new = 1
