"""An order on its way to an exchange, and what comes straight back."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cryptobot.core.orders import Order
from cryptobot.core.types import Fill, Intent
from cryptobot.exchange.rules import MarketRules


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order, checked and rounded, as it is to be sent.

    Attributes
    ----------
    intent
        Rounded to the market's steps.
    client_id
        In the form that the exchange allows.
    rules
        Of its market.
    quote_amount
        For a market buy by amount: what the exchange is to be told.
    """

    intent: Intent
    client_id: str
    rules: MarketRules
    quote_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an exchange says of an order.

    Attributes
    ----------
    order
        As the exchange knows it.
    fills
        Executions that the answer tells; those of ``order.filled_quantity`` that are missing here must be asked for.
    """

    order: Order
    fills: tuple[Fill, ...] = ()


def number(value: Decimal) -> str:
    """Write a number the way exchanges read it: no exponent, no zeros at the end.

    Examples
    --------
    >>> number(Decimal("0.00001000")), number(Decimal("1E+3"))
    ('0.00001', '1000')
    """
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
