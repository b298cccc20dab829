"""Open orders as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cryptobot.trading.lifecycle import OrderLife

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("id", "side", "type", "state", "quantity", "filled", "price", "stop_price", "time", "reason")


def order_rows(lives: Iterable[OrderLife]) -> list[tuple[Any, ...]]:
    """Return orders as plain rows of `COLUMNS`; times are nanoseconds since 1970-01-01 UTC."""
    return [
        (
            life.client_id,
            str(life.intent.side),
            str(life.intent.type),
            str(life.state),
            None if life.ordered is None else float(life.ordered),
            float(life.filled_quantity),
            None if life.intent.price is None else float(life.intent.price),
            None if life.intent.stop_price is None else float(life.intent.stop_price),
            life.sent_time,
            life.intent.reason,
        )
        for life in lives
    ]


def order_table(rows: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """Lay `order_rows` out: quantities in the base currency, prices in the quote currency, times UTC."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["time"] = pd.to_datetime(table["time"].astype("int64"), unit="ns", utc=True)
    return table
