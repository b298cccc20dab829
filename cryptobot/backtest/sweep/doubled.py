"""Numbers of twice the digits: a float64 and what its rounding left, as a pair.

Importing this module imports numba. Source of the algorithms: T. J. Dekker, A Floating-Point Technique for Extending
the Available Precision, Numerische Mathematik 18 (1971); Y. Hida, X. S. Li, D. H. Bailey, Library for Double-Double and
Quad-Double Arithmetic (2007).
"""

from __future__ import annotations

from cryptobot.backtest.sweep.compiled import Doubled, compiled
from cryptobot.backtest.sweep.words64 import multiply_add


@compiled
def product(a: Doubled, b: Doubled) -> Doubled:
    """Multiply two pairs."""
    high = a[0] * b[0]
    rest = multiply_add(a[0], b[0], -high) + (a[0] * b[1] + a[1] * b[0])
    total = high + rest
    return total, (high - total) + rest


@compiled
def total(a: Doubled, b: Doubled) -> Doubled:
    """Add two pairs."""
    high = a[0] + b[0]
    part = high - a[0]
    rest = (a[0] - (high - part)) + (b[0] - part) + (a[1] + b[1])
    whole = high + rest
    return whole, (high - whole) + rest


@compiled
def quotient(a: Doubled, b: Doubled) -> Doubled:
    """Divide a pair by a pair."""
    first = a[0] / b[0]
    left = total(a, negative(product((first, 0.0), b)))
    second = left[0] / b[0]
    left = total(left, negative(product((second, 0.0), b)))
    third = left[0] / b[0]
    high = first + second
    return total((high, (first - high) + second), (third, 0.0))


@compiled
def negative(a: Doubled) -> Doubled:
    """Change the sign of a pair."""
    return -a[0], -a[1]
