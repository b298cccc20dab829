"""The nouns of trading, one meaning each (design, section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from typing import Final, NamedTuple

_EXACT: Final = Context(prec=34)  # whatever the caller's own context is


class Side(StrEnum):
    """Direction of an order."""

    BUY = "buy"
    SELL = "sell"


class Mode(StrEnum):
    """Where orders go, in order of trust."""

    PRACTICE = "practice"
    PAPER = "paper"
    TESTNET = "testnet"
    LIVE = "live"


class Bar(NamedTuple):
    """Open, high, low, close and volume of one closed interval.

    Attributes
    ----------
    time
        When the interval opened: nanoseconds since 1970-01-01 UTC.
    open, high, low, close
        Prices in the quote currency.
    volume
        Quantity traded, in the base currency.
    """

    time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class Intent:
    """The decision to trade, written down before it is sent.

    A buy names the money to spend (``quote_amount``, fees included), a sell the ``quantity`` to give up.

    Attributes
    ----------
    id
        Client order id, made once.
    time
        Close time of the bar that was decided on, nanoseconds since 1970-01-01 UTC.
    symbol
        Market, for example ``"BTC/USDT"``.
    side
        Buy or sell.
    quote_amount
        For a buy: what may be spent in all, fees included, in the quote currency.
    quantity
        For a sell: how much to sell, in the base currency.
    reason
        Why, in words.
    """

    id: str
    time: int
    symbol: str
    side: Side
    quote_amount: Decimal | None = None
    quantity: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution.

    Attributes
    ----------
    id
        The exchange's id of this execution: the same id is the same execution.
    intent_id
        The client order id it belongs to.
    time
        Nanoseconds since 1970-01-01 UTC.
    side
        Buy or sell.
    price
        In the quote currency.
    quantity
        In the base currency, positive.
    fee
        In the quote currency.
    """

    id: str
    intent_id: str
    time: int
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class Trade:
    """A round trip from entry to exit; open while ``exit_time`` is None.

    Attributes
    ----------
    entry_time, exit_time
        Time of the first fill of the entry and of the last fill of the exit, nanoseconds since 1970-01-01 UTC.
    entry_price, exit_price
        Average prices, without fees.
    quantity
        Bought, in the base currency.
    fees
        Of entry and exit together, in the quote currency.
    pnl
        Profit or loss after fees, in the quote currency.
    """

    entry_time: int
    entry_price: Decimal
    exit_time: int | None
    exit_price: Decimal | None
    quantity: Decimal
    fees: Decimal
    pnl: Decimal

    @property
    def is_open(self) -> bool:
        """Whether the position is still held."""
        return self.exit_time is None

    @property
    def return_(self) -> Decimal:
        """Profit or loss as a fraction of what the entry cost without its fee."""
        return _EXACT.divide(self.pnl, _EXACT.multiply(self.entry_price, self.quantity))
