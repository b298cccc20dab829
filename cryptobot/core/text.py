"""Numbers in sentences."""

from __future__ import annotations

import math


def figure(value: float, digits: int = 8) -> str:
    """Write a number with so many significant digits, the same number of decimals for values alike.

    Parameters
    ----------
    value
        Any number.
    digits
        Significant digits.

    Examples
    --------
    >>> figure(59740.849), figure(59687.388333)
    ('59,740.849', '59,687.388')
    >>> figure(0.000171234, 3), figure(0.0), figure(float("nan"))
    ('0.000171', '0', 'nan')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}"
