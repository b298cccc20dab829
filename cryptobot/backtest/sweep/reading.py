"""Reading a strategy class: what its parameters change, and what its conditions say.

A strategy's methods get their parameters from the object alone, so that whatever a method read decides what it returns:
parameter sets that agree in what was read share the result. Recording the reads makes thousands of sets a few distinct
ones, for any class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.combinations import Combinations
from cryptobot.backtest.sweep.expression import Noted, Tree, Unreadable, bound, evaluate, is_truth
from cryptobot.core.bars import COLUMNS
from cryptobot.core.errors import CryptobotError
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.conditions import Rows

T = TypeVar("T")
IntRows = NDArray[np.intp]
_SAMPLE: Final = 512


class Reads(Mapping[str, Any]):
    """Parameter values that note which of them were read, and may hand out others in their place."""

    def __init__(self, values: Mapping[str, Any], instead: Mapping[str, Any] | None = None) -> None:
        self._all = values
        self._instead = instead or {}
        self.seen: dict[str, None] = {}

    def __getitem__(self, name: str) -> Any:
        if name in self._instead:
            return self._instead[name]
        value = self._all[name]
        self.seen[name] = None
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


class _Hidden(Mapping[str, Any]):
    """Features where a condition has no business with them: looking at them ends the reading."""

    def __getitem__(self, name: str) -> Any:
        raise Unreadable

    def __iter__(self) -> Iterator[str]:
        raise Unreadable

    def __len__(self) -> int:
        raise Unreadable


class Conditions(NamedTuple):
    """What should_buy and should_sell say, for some parameter sets."""

    rows: IntRows
    buy: Tree
    sell: Tree


def noted_parameters(cls: type[Strategy]) -> dict[str, Noted]:
    """Return what stands for the parameters that are numbers."""
    return {name: Noted(("parameter", name)) for name, p in cls.parameters().items() if p.kind in ("int", "float")}


def bare(cls: type[Strategy], values: Mapping[str, Any], nodes: Mapping[str, Any]) -> Strategy:
    """Make a strategy object whose parameters are watched."""
    made: Strategy = object.__new__(cls)
    object.__setattr__(made, "_values", values)
    object.__setattr__(made, "_nodes", nodes)
    return made


def shared(
    combinations: Combinations, rows: NDArray[np.intp], run: Callable[[int], tuple[T, set[str]]]
) -> list[tuple[NDArray[np.intp], T]]:
    """Run something once for all rows that agree in what it read.

    Parameters
    ----------
    run
        Gets a row, returns a result and the names of the parameters that decided about it.
    """
    done: list[tuple[NDArray[np.intp], T]] = []
    waiting: list[tuple[NDArray[np.intp], frozenset[str]]] = [(rows, frozenset())] if rows.size else []
    while waiting:
        group, agreed = waiting.pop()
        result, read = run(int(group[0]))
        if read <= agreed or group.size == 1:
            done.append((group, result))
            continue
        agreed = agreed | read
        parts = combinations.distinct(sorted(agreed), group)
        done.append((parts[0], result))
        waiting += [(part, agreed) for part in reversed(parts[1:])]
    return done


def read_conditions(combinations: Combinations, rows: NDArray[np.intp], names: list[str]) -> list[Conditions] | None:
    """Read both conditions, or return None when they do what cannot be noted.

    Parameters
    ----------
    combinations, rows
        The parameter sets, none of which breaks a constraint.
    names
        Of the features, the same for all of them.
    """
    cls = combinations.strategy
    numeric = noted_parameters(cls)
    x = Rows({name: Noted(("column", name)) for name in (*names, *COLUMNS)})  # type: ignore[misc]
    for instead in (numeric, {}):

        def run(i: int, instead: Mapping[str, Any] = instead) -> tuple[tuple[Tree, Tree], set[str]]:
            reads = Reads(combinations.row(i), instead)
            made = bare(cls, reads, _Hidden())
            said = []
            for condition in (made.should_buy, made.should_sell):
                answer = condition(x)
                if not isinstance(answer, Noted) or not is_truth(answer.tree):
                    raise Unreadable
                said.append(answer.tree)
            if not _agrees(cls, combinations.row(i), names, (said[0], said[1])):
                raise Unreadable
            return (said[0], said[1]), set(reads.seen)

        try:
            return [Conditions(group, *trees) for group, trees in shared(combinations, rows, run)]
        except Unreadable:
            continue
        except Exception:  # noqa: BLE001 - the real columns may not raise; if they do, the error is told then
            return None
    return None


def _agrees(cls: type[Strategy], values: dict[str, Any], names: list[str], trees: tuple[Tree, Tree]) -> bool:
    """Compare what was read with what the condition says to made-up rows full of ties and undefined values."""
    random = np.random.default_rng(7)
    levels = np.array([0.0, *(float(v) for v in values.values() if isinstance(v, int | float))])
    every = (*names, *COLUMNS)
    shape = (len(every), _SAMPLE)
    made_up = levels[random.integers(0, levels.size, shape)]
    made_up += random.integers(-2, 3, shape) * np.where(random.integers(0, 2, shape), 0.001, 1.0)
    made_up[random.random(shape) < 0.02] = np.nan
    made_up.flags.writeable = False
    columns = dict(zip(every, made_up, strict=True))
    try:
        wanted = cls(**values).decide(Rows(columns), _SAMPLE)
    except CryptobotError:
        return False
    with np.errstate(all="ignore"):
        got = [evaluate(bound(tree, values), lambda leaf: columns[leaf[1]]) for tree in trees]
    return all(
        isinstance(mask, np.ndarray) and mask.shape == want.shape and np.array_equal(mask, want)
        for mask, want in zip(got, wanted, strict=True)
    )
