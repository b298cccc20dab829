"""Where a bot stands, read in one piece."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from cryptobot.core.types import Mode

State = Literal["new", "starting", "running", "stopping", "stopped", "finished", "halted"]


@dataclass(frozen=True, slots=True)
class BotStatus:
    """Where a bot stands.

    Attributes
    ----------
    name
        Of the bot.
    mode
        Where its orders go.
    state
        ``"finished"`` when the exchange has no more bars, ``"halted"`` when it stopped itself.
    reason
        Why it halted or stopped, or an empty text.
    symbol, timeframe
        What it trades.
    strategy
        Registered name.
    parameters
        Of the strategy.
    bars
        How many closed since the start.
    last_bar_time
        Open time of the newest bar, nanoseconds since 1970-01-01 UTC, or None.
    price
        Its close, in the quote currency, or None.
    quantity
        Held, in the base currency.
    entry_price
        Average, in the quote currency, or None when flat.
    cash, equity, initial_equity
        In the quote currency; equity values the position at `price`.
    realised_pnl, unrealised_pnl
        After fees, in the quote currency.
    trades
        Closed round trips.
    fees
        Paid so far, in the quote currency.
    sequence
        Grows with everything that happens; the same number means nothing is new.
    """

    name: str
    mode: Mode
    state: State
    reason: str
    symbol: str
    timeframe: str
    strategy: str
    parameters: dict[str, Any]
    bars: int
    last_bar_time: int | None
    price: float | None
    quantity: Decimal
    entry_price: Decimal | None
    cash: Decimal
    equity: Decimal
    initial_equity: Decimal
    realised_pnl: Decimal
    unrealised_pnl: Decimal
    trades: int
    fees: Decimal
    sequence: int
