"""Gates: comparisons that a crossing must pass, looked at only where something crossed.

Importing this module imports numba.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cryptobot.backtest.sweep.compiled import Flags, Floats, Ints, compiled

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
def pass_columns(enter: Ints, many: int, operator: int, a: Floats, b: Floats, passes: Flags) -> None:
    """Let in the rows on which column a compares with column b."""
    for i in range(many):
        passes[i] &= holds(operator, a[enter[i]], b[enter[i]])


@compiled
def pass_number(enter: Ints, many: int, operator: int, a: Floats, level: float, passes: Flags) -> None:
    """Let in the rows on which column a compares with a number."""
    for i in range(many):
        passes[i] &= holds(operator, a[enter[i]], level)


@compiled
def variances(
    enter: Ints, many: int, window: int, sums: Floats, squares: Floats, most: float, lower: Floats, upper: Floats
) -> None:
    """Bound the variance of the last ``window`` returns on some rows.

    The prefixes are rounded once each, so that a difference of two is wrong by at most two such roundings. The kernel
    of `RollingVolatility` works from exact sums; what it rounds itself is far within the bounds.

    Parameters
    ----------
    enter, many, window
        The rows, how many, and the returns in the variance.
    sums, squares
        The prefixes of `prefix_returns`.
    most
        The greatest of the sums, by size.
    lower, upper
        float64 arrays that are written.
    """
    share = 1.0 / window
    slack = 16.0 * _EPSILON * share
    most_squares = squares[squares.size - 1]
    for i in range(many):
        t = enter[i]
        before = max(t - window, 0)
        mean = (sums[t] - sums[before]) * share
        square = (squares[t] - squares[before]) * share
        error = slack * (most_squares + abs(mean) * most) + 1e-12 * square
        lower[i] = square - mean * mean - error
        upper[i] = square - mean * mean + error


@compiled
def pass_volatility(many: int, operator: int, level: float, lower: Floats, upper: Floats, passes: Flags) -> bool:
    """Let in the rows on which the volatility compares with a number, as far as its bounds can tell.

    Returns
    -------
    bool
        False when they could not tell for some row that counts: then the exact values must be asked.
    """
    limit = level * level
    most, least = limit * (1.0 + 1e-15), limit * (1.0 - 1e-15)
    above, below = holds(operator, 1.0, 0.0), holds(operator, 0.0, 1.0)
    if level < 0.0:  # every volatility is above
        for i in range(many):
            passes[i] &= above
        return True
    unknown = 0
    for i in range(many):
        is_above, is_below = lower[i] > most, upper[i] < least
        unknown += passes[i] & ~(is_above | is_below)
        passes[i] &= (is_above & above) | (is_below & below)
    return unknown == 0


@compiled
def choose(many: int, passes: Flags, stretch: Ints, chosen: Ints) -> int:
    """List the first passing row of every stretch; return how many."""
    count = 0
    entered = np.int64(-1)
    for i in range(many):
        chosen[count] = i
        if passes[i] and stretch[i] != entered:
            entered = stretch[i]
            count += 1
    return count


@compiled
def choose_alone(many: int, passes: Flags, chosen: Ints) -> int:
    """List the passing rows where every stretch has one row only; return how many."""
    count = 0
    for i in range(many):
        chosen[count] = i
        count += passes[i]
    return count
