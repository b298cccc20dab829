"""Gates: comparisons that a crossing must pass, looked at only where something crossed.

Importing this module imports numba.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cryptobot.backtest.sweep.compiled import Floats, Ints, Words, compiled
from cryptobot.backtest.sweep.words64 import compare_number, lowest_bit

# What a gate compares: a column with a number, two columns, or the rolling volatility of the closes with a number.
NUMBER: Final = 0
COLUMNS: Final = 1
VOLATILITY: Final = 2
# Which way it compares.
OPERATORS: Final = {"greater": 0, "greater_equal": 1, "less": 2, "less_equal": 3, "equal": 4, "not_equal": 5}
_EPSILON: Final = 2.0**-52


@compiled
def holds(operator: int, x: float, y: float) -> bool:
    """Compare two numbers."""
    if operator == 0:
        return x > y
    if operator == 1:
        return x >= y
    if operator == 2:
        return x < y
    if operator == 3:
        return x <= y
    if operator == 4:
        return x == y
    return x != y


@compiled
def pass_from(i: int, many: int, passes: Words) -> None:
    """Let in the candidates from number i to before ``many``, each a bit, and no others."""
    every = ~np.uint64(0)
    for w in range(passes.size):
        at = w * 64
        word = every
        if i > at:
            word = every << np.uint64(i - at) if i < at + 64 else np.uint64(0)
        if many < at + 64:
            word &= ~(every << np.uint64(many - at)) if many > at else np.uint64(0)
        passes[w] = word


@compiled
def pass_columns(enter: Ints, many: int, operator: int, a: Floats, b: Floats, passes: Words) -> None:
    """Let in the rows on which column a compares with column b."""
    for w in range(passes.size):
        word = np.uint64(0)
        for i in range(w * 64, min(many, w * 64 + 64)):
            word |= np.uint64(holds(operator, a[enter[i]], b[enter[i]])) << np.uint64(i & 63)
        passes[w] &= word


@compiled
def pass_number(enter: Ints, many: int, operator: int, a: Floats, level: float, passes: Words) -> None:
    """Let in the rows on which column a compares with a number."""
    for w in range(passes.size):
        word = np.uint64(0)
        for i in range(w * 64, min(many, w * 64 + 64)):
            word |= np.uint64(holds(operator, a[enter[i]], level)) << np.uint64(i & 63)
        passes[w] &= word


@compiled
def variances(enter: Ints, many: int, window: int, prefixes: Floats, most: float, lower: Floats, upper: Floats) -> None:
    """Bound the variance of the last ``window`` returns on some rows.

    The prefixes are rounded once each, so that a difference of two is wrong by at most two such roundings. The kernel
    of `RollingVolatility` works from exact sums; what it rounds itself is far within the bounds.

    Parameters
    ----------
    enter, many, window
        The rows, how many, and the returns in the variance.
    prefixes, most
        What `prefix_returns` returns.
    lower, upper
        float64 arrays that are written.
    """
    share = 1.0 / window
    slack = 16.0 * _EPSILON * share
    most_squares = prefixes[prefixes.shape[0] - 1, 1]
    for i in range(many):
        t, before = np.uint64(enter[i]), np.uint64(max(enter[i] - window, 0))
        mean = (prefixes[t, 0] - prefixes[before, 0]) * share
        square = (prefixes[t, 1] - prefixes[before, 1]) * share
        error = slack * (most_squares + abs(mean) * most) + 1e-12 * square
        lower[i] = square - mean * mean - error
        upper[i] = square - mean * mean + error


@compiled
def pass_volatility(operator: int, level: float, lower: Floats, upper: Floats, passes: Words) -> bool:
    """Let in the rows on which the volatility compares with a number, as far as its bounds can tell.

    The bounds are as long as the words have bits.

    Returns
    -------
    bool
        False when they could not tell for some row that counts: then the exact values must be asked.
    """
    limit = level * level
    most, least = limit * (1.0 + 1e-15), limit * (1.0 - 1e-15)
    nothing, every = np.uint64(0), ~np.uint64(0)
    above = every if holds(operator, 1.0, 0.0) else nothing
    below = every if holds(operator, 0.0, 1.0) else nothing
    if level < 0.0:  # every volatility is above
        for w in range(passes.size):
            passes[w] &= above
        return True
    unknown = nothing
    for w in range(passes.size):
        is_above, _ = compare_number(lower, most, w * 64)
        _, is_below = compare_number(upper, least, w * 64)
        unknown |= passes[w] & ~(is_above | is_below)
        passes[w] &= (is_above & above) | (is_below & below)
    return bool(unknown == nothing)


@compiled
def choose(passes: Words, stretch: Ints, alone: bool, chosen: Ints) -> int:
    """List the first passing row of every stretch, and let in no others; return how many.

    With ``alone``, every stretch has one row only.
    """
    count = 0
    entered = np.int64(-1)
    for w in range(passes.size):
        word = passes[w]
        while word != 0:
            i = w * 64 + np.int64(lowest_bit(word))
            rest = word & (word - np.uint64(1))
            chosen[count] = i
            if alone or stretch[i] != entered:
                entered = stretch[i]
                count += 1
            else:
                passes[w] ^= word ^ rest
            word = rest
    return count
