"""Figures as people read them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cryptobot.core.text import count

if TYPE_CHECKING:
    from cryptobot.core.bars import BarColumns
    from cryptobot.exchange.matching import Costs


def percent(fraction: float, *, sign: bool = False) -> str:
    """Write a fraction as percent.

    Examples
    --------
    >>> percent(0.1234, sign=True)
    '+12.3 %'
    >>> percent(float("nan"))
    '–'
    """
    if math.isnan(fraction):
        return "–"
    if math.isinf(fraction):
        return "∞"
    value = fraction * 100
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    text = f"{value:+,.{digits}f}" if sign else f"{value:,.{digits}f}"
    return f"{text.replace('-', '−')} %"


def number(value: float, digits: int = 2) -> str:
    """Write a figure.

    Examples
    --------
    >>> number(-1.234)
    '−1.23'
    >>> number(float("inf"))
    '∞'
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞"
    return f"{value:,.{digits}f}".replace("-", "−")


def amount(value: float, like: float | None = None) -> str:
    """Write money, a price or a quantity with as many digits as are worth reading.

    Parameters
    ----------
    value
        What to write.
    like
        Choose the digits for a value of this size, so that a column has equally many.

    Examples
    --------
    >>> amount(64123.5)
    '64,123.50'
    >>> amount(0.00001234)
    '0.00001234'
    >>> amount(6.9564, like=10_000)
    '6.96'
    """
    if not math.isfinite(value):
        return "–"
    size = abs(value if like is None else like)
    if size == 0 or size >= 100:
        return number(value)
    return number(value, min(12, max(2, 3 - math.floor(math.log10(size)))))


def duration(seconds: float) -> str:
    """Write a length of time in its largest fitting unit.

    Examples
    --------
    >>> duration(46 * 86_400)
    '46 days'
    >>> duration(3600)
    '1 hour'
    """
    for name, length, least in (("year", 365 * 86_400, 2), ("day", 86_400, 2), ("hour", 3600, 1), ("minute", 60, 1)):
        if seconds >= least * length:
            count = seconds / length
            text = f"{count:.1f}".removesuffix(".0") if name == "year" else f"{count:,.0f}"
            return f"{text} {name}{'' if text == '1' else 's'}"
    return f"{seconds:,.0f} second{'' if seconds == 1 else 's'}"


def stretch(bars: BarColumns) -> str:
    """Say how many bars, of what length, and from when to when."""
    from cryptobot.core.bars import time_text  # numpy, which whoever writes figures only need not wait for

    first, last = (time_text(int(bars.time[row]))[:16] for row in (0, -1))
    return f"{count(len(bars), 'bar')} of {bars.timeframe}, {first} to {last} UTC"


def charges(costs: Costs) -> str:
    """Say what trading costs."""
    return f"fee {percent(float(costs.fee))}, slippage {float(costs.slippage_bps):g} bps"
