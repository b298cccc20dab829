"""How much an entry may spend."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from cryptobot.core.errors import ConfigError
from cryptobot.core.money import decimal_of, exact_money


class Sizing(Protocol):
    """Decides what an entry may spend, fees included."""

    def quote_amount(self, cash: Decimal) -> Decimal:
        """Return the amount in the quote currency, at most ``cash``."""


@dataclass(frozen=True, slots=True)
class FractionOfEquity:
    """Spend a fraction of the equity; when flat that is a fraction of the cash.

    Attributes
    ----------
    fraction
        Above 0 and at most 1.
    """

    fraction: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < decimal_of(self.fraction, "fraction") <= 1:
            raise ConfigError(f"fraction: {self.fraction} is not allowed. Give a number above 0 and at most 1.")

    @exact_money
    def quote_amount(self, cash: Decimal) -> Decimal:
        """Return ``fraction`` × ``cash``."""
        return cash * decimal_of(self.fraction)


@dataclass(frozen=True, slots=True)
class FixedQuote:
    """Spend the same amount each time, or all the cash when less is left.

    Attributes
    ----------
    amount
        In the quote currency, above 0.
    """

    amount: float

    def __post_init__(self) -> None:
        if decimal_of(self.amount, "amount") <= 0:
            raise ConfigError(f"amount: {self.amount} is not allowed. Give an amount above 0 in the quote currency.")

    def quote_amount(self, cash: Decimal) -> Decimal:
        """Return the amount, or ``cash`` when that is less."""
        return min(cash, decimal_of(self.amount))
