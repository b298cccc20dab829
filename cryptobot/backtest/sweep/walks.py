"""Parameter sets that need a walk of their own: conditions of any kind, and markets that round."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep import crossings
from cryptobot.backtest.sweep.book import book_of_rows
from cryptobot.backtest.sweep.columns import ColumnStore
from cryptobot.backtest.sweep.combinations import Combinations
from cryptobot.backtest.sweep.compiled import Factors, Series
from cryptobot.backtest.sweep.exact import exact_book
from cryptobot.backtest.sweep.expression import Tree, bound, conjuncts, evaluate, is_truth, resolved
from cryptobot.backtest.sweep.market_book import market_book
from cryptobot.backtest.sweep.prices import Prices
from cryptobot.backtest.sweep.reading import Conditions
from cryptobot.backtest.sweep.setting import Setting
from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.errors import CryptobotError
from cryptobot.strategy.conditions import Rows

Signals = NDArray[np.int64]


class Arena(NamedTuple):
    """What all walks share.

    Attributes
    ----------
    bars, setting, prices, factors, store
        The bars, the terms, the prices of both sides, what `Prices.factors` makes of them, the columns.
    series
        (close, prefixes, most) as the compiled book takes them.
    """

    bars: BarColumns
    setting: Setting
    prices: Prices
    factors: Factors
    store: ColumnStore
    series: Series


def walk(
    arena: Arena,
    combinations: Combinations,
    row: int,
    leaves: Mapping[str, Tree],
    conditions: Conditions | None,
    out: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    """Compute one parameter set.

    Parameters
    ----------
    row
        Its number among the combinations.
    leaves
        The columns of its features by name.
    conditions
        What its conditions say, where that could be read.
    out
        (figures, blocks) of the set, zeros: written as `book.keep_book` does.
    """
    buys, sells = signals(arena, combinations, row, leaves, conditions)
    figures, blocks = out
    setting = arena.setting
    edges = setting.edges
    if not setting.rounds:
        book_of_rows(buys, sells, arena.factors, arena.series, edges, figures, blocks)
        return
    if market_book(buys, sells, arena.bars, arena.prices, setting, figures, blocks):
        return
    figures[:], blocks[:] = exact_book(buys, sells, arena.bars, setting)


def signals(
    arena: Arena, combinations: Combinations, row: int, leaves: Mapping[str, Tree], conditions: Conditions | None
) -> tuple[Signals, Signals]:
    """Return the rows that a parameter set buys and sells on; not the last, which has no next open.

    Raises
    ------
    StrategyError
        If a condition raises or returns nonsense.
    """
    store, n = arena.store, len(arena.bars)
    first = max((store.span(leaf).first for leaf in leaves.values()), default=0)
    holes = [leaf for leaf in leaves.values() if not store.span(leaf).whole]
    values = combinations.row(row)
    found: list[Signals] = []
    if conditions is not None:
        try:
            trees = [resolved(bound(tree, values), leaves) for tree in (conditions.buy, conditions.sell)]
        except (ArithmeticError, TypeError, ValueError, CryptobotError):
            trees = []  # asked for real below, it says what is wrong in its own words
        found = [_rows(tree, store) for tree in trees]
    if not found:
        x = Rows(
            {name: store.values(leaf).view() for name, leaf in leaves.items()}
            | {name: getattr(arena.bars, name).view() for name in COLUMNS}
        )
        masks = combinations.strategy(**values).decide(x, n)
        found = [np.flatnonzero(mask) for mask in masks]
    buys, sells = (rows[np.searchsorted(rows, first) : np.searchsorted(rows, n - 1)] for rows in found)
    for tree in holes:
        defined = np.isfinite(store.values(tree))
        buys, sells = buys[defined[buys]], sells[defined[sells]]
    return np.ascontiguousarray(buys), np.ascontiguousarray(sells)


def _rows(tree: Tree, store: ColumnStore) -> Signals:
    """Return the rows on which a condition is true.

    Of what must be true together, a crossing comes first: it leaves few rows for the rest to be looked at on.
    """
    parts = conjuncts(tree)
    crossing = next((part for part in parts if part[0] == "crossed" and _can_search(part, store)), None)
    if crossing is None:
        return np.flatnonzero(store.values(tree))
    rows = _crossings(crossing, store)
    for part in parts:
        if part is crossing:
            continue
        if part[0] == "call" and not any(map(is_truth, part[2])) and all(p[0] in ("column", "number") for p in part[2]):
            with np.errstate(all="ignore"):
                rows = rows[evaluate(part, partial(_at, store, rows))]
        else:
            rows = rows[store.values(part)[rows]]
    return rows


def _at(store: ColumnStore, rows: Signals, leaf: Tree) -> NDArray[Any]:
    return store.values(leaf)[rows]


def _can_search(tree: Tree, store: ColumnStore) -> bool:
    sides = [side for side in tree[1:] if side[0] != "number"]
    return bool(sides) and all(store.span(side).whole for side in sides)


def _crossings(tree: Tree, store: ColumnStore) -> Signals:
    """Find where the first side rises above the second."""
    a, b = tree[1:]
    n = len(store.bars)
    up, down = np.empty(n // 64 + 1, np.uint64), np.empty(n // 64 + 1, np.uint64)
    sums = store.sums(a, b)
    nothing = np.zeros(1)
    if sums is not None:
        first = max(sums.fast, sums.slow) - 1
        crossings.crossing_words(
            crossings.SUMS, sums.ticks, nothing, nothing, 0.0, sums.fast, sums.slow, first, n, up, down
        )
        return crossings.rows_of_words(up)
    swapped = a[0] == "number"
    if swapped:
        a, b = b, a
    first = max(store.span(side).first for side in (a, b) if side[0] != "number")
    left = np.asarray(store.values(a), dtype=np.float64)
    if b[0] == "number":
        crossings.crossing_words(crossings.NUMBER, nothing, left, left, float(b[1]), 0, 0, first, n, up, down)
    else:
        right = np.asarray(store.values(b), dtype=np.float64)
        crossings.crossing_words(crossings.COLUMNS, nothing, left, right, 0.0, 0, 0, first, n, up, down)
    return crossings.rows_of_words(down if swapped else up)
