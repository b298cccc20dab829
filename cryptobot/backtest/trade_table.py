"""Round trips as a table: the same for a backtest and for a bot."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np

from cryptobot.core.money import exact_money
from cryptobot.core.types import Trade

if TYPE_CHECKING:
    import pandas as pd

TRADE_COLUMNS: Final = (
    "entry_time",
    "entry_price",
    "exit_time",
    "exit_price",
    "quantity",
    "fees",
    "pnl",
    "return",
    "status",
)


@exact_money
def trade_table(trades: Iterable[Trade], open_trade: Trade | None = None) -> pd.DataFrame:
    """Lay out trades as a table, one a row.

    Parameters
    ----------
    trades
        Closed trades, oldest first.
    open_trade
        The trade that is still open, valued at some price, or None.

    Returns
    -------
    DataFrame
        ``entry_time`` and ``exit_time`` in UTC, ``entry_price``, ``exit_price``, ``quantity``, ``fees``, ``pnl`` and
        ``return`` (pnl / cost of the entry without its fee) as float64, ``status`` "closed" or "open". An open trade
        has NaT and NaN for its exit.
    """
    import pandas as pd

    rows = [*trades] if open_trade is None else [*trades, open_trade]
    nothing = np.datetime64("NaT", "ns")

    def times(values: Iterable[int | None]) -> pd.DatetimeIndex:
        column = np.array([nothing if v is None else np.datetime64(v, "ns") for v in values], dtype="M8[ns]")
        return pd.DatetimeIndex(column, tz="UTC")

    numbers = {
        "entry_price": [float(trade.entry_price) for trade in rows],
        "exit_price": [math.nan if trade.exit_price is None else float(trade.exit_price) for trade in rows],
        "quantity": [float(trade.quantity) for trade in rows],
        "fees": [float(trade.fees) for trade in rows],
        "pnl": [float(trade.pnl) for trade in rows],
        "return": [float(trade.return_) for trade in rows],
    }
    table = pd.DataFrame({name: np.array(values, dtype=np.float64) for name, values in numbers.items()})
    table["entry_time"] = times(trade.entry_time for trade in rows)
    table["exit_time"] = times(trade.exit_time for trade in rows)
    table["status"] = pd.Series(["open" if trade.is_open else "closed" for trade in rows], dtype="str")
    return table[list(TRADE_COLUMNS)]
