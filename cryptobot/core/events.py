"""What an exchange tells the engine, in the order in which it happened."""

from __future__ import annotations

from dataclasses import dataclass

from cryptobot.core.orders import Order
from cryptobot.core.types import Bar, Fill


@dataclass(frozen=True, slots=True)
class BarClosed:
    """A bar is complete.

    Attributes
    ----------
    bar
        The bar.
    late
        Whether a later bar has closed already: nothing new is bought on such a bar.
    """

    bar: Bar
    late: bool = False


@dataclass(frozen=True, slots=True)
class OrderFilled:
    """An order, or a part of it, was executed.

    Attributes
    ----------
    fill
        The execution.
    complete
        Whether nothing of the order is left open.
    """

    fill: Fill
    complete: bool = True


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """An order was refused whole; nothing was traded.

    Attributes
    ----------
    intent_id
        Client order id.
    time
        Nanoseconds since 1970-01-01 UTC.
    reason
        Why, in words.
    rule
        Name of the rule that it broke, where one is known, for example ``"NOTIONAL"``.
    certain_to_fail
        Whether the same order would be refused again; False where it never reached the exchange.
    """

    intent_id: str
    time: int
    reason: str
    rule: str = ""
    certain_to_fail: bool = True


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order was accepted, or ended without being filled whole: cancelled, expired.

    Attributes
    ----------
    order
        As the exchange now knows it.
    """

    order: Order


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """The live connection to the exchange was lost, found silent, or is back.

    While it is away, closed bars still come by asking for them, if later. Once it is back, what happened meanwhile
    must be asked for: nothing is told twice.

    Attributes
    ----------
    up
        Whether it works.
    time
        Nanoseconds since 1970-01-01 UTC.
    reason
        What was seen, in words.
    """

    up: bool
    time: int
    reason: str


ExchangeEvent = BarClosed | OrderFilled | OrderRefused | OrderChanged | ConnectionChanged
