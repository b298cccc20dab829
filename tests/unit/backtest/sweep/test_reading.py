"""Reading a class: which sets share what, and which conditions can be noted."""

from __future__ import annotations

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.backtest.sweep.combinations import combinations_of
from cryptobot.backtest.sweep.expression import Noted, Unreadable, bound, conjuncts, evaluate
from cryptobot.backtest.sweep.features import features_of
from cryptobot.backtest.sweep.reading import read_conditions
from cryptobot.core.errors import ConfigError

CROSS = cb.MovingAverageCrossover


def reading(cls, **ranges):
    combinations = combinations_of(cls, ranges, None)
    names = features_of(combinations).blocks[0].names
    return combinations, read_conditions(combinations, np.arange(len(combinations)), names)


def check(cls, **ranges):
    """The features of every set are those that the constructor makes."""
    combinations = combinations_of(cls, ranges, None)
    found = features_of(combinations)
    seen = set()
    for block in found.blocks:
        for i, numbers in zip(block.rows.tolist(), block.numbers.tolist(), strict=True):
            made = {name: found.known.features[k] for name, k in zip(block.names, numbers, strict=True)}
            assert made == cls(**combinations.row(i)).nodes
            seen.add(i)
    for rows, reason in found.broken:
        for i in rows.tolist():
            with pytest.raises(cb.ConfigError) as said:
                cls(**combinations.row(i))
            assert str(said.value) == reason or "`fast` is" in reason
            seen.add(i)
    assert seen == set(range(len(combinations)))
    assert found.kept.tolist() == sorted(i for block in found.blocks for i in block.rows.tolist())
    return found


def test_features_are_asked_once_for_all_sets(monkeypatch):
    asked = []
    plain = CROSS.features
    monkeypatch.setattr(CROSS, "features", lambda self: asked.append(1) or plain(self))
    combinations = combinations_of(
        CROSS, {"fast": range(5, 25), "slow": range(30, 60), "volatility_threshold": np.linspace(0, 1, 50)}, None
    )
    found = features_of(combinations)
    assert len(asked) == 2  # with noted parameters, and by the constructor to compare
    assert len(found.known.features) == 20 + 30 + 1
    assert found.kept.size == 20 * 30 * 50
    monkeypatch.undo()
    found = check(CROSS, fast=[5, 40], slow=[20, 60], volatility_threshold=np.linspace(0, 1, 5))
    assert [rows.size for rows, _ in found.broken] == [5]


def test_what_is_read_may_depend_on_what_was_read():
    class Either(cb.Strategy):
        use_fast = cb.param(True)
        fast = cb.param(5, ge=1)
        slow = cb.param(9, ge=1)

        def features(self):
            return {"average": cb.SMA(self.fast if self.use_fast else self.slow)}

    class Longer(Either):
        def features(self):
            return {"average": cb.SMA(self.fast if self.fast > 3 else self.slow, of=cb.EMA(self.slow * 2))}

    class Named(Either):
        def features(self):
            return {"one": cb.SMA(self.fast)} if self.fast > 3 else {"other": cb.SMA(self.slow), "two": cb.RSI(3)}

    for cls in (Either, Longer, Named):
        check(cls, use_fast=[True, False], fast=[3, 4], slow=[7, 8])


def test_features_made_of_sums_and_of_features():
    class Made(cb.Strategy):
        window = cb.param(5, ge=1)
        off = cb.param(2)

        def features(self):
            return {"a": cb.SMA(self.window * 2 + self.off), "b": cb.SMA(self.window, of=cb.RSI(self.off + 1))}

    found = check(Made, window=range(1, 5), off=[0, 2])
    assert len(found.known.features) == 5 + 4 * 2  # SMA(4), SMA(6) and SMA(8) come about twice


def test_a_feature_that_its_own_bounds_refuse_breaks_a_constraint():
    class Difference(cb.Strategy):
        fast = cb.param(5, ge=1)
        slow = cb.param(9, ge=1)

        def features(self):
            return {"average": cb.SMA(self.slow - self.fast), "other": cb.RSI(self.slow - self.fast)}

    found = check(Difference, fast=[3, 8, 9], slow=[8, 10])
    assert sum(rows.size for rows, _ in found.broken) == 2
    check(Difference, fast=[9, 3], slow=[8, 10])  # the very first is refused


def test_a_constructor_of_its_own_is_respected():
    class Own(cb.Strategy):
        window = cb.param(5, ge=1)

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            if self.params["window"] == 6:
                raise ConfigError("not six")

        def features(self):
            return {"average": cb.SMA(self.window)}

    found = check(Own, window=[5, 6, 7])
    assert [reason for _, reason in found.broken] == ["not six"]


def test_features_that_are_none_say_so():
    class Wrong(cb.Strategy):
        window = cb.param(5, ge=1)

        def features(self):
            return {"average": self.window}

    with pytest.raises(cb.ConfigError, match="Return a dict of features"):
        cb.sweep(Wrong, cb.practice_bars(100, seed=1), window=[5, 6])


