"""Candles of longer intervals, made of a bot's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.control.price_server.columns import Numbers
from cryptobot.core.timeframe import Timeframe

_OFFERED: Final = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")


def longer_than(own: Timeframe) -> tuple[str, ...]:
    """Return an interval and the usual longer ones that are made of whole ones of it, shortest first."""
    longer = (Timeframe.parse(name) for name in _OFFERED)
    return (str(own), *(str(one) for one in longer if one.seconds > own.seconds and one.seconds % own.seconds == 0))


def rows_needed(n: int, own: Timeframe, wanted: Timeframe) -> int:
    """Return how many candles ``n`` of the longer interval are made of at most, the unfinished one included."""
    return (n + 1) * (wanted.seconds // own.seconds)


def merged(
    time: NDArray[np.int64], prices: Mapping[str, Numbers], own: Timeframe, wanted: Timeframe
) -> tuple[NDArray[np.int64], dict[str, Numbers]]:
    """Merge candles; the last one is left out until its time is over, the first one if it may be cut.

    Parameters
    ----------
    time
        int64, shape (n,): open times, nanoseconds since 1970-01-01 UTC, ascending.
    prices
        float64 arrays of shape (n,): open, high, low, close, volume.
    own, wanted
        Their interval, and the longer one.

    Returns
    -------
    tuple
        Open times and columns of the longer candles. One with candles missing inside is made of those that there are.
    """
    step, inner = wanted.nanoseconds, own.nanoseconds
    opening = time // step * step
    starts = np.flatnonzero(np.diff(opening, prepend=opening[:1] - 1))
    if not starts.size:
        return time[:0], {name: values[:0] for name, values in prices.items()}
    last = np.append(starts[1:], time.size) - 1
    made = {
        "open": prices["open"][starts],
        "high": np.maximum.reduceat(prices["high"], starts),
        "low": np.minimum.reduceat(prices["low"], starts),
        "close": prices["close"][last],
        "volume": np.add.reduceat(prices["volume"], starts),
    }
    opened = opening[starts]
    whole = np.ones(opened.size, dtype=bool)
    whole[0] = time[0] == opened[0]
    whole[-1] &= time[-1] + inner >= opened[-1] + step
    return opened[whole], {name: values[whole] for name, values in made.items()}
