"""The kinds of orders there are."""

from __future__ import annotations

from enum import StrEnum


class OrderType(StrEnum):
    """How an order is executed.

    A stop-loss waits until the price has moved against a position (a sell's until it falls to the stop price), a
    take-profit until it has moved in its favour. Those ending in ``_LIMIT`` then become limit orders, the others
    market orders. A limit-maker is a limit order that is refused if it would be filled at once.
    """

    MARKET = "market"
    LIMIT = "limit"
    LIMIT_MAKER = "limit_maker"
    STOP_LOSS = "stop_loss"
    STOP_LOSS_LIMIT = "stop_loss_limit"
    TAKE_PROFIT = "take_profit"
    TAKE_PROFIT_LIMIT = "take_profit_limit"

    @property
    def has_price(self) -> bool:
        """Whether it names the worst price it may fill at."""
        return self in (
            OrderType.LIMIT,
            OrderType.LIMIT_MAKER,
            OrderType.STOP_LOSS_LIMIT,
            OrderType.TAKE_PROFIT_LIMIT,
        )

    @property
    def has_stop(self) -> bool:
        """Whether it waits for a stop price."""
        return self in (
            OrderType.STOP_LOSS,
            OrderType.STOP_LOSS_LIMIT,
            OrderType.TAKE_PROFIT,
            OrderType.TAKE_PROFIT_LIMIT,
        )


class TimeInForce(StrEnum):
    """How long an order stays: until cancelled, or only for this moment (in part, or whole or not at all)."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
