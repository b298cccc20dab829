"""What an exchange can do: declared by each, asked before use, never guessed."""

from __future__ import annotations

from dataclasses import dataclass, fields

from cryptobot.core.errors import ConfigError
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.suggest import closest, listed


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an exchange can do.

    Attributes
    ----------
    order_types
        Kinds of orders that it takes (a market may take fewer: see its rules).
    time_in_force
        How long orders may stay.
    timeframes
        Intervals that its bars come in, or None for any.
    orders
        Whether it takes orders at all.
    oco
        Whether it takes pairs of orders of which one cancels the other.
    quote_amount
        Whether a market buy may name the money to spend.
    cancel
        Whether an open order can be cancelled.
    query_by_client_id
        Whether an order can be asked for by the id that its sender made.
    bar_stream
        Whether it tells by itself when a bar closes; otherwise it is asked every 10 seconds.
    order_stream
        Whether it tells by itself what happens to orders.
    key_rights
        Whether it says what its keys may do; real money needs that.
    dead_man_switch
        Whether it cancels all orders of a sender that falls silent, on request.
    keeps_account
        Whether it keeps account and orders when this process ends. One that does not is told of them again at a restart.
    order_deadline
        Seconds after which an order whose fate is unknown, and which no question shows, is certain never to appear.
    """

    order_types: frozenset[OrderType]
    time_in_force: frozenset[TimeInForce] = frozenset({TimeInForce.GTC})
    timeframes: tuple[str, ...] | None = None
    orders: bool = True
    oco: bool = False
    quote_amount: bool = True
    cancel: bool = True
    query_by_client_id: bool = True
    bar_stream: bool = False
    order_stream: bool = False
    key_rights: bool = False
    dead_man_switch: bool = False
    keeps_account: bool = True
    order_deadline: float = 60.0

    def require(self, name: str, exchange: str) -> None:
        """Do nothing if the exchange can do it.

        Parameters
        ----------
        name
            One of the yes-or-no capabilities above.
        exchange
            What to call it in the error.

        Raises
        ------
        ConfigError
            If it cannot, or there is no such capability.
        """
        known = [entry.name for entry in fields(self) if isinstance(getattr(self, entry.name), bool)]
        if name not in known:
            raise ConfigError(f"capability `{name}` is unknown.{closest(name, known)} Known: {listed(known)}.")
        if not getattr(self, name):
            can = [entry for entry in known if getattr(self, entry)]
            raise ConfigError(f"{exchange} cannot do `{name}`. It can: {listed(can)}. Choose an exchange that can.")
