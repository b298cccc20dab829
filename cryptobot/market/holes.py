"""Where bars are missing."""

from __future__ import annotations

import pandas as pd

from cryptobot.core.bars import BarColumns


def holes(bars: pd.DataFrame | BarColumns) -> pd.DataFrame:
    """Name every place where bars are missing; nothing is filled in.

    A hole is what the rows themselves show. ``bars.attrs["holes"]`` is the note that `read_bars` and `practice_bars`
    made of it, and goes stale when rows are dropped; this looks again.

    Parameters
    ----------
    bars
        UTC DatetimeIndex of open times, columns open, high, low, close, volume.

    Returns
    -------
    DataFrame
        One row a hole: ``after`` and ``before``, the open times (UTC) of the bars around it, and ``missing``, how many
        bars of the smallest interval seen are missing between them.

    Raises
    ------
    DataError
        If the bars are not in order or hold an impossible value.

    Examples
    --------
    >>> from cryptobot.market.practice import practice_bars
    >>> bars = practice_bars(5).drop(practice_bars(5).index[2])
    >>> holes(bars)["missing"].tolist()
    [1]
    """
    found = BarColumns.of(bars).holes()
    return pd.DataFrame(
        {
            "after": pd.DatetimeIndex([hole.after for hole in found], dtype="datetime64[ns, UTC]"),
            "before": pd.DatetimeIndex([hole.before for hole in found], dtype="datetime64[ns, UTC]"),
            "missing": pd.Series([hole.missing for hole in found], dtype="int64"),
        }
    )
