"""The trades of a bot as a table in the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from cryptobot.notebook.needs import asset
from cryptobot.notebook.numbers import Units, decimals, signed, tone_of

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 100
COLUMNS = (
    ("Entered (UTC)", "left"),
    ("Left (UTC)", "left"),
    ("Quantity", "right"),
    ("Entry price", "right"),
    ("Exit price", "right"),
    ("Fees", "right"),
    ("PnL", "right"),
    ("Return", "right"),
    ("Status", "left"),
)
Cell = tuple[str, str]


class TradesTable(anywidget.AnyWidget):
    """One row a round trip, newest first; at most 100 on the page. Cells are set as text, never as HTML."""

    _esm = asset("table.js")
    title = traitlets.Unicode("Trades, newest first").tag(sync=True)
    columns = traitlets.List([list(column) for column in COLUMNS]).tag(sync=True)
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    empty = traitlets.Unicode("No trades yet. They appear here as soon as the strategy enters.").tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)

    def show(self, trades: pd.DataFrame, units: Units) -> None:
        """Show the newest trades.

        Parameters
        ----------
        trades
            As `bot.trades()` returns them: one row a round trip, oldest first.
        units
            How this market's numbers are written.
        """
        newest = trades.tail(MAX_ROWS).iloc[::-1]
        records = newest.to_dict("records")
        digits = max((decimals(record["quantity"]) for record in records), default=1)
        self.rows = [[list(cell) for cell in row(record, units, digits)] for record in records]
        hidden = len(trades) - len(newest)
        self.note = f"The newest {len(newest)} of {len(trades):,}; bot.trades() has all." if hidden else ""


def row(trade: dict[Any, Any], units: Units, digits: int | None = None) -> list[Cell]:
    """Write one trade as text and tone, column by column.

    Parameters
    ----------
    trade
        One record of `bot.trades()`.
    units
        How this market's numbers are written.
    digits
        Decimals of the quantity, or None for as many as it has.
    """
    is_open = trade["status"] == "open"
    pnl = float(trade["pnl"])
    return [
        (_moment(trade["entry_time"]), ""),
        ("–" if is_open else _moment(trade["exit_time"]), ""),
        (units.quantity(trade["quantity"], digits), ""),
        (units.price(trade["entry_price"]), ""),
        ("–" if is_open else units.price(trade["exit_price"]), ""),
        (units.money(trade["fees"]), ""),
        (units.signed_money(pnl), tone_of(pnl)),
        (signed(100 * float(trade["return"]), 2) + " %", tone_of(pnl)),
        ("● open" if is_open else str(trade["status"]), "open" if is_open else ""),
    ]


def _moment(time: Any) -> str:
    """Write a time to the second, without the zone: the column's head names it."""
    return str(time)[:19]
