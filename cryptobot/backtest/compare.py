"""Two tables of trades, held against each other trade by trade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cryptobot.backtest.trade_table import TRADE_COLUMNS
from cryptobot.core.errors import DataError
from cryptobot.core.suggest import listed
from cryptobot.core.text import count

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE: Final = 1e-9
_EXACT: Final = ("entry_time", "exit_time", "status")
_FOUND: Final = ("trade", "entry_time", "column", "left", "right")


@dataclass(frozen=True, slots=True, eq=False)
class TradeComparison:
    """What differs between two tables of trades.

    Attributes
    ----------
    trades
        How many were compared: those of either side.
    differences
        How many of them differ, or are on one side only.
    table
        One row for each value that differs: ``trade`` (its number from 0, by entry), ``entry_time``, ``column``,
        ``left``, ``right``. A trade that is on one side only differs in the column ``"missing"``.
    places
        Where the two tables are, in words for the summary.
    """

    trades: int
    differences: int
    table: pd.DataFrame
    places: tuple[str, str] = ("on the left", "on the right")

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return self.differences == 0

    @property
    def summary(self) -> str:
        """One sentence; it names the first trade and column that differ."""
        if self.ok:
            return f"{count(self.trades, 'trade')} compared: no differences."
        first = self.table.iloc[0]
        where = f"trade {first['trade']} (entered {first['entry_time']:%Y-%m-%d %H:%M:%S} UTC)"
        if first["column"] == "missing":
            what = f"{where}, which is missing {self.places[first['right'] is None]}"
        else:
            values = (
                f"{_told(first[side])} {place}" for side, place in zip(("left", "right"), self.places, strict=True)
            )
            what = f"{where} in `{first['column']}`: {', '.join(values)}"
        return f"{count(self.trades, 'trade')} compared, {self.differences:,} differ; the first is {what}."

    def __repr__(self) -> str:
        return f"TradeComparison: {self.summary}"


def compare_trades(
    left: pd.DataFrame, right: pd.DataFrame, places: tuple[str, str] = ("on the left", "on the right")
) -> TradeComparison:
    """Compare two tables of trades as `trade_table` makes them.

    Trades are paired by entry time. Times and status must be equal; prices, quantities and fees within 1e-9 of the
    larger; profit within 1e-9 of what the trade cost and the return within 1e-9, as a profit near 0 is the
    difference of large numbers.

    Parameters
    ----------
    left, right
        Tables with the columns entry_time, entry_price, exit_time, exit_price, quantity, fees, pnl, return, status.
    places
        Where the two are, in words for the summary.

    Raises
    ------
    DataError
        If a column is missing.
    """
    import pandas as pd

    sides = [_keyed(table, name) for table, name in ((left, "left"), (right, "right"))]
    both = sides[0].join(sides[1], how="outer").sort_index()
    in_left, in_right = (both[f"status_{side}"].notna().to_numpy() for side in ("left", "right"))
    differs = {"missing": ~(in_left & in_right)}
    for column in TRADE_COLUMNS[1:]:
        differs[column] = in_left & in_right & ~_equal(both, column)
    found = []
    entries = both.index.get_level_values("entry_time")
    for number in np.flatnonzero(np.logical_or.reduce(list(differs.values()))).tolist():
        for column in (name for name, wrong in differs.items() if wrong[number]):
            values = _cells(both, number, column, here=(bool(in_left[number]), bool(in_right[number])))
            found.append((number, entries[number], column, *values))
    table = pd.DataFrame(found, columns=list(_FOUND)).astype({"left": object, "right": object})
    return TradeComparison(len(both), int(table["trade"].nunique()), table, places)


def _keyed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    missing = [column for column in TRADE_COLUMNS if column not in getattr(table, "columns", ())]
    if missing:
        raise DataError(
            f"{name}: a table of trades needs the columns {listed(TRADE_COLUMNS)}; {listed(missing)} is not there. "
            "Give report.trades or bot.trades()."
        )
    again = table.groupby("entry_time").cumcount()
    return table[list(TRADE_COLUMNS)].assign(again=again).set_index(["entry_time", "again"]).add_suffix(f"_{name}")


def _equal(both: pd.DataFrame, column: str) -> Any:
    left: Any = both[f"{column}_left"]
    right: Any = both[f"{column}_right"]
    if column in _EXACT:
        return np.asarray((left == right) | (left.isna() & right.isna()), dtype=bool)
    a, b = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        if column == "pnl":
            size = np.asarray(both["entry_price_left"] * both["quantity_left"], dtype=np.float64)
        elif column == "return":
            size = np.ones(len(both))
        else:
            size = np.maximum(np.abs(a), np.abs(b))
        return (np.abs(a - b) <= TOLERANCE * size) | (np.isnan(a) & np.isnan(b)) | (a == b)


def _told(value: Any) -> str:
    """Write a value for people: one that is not there, such as the exit of a trade that is still open, in words."""
    import pandas as pd

    return "none" if pd.isna(value) else f"{value}"


def _cells(both: pd.DataFrame, number: int, column: str, *, here: tuple[bool, bool]) -> tuple[Any, Any]:
    if column == "missing":
        return ("there" if here[0] else None, "there" if here[1] else None)
    return both[f"{column}_left"].iloc[number], both[f"{column}_right"].iloc[number]
