"""What an exchange shows when it is asked for everything: gathered without changing anything, to be weighed later."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cryptobot.core.clock import Clock
from cryptobot.core.errors import OrderNotFound
from cryptobot.core.orders import Order
from cryptobot.core.types import Balance, Fill
from cryptobot.exchange.protocol import Exchange


@dataclass(frozen=True, slots=True)
class Evidence:
    """Answers of one exchange about one market, asked for one after the other.

    Attributes
    ----------
    asked
        When the first question went out: seconds of the monotonic clock.
    activity
        The gateway's count of news at that moment; if it has grown since, balances and orders may not fit together.
    time
        The exchange's own time before the other questions, nanoseconds since 1970-01-01 UTC.
    open_orders
        Whoever's they are.
    orders
        What was asked for by client id; None where the exchange shows no such order.
    fills
        Executions since a time, oldest first, whoever's they are.
    balances
        What the account holds.
    """

    asked: float
    activity: int
    time: int
    open_orders: tuple[Order, ...]
    orders: Mapping[str, Order | None]
    fills: tuple[Fill, ...]
    balances: Mapping[str, Balance]


async def gather(
    exchange: Exchange,
    symbol: str,
    clock: Clock,
    *,
    activity: int,
    client_ids: Collection[str],
    since: int,
    met: set[str],
) -> Evidence:
    """Ask an exchange for everything that bears on a bot's orders.

    Parameters
    ----------
    exchange, symbol
        Whom to ask, and about what.
    clock
        For the moment of asking.
    activity
        See `Evidence`.
    client_ids
        Orders to look for one by one if they are not among the open ones.
    since
        For executions, nanoseconds since 1970-01-01 UTC.
    met
        Orders that were sent or asked for in this session; others are asked for even if they are among the open ones,
        since an exchange may neither follow them nor know their executions before. Grows by those that are found.

    Raises
    ------
    TransientError
        If a question was not answered: then nothing is known.
    AuthError
        If the exchange no longer takes the keys.
    """
    asked = clock.monotonic()
    time = await exchange.now()
    open_orders = await exchange.open_orders(symbol)
    shown = {order.client_id for order in open_orders}
    orders: dict[str, Order | None] = {}
    for client_id in client_ids:
        if client_id not in shown or client_id not in met:
            try:
                orders[client_id] = await exchange.order(symbol, client_id)
                met.add(client_id)
            except OrderNotFound:
                if client_id not in shown:
                    orders[client_id] = None
    fills = await exchange.fills(symbol, since)
    balances = await exchange.balances()
    return Evidence(asked, activity, time, tuple(open_orders), orders, tuple(fills), balances)
