"""Which parameter sets trade between the crossings of one pair, and which need a walk of their own.

A strategy that buys when a crosses above b and passes some comparisons, and sells when a falls below b again, trades
between crossings that are the same for all sets with this a and b. It is recognised by its conditions, whatever it is
called. The plan is made of whole columns of numbers, because ten thousand objects take longer than ten thousand sweeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep import gates
from cryptobot.backtest.sweep.columns import ColumnStore, Span
from cryptobot.backtest.sweep.combinations import Combinations
from cryptobot.backtest.sweep.expression import Tree, bound, conjuncts, is_plain, is_truth, names_in, resolved
from cryptobot.backtest.sweep.features import Block
from cryptobot.backtest.sweep.reading import Conditions
from cryptobot.core.errors import CryptobotError
from cryptobot.strategy.volatility import RollingVolatility

Rows = NDArray[np.intp]
Numbers = NDArray[np.int64]
_FLIPPED: Final = {
    "greater": "less",
    "greater_equal": "less_equal",
    "less": "greater",
    "less_equal": "greater_equal",
    "equal": "equal",
    "not_equal": "not_equal",
}


class Sides:
    """What conditions compare, by number: columns as `ColumnStore` names them, and plain numbers."""

    def __init__(self, store: ColumnStore) -> None:
        self.store = store
        self.trees: list[Tree] = []
        self._numbers: dict[Tree, int] = {}

    def number(self, tree: Tree) -> int:
        """Return the number of a side."""
        known = self._numbers.get(tree)
        if known is None:
            known = self._numbers[tree] = len(self.trees)
            self.trees.append(tree)
        return known

    def spans(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return, for all sides there are, the first row with a value and whether all rows from there on have one."""
        spans = [Span(0, True) if tree[0] == "number" else self.store.span(tree) for tree in self.trees]
        return np.array([span.first for span in spans], dtype=np.int64), np.array(
            [span.whole for span in spans], dtype=bool
        )


@dataclass(frozen=True, slots=True)
class GateColumn:
    """One gate of many parameter sets.

    Attributes
    ----------
    operator
        As `gates` numbers them.
    left, right
        Numbers of the sides; ``right`` is None where a level is compared with.
    level
        float64; None where two columns are compared.
    window
        Not 0 where the left side is the rolling volatility of the closes: its window.
    """

    operator: int
    left: Numbers
    right: Numbers | None
    level: NDArray[np.float64] | None
    window: Numbers


@dataclass(frozen=True, slots=True)
class Crossed:
    """Parameter sets that trade between the crossings of a pair, as columns of equal length.

    Attributes
    ----------
    rows
        Of the combinations.
    a, b
        Numbers of the sides that cross.
    first
        First row of the bars on which all features are defined.
    gates
        For each gate that a crossing must pass: what it compares.
    """

    rows: Rows
    a: Numbers
    b: Numbers
    first: Numbers
    gates: list[GateColumn]


@dataclass(slots=True)
class Plan:
    """How the parameter sets are computed.

    Attributes
    ----------
    sides
        What is compared, by number.
    crossed
        Sets that trade between the crossings of pairs.
    others
        The rest.
    """

    sides: Sides
    crossed: list[Crossed] = field(default_factory=list)
    others: list[Rows] = field(default_factory=list)


class _Shape(NamedTuple):
    """Conditions of the crossing kind, still with names of features and parameters.

    Attributes
    ----------
    a, b
        The sides that cross.
    gates
        Operator, left side and right side, which may be a level.
    """

    a: Tree
    b: Tree
    gates: list[tuple[str, Tree, Tree]]


def make_plan(
    combinations: Combinations,
    blocks: list[Block],
    read: list[Conditions] | None,
    store: ColumnStore,
    *,
    paired: bool,
) -> Plan:
    """Sort parameter sets by the way they are computed.

    Parameters
    ----------
    combinations
        All parameter sets.
    blocks
        The features of those that break no constraint.
    read
        What the conditions say, or None when they could not be read.
    store
        Knows where columns have values.
    paired
        False when the market's rules make every trade depend on the money there is.
    """
    plan = Plan(Sides(store))
    if read is None or not paired:
        plan.others = [block.rows for block in blocks]
        return plan
    which = np.full(len(combinations), -1, dtype=np.intp)
    for block in blocks:
        for conditions in read:
            which[:] = -1
            which[conditions.rows] = 1
            inside = which[block.rows] == 1
            part = block if inside.all() else Block(block.rows[inside], block.names, block.numbers[inside])
            shape = _shape(conditions)
            if part.rows.size and (shape is None or not _place(plan, combinations, part, shape)):
                plan.others.append(part.rows)
    return plan


def _shape(conditions: Conditions) -> _Shape | None:
    """Recognise: buy when a crosses above b and comparisons hold, sell when a crosses below b."""
    if conditions.sell[0] != "crossed":
        return None
    b, a = conditions.sell[1:]
    crossing = ("crossed", a, b)
    parts = conjuncts(conditions.buy)
    if crossing not in parts or (is_plain(a) and is_plain(b)):
        return None
    parts.remove(crossing)
    found: list[tuple[str, Tree, Tree]] = []
    for part in parts:
        if part[0] != "call" or part[1] not in _FLIPPED or any(map(is_truth, part[2])):
            return None
        name, (left, right) = part[1], part[2]
        if is_plain(left):
            name, left, right = _FLIPPED[name], right, left
        if is_plain(left):
            return None
        found.append((name, left, right))
    return _Shape(a, b, found)


