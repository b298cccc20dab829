"""Prices and quantities that the core is told."""

from __future__ import annotations

from decimal import Decimal

from cryptobot.core.errors import DataError
from cryptobot.core.money import decimal_of


def price_of(price: float | Decimal) -> Decimal:
    """Return a price that may be traded on; raises `DataError` if it is not above 0."""
    number = decimal_of(price, "price")
    if number <= 0:
        raise DataError(f"price: {price} cannot be; a price is above 0. Drop it: nothing is traded on it.")
    return number


def quantity_of(quantity: float | Decimal | None) -> Decimal | None:
    """Return how much there is, None for endless; raises `DataError` if it is below 0."""
    if quantity is None:
        return None
    number = decimal_of(quantity, "quantity")
    if number < 0:
        raise DataError(f"quantity: {quantity} cannot be; it is at least 0, or None for endless.")
    return number
