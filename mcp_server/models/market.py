"""Prices, candles and indicators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from mcp_server.models.base import Answer, Number, UtcTime
from mcp_server.words import iso


@dataclass(frozen=True, slots=True)
class Tick:
    """The newest price of a market, as a backend holds it: cheap to make and to replace.

    Attributes
    ----------
    symbol
        Such as ``"BTC/USDT"``.
    price
        In the quote currency.
    time
        When it was observed, nanoseconds since 1970-01-01 UTC.
    source
        Where it comes from, for example ``"binance"`` or ``"practice market"``.
    bid, ask
        Best offers in the quote currency, where they are known.
    change_24h_pct
        Change over 24 hours in percent, where it is known.
    """

    symbol: str
    price: float
    time: int
    source: str
    bid: float | None = None
    ask: float | None = None
    change_24h_pct: float | None = None

    def fields(self, now: int) -> dict[str, Any]:
        """Return what goes over the wire.

        Parameters
        ----------
        now
            The present, nanoseconds since 1970-01-01 UTC: the age is counted to it.
        """
        return {
            "symbol": self.symbol,
            "price": self.price,
            "bid": self.bid,
            "ask": self.ask,
            "change_24h_pct": self.change_24h_pct,
            "source": self.source,
            "time": iso(self.time),
            "age_s": max(0, now - self.time) // 1_000_000 / 1_000,
        }


class Price(Answer):
    """The newest price of a market."""

    symbol: str
    price: Number = Field(description="Last price in the quote currency")
    bid: Number | None = Field(default=None, description="Best bid in the quote currency")
    ask: Number | None = Field(default=None, description="Best ask in the quote currency")
    change_24h_pct: Number | None = Field(default=None, description="Change over 24 hours in percent")
    source: str = Field(description="Where the price comes from")
    time: UtcTime = Field(description="When it was observed")
    age_s: Number = Field(ge=0, description="How old it was when the answer was written, in seconds")


class Prices(Answer):
    """The newest prices of all markets."""

    prices: list[Price]


class Symbols(Answer):
    """The markets that the server knows."""

    symbols: list[str]
    timeframes: list[str] = Field(description="Candle intervals on offer")
    indicators: list[str] = Field(description="Indicators on offer")


class Candles(Answer):
    """Candles as columns of equal length, oldest first."""

    symbol: str
    timeframe: str
    time: list[UtcTime] = Field(description="Open times")
    open: list[Number]
    high: list[Number]
    low: list[Number]
    close: list[Number]
    volume: list[Number] = Field(description="In the base currency")
    next_end: UtcTime | None = Field(
        default=None, description="Give it as `end` for the candles before these; null when there are none"
    )


class Indicators(Answer):
    """Indicators as columns of equal length, oldest first; null where one has no value yet."""

    symbol: str
    timeframe: str
    time: list[UtcTime] = Field(description="Open times of the candles")
    columns: dict[str, list[Number | None]]


class Bar(Answer):
    """One closed candle."""

    symbol: str
    timeframe: str
    time: UtcTime = Field(description="Open time")
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
