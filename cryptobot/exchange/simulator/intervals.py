"""The intervals that candles come in, and where they begin."""

from __future__ import annotations

from typing import Final

from cryptobot.core.timeframe import Timeframe

# Binance's own, from the shortest to the longest; months are of different lengths and are not made here.
INTERVALS: Final = {
    name: Timeframe.parse(name)
    for name in ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w")
}
_WEEK: Final = 604_800_000_000_000
# Weeks begin on Monday; 1970-01-01 was a Thursday.
_MONDAY: Final = 4 * 86_400_000_000_000


def beginning(time: int, step: int) -> int:
    """Return when the candle that holds a moment opened.

    Parameters
    ----------
    time
        Nanoseconds since 1970-01-01 UTC.
    step
        Length of a candle in nanoseconds. Whole weeks begin on a Monday.

    Examples
    --------
    >>> beginning(61_000_000_000, 60_000_000_000)
    60000000000
    """
    first = _MONDAY if step % _WEEK == 0 else 0
    return (time - first) // step * step + first


def offered(base: Timeframe) -> dict[str, Timeframe]:
    """Return the intervals that can be made of candles of this one, the base itself included, by name."""
    made = {name: interval for name, interval in INTERVALS.items() if interval.seconds % base.seconds == 0}
    return {str(base): base} | made
