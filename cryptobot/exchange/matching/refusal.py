"""A refusal by the matching core."""

from __future__ import annotations

from cryptobot.core.errors import OrderRejected


class Refused(OrderRejected):
    """An order was refused; nothing has changed.

    Parameters
    ----------
    order_id
        Client id of the order.
    rule
        The rule that it broke: the name of a filter (see `cryptobot.exchange.filters`), or one of
        ``"INSUFFICIENT_BALANCE"``, ``"DUPLICATE"``, ``"WOULD_MATCH"``, ``"WOULD_TRIGGER"``, ``"MARKET_CLOSED"``,
        ``"UNKNOWN_SYMBOL"``, ``"NO_PRICE"``.
    reason
        Why, in words.
    """

    def __init__(self, order_id: str, rule: str, reason: str) -> None:
        super().__init__(f"order {order_id}: {reason}")
        self.order_id = order_id
        self.rule = rule
        self.reason = reason

    def __reduce__(self) -> tuple[type[Refused], tuple[str, str, str]]:
        return type(self), (self.order_id, self.rule, self.reason)
