"""What the matching core answers: what happened, in order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cryptobot.core.orders import Order
from cryptobot.core.types import Fill


class EndReason(StrEnum):
    """Why an order ended without being filled whole."""

    CANCELLED = "cancelled on request"
    PAIR = "the other order of its pair was executed or triggered"
    NOT_AT_ONCE = "what could not be filled at once expired"
    NO_BALANCE = "the account could not pay for the rest"
    UNTRADABLE = "after slippage and rounding to the tick its price was 0"
    DELISTED = "the market was delisted"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order was taken; told before anything else about it.

    Attributes
    ----------
    order
        As it was taken: status NEW, nothing filled.
    """

    order: Order


@dataclass(frozen=True, slots=True)
class Executed:
    """An order, or a part of it, was executed.

    Attributes
    ----------
    order
        After the execution: FILLED, or PARTIALLY_FILLED.
    fill
        The execution. Its id is a whole number, one higher each time.
    maker
        Whether the order was resting in the book.
    """

    order: Order
    fill: Fill
    maker: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """An order ended without being filled whole.

    Attributes
    ----------
    order
        As it ended: CANCELLED or EXPIRED.
    reason
        Why; its text can be shown to people.
    """

    order: Order
    reason: EndReason


CoreEvent = Accepted | Executed | Ended
