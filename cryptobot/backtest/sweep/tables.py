"""The tables that the compiled loop over pairs works through, and how they are cut into tasks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep import crossings, gates, pairs
from cryptobot.backtest.sweep.columns import COMPARABLE
from cryptobot.backtest.sweep.plan import Crossed, Sides, taken
from cryptobot.core.bars import PRICES

Rows = NDArray[np.intp]
_NO_TICKS: Final = np.zeros(1)
_TASK: Final = 0.05  # seconds a task should take, roughly
_LEAST: Final = 0.002
_EACH: Final = 3  # tasks a worker in which what is left would be done
_SETS: Final = 16_384  # of one pair in one task
_COLUMNS: Final = 32_000_000  # bytes of columns in one task


@dataclass(frozen=True, slots=True)
class Tables:
    """Arguments of `pairs.sweep_pairs`, and which parameter set each of their rows is.

    Attributes
    ----------
    rows
        Of the combinations.
    pairs, sets, gates, ticks, columns
        As `sweep_pairs` takes them.
    """

    rows: Rows
    pairs: NDArray[Any]
    sets: NDArray[Any]
    gates: NDArray[Any]
    ticks: NDArray[np.float64]
    columns: NDArray[np.float64]


class Layout:
    """Parameter sets laid out pair by pair.

    Parameters
    ----------
    crossed
        Sets with gates of the same kinds.
    sides
        What they compare.
    """

    def __init__(self, crossed: Crossed, sides: Sides) -> None:
        self._sides = sides
        self._n = len(sides.store.bars)
        self._room = max(4, _COLUMNS // (8 * self._n))
        kinds = self._kinds(crossed)
        order = np.lexsort((*(gate.window for gate in crossed.gates), *kinds))
        self.sets = taken(crossed, order)
        a, b = self.sets.a, self.sets.b
        changes = np.ones(a.size, dtype=np.bool_)
        changes[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
        changes |= self._long_runs(changes)
        self._starts = np.flatnonzero(changes)
        self._ends = np.append(self._starts[1:], a.size)
        self._pairs, self._sources = self._pair_table()
        self._gates = self._gate_table()

    def _kinds(self, crossed: Crossed) -> list[NDArray[Any]]:
        """Return what the sets are sorted by, the last counting most.

        Pairs lie together; pairs of the same columns lie together in squares, as a cache likes it.
        """
        side = max(1, self._room // 3)
        ranks = [np.unique(numbers, return_inverse=True)[1].reshape(-1) for numbers in (crossed.a, crossed.b)]
        return [ranks[1], ranks[0], ranks[1] // side, ranks[0] // side]

    @staticmethod
    def _long_runs(changes: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Mark where a pair that very many sets share is cut."""
        rows = np.arange(changes.size)
        begun = np.maximum.accumulate(np.where(changes, rows, 0))
        cut: NDArray[np.bool_] = (rows - begun) % _SETS == 0
        return cut

    def _pair_table(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return the table of pairs, and which price each one's ticks are of: -1 where columns are compared."""
        sides, store = self._sides, self._sides.store
        a, b = self.sets.a[self._starts], self.sets.b[self._starts]
        windows = [store.window(tree) for tree in sides.trees]
        sources = np.array([-1 if w is None else PRICES.index(w[0]) for w in windows], dtype=np.int64)
        sizes = np.array([0 if w is None else w[1] for w in windows], dtype=np.int64)
        asked = set(sources.tolist())
        highest = np.array([store.highest(name) if k in asked else 0.0 for k, name in enumerate(PRICES)])
        plain = np.array([tree[0] == "number" for tree in sides.trees], dtype=np.bool_)
        values = np.array([float(tree[1]) if tree[0] == "number" else 0.0 for tree in sides.trees])
        firsts, _ = sides.spans()

        table = np.zeros(a.size + 1, pairs.PAIR)
        of_ticks = (sources[a] >= 0) & (sources[a] == sources[b])
        of_ticks &= highest[sources[a]] * sizes[a] * sizes[b] < COMPARABLE
        swapped = plain[a] & ~of_ticks
        left, right = np.where(swapped, b, a), np.where(swapped, a, b)
        body = table[:-1]
        body["kind"] = np.where(of_ticks, crossings.SUMS, np.where(plain[right], crossings.NUMBER, crossings.COLUMNS))
        body["a"], body["b"] = left, right
        body["fast"], body["slow"] = sizes[a], sizes[b]
        body["number"] = values[right]
        body["first"] = np.where(
            of_ticks,
            np.maximum(sizes[a], sizes[b]) - 1,
            np.maximum(firsts[left], np.where(plain[right], 0, firsts[right])),
        )
        body["swapped"] = swapped
        return table, np.where(of_ticks, sources[a], -1)

    def _gate_table(self) -> NDArray[Any]:
        table = np.zeros((self.sets.rows.size, len(self.sets.gates)), pairs.GATE)
        for k, gate in enumerate(self.sets.gates):
            column = table[:, k]
            column["operator"] = gate.operator
            column["a"] = gate.left
            column["window"] = gate.window
            if gate.right is not None:
                column["kind"], column["b"] = gates.COLUMNS, gate.right
            else:
                column["kind"] = np.where(gate.window > 0, gates.VOLATILITY, gates.NUMBER)
                column["b"], column["level"] = gate.left, gate.level
        return table

    def shares(self, workers: int) -> Iterator[tuple[int, int]]:
        """Cut the pairs into tasks of about the same length, each of few columns: numbers of first and last pair."""
        costs = self._n * (0.4 + 0.02 * (self._ends - self._starts)) * 1e-9
        upto = np.append(0.0, np.cumsum(costs))

        def longest(p: int) -> float:
            # Ever shorter, so that nobody waits long for the last; but handing one over costs something, too.
            left = float(upto[-1] - upto[p])
            return min(_TASK, max(_LEAST, left / workers / _EACH)) if workers > 1 else _TASK

        begin = 0
        if (
            (self._sources >= 0).all()
            and (self._sources == self._sources[0]).all()
            and not self._looked_at(0, costs.size).size
        ):
            # No columns to hold: only time counts.
            while begin < costs.size:
                end = max(begin + 1, int(np.searchsorted(upto, upto[begin] + longest(begin), side="right")) - 1)
                yield begin, end
                begin = end
            return
        source, columns = -1, set[int]()
        for p in range(costs.size):
            needs = set(self._looked_at(p, p + 1).tolist())
            other_ticks = source >= 0 and self._sources[p] >= 0 and self._sources[p] != source
            too_long = upto[p + 1] - upto[begin] > longest(begin)
            if p > begin and (too_long or len(columns | needs) > self._room or other_ticks):
                yield begin, p
                begin, source, columns = p, -1, set()
            columns |= needs
            source = max(source, int(self._sources[p]))
        yield begin, costs.size

    def _looked_at(self, begin: int, end: int) -> NDArray[np.int64]:
        """Return the numbers of the columns that some pairs and their gates look at."""
        body = self._pairs[begin:end]
        by_column = body[body["kind"] != crossings.SUMS]
        rows = slice(self._starts[begin], self._ends[end - 1])
        compared = self._gates[rows].reshape(-1)
        compared = compared[compared["kind"] != gates.VOLATILITY]
        both = by_column[by_column["kind"] == crossings.COLUMNS]
        return np.unique(np.concatenate([by_column["a"], both["b"], compared["a"], compared["b"]]))

    def tables(self, begin: int, end: int) -> Tables:
        """Lay out the pairs from number ``begin`` to before ``end``; all their sums of ticks are of one price."""
        store = self._sides.store
        rows = slice(int(self._starts[begin]), int(self._ends[end - 1]))
        used = self._looked_at(begin, end)
        place = np.zeros(len(self._sides.trees), dtype=np.int64)
        place[used] = np.arange(used.size)
        table = self._pairs[begin : end + 1].copy()
        table[:-1]["a"], table[:-1]["b"] = place[table[:-1]["a"]], place[table[:-1]["b"]]
        table["sets"] = np.append(self._starts[begin:end], rows.stop) - rows.start
        many = len(self.sets.gates)
        sets = np.zeros(rows.stop - rows.start + 1, pairs.SET)
        sets["first"][:-1] = self.sets.first[rows]
        sets["gates"] = np.arange(sets.size) * many
        its_gates = self._gates[rows].reshape(-1).copy()
        its_gates["a"], its_gates["b"] = place[its_gates["a"]], place[its_gates["b"]]
        sources = self._sources[begin:end]
        ticks = store.ticks(PRICES[int(sources.max())]) if sources.size and sources.max() >= 0 else None
        columns = [np.asarray(store.values(self._sides.trees[k]), dtype=np.float64) for k in used.tolist()]
        return Tables(
            self.sets.rows[rows],
            table,
            sets,
            its_gates,
            _NO_TICKS if ticks is None else ticks,
            np.stack(columns) if columns else np.empty((1, self._n)),
        )
