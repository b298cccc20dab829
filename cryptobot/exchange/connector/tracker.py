"""What became of each order that was sent: told once, in order, whoever says it first and however often."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from cryptobot.core.events import ExchangeEvent, OrderChanged, OrderFilled
from cryptobot.core.money import ZERO, exact_money
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.exchange.connector.quirks.ticket import Answer


@dataclass(slots=True)
class Tracked:
    """One order that was sent from here, or asked for by its client id.

    Attributes
    ----------
    symbol, client_id
        Which.
    order
        As the exchange last told, or None before it told anything.
    booked
        Executed so far as it was told on, in the base currency.
    fills
        Ids of the executions that were told on.
    sending
        Whether its request is on the way: what others say of it waits for the answer.
    resting_told, end_told
        Whether it was told that it rests, and that it ended unfilled.
    since
        When it was sent, by a monotonic clock, in seconds.
    """

    symbol: str
    client_id: str
    order: Order | None = None
    booked: Decimal = ZERO
    fills: set[str] = field(default_factory=set)
    sending: bool = False
    resting_told: bool = False
    end_told: bool = False
    since: float = 0.0
    held: list[Answer] = field(default_factory=list)

    @property
    def settled(self) -> bool:
        """Whether nothing more can come of it."""
        return self.order is not None and not self.order.is_open and self.booked >= self.order.filled_quantity

    @property
    def lacks_fills(self) -> bool:
        """Whether more of it was executed than executions are known."""
        return self.order is not None and self.booked < self.order.filled_quantity


class Tracker:
    """Turns what an exchange says of orders, in whatever order and however often, into events.

    An order's state only moves forward: a message that is older than what is known changes nothing, and an execution
    counts once, by its id. Orders that nobody here sent or asked for are left alone.
    """

    def __init__(self) -> None:
        self._by_client: dict[tuple[str, str], Tracked] = {}
        self._by_exchange: dict[tuple[str, str], Tracked] = {}

    def sent(self, symbol: str, client_id: str, since: float) -> Tracked:
        """Take note of an order before it is sent."""
        made = Tracked(symbol, client_id, sending=True, since=since)
        self._by_client[symbol, client_id] = made
        return made

    def forget(self, tracked: Tracked) -> None:
        """Drop an order that never came to be."""
        self._by_client.pop((tracked.symbol, tracked.client_id), None)

    def adopt(self, answer: Answer, since: float) -> Tracked:
        """Follow an order of an earlier session from now on; what happened before is not told again."""
        order = answer.order
        made = Tracked(order.symbol, order.client_id, order, since=since)
        made.fills = {fill.id for fill in answer.fills}
        made.booked = order.filled_quantity
        made.resting_told, made.end_told = True, not order.is_open
        self._by_client[order.symbol, order.client_id] = made
        self._by_exchange[order.symbol, order.exchange_id] = made
        return made

    def get(self, symbol: str, client_id: str) -> Tracked | None:
        """Return the newest order of a client id, if it is followed."""
        return self._by_client.get((symbol, client_id))

    def unsettled(self, symbol: str) -> list[Tracked]:
        """Return the orders of which something may still come, oldest first."""
        return [t for t in self._by_client.values() if t.symbol == symbol and not t.settled and not t.sending]

    def client_ids(self, symbol: str) -> dict[str, str]:
        """Return client ids by the exchange's order ids."""
        return {exchange_id: t.client_id for (s, exchange_id), t in self._by_exchange.items() if s == symbol}

    def answered(self, tracked: Tracked, answer: Answer) -> list[ExchangeEvent]:
        """Take the answer to an order that was just sent, then what others said meanwhile."""
        tracked.sending = False
        events = self._take(tracked, answer)
        return events + self._release(tracked)

    def unanswered(self, tracked: Tracked) -> list[ExchangeEvent]:
        """Take what others said of an order whose own answer never came."""
        tracked.sending = False
        return self._release(tracked)

    def heard(self, answer: Answer) -> list[ExchangeEvent]:
        """Take what a stream or a question tells of an order."""
        order = answer.order
        tracked = self._by_exchange.get((order.symbol, order.exchange_id))
        if tracked is None:
            named = self._by_client.get((order.symbol, order.client_id))
            # A client id may be used again once its order has ended: that is another order then.
            tracked = named if named is not None and named.order is None else None
        if tracked is None:
            return []
        if tracked.sending:
            tracked.held.append(answer)
            return []
        return self._take(tracked, answer)

    def _release(self, tracked: Tracked) -> list[ExchangeEvent]:
        held, tracked.held = tracked.held, []
        return [event for answer in held for event in self._take(tracked, answer)]

    @exact_money
    def _take(self, tracked: Tracked, answer: Answer) -> list[ExchangeEvent]:
        order = tracked.order = _later(tracked.order, answer.order)
        self._by_exchange.setdefault((order.symbol, order.exchange_id), tracked)
        events: list[ExchangeEvent] = []
        # A resting order is told of before its first execution; a market order never rests.
        if order.is_open and not tracked.resting_told and order.type is not OrderType.MARKET:
            tracked.resting_told = True
            events.append(OrderChanged(order))
        for fill in sorted(answer.fills, key=lambda one: one.time):
            if fill.id in tracked.fills:
                continue
            tracked.fills.add(fill.id)
            tracked.booked += fill.quantity
            done = order.status is OrderStatus.FILLED and tracked.booked >= order.filled_quantity
            events.append(OrderFilled(fill, complete=done))
        if tracked.settled and order.status is not OrderStatus.FILLED and not tracked.end_told:
            tracked.end_told = True
            events.append(OrderChanged(order))
        return events


def _later(old: Order | None, new: Order) -> Order:
    """Return which of two states of one order is the later one."""
    if old is None:
        return new
    if new.filled_quantity != old.filled_quantity:
        return new if new.filled_quantity > old.filled_quantity else old
    if old.is_open != new.is_open:
        return old if new.is_open else new
    return new if new.updated >= old.updated else old
