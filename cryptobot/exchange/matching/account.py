"""What one account holds: exact, never negative."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Final

from cryptobot.core.errors import ConfigError
from cryptobot.core.money import MONEY, ZERO, decimal_of
from cryptobot.core.types import Balance

# Money set aside is added and taken away without ever rounding, so that it is 0 again when the last order has gone.
_WIDE: Final = Context(prec=300)


class Account:
    """Balances by currency: a total, and the part of it that is set aside for open orders.

    Totals are kept with the digits of the books (`core.money.MONEY`), in the same order of operations as
    `core.portfolio.Portfolio`, so that both agree to the last digit.

    Parameters
    ----------
    balances
        To begin with, at least 0.
    """

    def __init__(self, balances: Mapping[str, float | Decimal]) -> None:
        self._total: dict[str, Decimal] = {}
        self._locked: dict[str, Decimal] = {}
        for asset, value in balances.items():
            amount = MONEY.plus(decimal_of(value, f"balance of {asset}"))
            if amount < 0:
                raise ConfigError(f"balance of {asset}: {value} is not allowed. Give 0 or more.")
            self._total[asset] = amount

    def free(self, asset: str) -> Decimal:
        """Return what may be spent."""
        total = self._total.get(asset, ZERO)
        locked = self._locked.get(asset)
        return _WIDE.subtract(total, locked) if locked else total

    def add(self, asset: str, amount: Decimal) -> None:
        """Put an amount in."""
        self._total[asset] = MONEY.add(self._total.get(asset, ZERO), amount)

    def take(self, asset: str, amount: Decimal) -> None:
        """Take an amount out that is known to be there.

        Without a lot, what was set aside and the parts that are paid may differ in the 34th digit; the total then ends
        at 0 instead of below it. With a tick and a lot everything here is exact.
        """
        left = MONEY.subtract(self._total.get(asset, ZERO), amount)
        self._total[asset] = left if left >= 0 else ZERO

    def lock(self, asset: str, before: Decimal, after: Decimal) -> Decimal:
        """Set ``after`` aside instead of ``before``, at most what is there; return what is set aside now."""
        others = _WIDE.subtract(self._locked.get(asset, ZERO), before)
        possible = _WIDE.subtract(self._total.get(asset, ZERO), others)
        kept = after if after <= possible else max(possible, ZERO)
        self._locked[asset] = _WIDE.add(others, kept)
        return kept

    def balances(self) -> dict[str, Balance]:
        """Return every currency that was ever held."""
        return {asset: Balance(self.free(asset), self._locked.get(asset, ZERO)) for asset in self._total}
