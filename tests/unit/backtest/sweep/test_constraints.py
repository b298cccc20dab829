"""Constraints: what is said to thousands of sets at once is what the constructor says to each."""

from __future__ import annotations

import math

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.backtest.sweep.combinations import combinations_of
from cryptobot.backtest.sweep.constraints import constraints_of


class Constrained(cb.Strategy):
    """Parameters of every kind; the subclasses say what is allowed."""

    a = cb.param(3)
    b = cb.param(5)
    x = cb.param(0.5)
    wide = cb.param(True)
    kind = cb.param("plain", choices=["plain", "strict"])


def no(text: str) -> None:
    raise cb.ConfigError(f"not allowed: {text}")


class Compares(Constrained):
    def validate(self):
        if self.a >= self.b:
            no(f"a is {self.a} and b is {self.b}")


class Chains(Constrained):
    def validate(self):
        if not 0 < self.a < self.b <= 7 or (self.x > 0.3 and self.a + self.b > 8):
            no("outside")


class Divides(Constrained):
    def validate(self):
        try:
            share = self.b / self.a
        except ZeroDivisionError:
            no("a is 0")
        if share > 2:
            no(f"{share:.3f} is too much")


class SwallowsADivision(Constrained):
    def validate(self):
        try:
            if 1 / self.a > self.x:
                no("too steep")
        except ZeroDivisionError:
            pass


class TakesTheGreatest(Constrained):
    def validate(self):
        if max(self.a, self.b, 4) % 3 == 0 or self.a in (1, 2) or not self.x:
            no("a multiple")


class ReadsTextAndTruth(Constrained):
    def validate(self):
        if self.kind == "strict" and self.a > 2:
            no("strict")
        if self.wide and self.b - self.a < 2:
            no("narrow")


class AsksForTypes(Constrained):
    def validate(self):
        if isinstance(self.a, int) and self.a > 4:
            no("too many")


class ComputesElsewhere(Constrained):
    def validate(self):
        if math.sqrt(abs(self.x)) > 0.8 or int(self.x * 10) == 3:
            no("far")


class KeepsAll(Constrained):
    pass


RANGES = {
    "a": [0, 1, 2, 3, 5, -4],
    "b": [1, 2, 4, 6, 9, 2**70],
    "x": [0.0, 0.3, 0.5, 1.25, -2.0],
    "wide": [True, False],
    "kind": ["plain", "strict"],
}
CLASSES = [
    Compares,
    Chains,
    Divides,
    SwallowsADivision,
    TakesTheGreatest,
    ReadsTextAndTruth,
    AsksForTypes,
    ComputesElsewhere,
    KeepsAll,
]


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("turn", [1, -1, 7])
def test_each_set_is_told_what_its_constructor_says(cls, turn):
    combinations = combinations_of(cls, RANGES, None)
    rows = np.arange(len(combinations))
    order = rows[::turn] if turn != 7 else np.random.default_rng(turn).permutation(rows)
    told = {}
    for some, reason in constraints_of(combinations, order):
        for i in some.tolist():
            assert i not in told
            told[i] = reason
    assert len(told) == len(combinations)
    for i, reason in told.items():
        values = combinations.row(i)
        if reason is None:
            cls(**values)
        else:
            with pytest.raises(cb.ConfigError) as said:
                cls(**values)
            assert str(said.value) == reason


def test_thousands_are_asked_in_a_few_calls(monkeypatch):
    asked = []
    plain = Compares.validate
    monkeypatch.setattr(Compares, "validate", lambda self: asked.append(1) or plain(self))
    combinations = combinations_of(Compares, {"a": range(1, 40), "b": range(50, 150)}, None)
    [(rows, reason)] = constraints_of(combinations, np.arange(len(combinations)))
    assert rows.size == 3_900
    assert reason is None
    assert len(asked) == 9  # noted once, and with the values of a few


def test_an_error_that_is_no_constraint_is_the_strategys_own():
    class Broken(Constrained):
        def validate(self):
            if self.a > 2:
                raise ZeroDivisionError("mine")

    combinations = combinations_of(Broken, RANGES, None)
    with pytest.raises(ZeroDivisionError, match="mine"):
        constraints_of(combinations, np.arange(len(combinations)))
