"""What a market order costs beside its price: fee and slippage."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cryptobot.core.errors import ConfigError
from cryptobot.core.money import ONE, Market, cut_quantity, decimal_of, exact_money
from cryptobot.core.types import Side


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading costs.

    Attributes
    ----------
    fee
        Fraction of an order's value, in the quote currency: 0.001 is 0.1 %. At least 0 and below 1.
    slippage_bps
        How much worse than the price a market order fills, in basis points (1 bp = 0.01 %). At least 0, below 10,000.
    """

    fee: Decimal = Decimal("0.001")
    slippage_bps: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        for name, limit, what in (
            ("fee", 1, "a fraction of at least 0 and below 1, for example 0.001 for 0.1 %"),
            ("slippage_bps", 10_000, "basis points of at least 0 and below 10000, for example 2 for 0.02 %"),
        ):
            number = decimal_of(getattr(self, name), name)
            if not 0 <= number < limit:
                raise ConfigError(f"{name}: {getattr(self, name)} is not allowed. Give {what}.")
            object.__setattr__(self, name, number)


@exact_money
def fill_price(side: Side, price: Decimal, costs: Costs, market: Market) -> Decimal:
    """Worsen a price by the slippage, then round it to the tick against the order."""
    change = costs.slippage_bps / 10_000
    slipped = price * (ONE + change if side is Side.BUY else ONE - change)
    return market.round_price(slipped, side)


@exact_money
def affordable(amount: Decimal, price: Decimal, fee: Decimal, market: Market) -> Decimal:
    """Return how much an amount buys: amount / (price × (1 + fee)), rounded down to the lot.

    Parameters
    ----------
    amount
        What may be spent in all, in the quote currency.
    price
        Of the fill, in the quote currency, above 0.
    fee
        Fraction of the value that is paid on top of it; 0 where the fee is taken elsewhere.
    market
        Its lot.
    """
    return market.round_quantity(cut_quantity(amount / (price * (ONE + fee))))
