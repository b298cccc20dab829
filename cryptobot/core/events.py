"""What an exchange tells the engine, in the order in which it happened."""

from __future__ import annotations

from dataclasses import dataclass

from cryptobot.core.types import Bar, Fill


@dataclass(frozen=True, slots=True)
class BarClosed:
    """A bar is complete."""

    bar: Bar


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
    """

    intent_id: str
    time: int
    reason: str


ExchangeEvent = BarClosed | OrderFilled | OrderRefused
