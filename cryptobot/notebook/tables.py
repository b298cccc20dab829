"""Tables in the panel, and the one of the trades."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from cryptobot.notebook.needs import asset
from cryptobot.notebook.numbers import Units, decimals, signed, tone_of

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.core.types import Trade

MAX_ROWS = 100
# Text, tone and what it is sorted by, where that is not the text.
Cell = tuple[str, str] | tuple[str, str, float]


class Table(anywidget.AnyWidget):
    """Rows of texts; the page sorts them by their columns. Cells are set as text, never as HTML.

    Parameters
    ----------
    title
        What the table shows, for screen readers.
    columns
        Label and side of each.
    empty
        What is said when there is no row.
    hint
        What choosing a row does, or an empty text where rows cannot be chosen: :attr:`chosen` is then its id.
    """

    _esm = asset("table.js")
    title = traitlets.Unicode().tag(sync=True)
    columns: traitlets.List[Any] = traitlets.List().tag(sync=True)
    rows: traitlets.List[Any] = traitlets.List().tag(sync=True)
    empty = traitlets.Unicode().tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)

    def __init__(
        self, title: str, columns: Sequence[tuple[str, str]], empty: str, hint: str = "", **traits: Any
    ) -> None:
        super().__init__(title=title, columns=[list(column) for column in columns], empty=empty, hint=hint, **traits)

    def fill(self, rows: Iterable[tuple[str, Sequence[Cell]]], note: str = "") -> None:
        """Show these rows; a message goes to the page only if one of them is new.

        Parameters
        ----------
        rows
            Id and cells of each.
        note
            A line under the table.
        """
        self.rows = [{"id": name, "cells": [list(cell) for cell in cells]} for name, cells in rows]
        self.note = note

    def text(self, row: int, column: int) -> str:
        """Return what stands in a cell, for tests and scripts."""
        return str(self.rows[row]["cells"][column][0])


class TradesTable(Table):
    """One row a round trip, newest first; at most 100 on the page. Choosing one shows it in the chart."""

    def __init__(self) -> None:
        super().__init__(
            "Trades, newest first",
            [
                ("Entered (UTC)", "left"),
                ("Left (UTC)", "left"),
                ("Quantity", "right"),
                ("Entry price", "right"),
                ("Exit price", "right"),
                ("Fees", "right"),
                ("PnL", "right"),
                ("Return", "right"),
                ("Status", "left"),
            ],
            "No trades yet. They appear here as soon as the strategy enters.",
            "Show it in the chart",
        )

    def show(self, trades: pd.DataFrame, units: Units, total: int) -> None:
        """Show the newest trades.

        Parameters
        ----------
        trades
            As `bot.trades()` returns them: one row a round trip, oldest first.
        units
            How this market's numbers are written.
        total
            How many there are in all.
        """
        records = trades.tail(MAX_ROWS).iloc[::-1].to_dict("records")
        digits = max((decimals(record["quantity"]) for record in records), default=1)
        hidden = total > len(records)
        self.fill(
            [(str(record["entry_time"].value), row(record, units, digits)) for record in records],
            f"The newest {len(records)} of {total:,}; bot.trades() has all." if hidden else "",
        )

    def revalue(self, trade: Trade, units: Units) -> None:
        """Show what the open trade, the first row, is worth now.

        Parameters
        ----------
        trade
            The open one.
        units
            How this market's numbers are written.
        """
        if self.rows and self.rows[0]["id"] == str(trade.entry_time):
            first = dict(self.rows[0])
            first["cells"] = [
                *first["cells"][:6],
                *map(list, _worth(trade.pnl, trade.return_, units)),
                first["cells"][8],
            ]
            self.rows = [first, *self.rows[1:]]


def _worth(pnl: float | Decimal, share: float | Decimal, units: Units) -> tuple[Cell, Cell]:
    """Write what a trade has brought: in money, and of what it had cost."""
    tone = tone_of(pnl)
    return (units.signed_money(pnl), tone, float(pnl)), (signed(100 * share, 2) + " %", tone, float(share))


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
    exit_price = 0.0 if is_open else float(trade["exit_price"])
    return [
        (_moment(trade["entry_time"]), ""),
        ("–" if is_open else _moment(trade["exit_time"]), ""),
        (units.quantity(trade["quantity"], digits), "", float(trade["quantity"])),
        (units.price(trade["entry_price"]), "", float(trade["entry_price"])),
        ("–" if is_open else units.price(exit_price), "", exit_price),
        (units.money(trade["fees"]), "", float(trade["fees"])),
        *_worth(float(trade["pnl"]), float(trade["return"]), units),
        ("● open" if is_open else str(trade["status"]), "open" if is_open else ""),
    ]


def _moment(time: Any) -> str:
    """Write a time to the second, without the zone: the column's head names it."""
    return str(time)[:19]
