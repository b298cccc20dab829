"""The life of one order: what is known of it, and what follows from that.

```
INTENT → SENT → ACKNOWLEDGED → PARTIALLY_FILLED → FILLED | CANCELLED | REJECTED
           └──────────┴────────────┴→ UNKNOWN → (evidence) → any of them
```

Messages come late, twice and in any order. So nothing here depends on their order: each adds to what is known, the
state follows from all of it, and what adds nothing changes nothing.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import NoReturn

from cryptobot.core.errors import ExchangeError
from cryptobot.core.money import ZERO, exact_money
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Fill, Intent


class OrderState(StrEnum):
    """Where an order stands, as far as is known.

    One that expired counts as cancelled. One that was never sent, or is proved absent, ends as rejected.
    """

    INTENT = "intent"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether the order has ended."""
        return self in (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED)


class OrderLife:
    """One order from its intent to its end.

    Every method that takes a message returns whether it told anything new.

    Parameters
    ----------
    intent
        The decision to trade.

    Attributes
    ----------
    intent
        The same.
    fills
        Its executions by id, in the order in which they were told.
    filled_quantity, filled_value
        Their sums: quantity in the base currency, price × quantity in the quote currency.
    order
        The furthest that the exchange has said of it, or None.
    sent_time
        When it was sent last, nanoseconds since 1970-01-01 UTC, or None.
    reason
        Why it ended or is unknown, in words.

    Examples
    --------
    >>> from cryptobot.core.types import Side
    >>> life = OrderLife(Intent("bot-1", 0, "BTC/USDT", Side.SELL, quantity=Decimal(2)))
    >>> life.sent(0), life.lost("no answer within 10 s"), life.state
    (True, True, <OrderState.UNKNOWN: 'unknown'>)
    >>> fill = Fill("1", "bot-1", 5, Side.SELL, Decimal(100), Decimal(2), Decimal(0))
    >>> life.filled(fill), life.filled(fill), life.state
    (True, False, <OrderState.FILLED: 'filled'>)
    """

    def __init__(self, intent: Intent) -> None:
        self.intent = intent
        self.fills: dict[str, Fill] = {}
        self.filled_quantity = ZERO
        self.filled_value = ZERO
        self.order: Order | None = None
        self.sent_time: int | None = None
        self.reason = ""
        self._exchange_id: str | None = None
        self._known = False  # the exchange has shown that it has, or had, the order
        self._reported = ZERO  # the most that the exchange says is executed
        self._done = False  # a fill said that nothing is left
        self._end: OrderStatus | None = None  # how it ended, in the exchange's own word
        self._refused = False
        self._absent = False
        self._doubt = False

    @property
    def client_id(self) -> str:
        """The id that was made for it, once."""
        return self.intent.id

    @property
    def exchange_id(self) -> str | None:
        """The exchange's own id, where it is known."""
        return self.order.exchange_id if self.order is not None else self._exchange_id

    @property
    def state(self) -> OrderState:
        """Where it stands."""
        if self._end is OrderStatus.FILLED or self._is_full:
            return OrderState.FILLED
        if self._refused or self._absent:
            return OrderState.REJECTED
        if self._end is not None:
            return OrderState.CANCELLED
        if self._done:
            return OrderState.FILLED
        if self._doubt:
            return OrderState.UNKNOWN
        if self.filled_quantity or self._reported:
            return OrderState.PARTIALLY_FILLED
        if self._known:
            return OrderState.ACKNOWLEDGED
        return OrderState.INTENT if self.sent_time is None else OrderState.SENT

    @property
    def known(self) -> bool:
        """Whether the exchange has shown that it has, or had, the order."""
        return self._known

    @property
    def is_open(self) -> bool:
        """Whether it was sent and may still be filled; so may one of which nobody knows."""
        state = self.state
        return state is not OrderState.INTENT and not state.is_final

    @property
    def is_risk(self) -> bool:
        """Whether it may still change the position: it is open, or fills of it are missing."""
        return self.is_open or self.missing > 0

    @property
    @exact_money
    def missing(self) -> Decimal:
        """What the exchange says is executed beyond the fills that are here, in the base currency: to be asked for."""
        return max(ZERO, self._reported - self.filled_quantity)

    @property
    def ordered(self) -> Decimal | None:
        """The quantity ordered, in the base currency; None for a buy by amount of which no quantity is known."""
        if self.order is not None and self.order.quantity is not None:
            return self.order.quantity
        return self.intent.quantity

    def sent(self, time: int) -> bool:
        """Say that it goes out now. One that is proved absent may go out again, by the same id.

        Raises
        ------
        ExchangeError
            If it was refused, or was sent before and nobody has proved that the exchange does not have it.
        """
        if self.sent_time == time and not self._absent:
            return False
        if self._refused:
            self._contradiction(f"it was refused ({self.reason}) and must not be sent")
        if self._absent:
            self._absent, self.reason = False, ""
        elif self.sent_time is not None:
            self._contradiction(f"it is {self.state} and must not be sent again")
        self.sent_time = time
        return True

    def confirmed(self, exchange_id: str | None = None) -> bool:
        """Say that the exchange has it, of which it tells no more; raises as `acknowledged` does."""
        if self._absent:
            self._contradiction(f"the exchange has it after it was {self._why_not}")
        news = not self._known or (exchange_id is not None and self.exchange_id is None)
        self._prove()
        self._exchange_id = self._exchange_id or exchange_id
        return news

    def acknowledged(self, order: Order) -> bool:
        """Take what the exchange says of the order, in its answer or in the stream.

        Raises
        ------
        ExchangeError
            If that cannot be true together with what was known: trading must halt.
        """
        return self._see(order, "")

    def found(self, order: Order) -> bool:
        """Take what the exchange shows of it when asked anew: this settles any doubt. Raises as `acknowledged` does."""
        news = self._see(order, "")
        return self._settle() or news

    def ended(self, how: Order | OrderStatus, reason: str = "") -> bool:
        """Say that it was filled, cancelled, or has expired; raises as `acknowledged` does."""
        if isinstance(how, Order):
            return self._see(how, reason)
        if how is OrderStatus.REJECTED:
            return self.refused(reason)
        self._prove()
        return self._finish(how, reason)

    @exact_money
    def filled(self, fill: Fill, order_done: bool | None = None) -> bool:
        """Book an execution of it; the same id is the same execution, also after the end.

        Parameters
        ----------
        fill
            The execution.
        order_done
            Whether nothing of the order is left open; None where that was not said.

        Raises
        ------
        ExchangeError
            If the order was refused or absent, more is executed than was ordered, or the fill is another's: the
            evidence contradicts itself and trading must halt. Nothing is booked.
        """
        had = self.fills.get(fill.id)
        news = False
        if had is None:
            self._check(fill)
            self._prove()
            self.fills[fill.id] = fill
            self.filled_quantity += fill.quantity
            self.filled_value += fill.price * fill.quantity
            news = True
        elif (had.side, had.price, had.quantity) != (fill.side, fill.price, fill.quantity):
            self._contradiction(
                f"fill {fill.id} came as {had.quantity} at {had.price} and as {fill.quantity} at {fill.price}"
            )
        if order_done and not self._done:
            self._done = news = True
        return news

    def refused(self, reason: str) -> bool:
        """Say that the exchange refused it whole: nothing was traded.

        Raises
        ------
        ExchangeError
            If something was traded.
        """
        if self._traded:
            self._contradiction(f"it is refused ({reason}), but {self._executed} is executed")
        return self._reject(reason)

    def absent(self, reason: str) -> bool:
        """Say that it never reached the exchange, or is proved not to be there.

        Raises
        ------
        ExchangeError
            If the exchange has shown it.
        """
        if self._known:
            self._contradiction(f"it is said to be absent ({reason}), but the exchange has shown it")
        if self._refused or self._absent:
            return False
        self._absent, self._doubt, self.reason = True, False, reason
        return True

    def lost(self, reason: str) -> bool:
        """Say that nobody knows what has become of it, from here on until there is evidence."""
        if self._doubt or not self.is_open:
            return False
        self._doubt, self.reason = True, reason
        return True

    def __repr__(self) -> str:
        return f"OrderLife({self.client_id}: {self.state}, {self.intent.side} {self.filled_quantity} filled)"

    @property
    def _traded(self) -> bool:
        return bool(self.fills) or self._reported > 0 or self._done

    @property
    @exact_money
    def _executed(self) -> Decimal:
        return max(self.filled_quantity, self._reported)

    @property
    def _is_full(self) -> bool:
        ordered = self.ordered
        return ordered is not None and self.filled_quantity >= ordered > 0

    def _see(self, order: Order, reason: str) -> bool:
        self._check_order(order)
        if order.status is OrderStatus.REJECTED:
            return self.refused(reason or "the exchange rejected it")
        news = not self._known
        self._prove()
        if self.order is None or _reach(order) > _reach(self.order):
            self.order, news = order, True
        if order.filled_quantity > self._reported:
            self._reported, news = order.filled_quantity, True
        if not order.is_open:
            news = self._finish(order.status, reason) or news
        return news

    def _prove(self) -> None:
        # A first sign of life answers whether the order arrived. A doubt about an order that was known to be there is
        # another question (was the cancel heard?), and an older message may still be on its way: only asking helps.
        if not self._known:
            self._known = True
            self._settle()

    def _settle(self) -> bool:
        doubted = self._doubt
        if doubted:
            self._doubt, self.reason = False, ""
        return doubted

    def _finish(self, status: OrderStatus, reason: str) -> bool:
        self._settle()
        if self._end is OrderStatus.FILLED or (self._end is not None and status is not OrderStatus.FILLED):
            return False  # known; cancelled and expired are the same end
        self._end = status
        self.reason = reason
        return True

    def _reject(self, reason: str) -> bool:
        if self._refused:
            return False
        self._refused, self._doubt, self.reason = True, False, reason
        return True

    @exact_money
    def _check(self, fill: Fill) -> None:
        if fill.side is not self.intent.side or fill.intent_id not in ("", self.intent.id):
            self._contradiction(f"fill {fill.id} is a {fill.side} of order {fill.intent_id!r}")
        for name, number in (("price", fill.price), ("quantity", fill.quantity)):
            if not (number.is_finite() and number > 0):
                self._contradiction(f"fill {fill.id} has the {name} {number}")
        if self._refused or self._absent:
            self._contradiction(f"fill {fill.id} executes {fill.quantity} of it after it was {self._why_not}")
        self._bounds(
            self.filled_quantity + fill.quantity, self.filled_value + fill.price * fill.quantity, f"fill {fill.id}"
        )

    def _check_order(self, order: Order) -> None:
        executed = order.filled_quantity
        if order.side is not self.intent.side or order.client_id not in ("", self.intent.id):
            self._contradiction(f"the exchange shows it as a {order.side} of client id {order.client_id!r}")
        if not (executed.is_finite() and executed >= 0):
            self._contradiction(f"the exchange says that {executed} is executed")
        # A late word of an order that the exchange itself refused is only late; one of an order that was proved absent
        # says that the proof was wrong.
        if executed > 0 and (self._refused or self._absent):
            self._contradiction(f"the exchange says that {executed} is executed after it was {self._why_not}")
        if self._absent and order.status is not OrderStatus.REJECTED:
            self._contradiction(f"the exchange shows it as {order.status} after it was {self._why_not}")
        self._bounds(executed, order.filled_value, "the exchange's word on it")

    def _bounds(self, quantity: Decimal, value: Decimal, what: str) -> None:
        most, amount = self.intent.quantity, self.intent.quote_amount
        if most is not None and quantity > most:
            self._contradiction(f"with {what}, {quantity} is executed of {most} ordered")
        if most is None and amount is not None and value > amount:
            self._contradiction(f"with {what}, {value} is spent of {amount} ordered")

    @property
    def _why_not(self) -> str:
        return f"{'refused' if self._refused else 'absent'} ({self.reason})"

    def _contradiction(self, what: str) -> NoReturn:
        raise ExchangeError(
            f"order {self.client_id}: {what}. The evidence contradicts itself: nothing more is traded until a person has "
            "looked at the order on the exchange."
        )


def _reach(order: Order) -> tuple[bool, Decimal, int]:
    """Order what an exchange said of an order by how far it had come."""
    return not order.is_open, order.filled_quantity, order.updated
