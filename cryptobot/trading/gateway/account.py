"""What the account must hold, by everything that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from cryptobot.core.money import ZERO, Market, exact_money
from cryptobot.core.portfolio import balance_changes
from cryptobot.core.types import Balance, Fill

# Exchanges keep eight decimals and cut each amount: so much may differ for every execution.
_PER_FILL: Final = Decimal("2e-8")
_NOTHING: Final = Balance(ZERO)


class Account:
    """Expected balances of a market's two currencies.

    Parameters
    ----------
    market
        Whose currencies.

    Attributes
    ----------
    base, quote
        What there must be, locked or not.
    """

    def __init__(self, market: Market) -> None:
        self.base = ZERO
        self.quote = ZERO
        self._market = market
        self._fills = 1

    @exact_money
    def add(self, base: Decimal, quote: Decimal) -> None:
        """Count what was there to begin with, or came or went in another way than by trading."""
        self.base += base
        self.quote += quote

    @exact_money
    def book(self, fill: Fill) -> None:
        """Count an execution, whoever's it is."""
        base, quote, _ = balance_changes(fill, self._market)
        self.base += base
        self.quote += quote
        self._fills += 1

    @exact_money
    def difference(self, balances: Mapping[str, Balance]) -> tuple[Decimal, Decimal]:
        """Return how much more there is than there must be, of base and quote; 0 within what rounding explains."""
        allowed = _PER_FILL * self._fills
        base = balances.get(self._market.base, _NOTHING).total - self.base
        quote = balances.get(self._market.quote, _NOTHING).total - self.quote
        return (base if abs(base) > allowed else ZERO), (quote if abs(quote) > allowed else ZERO)

    @exact_money
    def lacks(self, balances: Mapping[str, Balance], position: Decimal) -> bool:
        """Whether the account holds less than a position that is believed to be there."""
        held = balances.get(self._market.base, _NOTHING).total
        return position - held > _PER_FILL * self._fills
