"""The public trades of a market, and what the last day was like."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from cryptobot.exchange.simulator.candles import Candle, Candles
from cryptobot.exchange.simulator.numbers import float_text, milliseconds

DAY: Final = 86_400_000_000_000
_KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Trade:
    """One public trade.

    Attributes
    ----------
    id
        One higher each time.
    time
        Nanoseconds since 1970-01-01 UTC.
    price, quantity
        In the quote and in the base currency.
    buyer_is_maker
        Whether the price moved down to it.
    """

    id: int
    time: int
    price: float
    quantity: float
    buyer_is_maker: bool


class Tape:
    """The newest public trades.

    Parameters
    ----------
    first
        Id of the first one.
    """

    def __init__(self, first: int) -> None:
        self.trades: deque[Trade] = deque(maxlen=_KEPT)
        self.next_id = first

    @property
    def last(self) -> Trade | None:
        """The newest trade."""
        return self.trades[-1] if self.trades else None

    def print(self, time: int, price: float, quantity: float) -> Trade:
        """Put a trade on it."""
        down = self.last is not None and price < self.last.price
        trade = Trade(self.next_id, time, price, quantity, down)
        self.next_id += 1
        self.trades.append(trade)
        return trade


def day_of(candles: Candles, now: int, price: float) -> dict[str, Any]:
    """Return the statistics of the last 24 hours, numbers as texts.

    Parameters
    ----------
    candles
        The market's own candles.
    now
        Nanoseconds since 1970-01-01 UTC.
    price
        The present price.
    """
    low = candles.since(now - DAY + 1)
    day = candles.together(low) or Candle.opened(now, price, 0)
    return {
        "change": float_text(round(price - day.open, 8)),
        "percent": f"{100 * (price - day.open) / day.open:.3f}",
        "average": float_text(round(day.value / day.volume, 8) if day.volume else price),
        "before": float_text(candles[low - 1].close if low > 0 else day.open),
        "open": float_text(day.open),
        "high": float_text(day.high),
        "low": float_text(day.low),
        "volume": float_text(day.volume),
        "value": float_text(day.value),
        "opened": milliseconds(now - DAY) + 1,
        "closed": milliseconds(now),
        "first": day.first,
        "last": day.first + day.trades - 1,
        "trades": day.trades,
    }
