"""Fewer points that look the same: what a page can draw of half a million bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.bars import BarColumns

# Intervals that people know, in seconds: from 10 seconds to 30 days.
_ROUND: Final = tuple(
    count * unit
    for unit, counts in (
        (1, (10, 15, 30)),
        (60, (1, 2, 3, 5, 10, 15, 30)),
        (3600, (1, 2, 3, 4, 6, 8, 12)),
        (86_400, (1, 2, 3, 7, 14, 30)),
    )
    for count in counts
)


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Bars merged into candles of equally many rows.

    Attributes
    ----------
    rows
        Bars in a candle; the last candle may have fewer.
    time
        int64 nanoseconds: when each candle opened.
    open, high, low, close
        float64.
    """

    rows: int
    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]


def candles(bars: BarColumns, limit: int) -> Candles:
    """Merge bars into at most ``limit`` candles.

    Every candle has equally many rows, so that holes in the data make no empty ones; where possible as many as make
    an interval that people know.
    """
    n = len(bars)
    rows = -(-n // limit)
    if rows > 1:
        step = bars.timeframe.seconds
        rows = next((length // step for length in _ROUND if length % step == 0 and length >= rows * step), rows)
    starts = np.arange(0, n, rows)
    ends = np.append(starts[1:], n) - 1
    return Candles(
        rows=rows,
        time=bars.time[starts],
        open=bars.open[starts],
        high=np.maximum.reduceat(bars.high, starts),
        low=np.minimum.reduceat(bars.low, starts),
        close=bars.close[ends],
    )


def extremes(values: NDArray[np.float64], limit: int) -> NDArray[np.int64]:
    """Choose the rows of at most ``limit`` points that keep a line's shape: least and greatest of every stretch.

    Parameters
    ----------
    values
        float64, shape (n,); NaN where there is no line.
    limit
        At least 4.

    Returns
    -------
    ndarray
        Rising row numbers, with the first and the last row.
    """
    n = values.size
    if n <= limit:
        return np.arange(n)
    stretches = (limit - 2) // 2
    width = -(-n // stretches)
    padded = np.full(stretches * width, np.nan)
    padded[:n] = values
    table = padded.reshape(stretches, width)
    offsets = np.arange(stretches) * width
    low = np.argmin(np.where(np.isnan(table), np.inf, table), axis=1) + offsets
    high = np.argmax(np.where(np.isnan(table), -np.inf, table), axis=1) + offsets
    chosen = np.unique(np.concatenate([[0], low, high, [n - 1]]))
    return chosen[chosen < n]