def _place(plan: Plan, combinations: Combinations, block: Block, shape: _Shape) -> bool:
    """Put sets into the plan; sets whose columns have holes go to the others."""
    sides = plan.sides
    try:
        a, b = (_numbers(side, combinations, block, sides) for side in (shape.a, shape.b))
        its_gates = [_gate(gate, combinations, block, sides) for gate in shape.gates]
    except (ArithmeticError, TypeError, ValueError, CryptobotError):
        return False  # the condition itself will say what is wrong
    features = np.stack(
        [_numbers(("column", name), combinations, block, sides) for name in block.names]
        or [np.zeros(block.rows.size, dtype=np.int64)]
    )
    firsts, wholes = sides.spans()
    looked_at = [
        a,
        b,
        *(gate.left for gate in its_gates),
        *(gate.right for gate in its_gates if gate.right is not None),
    ]
    whole = (
        wholes[np.vstack([features, *looked_at])].all(axis=0)
        if block.names
        else wholes[np.vstack(looked_at)].all(axis=0)
    )
    first = firsts[features].max(axis=0) if block.names else np.zeros(block.rows.size, dtype=np.int64)
    made = Crossed(block.rows, a, b, first, its_gates)
    if not whole.all():
        plan.others.append(block.rows[~whole])
        made = taken(made, np.flatnonzero(whole))
    if made.rows.size:
        plan.crossed.append(made)
    return True


def taken(sets: Crossed, order: Rows) -> Crossed:
    """Return some of the sets, in some order."""
    return Crossed(
        sets.rows[order],
        sets.a[order],
        sets.b[order],
        sets.first[order],
        [
            GateColumn(
                gate.operator,
                gate.left[order],
                None if gate.right is None else gate.right[order],
                None if gate.level is None else gate.level[order],
                gate.window[order],
            )
            for gate in sets.gates
        ],
    )


def _numbers(tree: Tree, combinations: Combinations, block: Block, sides: Sides) -> Numbers:
    """Return the number of a side for every set."""
    if tree[0] == "column":
        if tree[1] not in block.names:
            return np.full(block.rows.size, sides.number(tree), dtype=np.int64)
        used, place = np.unique(block.numbers[:, block.names.index(tree[1])], return_inverse=True)
        return np.array([sides.number(("column", number)) for number in used.tolist()], dtype=np.int64)[place]
    # Made of several columns or of parameters: sets that agree in all of them share it.
    numbers = np.zeros(block.rows.size, dtype=np.int64)
    place = np.zeros(len(combinations), dtype=np.intp)
    place[block.rows] = np.arange(block.rows.size)
    names = [name for name in block.names if name in names_in(tree, "column")]
    for some in combinations.distinct(sorted(names_in(tree, "parameter")), block.rows):
        at = place[some]
        values = combinations.row(int(some[0]))
        keys = np.stack([block.numbers[at, block.names.index(name)] for name in names] or [np.zeros_like(at)], axis=1)
        used, inverse = np.unique(keys, axis=0, return_inverse=True)
        made = []
        for key in used.tolist():
            leaves: dict[str, Tree] = {name: ("column", number) for name, number in zip(names, key, strict=False)}
            made.append(sides.number(resolved(bound(tree, values), leaves)))
        numbers[at] = np.array(made, dtype=np.int64)[inverse.reshape(-1)]
    return numbers


def _gate(gate: tuple[str, Tree, Tree], combinations: Combinations, block: Block, sides: Sides) -> GateColumn:
    name, left, right = gate
    numbers = _numbers(left, combinations, block, sides)
    if not is_plain(right):
        other = _numbers(right, combinations, block, sides)
        return GateColumn(gates.OPERATORS[name], numbers, other, None, np.zeros_like(numbers))
    windows = np.array([_volatility_window(tree, sides.store) for tree in sides.trees], dtype=np.int64)
    return GateColumn(gates.OPERATORS[name], numbers, None, _levels(right, combinations, block.rows), windows[numbers])


def _volatility_window(tree: Tree, store: ColumnStore) -> int:
    feature = store.feature(tree)
    if type(feature) is RollingVolatility and feature.sources == ("close",):
        return int(feature.window)
    return 0


def _levels(level: Tree, combinations: Combinations, rows: Rows) -> NDArray[np.float64]:
    """Compute what is compared with, for every set."""
    if level[0] == "parameter":
        chosen: NDArray[np.float64] = combinations.column(level[1])[rows].astype(np.float64)
        return chosen
    values = np.empty(len(combinations))
    for some in combinations.distinct(sorted(names_in(level, "parameter")), rows):
        values[some] = float(bound(level, combinations.row(int(some[0])))[1])
    return values[rows]
