"""Market orders on their way: sent at a bar's close, to be filled at the next one's open."""

from __future__ import annotations

from cryptobot.core.money import ZERO
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Intent


class WaitingOrders:
    """Orders that the market has not seen yet, oldest first, and those that it never will."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[Intent, int]] = {}
        self._ended: dict[str, Order] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def has(self, client_id: str) -> bool:
        """Whether an order of this client id waits."""
        return client_id in self._waiting

    def add(self, intent: Intent, time: int) -> None:
        """Let an order wait."""
        self.forget(intent.id)
        self._waiting[intent.id] = (intent, time)

    def forget(self, client_id: str) -> None:
        """Forget an order that has ended here: a newer one took its client id."""
        self._ended.pop(client_id, None)

    def take(self) -> list[Intent]:
        """Return all orders that wait: they wait no longer."""
        waiting, self._waiting = self._waiting, {}
        return [intent for intent, _ in waiting.values()]

    def refuse(self, intent: Intent, time: int) -> None:
        """Remember that the market refused an order."""
        self._ended[intent.id] = _order(intent, time, time, OrderStatus.REJECTED)

    def drop(self, client_id: str, time: int) -> Order | None:
        """Withdraw an order if it waits, and return how it ended."""
        if client_id not in self._waiting:
            return None
        intent, sent = self._waiting.pop(client_id)
        self._ended[client_id] = _order(intent, sent, time, OrderStatus.CANCELLED)
        return self._ended[client_id]

    def drop_all(self, time: int) -> None:
        """Withdraw every order that waits."""
        for client_id in list(self._waiting):
            self.drop(client_id, time)

    def order(self, client_id: str) -> Order | None:
        """Return what is known of an order that the market has never taken."""
        if client_id in self._waiting:
            return _order(*self._waiting[client_id])
        return self._ended.get(client_id)

    def orders(self) -> list[Order]:
        """Return the orders that wait."""
        return [_order(intent, sent) for intent, sent in self._waiting.values()]


def _order(intent: Intent, sent: int, updated: int | None = None, status: OrderStatus = OrderStatus.NEW) -> Order:
    return Order(
        intent.id,
        "",
        intent.symbol,
        intent.side,
        intent.type,
        status,
        intent.quantity,
        ZERO,
        ZERO,
        sent,
        sent if updated is None else updated,
        intent.quote_amount,
    )
