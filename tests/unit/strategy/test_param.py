"""Declared parameters and the immutable objects that carry them."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError
from cryptobot.strategy.indicators import RSI, SMA
from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover
from cryptobot.strategy.library.rsi import RsiReversal
from cryptobot.strategy.param import Parametrised, param


class Sample(Parametrised):
    count = param(10, ge=1, le=100)
    ratio = param(0.5, gt=0, lt=1, doc="A share")
    on = param(True)
    kind = param("fast", choices=("fast", "slow"))
    level = param(3, choices=(1, 3, 5))
    free = param("x")


@pytest.mark.parametrize(
    ("name", "given_", "stored"),
    [
        ("count", 5, 5),
        ("count", np.int64(5), 5),
        ("count", np.uint8(5), 5),
        ("count", 5.0, 5),
        ("count", np.float64(5), 5),
        ("count", 1, 1),
        ("count", 100, 100),
        ("ratio", 0.25, 0.25),
        ("ratio", np.float32(0.25), 0.25),
        ("ratio", np.float64(0.1), 0.1),
        ("on", False, False),
        ("on", np.False_, False),
        ("kind", "slow", "slow"),
        ("level", 5, 5),
        ("level", 5.0, 5),
        ("free", "", ""),
    ],
)
def test_accepted_values_are_stored_as_the_parameters_own_type(name, given_, stored):
    value = getattr(Sample(**{name: given_}), name)
    assert value == stored
    assert type(value) is type(stored)


BIG = 10**400


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        *[("count", v, "a whole number of at least 1 and at most 100") for v in (0, 101, -BIG, 1.5, True, np.True_)],
        *[
            ("count", v, "a whole number")
            for v in ("5", None, float("nan"), float("inf"), BIG, 5 + 0j, [5], Decimal(5))
        ],
        *[("ratio", v, "a finite number above 0 and below 1") for v in (0, 0.0, 1, 1.0, -0.1, float("nan"), BIG)],
        *[("ratio", v, "a finite number") for v in (True, "0.5", None, np.complex128(0.5))],
        *[("on", v, "True or False") for v in (1, 0, "yes", None, 1.0)],
        *[("kind", v, "one of `fast`, `slow`") for v in ("FAST", "", None, 1)],
        *[("level", v, "one of `1`, `3`, `5`") for v in (2, True, "3", 3.5)],
        *[("free", v, "a text") for v in (1, None, True, b"x")],
    ],
)
def test_refused_values_name_field_value_and_what_is_allowed(name, value, allowed):
    with pytest.raises(ConfigError) as caught:
        Sample(**{name: value})
    assert str(caught.value).startswith(f"Sample: `{name}` is ")
    assert f"Allowed: {allowed}" in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.integers(), st.integers(-5, 5), st.integers(-5, 5))
def test_bounds_mean_what_they_say(value, low, high):
    class Bounded(Parametrised):
        x = param(0)

    def accepts(**bounds):
        p = param(value, **bounds)
        p.name = "x"
        try:
            return p.check(value, "Bounded") == value
        except ConfigError:
            return False

    assert accepts(ge=low) == (value >= low)
    assert accepts(gt=low) == (value > low)
    assert accepts(le=high) == (value <= high)
    assert accepts(lt=high) == (value < high)
    assert accepts(gt=low, le=high) == (low < value <= high)


def test_names_are_suggested():
    with pytest.raises(ConfigError, match=r"has no parameter `fsat`\. Did you mean `fast`\? Known: `fast`, `slow`"):
        MovingAverageCrossover(fsat=3)
    with pytest.raises(ConfigError, match="Did you mean `fast`?"):
        MovingAverageCrossover().replace(Fast=3)
    with pytest.raises(ConfigError, match="It has no parameters"):
        type("Empty", (Parametrised,), {})(x=1)


def test_positions_and_names():
    assert Sample(5, 0.25).params == Sample(count=5, ratio=0.25).params
    with pytest.raises(ConfigError, match="`count` is given twice"):
        Sample(5, count=6)
    with pytest.raises(ConfigError, match="at most 6 values .*got 7"):
        Sample(1, 0.5, True, "fast", 1, "x", 7)


def test_several_parameters_at_once():
    for fast, slow in [(10, 10), (20, 10)]:
        with pytest.raises(ConfigError, match=f"`fast` is {fast} and `slow` is {slow}. Allowed: `fast` below `slow`"):
            MovingAverageCrossover(fast=fast, slow=slow)
    with pytest.raises(ConfigError, match="`oversold` below `overbought`"):
        RsiReversal(oversold=70, overbought=30)
    with pytest.raises(ConfigError, match="`fast` below `slow`"):
        MovingAverageCrossover().replace(fast=99)


def test_nothing_can_be_assigned():
    sample = Sample()
    with pytest.raises(ConfigError, match=r"Sample.count cannot be assigned. Make a changed copy: replace\(count=7\)"):
        sample.count = 7
    with pytest.raises(ConfigError, match="Sample.other cannot be assigned: these objects never change"):
        sample.other = 7
    sample.params["count"] = 99
    assert sample.count == 10
    Sample.parameters().clear()
    assert list(Sample.parameters()) == ["count", "ratio", "on", "kind", "level", "free"]


def test_equality_hash_and_replace():
    assert Sample(count=5) == Sample(5)
    assert hash(Sample(count=5)) == hash(Sample(5.0))
    assert Sample(count=5) != Sample(count=6)
    assert Sample() != object()
    assert Sample().replace(count=5) == Sample(5)
    assert Sample(5).replace(ratio=0.1).count == 5
    assert SMA(5) != type("SMA", (SMA,), {})(5)
    assert SMA(14) != RSI(14)
    assert repr(Sample(5)) == "Sample(count=5, ratio=0.5, on=True, kind='fast', level=3, free='x')"


@pytest.mark.parametrize("thing", [SMA(5, of=RSI(3)), MovingAverageCrossover(fast=3, slow=9)])
def test_copies_by_every_way_are_equal(thing):
    for twin in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing)), thing.replace()):
        assert twin == thing
        assert repr(twin) == repr(thing)


def test_a_feature_keeps_its_source_when_replaced():
    assert SMA(5, of="high").replace(window=7) == SMA(7, of="high")
    assert SMA(5, of=RSI(3)).replace(of=RSI(4)) == SMA(5, of=RSI(4))
    assert SMA(5, of="high").replace(of=None) == SMA(5)
    assert SMA(5, of="high") != SMA(5)


def test_declarations_describe_themselves():
    ratio = Sample.parameters()["ratio"]
    assert (ratio.name, ratio.default, ratio.kind, ratio.gt, ratio.lt, ratio.doc) == (
        "ratio",
        0.5,
        "float",
        0,
        1,
        "A share",
    )
    assert [p.kind for p in Sample.parameters().values()] == ["int", "float", "bool", "str", "int", "str"]
    assert param(1, le=5).allowed() == "a whole number of at most 5"
    assert param(1.0, lt=5).allowed() == "a finite number below 5"


@pytest.mark.parametrize("default", [None, [], np.float64(1), Decimal(1)])
def test_a_default_has_one_of_the_four_types(default):
    with pytest.raises(ConfigError, match="default .* not allowed. Give an int, float, bool or str"):
        param(default)


def test_a_default_outside_its_own_bounds_is_refused_when_the_class_is_made():
    with pytest.raises(ConfigError, match="Wrong: `x` is 0. Allowed: a whole number of at least 1"):

        class Wrong(Parametrised):
            x = param(0, ge=1)


def test_subclasses_inherit_add_and_redeclare():
    class More(Sample):
        extra = param(1)
        count = param(20, ge=2)

    assert list(More.parameters()) == [*Sample.parameters(), "extra"]
    assert (More().count, Sample().count) == (20, 10)


def test_a_plain_value_cannot_hide_a_parameter():
    with pytest.raises(ConfigError, match=r"Faster.fast hides the parameter `fast`.*fast = cb.param\(5\)"):

        class Faster(MovingAverageCrossover):
            fast = 5


@pytest.mark.parametrize("name", ["params", "replace", "validate", "parameters"])
def test_a_parameter_cannot_hide_what_the_class_needs(name):
    with pytest.raises(ConfigError, match=f"a parameter cannot be called `{name}`"):
        type("Hiding", (Parametrised,), {name: param(1)})
