"""Computing many parameter sets on this machine: planned once, then in tasks on all cores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.columns import ColumnStore
from cryptobot.backtest.sweep.combinations import Combinations
from cryptobot.backtest.sweep.crossings import prefix_returns
from cryptobot.backtest.sweep.expression import Tree
from cryptobot.backtest.sweep.features import Block, Featured
from cryptobot.backtest.sweep.foresight import refuse_foresight
from cryptobot.backtest.sweep.pairs import sweep_pairs
from cryptobot.backtest.sweep.plan import make_plan
from cryptobot.backtest.sweep.prices import prices_of
from cryptobot.backtest.sweep.reading import Conditions, read_conditions
from cryptobot.backtest.sweep.setting import Setting
from cryptobot.backtest.sweep.tables import Layout
from cryptobot.backtest.sweep.threads import Crew, Stop
from cryptobot.backtest.sweep.walks import Arena, walk
from cryptobot.core.bars import BarColumns

Rows = NDArray[np.intp]
Told = Callable[[int], None]

_WALKS: Final = 32  # parameter sets in one task


@dataclass(slots=True, eq=False)
class Outcome:
    """What the books hold, and which of them are done.

    Attributes
    ----------
    raw
        float64, shape (m, 8), as `book.keep_book` writes it.
    blocks
        float64, shape (m, blocks, 2): Σ r and Σ r² of each block of bars.
    done
        bool, shape (m,).
    """

    raw: NDArray[np.float64]
    blocks: NDArray[np.float64]
    done: NDArray[np.bool_]

    @classmethod
    def empty(cls, m: int, blocks: int) -> Outcome:
        """Return one in which nothing is done yet."""
        return cls(np.zeros((m, 8)), np.zeros((m, blocks, 2)), np.zeros(m, dtype=np.bool_))


def compute(
    combinations: Combinations,
    featured: Featured,
    bars: BarColumns,
    setting: Setting,
    *,
    workers: int,
    told: Told,
    stop: Stop,
    trusted: bool = False,
) -> Outcome:
    """Compute parameter sets.

    Parameters
    ----------
    combinations
        Parameter sets; only those that break no constraint are computed.
    featured
        Their features.
    bars, setting
        On what, and under which terms.
    workers
        How many threads.
    told
        Called with the number of sets that were done since the last call.
    stop
        Ends the work after the tasks that have begun.
    trusted
        Whether the strategy is known not to look ahead.

    Raises
    ------
    StrategyError
        If a condition raises, returns nonsense, or looks ahead.
    """
    with Crew(workers) as crew:
        close = np.ascontiguousarray(bars.close)
        sums = crew.begin(lambda: prefix_returns(close))  # in the time in which the sets are planned
        store = ColumnStore(bars, featured.known)
        names = featured.blocks[0].names
        alike = all(block.names == names for block in featured.blocks)
        read = read_conditions(combinations, featured.kept, names) if alike else None
        if not trusted:
            refuse_foresight(combinations, int(featured.kept[0]), bars, readable=read is not None)
        plan = make_plan(combinations, featured.blocks, read, store, paired=not setting.rounds)
        layouts = [Layout(crossed, plan.sides) for crossed in plan.crossed]
        prices = prices_of(bars, setting)
        prices = prices.in_units() if setting.rounds else prices
        arena = Arena(bars, setting, prices, prices.factors(setting), store, (close, *sums()))
        work = _Work(arena, combinations, _Owner(featured.blocks, read, len(combinations)), stop)
        tasks: list[Callable[[], int]] = []
        for layout in layouts:
            tasks += [partial(work.between_crossings, layout, *share) for share in layout.shares(workers)]
        for others in plan.others:
            tasks += [partial(work.walked, others[at : at + _WALKS]) for at in range(0, others.size, _WALKS)]
        crew.run(tasks, told, stop)
    return work.outcome


class _Work:
    """What the tasks do: each computes other parameter sets, and writes their rows of the outcome."""

    def __init__(self, arena: Arena, combinations: Combinations, owner: _Owner, stop: Stop) -> None:
        self._arena, self._combinations, self._owner, self._stop = arena, combinations, owner, stop
        self._edges = arena.setting.edges
        self.outcome = Outcome.empty(len(combinations), self._edges.size - 1)

    def walked(self, some: Rows) -> int:
        """Compute sets one by one, and return how many were done before a stop."""
        outcome = self.outcome
        for row in some.tolist():
            if self._stop.is_set():
                return 0
            outcome.raw[row], outcome.blocks[row] = 0.0, 0.0
            into = (outcome.raw[row], outcome.blocks[row])
            walk(self._arena, self._combinations, row, *self._owner.of(row), into)
            outcome.done[row] = True
        return some.size

    def between_crossings(self, layout: Layout, begin: int, end: int) -> int:
        """Compute the sets of some pairs, and one by one those whose gates float64 cannot tell."""
        tables = layout.tables(begin, end)
        m = tables.rows.size
        raw, blocks, clear = np.zeros((m, 8)), np.zeros((m, self._edges.size - 1, 2)), np.zeros(m, dtype=np.bool_)
        sweep_pairs(
            tables.pairs,
            tables.sets,
            tables.gates,
            tables.ticks,
            tables.columns,
            self._arena.factors,
            self._arena.series,
            self._edges,
            raw,
            blocks,
            clear,
        )
        outcome = self.outcome
        outcome.raw[tables.rows], outcome.blocks[tables.rows] = raw, blocks
        outcome.done[tables.rows] = clear
        return int(clear.sum()) + self.walked(tables.rows[~clear])


class _Owner:
    """Finds the features and the conditions of a row."""

    def __init__(self, blocks: list[Block], read: list[Conditions] | None, m: int) -> None:
        self._blocks, self._read = blocks, read
        self._block, self._place = np.zeros(m, dtype=np.intp), np.zeros(m, dtype=np.intp)
        self._conditions = np.zeros(m, dtype=np.intp)
        for number, block in enumerate(blocks):
            self._block[block.rows] = number
            self._place[block.rows] = np.arange(block.rows.size)
        for number, conditions in enumerate(read or []):
            self._conditions[conditions.rows] = number

    def of(self, row: int) -> tuple[dict[str, Tree], Conditions | None]:
        """Return the columns of a row's features by name, and its conditions where they could be read."""
        block = self._blocks[self._block[row]]
        numbers = block.numbers[self._place[row]].tolist()
        leaves: dict[str, Tree] = {name: ("column", k) for name, k in zip(block.names, numbers, strict=True)}
        return leaves, None if self._read is None else self._read[self._conditions[row]]
