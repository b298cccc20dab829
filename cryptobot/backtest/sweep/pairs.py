"""The compiled loop over pairs: crossings and trades of a pair once, then the book of every set that shares it.

Importing this module imports numba.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cryptobot.backtest.sweep.book import keep_book, measure_trades
from cryptobot.backtest.sweep.compiled import Factors, Flags, Floats, Ints, Records, Series, compiled
from cryptobot.backtest.sweep.crossings import candidates, count_bits, crossing_words
from cryptobot.backtest.sweep.gates import choose, pass_columns, pass_from, pass_number, pass_volatility, variances

# Numpy dtypes of the two tables that the loop works through.
PAIR: Final = np.dtype(
    [
        ("kind", np.int64),  # how the crossing is looked for: crossings.SUMS, COLUMNS or NUMBER
        ("a", np.int64),  # rows of `columns`
        ("b", np.int64),
        ("fast", np.int64),  # windows
        ("slow", np.int64),
        ("number", np.float64),
        ("first", np.int64),  # first row on which both sides are defined
        ("sets", np.int64),  # where its parameter sets begin in the table of sets
        ("swapped", np.bool_),  # whether a is to be above b to sell
    ]
)
SET: Final = np.dtype(
    [
        ("first", np.int64),  # first row on which every feature is defined
        ("gates", np.int64),  # where its gates begin in the table of gates
    ]
)
GATE: Final = np.dtype(
    [
        ("kind", np.int64),  # what it compares: gates.NUMBER, COLUMNS or VOLATILITY
        ("a", np.int64),  # rows of `columns`
        ("b", np.int64),
        ("window", np.int64),
        ("operator", np.int64),
        ("level", np.float64),
    ]
)


@compiled
def sweep_pairs(
    pairs: Records,
    sets: Records,
    gates: Records,
    ticks: Floats,
    columns: Floats,
    prices: Factors,
    series: Series,
    edges: Ints,
    figures: Floats,
    blocks: Floats,
    told: Flags,
) -> None:
    """Compute every parameter set of some pairs.

    Parameters
    ----------
    pairs, sets, gates
        Arrays of `PAIR`, `SET` and `GATE`, each of the first two with one more entry at the end that only says where
        the last one ends.
    ticks
        float64, shape (n + 1,): sums of whole ticks, or of length 1 when no pair asks for them.
    columns
        float64, shape (k, n).
    prices, series, edges
        As for `book.keep_book`.
    figures, blocks
        float64, shapes (m, 8) and (m, blocks, 2), zeros: written.
    told
        bool, shape (m,): written; False where a gate could not be told in float64.
    """
    close, prefixes, most = series
    n = close.size
    above, below = np.empty(n // 64 + 1, np.uint64), np.empty(n // 64 + 1, np.uint64)
    for p in range(pairs.size - 1):
        pair = pairs[p]
        # What crosses on the last row is never filled: there is no next open.
        crossing_words(
            pair.kind,
            ticks,
            columns[pair.a],
            columns[pair.b],
            pair.number,
            pair.fast,
            pair.slow,
            pair.first,
            n - 1,
            above,
            below,
        )
        up, down = (below, above) if pair.swapped else (above, below)
        size = count_bits(up)
        enter, leave, stretch, chosen = np.empty((4, size + 1), np.int64)
        many, still_open = candidates(up, down, n - 1, enter, leave, stretch)
        first_open = many - still_open
        alone = many == 0 or stretch[many - 1] == many - 1
        size = many // 64 + 1
        passes, known = np.empty(size, np.uint64), np.zeros(size, np.uint64)
        lower, upper = np.empty((2, size * 64))
        measured = np.empty((many, 8))
        window = first = np.int64(-1)
        begin = 0
        for j in range(pair.sets, pairs[p + 1].sets):
            if sets[j].first != first:
                first = sets[j].first
                begin = int(np.searchsorted(enter[:many], first))
            pass_from(begin, many, passes)
            told[j] = True
            for g in range(sets[j].gates, sets[j + 1].gates):
                gate = gates[g]
                if gate.kind == 0:
                    pass_number(enter, many, gate.operator, columns[gate.a], gate.level, passes)
                elif gate.kind == 1:
                    pass_columns(enter, many, gate.operator, columns[gate.a], columns[gate.b], passes)
                else:
                    if gate.window != window:
                        window = gate.window
                        variances(enter, many, window, prefixes, most, lower, upper)
                    told[j] &= pass_volatility(gate.operator, gate.level, lower, upper, passes)
            if told[j]:
                taken = choose(passes, stretch, alone, chosen)
                # Many trades are taken by no set at all.
                measure_trades(enter, leave, passes, known, first_open, prices, series, measured)
                book, parts = figures[j], blocks[j]
                keep_book(enter, leave, chosen, taken, first_open, measured, prices, series, edges, book, parts)
