"""What an execution costs, and in which currency."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final

from cryptobot.core.errors import ConfigError
from cryptobot.core.money import decimal_of

# A fee in a third currency is a quotient; it is cut to this many decimals so that sums of fees stay exact.
_THIRD_DECIMALS: Final = 18


@dataclass(frozen=True, slots=True)
class Fees:
    """What executions cost.

    Attributes
    ----------
    maker, taker
        Fraction of the value, for orders that rested in the book and for those that did not: 0.001 is 0.1 %. At least
        0 and below 1.
    asset
        Where it is taken from: ``"received"`` (a buy pays in the base currency, a sell in the quote currency, which is
        Binance's way), ``"quote"``, ``"base"``, or the name of a third currency such as ``"BNB"``, from which it is
        taken as long as it suffices and as in ``"received"`` otherwise.
    asset_price
        Price of the third currency in the quote currency; None takes the price of its market in the core, and the fee
        as in ``"received"`` where there is none.
    decimals
        Fees are cut to so many decimals (Binance: 8); None keeps every digit.
    """

    maker: Decimal = Decimal("0.001")
    taker: Decimal = Decimal("0.001")
    asset: str = "received"
    asset_price: Decimal | None = None
    decimals: int | None = None

    def __post_init__(self) -> None:
        for name in ("maker", "taker"):
            number = decimal_of(getattr(self, name), name)
            if not 0 <= number < 1:
                raise ConfigError(
                    f"{name}: {getattr(self, name)} is not allowed. Give a fraction of at least 0 and below 1, for "
                    "example 0.001 for 0.1 %."
                )
            object.__setattr__(self, name, number)
        if not isinstance(self.asset, str) or not self.asset:
            raise ConfigError(
                f"asset: {self.asset!r} is not allowed. Give 'received', 'quote', 'base' or a currency such as 'BNB'."
            )
        if self.asset_price is not None:
            price = decimal_of(self.asset_price, "asset_price")
            if price <= 0:
                raise ConfigError(f"asset_price: {self.asset_price} is not allowed. Give a price above 0, or None.")
            object.__setattr__(self, "asset_price", price)
        if self.decimals is not None and (
            isinstance(self.decimals, bool) or not isinstance(self.decimals, int) or not 0 <= self.decimals <= 18
        ):
            raise ConfigError(f"decimals: {self.decimals!r} is not allowed. Give 0 to 18, or None to keep every digit.")

    def rate(self, *, maker: bool) -> Decimal:
        """Return the fraction for a maker or a taker."""
        return self.maker if maker else self.taker

    @property
    def highest(self) -> Decimal:
        """The greater of both fractions: what an order that may become either sets aside."""
        return max(self.maker, self.taker)

    def cut(self, fee: Decimal) -> Decimal:
        """Cut a fee to the decimals that are kept."""
        return fee if self.decimals is None else _cut(fee, self.decimals)

    def cut_third(self, fee: Decimal) -> Decimal:
        """Cut a fee in a third currency to the decimals that are kept, 18 at most."""
        return _cut(fee, _THIRD_DECIMALS if self.decimals is None else self.decimals)


def _cut(fee: Decimal, decimals: int) -> Decimal:
    return fee.quantize(Decimal(1).scaleb(-decimals), ROUND_DOWN)
