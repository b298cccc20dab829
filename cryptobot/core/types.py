"""The nouns of trading, one meaning each (design, section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from cryptobot.core.order_types import OrderType, TimeInForce

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

    A market buy names the money to spend (``quote_amount``, fees included) or the ``quantity`` to get, every other
    order the ``quantity``.

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
        For a market buy: what may be spent in all, fees included, in the quote currency.
    quantity
        How much to trade, in the base currency.
    reason
        Why, in words.
    type
        How it is to be executed.
    price
        The worst price it may fill at, in the quote currency, for the types that have one.
    stop_price
        The price it waits for, in the quote currency, for the types that have one.
    time_in_force
        How long it stays, for the types that have a ``price``.
    """

    id: str
    time: int
    symbol: str
    side: Side
    quote_amount: Decimal | None = None
    quantity: Decimal | None = None
    reason: str = ""
    type: OrderType = OrderType.MARKET
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC


@dataclass(frozen=True, slots=True)
class OcoIntent:
    """Two orders of which one cancels the other (OCO), for the same quantity of the same market.

    Attributes
    ----------
    id
        Client id of the pair, made once.
    above, below
        The leg that waits above the price and the one that waits below it; each with a client id of its own. For a
        sell these are the take-profit (a limit-maker or take-profit order) and the stop-loss.
    """

    id: str
    above: Intent
    below: Intent


@dataclass(frozen=True, slots=True)
class Balance:
    """How much of one currency an account holds.

    Attributes
    ----------
    free
        May be spent.
    locked
        Set aside for open orders.
    """

    free: Decimal
    locked: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return _EXACT.add(self.free, self.locked)


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
        Paid for it, in ``fee_asset``.
    fee_asset
        The currency that the fee was taken in; None is the quote currency.
    """

    id: str
    intent_id: str
    time: int
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str | None = None


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
