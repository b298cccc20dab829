"""Values to try, as they are written on the command line."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.cli.ranges import read_ranges
from cryptobot.core.errors import ConfigError
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.param import param


class Everything(Strategy):
    """A parameter of every kind."""

    window = param(10)
    level = param(0.5)
    strict = param(False)
    side = param("up", choices=("up", "down"))


class Nothing(Strategy):
    """No parameters."""


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("window=10", [10]),
        ("window=5,10,20", [5, 10, 20]),
        ("window= 5 , 10", [5, 10]),
        ("window=5:20:5", [5, 10, 15]),
        ("window=5:21:5", [5, 10, 15, 20]),
        ("window=2:4,9", [2, 3, 9]),
        (" window = 1e2 ", [100]),
        ("window=3:4:0.5", [3, 3.5]),
        ("level=0:0.01:0.001", [0.0, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009]),
        ("level=0:0.01:0.003", [0.0, 0.003, 0.006, 0.009]),
        ("level=-1:1", [-1.0, 0.0]),
        ("strict=true,False", [True, False]),
        ("side=up,down", ["up", "down"]),
    ],
)
def test_values(text, values):
    ((_, found),) = read_ranges(Everything, [text]).items()
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@given(st.integers(-500, 500), st.integers(1, 400), st.integers(1, 60))
def test_a_range_is_what_python_calls_one(first, length, step):
    below = first + length
    assert read_ranges(Everything, [f"window={first}:{below}:{step}"]) == {"window": list(range(first, below, step))}


@given(st.integers(-500, 500), st.integers(1, 400), st.integers(1, 60), st.sampled_from([10, 100, 1_000]))
def test_a_range_of_fractions_has_no_value_too_many_or_too_few(first, length, step, unit):
    numbers = [Fraction(whole, unit) for whole in (first, first + length, step)]
    text = ":".join(f"{whole}e-{len(str(unit)) - 1}" for whole in (first, first + length, step))
    wanted = [float(Fraction(whole, unit)) for whole in range(first, first + length, step)]
    assert read_ranges(Everything, [f"level={text}"]) == {"level": wanted}
    assert all(value < numbers[1] for value in wanted)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "--range window=7:28:7"),
        (["window"], "is not NAME=VALUES"),
        (["window="], "is not NAME=VALUES"),
        (["windw=3"], "Did you mean `window`"),
        (["window=3", "window=4"], "given twice"),
        (["window=x"], "allowed: a whole number"),
        (["window=3,,4"], "allowed: a whole number"),
        (["window=1:2:3:4"], "FROM:BELOW:STEP"),
        (["window=9:3"], "holds no value"),
        (["window=3:3"], "holds no value"),
        (["window=1:5:0"], "holds no value"),
        (["window=1:5:-1"], "holds no value"),
        (["level=nan"], "allowed: a finite number"),
        (["level=0:1:0.0000001"], "more than 1,000,000 values"),
        (["window=0:1e40"], "more than 1,000,000 values"),
        (["strict=yes"], "true, false, or true,false"),
    ],
)
def test_values_that_are_not_allowed(texts, said):
    with pytest.raises(ConfigError, match=said):
        read_ranges(Everything, texts)


def test_a_strategy_without_parameters_says_so():
    with pytest.raises(ConfigError, match="has the parameters none"):
        read_ranges(Nothing, [])
