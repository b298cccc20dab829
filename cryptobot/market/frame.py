"""Checked bars as the DataFrame that users hold, with a note of where they come from and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cryptobot.core.bars import BarColumns

if TYPE_CHECKING:
    import pandas as pd


def frame_of(columns: BarColumns, source: str) -> pd.DataFrame:
    """Return bars as a DataFrame with notes in ``.attrs``.

    Parameters
    ----------
    columns
        The bars.
    source
        Where they come from, for example a file's name.

    Returns
    -------
    DataFrame
        UTC DatetimeIndex ``time``, float64 columns open, high, low, close, volume. ``.attrs`` holds plain values that
        Parquet and Feather files keep: ``source``; ``timeframe``, for example ``"1m"``; ``holes``, a list of
        ``{"after": "2023-03-24T12:39:00+00:00", "before": "2023-03-24T14:00:00+00:00", "missing": 80}``.
    """
    frame = columns.to_frame()
    frame.attrs = {
        "source": source,
        "timeframe": str(columns.timeframe),
        "holes": [
            {"after": _iso(hole.after), "before": _iso(hole.before), "missing": hole.missing}
            for hole in columns.holes()
        ],
    }
    return frame


def _iso(nanoseconds: int) -> str:
    # Bars open on whole seconds.
    return f"{np.datetime64(nanoseconds, 'ns').astype('M8[s]')}+00:00"
