"""Proof that conditions look at a row and the one before it, and nowhere else.

Features cannot look ahead: their kernels are given one bar after another. Conditions get whole columns in research,
so they could. The proof replaces rows behind a condition's back: on columns drawn at random from the strategy's own
rows, some rows are exchanged, and the decision on every row that was kept together with its predecessor must stay.
A condition that uses any other row is caught with near certainty, whatever distance ahead and even on a single bar,
because every round draws new surroundings for every row. Every third round keeps the rows of the market in their
order and only exchanges the others: what it finds is a bar of that market.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryptobot.strategy.conditions import Column, Rows

Decide = Callable[[dict[str, Column]], NDArray[np.bool_]]
_ROUNDS = 360


@dataclass(frozen=True, slots=True)
class Leak:
    """A row whose decision depends on a row it must not see.

    Attributes
    ----------
    row
        The first such row found.
    ahead
        Whether it depends on a later row; otherwise on one before the previous.
    real
        Whether it was found among the rows in their own order, so that it is a bar of the market.
    """

    row: int
    ahead: bool
    real: bool


def find_leak(decide: Decide, columns: dict[str, Column], signals: NDArray[np.bool_]) -> Leak | None:
    """Look for a row that depends on rows other than itself and the previous one.

    Parameters
    ----------
    decide
        Evaluates both conditions on columns; returns bool of shape (2, n).
    columns
        The strategy's own columns, float64 of shape (n,).
    signals
        bool, shape (n,): rows on which it bought or sold; these are drawn more often.

    Returns
    -------
    Leak or None
        The leak with the first row; looking ahead is reported before looking back.
    """
    n = signals.size
    random = np.random.default_rng(20_240_601)
    table = np.stack(list(columns.values()))
    defined = np.isfinite(table).all(axis=0)
    usable = np.flatnonzero(defined)
    if usable.size < 2 or n < 3:
        return None
    active = np.intersect1d(np.union1d(np.flatnonzero(signals), np.flatnonzero(signals) - 1), usable)
    names = list(columns)

    def draw() -> NDArray[np.float64]:
        rows = random.choice(usable, n)
        if active.size:
            chosen = random.random(n) < 0.5
            rows[chosen] = random.choice(active, int(chosen.sum()))
        drawn: NDArray[np.float64] = table[:, rows]
        return drawn

    def decisions(values: NDArray[np.float64]) -> NDArray[np.bool_]:
        return decide({name: np.ascontiguousarray(row) for name, row in zip(names, values, strict=True)})

    found: list[Leak] = []
    for round_, mask in enumerate(_masks(n, random)):
        real = round_ % 3 == 2
        before = table if real else draw()
        after = before.copy()
        after[:, mask] = draw()[:, mask] * random.choice([1.0, 1.0, 1e3, 1e-3])
        kept = ~mask
        kept[1:] &= ~mask[:-1]
        if real:
            kept &= defined
        wanted = decisions(before)
        differs = np.flatnonzero((wanted != decisions(after)).any(axis=0) & kept)
        if differs.size:
            row = int(differs[0])
            only_future = before.copy()
            only_future[:, row + 1 :] = after[:, row + 1 :]
            ahead = bool((wanted[:, row] != decisions(only_future)[:, row]).any())
            found.append(Leak(row, ahead, real))
    return min(found, key=lambda leak: (not leak.ahead, not leak.real, leak.row), default=None)


def _masks(n: int, random: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    """Yield which rows to exchange: every third row finds a look at the very next one, random blocks any distance."""
    rows = np.arange(n)
    for round_ in range(_ROUNDS):
        # Each kind of mask meets both kinds of surroundings, which alternate with a period of three.
        kind = round_ // 3
        if kind % 2 == 0:
            yield rows % 3 == kind // 2 % 3
        else:
            length = int(random.integers(2, 16))
            blocks = random.random(n // length + 1) < 0.5
            yield np.repeat(blocks, length)[:n]


def rows_of(columns: dict[str, Column]) -> Rows:
    """Wrap columns read-only, as a strategy sees them."""
    for column in columns.values():
        column.flags.writeable = False
    return Rows(columns)
