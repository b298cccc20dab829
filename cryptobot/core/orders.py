"""What an exchange knows of an order, and what may become of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.types import Side


class OrderStatus(StrEnum):
    """What has become of an order on its exchange."""

    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_open(self) -> bool:
        """Whether it may still be filled."""
        return self in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True)
class Order:
    """What an exchange knows of one order, at one moment.

    Attributes
    ----------
    client_id
        The id that its sender gave it, made once per intent; ``""`` where the exchange keeps none.
    exchange_id
        The exchange's own id.
    symbol
        Market, for example ``"BTC/USDT"``.
    side, type, time_in_force
        As it was sent.
    status
        What has become of it.
    quantity
        Ordered, in the base currency; None for a market buy by amount of which the exchange names no quantity.
    filled_quantity
        Executed so far, in the base currency.
    filled_value
        Executed so far, price × quantity, in the quote currency.
    quote_amount
        Ordered, in the quote currency, for a market buy by amount.
    price, stop_price
        In the quote currency, where the type has them.
    created, updated
        Nanoseconds since 1970-01-01 UTC, by the exchange's clock.
    list_id
        Id of the pair that it belongs to (OCO), or None.
    """

    client_id: str
    exchange_id: str
    symbol: str
    side: Side
    type: OrderType
    status: OrderStatus
    quantity: Decimal | None
    filled_quantity: Decimal
    filled_value: Decimal
    created: int
    updated: int
    quote_amount: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    list_id: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still be filled."""
        return self.status.is_open
