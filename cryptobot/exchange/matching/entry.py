"""One order inside the core, while it changes."""

from __future__ import annotations

from decimal import Decimal

from cryptobot.core.money import MONEY, ZERO
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Intent
from cryptobot.exchange.matching.fees import Fees
from cryptobot.exchange.matching.ladder import Ladder


class Entry:
    """An order with everything that happens to it.

    Attributes
    ----------
    intent
        What was asked for.
    exchange_id, number
        The core's id, as text and as a number, lower is older; "" and 0 until the order is taken.
    quantity
        Ordered, in the base currency; for a market buy by amount what that comes to.
    remaining, value
        Not executed yet, in the base currency; executed so far, in the quote currency.
    status, created, updated
        See `Order`.
    fees
        What it pays: as it was when the order was taken, since that is set aside.
    locked
        What is set aside for it, in the currency that it pays with.
    list_id, sibling
        Its pair and the other order of it, if that is still open.
    ladder, level
        Where it waits and for which price, or None and 0 while it does not.
    working
        Since when it is in the book, or None while its stop price is waited for.
    turn
        Its place in the queue among orders of the same price.
    """

    __slots__ = (
        "_snapshot",
        "created",
        "exchange_id",
        "fees",
        "intent",
        "ladder",
        "level",
        "list_id",
        "locked",
        "number",
        "quantity",
        "remaining",
        "sibling",
        "status",
        "turn",
        "updated",
        "value",
        "working",
    )

    def __init__(
        self,
        intent: Intent,
        quantity: Decimal,
        fees: Fees,
        time: int,
        list_id: str | None = None,
    ) -> None:
        self.intent = intent
        self.number = 0
        self.exchange_id = ""
        self.quantity = quantity
        self.remaining = quantity
        self.value = ZERO
        self.status = OrderStatus.NEW
        self.created = time
        self.updated = time
        self.fees = fees
        self.locked = ZERO
        self.list_id = list_id
        self.sibling: Entry | None = None
        self.ladder: Ladder | None = None
        self.level = ZERO
        self.working: int | None = None if intent.type.has_stop else time
        self.turn = 0
        self._snapshot: Order | None = None

    @property
    def worst_price(self) -> Decimal:
        """The price that is reckoned with in what is set aside; a market order has none."""
        return self.intent.price or self.intent.stop_price or ZERO

    def fill(self, price: Decimal, quantity: Decimal, time: int) -> None:
        """Book an execution."""
        self.remaining = MONEY.subtract(self.remaining, quantity)
        self.value = MONEY.add(self.value, MONEY.multiply(price, quantity))
        self.become(OrderStatus.PARTIALLY_FILLED if self.remaining > 0 else OrderStatus.FILLED, time)

    def become(self, status: OrderStatus, time: int) -> None:
        """Change the status."""
        self.status = status
        self.updated = time
        self._snapshot = None

    def order(self) -> Order:
        """Return it as others see it."""
        if self._snapshot is None:
            intent = self.intent
            self._snapshot = Order(
                intent.id,
                self.exchange_id,
                intent.symbol,
                intent.side,
                intent.type,
                self.status,
                self.quantity,
                MONEY.subtract(self.quantity, self.remaining),
                self.value,
                self.created,
                self.updated,
                intent.quote_amount,
                intent.price,
                intent.stop_price,
                intent.time_in_force,
                self.list_id,
            )
        return self._snapshot
