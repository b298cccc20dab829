"""The figures of parameter sets, in the columns of the table."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

FIGURES: Final = ("total_return", "max_drawdown", "sharpe", "trades", "win_rate", "profit_factor", "exposure")


def block_edges(n: int, blocks: int) -> NDArray[np.int64]:
    """Return where contiguous, nearly equal blocks of n bars begin and end: int64, shape (blocks + 1,)."""
    return np.arange(blocks + 1, dtype=np.int64) * n // blocks


def figures_of(raw: NDArray[np.float64], n: int, bars_per_year: float) -> NDArray[np.float64]:
    """Make the table's columns of what the books hold.

    Parameters
    ----------
    raw
        float64, shape (m, 8), as `book.keep_book` writes it.
    n
        Bars.
    bars_per_year
        Of 365 × 24 h.

    Returns
    -------
    ndarray
        float64, shape (m, 7), the columns of `FIGURES`.
    """
    total, squares, trades, wins = raw[:, 2], raw[:, 3], raw[:, 4], raw[:, 5]
    with np.errstate(all="ignore"):
        sharpe = sharpe_ratios(n, total, squares, bars_per_year)
        win_rate = np.where(trades > 0, wins / trades, np.nan)
    return np.column_stack([raw[:, 0], raw[:, 1], sharpe, trades, win_rate, raw[:, 6], raw[:, 7] / n])


def sharpe_ratios(
    n: int, total: NDArray[np.float64], squares: NDArray[np.float64], bars_per_year: float
) -> NDArray[np.float64]:
    """Annualise the mean over the standard deviation (of a sample) of n returns per bar.

    Parameters
    ----------
    n
        Bars.
    total, squares
        Σ r and Σ r² of the returns of the equity per bar.
    bars_per_year
        Of 365 × 24 h.

    Returns
    -------
    ndarray
        NaN where the equity never moved.
    """
    mean = total / n
    variance = (squares - total * mean) / max(n - 1, 1)
    # What rounding leaves of a constant return is not a deviation.
    moved = (variance > 1e-15 * squares / n) & (n > 1)
    return np.where(moved, mean / np.sqrt(np.where(moved, variance, 1.0)) * np.sqrt(bars_per_year), np.nan)
