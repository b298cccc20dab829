"""Orders and notices that the gateway makes of what it knows."""

from __future__ import annotations

from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Intent
from cryptobot.trading.actions import Notice
from cryptobot.trading.lifecycle import OrderLife, OrderState


def taken_over(order: Order) -> Intent:
    """Describe the decision behind an order of the bot's own that its journal does not know."""
    return Intent(
        order.client_id,
        order.created,
        order.symbol,
        order.side,
        order.quote_amount,
        order.quantity,
        "taken over: an order of this bot's that its journal does not know",
        order.type,
        order.price,
        order.stop_price,
        order.time_in_force,
    )


def finished(life: OrderLife, time: int) -> Order:
    """Describe an order of which only executions were told."""
    intent = life.intent
    return Order(
        life.client_id,
        life.exchange_id or "",
        intent.symbol,
        intent.side,
        intent.type,
        OrderStatus.FILLED if life.state is OrderState.FILLED else OrderStatus.CANCELLED,
        life.filled_quantity,
        life.filled_quantity,
        life.filled_value,
        life.sent_time or time,
        time,
        intent.quote_amount,
    )


def unknown(name: str, reason: str) -> Notice:
    """Tell that nobody knows what became of an order."""
    # What the error says to whoever sent it is done here by itself.
    cause = reason.removeprefix(f"order {name}: ").partition(". It is not sent again")[0].removesuffix(".")
    return Notice(
        "error",
        f"Nobody knows what became of order {name}: {cause}. It is looked for; nothing new is bought "
        "until it is found, or proved not to be there.",
        "unknown_order",
        {"order": name, "why": cause},
    )


def unprovable(name: str) -> Notice:
    """Tell that only a person can find out what became of an order."""
    return Notice(
        "error",
        f"Order {name} is still not found, and somebody moved both coins and money, so that nothing proves that it was "
        "not executed. Look for it at the exchange. Once the account is as it should be, clear the bot: it then takes "
        "the balances as they are.",
        "unknown_order",
        {"order": name},
    )
