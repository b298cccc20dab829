"""Where in the history a strategy earned: by the state of the market, and month by month."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.statistics.record import Record
from cryptobot.backtest.statistics.sharpe import Shape
from cryptobot.backtest.stats import drawdown
from cryptobot.core.bars import BarColumns

if TYPE_CHECKING:
    import pandas as pd

_DAYS: Final = 30
_TRENDS: Final = ("falling", "flat", "rising")
_TEMPERS: Final = ("calm", "volatile")


def regimes(bars: BarColumns, window: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tell the state of the market at every bar from the bars before it.

    The market rises or falls when its last ``window`` returns add up to more than half of the spread of such sums
    over the whole history; it is volatile when their standard deviation is above the history's median.

    Parameters
    ----------
    bars
        The history.
    window
        Bars looked back on.

    Returns
    -------
    tuple of ndarray
        int64, shape (n,): trend (0 falling, 1 flat, 2 rising) and temper (0 calm, 1 volatile); -1 while unknown.
    """
    n = len(bars)
    trend, temper = np.full(n, -1), np.full(n, -1)
    logs = np.log(bars.close)
    moves = np.diff(logs)
    if n <= window + 1:
        return trend, temper
    # Row t knows the returns up to its own open: those of the closes before it.
    change = logs[window:-1] - logs[: -window - 1]
    sums, squares = (np.concatenate([[0.0], np.cumsum(values)]) for values in (moves, moves * moves))
    mean = (sums[window:-1] - sums[: -window - 1]) / window
    spread = np.sqrt(np.maximum((squares[window:-1] - squares[: -window - 1]) / window - mean * mean, 0.0))
    limit = 0.5 * float(change.std())
    trend[window + 1 :] = 1 + (change > limit).astype(np.int64) - (change < -limit)
    temper[window + 1 :] = spread > np.median(spread)
    return trend, temper


def regime_window(bars: BarColumns) -> int:
    """Return the bars of 30 days, or of a twentieth of a short history."""
    return max(2, min(_DAYS * 86_400 // bars.timeframe.seconds, len(bars) // 20))


def regime_table(record: Record, hold: Record, window: int) -> pd.DataFrame:
    """Lay out what was earned in each state of the market.

    Returns
    -------
    DataFrame
        A state a row: ``trend``, ``temper``, ``share`` of the bars, ``total_return`` compounded over its bars,
        ``buy_and_hold`` there, ``sharpe``, and ``exposure``. The bars whose state is not known yet have a row of their
        own, so that all rows compound to the whole.
    """
    import pandas as pd

    trend, temper = regimes(record.bars, window)
    year = math.sqrt(record.bars.timeframe.bars_per_year)
    _, quantity = record.ledger.after_bar(len(record.bars))
    states = [(t, m) for t in range(len(_TRENDS)) for m in range(len(_TEMPERS))] + [(-1, -1)]
    rows = []
    for state in states:
        here = (trend == state[0]) & (temper == state[1])
        if here.any():
            rows.append(
                {
                    "trend": _TRENDS[state[0]] if state[0] >= 0 else "not known yet",
                    "temper": _TEMPERS[state[1]] if state[1] >= 0 else "",
                    "share": float(here.mean()),
                    "total_return": _compounded(record.returns[here]),
                    "buy_and_hold": _compounded(hold.returns[here]),
                    "sharpe": Shape.of(record.returns[here]).sharpe * year,
                    "exposure": float((quantity[here] > 0).mean()),
                }
            )
    return pd.DataFrame(rows)


def month_table(record: Record, hold: Record) -> pd.DataFrame:
    """Lay out what was earned in each calendar month in UTC.

    Returns
    -------
    DataFrame
        A month a row, by ``month`` (``"2024-03"``): ``total_return``, ``buy_and_hold``, ``max_drawdown`` within it,
        ``trades`` bought in it. The months compound to the whole.
    """
    import pandas as pd

    month = record.bars.time.view("M8[ns]").astype("M8[M]")
    names, first = np.unique(month, return_index=True)
    bought = month[record.trips.entries]
    rows = []
    for name, begin, end in zip(names, first, [*first[1:], len(month)], strict=True):
        returns = record.returns[begin:end]
        rows.append(
            {
                "total_return": _compounded(returns),
                "buy_and_hold": _compounded(hold.returns[begin:end]),
                "max_drawdown": float(drawdown(np.cumprod(np.concatenate([[1.0], 1.0 + returns]))).min()),
                "trades": int((bought == name).sum()),
            }
        )
    return pd.DataFrame(rows, index=pd.Index([str(name) for name in names], name="month"))


def _compounded(returns: NDArray[np.float64]) -> float:
    return float(np.prod(1.0 + returns)) - 1.0
