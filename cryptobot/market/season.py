"""The week of a market that never closes: quiet nights, busy New York hours, slow weekends."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_HOUR: Final = 3600
_WEEK: Final = 7 * 24 * _HOUR

# How much a price moves in each hour of a UTC day against the average: low before Europe wakes up, high when New York
# opens, a second peak in its afternoon. Drawn by hand after what Bitcoin does; weekends are quieter by a quarter.
_DAY: Final = (
    (1.00, 0.97, 0.86, 0.76, 0.68, 0.68, 0.74, 0.80),
    (0.90, 0.88, 0.86, 0.87, 1.05, 1.15, 1.30, 1.28),
    (1.20, 1.15, 1.12, 1.22, 1.12, 1.12, 1.00, 0.88),
)
# 1970-01-01 was a Thursday.
_WEEKDAYS: Final = (1.04, 1.04, 0.75, 0.78, 1.02, 1.04, 1.06)


def _cumulated() -> NDArray[np.float64]:
    variance = np.square(np.outer(_WEEKDAYS, _DAY).ravel())
    return np.concatenate(([0.0], np.cumsum(variance / variance.mean()) * _HOUR))


_CUMULATED: Final = _cumulated()
_HOURS: Final = np.arange(_CUMULATED.size) * float(_HOUR)


def variance_share(opened: NDArray[np.int64], seconds: int) -> NDArray[np.float64]:
    """Return the variance of each bar against the week's average.

    Parameters
    ----------
    opened
        int64, shape (n,): open times in seconds since 1970-01-01 UTC.
    seconds
        Length of a bar. A bar longer than an hour gets the average of its hours, one of whole weeks exactly 1.

    Returns
    -------
    ndarray
        float64, shape (n,), 1 on average.
    """
    first, start = np.divmod(opened, _WEEK)
    last, end = np.divmod(opened + seconds, _WEEK)
    within = np.interp(end, _HOURS, _CUMULATED) - np.interp(start, _HOURS, _CUMULATED)
    share: NDArray[np.float64] = ((last - first) * _CUMULATED[-1] + within) / seconds
    return share
