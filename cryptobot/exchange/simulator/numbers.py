"""Numbers as the exchange writes them: decimal texts with eight digits after the point."""

from __future__ import annotations

from decimal import Decimal

_LARGE = 1e7  # above it float64 no longer holds eight decimals exactly


def text(value: Decimal) -> str:
    """Write an amount with eight decimals, or with all it has if these are more: nothing is lost.

    Examples
    --------
    >>> text(Decimal("0.1"))
    '0.10000000'
    >>> text(Decimal("1E-9"))
    '0.000000001'
    """
    exponent = value.as_tuple().exponent
    return f"{value:.8f}" if isinstance(exponent, int) and exponent >= -8 else f"{value.normalize():f}"


def float_text(value: float) -> str:
    """Write a float of a bar so that reading it gives the same float.

    Examples
    --------
    >>> float_text(60000.12)
    '60000.12000000'
    >>> float_text(1234567890.1)
    '1234567890.10000000'
    """
    if abs(value) < _LARGE:
        short = f"{value:.8f}"
        if float(short) == value:
            return short
    return text(Decimal(repr(value)))


def milliseconds(nanoseconds: int) -> int:
    """Turn the library's time into the exchange's."""
    return nanoseconds // 1_000_000