def test_the_crossover_is_read_once_with_its_parameters_in_place():
    _, read = reading(CROSS, fast=[5, 6], volatility_threshold=[0.0, 0.1, 0.2])
    assert len(read) == 1
    (said,) = read
    gap = ("call", "greater", (("column", "volatility"), ("parameter", "volatility_threshold")))
    assert conjuncts(said.buy) == [("crossed", ("column", "fast"), ("column", "slow")), gap]
    assert said.sell == ("crossed", ("column", "slow"), ("column", "fast"))


def test_a_branch_on_a_parameter_is_read_for_each_of_its_values():
    class Branch(cb.Strategy):
        level = cb.param(0.0)
        strict = cb.param(True)

        def should_buy(self, x):
            if self.level > 1.0:
                return x.close > x.open
            return x.close >= x.open if self.strict else x.high > x.open

        def should_sell(self, x):
            return x.close < self.level

    combinations, read = reading(Branch, level=[0.0, 2.0, 3.0], strict=[True, False])
    assert sum(part.rows.size for part in read) == 6
    bars = cb.practice_bars(300, seed=1)
    columns = {name: bars[name].to_numpy() for name in bars}
    for part in read:
        for i in part.rows.tolist():
            strategy = Branch(**combinations.row(i))
            decided = strategy.batch(bars)
            got = evaluate(bound(part.buy, combinations.row(i)), lambda leaf: columns[leaf[1]])
            assert np.array_equal(got, decided.buy)


class Base(cb.Strategy):
    window = cb.param(5, ge=1)

    def features(self):
        return {"average": cb.SMA(self.window)}

    def should_sell(self, x):
        return x.close < x.average


def unreadable(condition):
    return type("Unread", (Base,), {"should_buy": condition})


UNREADABLE = {
    "whole columns": lambda self, x: x.close > x.close.mean(),
    "where": lambda self, x: np.where(x.close > x.average, True, False),
    "slices": lambda self, x: np.append(False, x.close[1:] > x.close[:-1]),
    "python's and": lambda self, x: x.close > x.average and x.close > x.open,
    "a reduction": lambda self, x: x.close > np.maximum.accumulate(x.close),
    "an array of its own": lambda self, x: (x.close > x.average) & np.ones(len(x.close), dtype=bool),
    "numbers as truth": lambda self, x: (x.close > x.average) & (x.close > x.average) * 1,
    "looking at its features": lambda self, x: x.close > self.nodes["average"].window,
    "an except of its own": lambda self, x: swallow(x),
    "two faces": lambda self, x: x.close > x.open if isinstance(x.close, np.ndarray) else x.close > x.average,
    "no condition at all": lambda self, x: x.close - x.average,
    "a name that is not there": lambda self, x: x.clsoe > 0,
}


def swallow(x):
    try:
        return x.close > float(x.average)
    except Exception:  # noqa: BLE001 - what is tested
        return x.close > 0.0


@pytest.mark.parametrize("condition", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_noted_is_not_guessed(condition):
    _, read = reading(unreadable(condition), window=[3, 4])
    assert read is None


READABLE = {
    "arithmetic": lambda self, x: (x.close - x.average) / x.average > 0.001 * self.window,
    "numpy's functions": lambda self, x: np.log(np.maximum(x.close, x.average)) >= np.sqrt(abs(x.open)),
    "not and either": lambda self, x: ~(x.close > x.average) ^ (x.high == x.low) | np.isfinite(x.average),
    "the row before": lambda self, x: cb.previous(x.close) * 1.01 < x.close,
    "numbers first": lambda self, x: cb.crossed_above(30_000, x.close) | (2.0 < x.average),  # noqa: SIM300
    "logical functions": lambda self, x: np.logical_and(x.close > x.average, np.logical_not(x.open > x.close)),
    "a parameter's power": lambda self, x: x.close > x.open + self.window**2 / 100,
}


@pytest.mark.parametrize("condition", READABLE.values(), ids=READABLE)
def test_what_is_noted_computes_the_same_bits(condition):
    cls = unreadable(condition)
    combinations, read = reading(cls, window=[3, 4])
    assert read is not None
    bars = cb.practice_bars(500, seed=2)
    for part in read:
        for i in part.rows.tolist():
            strategy = cls(**combinations.row(i))
            decided = strategy.batch(bars)
            columns = {name: bars[name].to_numpy() for name in bars} | decided.features
            with np.errstate(all="ignore"):
                got = evaluate(bound(part.buy, combinations.row(i)), lambda leaf, seen=columns: seen[leaf[1]])
            defined = np.isfinite(decided.features["average"])
            assert np.array_equal(got & defined, decided.buy)


def test_a_noted_column_answers_no_question():
    noted = Noted(("column", "close"))
    for ask in (bool, len, float, int, iter, str, lambda n: n[0], lambda n: n.mean(), np.asarray, lambda n: n + "1"):
        with pytest.raises(Unreadable):
            ask(noted)
    with pytest.raises(TypeError):
        hash(noted)
