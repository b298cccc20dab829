"""The compiled search for crossings: sixty-four rows at a time, and then only where something crossed.

Importing this module imports numba. Here as in `book`, nothing holds Python's lock, and nothing depends on which other
parameter sets are computed beside it: the numbers of one are made by the same operations in the same order, whoever its
neighbours are.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cryptobot.backtest.sweep.compiled import Floats, Ints, Words, compiled
from cryptobot.backtest.sweep.words64 import (
    compare_columns,
    compare_number,
    compare_sums,
    lowest_bit,
    set_bits,
)

# How a crossing is looked for.
SUMS: Final = 0
COLUMNS: Final = 1
NUMBER: Final = 2


@compiled
def prefix_returns(close: Floats) -> tuple[Floats, float]:
    """Sum returns and their squares from the first bar on, each prefix rounded once (Neumaier's summation).

    Returns
    -------
    tuple
        float64, shape (n, 2): Σ r and Σ r² up to each row, together because they are looked at together; the first
        row's return is 0. And the greatest Σ r by size.
    """
    n = close.size
    prefixes = np.empty((n, 2))
    prefixes[0] = 0.0
    a = b = rest_a = rest_b = most = 0.0
    for t in range(1, n):
        r = close[t] / close[t - 1] - 1.0
        s = a + r
        rest_a += (a - s) + r if abs(a) >= abs(r) else (r - s) + a
        a = s
        q = r * r
        s = b + q
        rest_b += (b - s) + q if b >= q else (q - s) + b
        b = s
        s = a + rest_a
        prefixes[t, 0] = s
        prefixes[t, 1] = b + rest_b
        most = max(most, abs(s))
    return prefixes, most


@compiled
def _compare(
    kind: int, sums: Floats, a: Floats, b: Floats, number: float, fast: int, slow: int, t: int
) -> tuple[bool, bool]:
    """Tell whether a > b and a < b on one row."""
    if kind == SUMS:
        x = sums[t + 1]
        left, right = (x - sums[t + 1 - fast]) * slow, (x - sums[t + 1 - slow]) * fast
    elif kind == COLUMNS:
        left, right = a[t], b[t]
    else:
        left, right = a[t], number
    return left > right, left < right


@compiled
def crossing_words(
    kind: int,
    sums: Floats,
    a: Floats,
    b: Floats,
    number: float,
    fast: int,
    slow: int,
    first: int,
    stop: int,
    up: Words,
    down: Words,
) -> None:
    """Mark the rows where a crosses above and below b: bit t % 64 of word t // 64.

    Parameters
    ----------
    kind
        ``SUMS``: the means of windows of ``fast`` and ``slow`` bars, from ``sums``; ``COLUMNS``: a and b; ``NUMBER``: a
        and ``number``.
    first
        First row on which both are defined; the first crossing can be on the one after it.
    stop
        Row after the last to look at.
    up, down
        uint64, shape (at least stop // 64 + 1,): written whole.
    """
    one, top = np.uint64(1), np.uint64(63)
    up[:] = 0
    down[:] = 0
    above_before, below_before = one, one  # nothing can have crossed on the first row
    t = first
    while t < stop:
        w = t >> 6
        if t & 63 == 0 and t + 64 <= stop:
            if kind == SUMS:
                above, below = compare_sums(sums, t, fast, slow)
            elif kind == COLUMNS:
                above, below = compare_columns(a, b, t)
            else:
                above, below = compare_number(a, number, t)
            up[w] = above & ~((above << one) | above_before)
            down[w] = below & ~((below << one) | below_before)
            above_before, below_before = above >> top, below >> top
            t += 64
            continue
        is_above, is_below = _compare(kind, sums, a, b, number, fast, slow, t)
        bit = one << np.uint64(t & 63)
        if is_above and above_before == 0:
            up[w] |= bit
        if is_below and below_before == 0:
            down[w] |= bit
        above_before = one if is_above else np.uint64(0)
        below_before = one if is_below else np.uint64(0)
        t += 1


@compiled
def count_bits(words: Words) -> int:
    """Return how many bits are set."""
    many = np.uint64(0)
    for w in range(words.size):
        many += set_bits(words[w])
    return int(many)


@compiled
def rows_of_words(words: Words) -> Ints:
    """Return the rows of the set bits, rising: int64."""
    rows = np.empty(count_bits(words), np.int64)
    many = 0
    for w in range(words.size):
        word = words[w]
        while word != 0:
            rows[many] = w * 64 + np.int64(lowest_bit(word))
            many += 1
            word &= word - np.uint64(1)
    return rows


@compiled
def candidates(up: Words, down: Words, last: int, enter: Ints, leave: Ints, stretch: Ints) -> tuple[int, int]:
    """Pair each crossing above with the crossing below that ends it.

    Parameters
    ----------
    up, down
        The words of `crossing_words`, of rows before ``last``.
    last
        Last row: where a position is valued that is never closed.
    enter, leave, stretch
        int64 arrays that are written: the rows to buy and to sell on, and which stretch between two crossings below
        they are in. Within a stretch only the first that may be entered counts.

    Returns
    -------
    tuple
        How many there are, and how many of them are never left.
    """
    many = begun = number = 0
    for w in range(up.size):
        both = up[w] | down[w]
        while both != 0:
            k = lowest_bit(both)
            both &= both - np.uint64(1)
            t = w * 64 + np.int64(k)
            if (up[w] >> k) & np.uint64(1) != 0:
                enter[many] = t
                stretch[many] = number
                many += 1
            elif many > begun:
                for i in range(begun, many):
                    leave[i] = t
                begun = many
                number += 1
    for i in range(begun, many):
        leave[i] = last
    return many, many - begun
