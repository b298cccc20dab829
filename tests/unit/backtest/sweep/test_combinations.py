"""Which parameter sets are tried, and what is said to bad ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import cryptobot as cb
from cryptobot.backtest.sweep.combinations import Combinations, combinations_of

CROSS = cb.MovingAverageCrossover


def rows_of(combinations) -> list[dict]:
    return [combinations.row(i) for i in range(len(combinations))]


def test_the_first_range_varies_slowest_and_the_rest_keeps_its_default():
    made = combinations_of(CROSS, {"slow": [50, 60], "fast": range(5, 8)}, None)
    assert [(row["slow"], row["fast"]) for row in rows_of(made)] == [
        (50, 5), (50, 6), (50, 7), (60, 5), (60, 6), (60, 7),
    ]  # fmt: skip
    assert {row["volatility_window"] for row in rows_of(made)} == {20}


def test_values_become_the_parameters_own_types():
    made = combinations_of(CROSS, {"fast": np.array([5.0, 7.0]), "volatility_threshold": 0, "slow": np.int64(40)}, None)
    assert [type(value) for value in made.row(0).values()] == [int, int, int, float]
    assert made.column("fast").dtype == np.int64
    assert made.column("volatility_threshold").dtype == np.float64


def test_a_value_given_twice_is_tried_once():
    assert len(combinations_of(CROSS, {"fast": [5, 5.0, 6]}, None)) == 2


def test_explicit_rows_keep_their_order_and_take_defaults():
    made = combinations_of(CROSS, {}, [{"slow": 40}, {"fast": 3}, {"slow": 40}])
    assert [(row["fast"], row["slow"]) for row in rows_of(made)] == [(10, 40), (3, 30), (10, 40)]
    frame = pd.DataFrame({"slow": [40, 41], "volatility_threshold": [0.1, 0.2]})
    assert [(row["slow"], row["volatility_threshold"]) for row in rows_of(combinations_of(CROSS, {}, frame))] == [
        (40, 0.1),
        (41, 0.2),
    ]


@given(st.lists(st.tuples(st.integers(2, 9), st.integers(10, 14), st.sampled_from([0.0, 0.5, 1.0])), min_size=1))
@example([(7, 12, 0.5), (3, 10, 1.0), (7, 10, 0.5), (2, 12, 0.0)])
def test_a_frame_says_what_its_rows_say(sets):
    """Columns of numbers are looked through at once, all others value by value: nobody can tell which."""
    names = ["fast", "slow", "volatility_threshold"]
    wanted = [dict(zip(names, row, strict=True)) for row in sets]
    frame = pd.DataFrame(wanted)
    for given_ in (wanted, frame, frame.astype(object), frame.convert_dtypes()):
        made = combinations_of(CROSS, {}, given_)
        assert [{name: row[name] for name in names} for row in rows_of(made)] == wanted
        assert [type(value) for value in made.row(0).values()] == [int, int, int, float]


@pytest.mark.parametrize("bad", [np.nan, 2.5, -3.0])
def test_the_row_of_a_frames_bad_value_is_named(bad):
    with pytest.raises(cb.ConfigError, match="combos, row 2: MovingAverageCrossover: `fast` is"):
        combinations_of(CROSS, {}, pd.DataFrame({"fast": [9.0, 4.0, bad, bad]}))


def test_texts_and_truths_are_values_too():
    class Named(cb.Strategy):
        side = cb.param("up", choices=("up", "down"))
        strict = cb.param(True)

    made = combinations_of(Named, {"side": ["up", "down"], "strict": [True, False]}, None)
    assert len(made) == 4
    assert made.column("side").tolist() == ["up", "up", "down", "down"]
    assert combinations_of(Named, {"side": "down"}, None).row(0) == {"side": "down", "strict": True}


def test_rows_are_split_by_what_they_share():
    made = combinations_of(CROSS, {"fast": [5, 6, 7], "slow": [50, 60]}, None)
    groups = made.distinct(["fast"], np.array([1, 2, 3, 4]))
    assert [group.tolist() for group in groups] == [[1], [2, 3], [4]]
    assert [group.tolist() for group in made.distinct(["volatility_window"], np.arange(6))] == [[0, 1, 2, 3, 4, 5]]


def test_keys_of_many_large_parameters_do_not_overflow():
    """Five parameters of 65,536 values each: in 64 bits, the first would be pushed out of the key."""
    n = 65_536
    names = ["a", "b", "c", "d", "e"]
    codes = {name: np.arange(n, dtype=np.int32) for name in names}
    codes = {name: np.append(column, np.int32(0)) for name, column in codes.items()}
    codes["a"][-1] = 1  # differs from row 0 in nothing else
    made = Combinations(CROSS, {name: list(range(n)) for name in names}, codes)
    groups = made.distinct(names, np.array([0, 1, n, n]))
    assert [group.tolist() for group in groups] == [[0], [1], [n, n]]


BAD = {
    "nothing": ((CROSS, {}, None), "no values to try"),
    "an empty range": ((CROSS, {"fast": range(5, 5)}, None), "the range of `fast` is empty"),
    "no rows": ((CROSS, {}, []), "there are no rows"),
    "an unknown parameter": ((CROSS, {"fsat": [1]}, None), "Did you mean `fast`?"),
    "an unknown one in a row": ((CROSS, {}, [{"slwo": 3}]), "Did you mean `slow`?"),
    "a derived value": ((CROSS, {"warm_up": [1]}, None), "`warm_up` of MovingAverageCrossover follows from"),
    "NaN": ((CROSS, {"volatility_threshold": [0.0, float("nan")]}, None), "`volatility_threshold` is nan"),
    "a fraction for a count": ((CROSS, {"fast": [2.5]}, None), "`fast` is 2.5"),
    "out of bounds": ((CROSS, {"fast": [0]}, None), "Allowed: a whole number of at least 1"),
    "NaN in a row": ((CROSS, {}, pd.DataFrame({"fast": [5.0, np.nan]})), "row 1"),
    "rows and ranges": ((CROSS, {"fast": [3]}, [{"fast": 3}]), "both given"),
    "a dict of lists": ((CROSS, {}, {"fast": [3]}), "not a list of parameter sets"),
    "a list of lists": ((CROSS, {}, [[3, 4]]), "row 0"),
    "an object": ((CROSS(), {"fast": [3]}, None), "Give the class, MovingAverageCrossover"),
    "a name": (("ma_crossover", {"fast": [3]}, None), "type(cb.get_strategy(name))"),
    "too many": ((CROSS, {"fast": range(1, 10_000), "slow": range(2, 10_000)}, None), "Take coarser ranges"),
    "rows without parameters": ((cb.BuyAndHold, {}, [{}, {}]), "has no parameters"),
}


@pytest.mark.parametrize(("given", "said"), BAD.values(), ids=BAD)
def test_bad_input_says_what_to_do(given, said):
    with pytest.raises(cb.ConfigError) as caught:
        combinations_of(*given)
    assert said in str(caught.value)
