"""The open orders of a bot, as a table in the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptobot.notebook.numbers import Units
from cryptobot.notebook.tables import MAX_ROWS, Cell, Table

if TYPE_CHECKING:
    import pandas as pd


class OrdersTable(Table):
    """One row an order of the bot that may still be filled; at most 100 on the page."""

    def __init__(self) -> None:
        super().__init__(
            "Open orders",
            [
                ("Sent (UTC)", "left"),
                ("Side", "left"),
                ("Type", "left"),
                ("Quantity", "right"),
                ("Filled", "right"),
                ("Limit", "right"),
                ("Stop", "right"),
                ("State", "left"),
                ("Id", "left"),
            ],
            "No open orders. Stops and targets that rest on the exchange appear here.",
        )

    def show(self, orders: pd.DataFrame, units: Units) -> None:
        """Show the open orders.

        Parameters
        ----------
        orders
            As `bot.open_orders()` returns them.
        units
            How this market's numbers are written.
        """
        records = orders.tail(MAX_ROWS).iloc[::-1].to_dict("records")
        self.fill((str(record["id"]), _row(record, units)) for record in records)


def stop_prices(orders: pd.DataFrame) -> list[tuple[str, float]]:
    """Return what protects a position: ``"stop"`` or ``"target"`` and its price, for the lines of the chart."""
    found: list[tuple[str, float]] = []
    for record in orders.to_dict("records"):
        if record["side"] == "sell":
            stop, limit = _number(record["stop_price"]), _number(record["price"])
            if stop is not None:
                found.append(("stop", stop))
            elif limit is not None:
                found.append(("target", limit))
    return found


def _row(order: dict[Any, Any], units: Units) -> list[Cell]:
    state = str(order["state"])
    doubted = state == "unknown"
    return [
        (str(order["time"])[:19], ""),
        (("▲ " if order["side"] == "buy" else "▼ ") + str(order["side"]), str(order["side"])),
        (str(order["type"]).replace("_", " "), ""),
        _cell(order["quantity"], units.quantity),
        _cell(order["filled"], units.quantity),
        _cell(order["price"], units.price),
        _cell(order["stop_price"], units.price),
        (f"▲ {state}" if doubted else state.replace("_", " "), "warn" if doubted else ""),
        (str(order["id"]), "dim"),
    ]


def _cell(value: Any, write: Any) -> Cell:
    number = _number(value)
    return ("–", "dim", -1.0) if number is None else (write(number), "", number)


def _number(value: Any) -> float | None:
    """Return a number of a table, or None where there is none (None, NaN)."""
    return None if value is None or value != value else float(value)  # noqa: PLR0124 - NaN is not itself
