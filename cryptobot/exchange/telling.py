"""What happens in a matching core, told the way an exchange does."""

from __future__ import annotations

from collections.abc import Iterable

from cryptobot.core.events import ExchangeEvent, OrderChanged, OrderFilled
from cryptobot.core.order_types import OrderType
from cryptobot.exchange.matching import Accepted, CoreEvent, Executed


def told(events: Iterable[CoreEvent]) -> list[ExchangeEvent]:
    """Return the core's events as an exchange's; that a market order was taken is told by its fill."""
    said: list[ExchangeEvent] = []
    for event in events:
        if isinstance(event, Executed):
            said.append(OrderFilled(event.fill, not event.order.is_open))
        elif not (isinstance(event, Accepted) and event.order.type is OrderType.MARKET):
            said.append(OrderChanged(event.order))
    return said
