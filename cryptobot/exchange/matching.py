"""How a market order is filled in a simulated market: the one rule for backtest, replay and practice."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cryptobot.core.errors import ConfigError
from cryptobot.core.events import OrderFilled, OrderRefused
from cryptobot.core.money import ONE, Market, cut_quantity, decimal_of, exact_money
from cryptobot.core.types import Fill, Intent, Side


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
def fill_market_order(
    intent: Intent, price: float | Decimal, time: int, costs: Costs, market: Market, fill_id: str
) -> OrderFilled | OrderRefused:
    """Fill a market order whole at a price, or refuse it by the market's rules.

    A buy spends at most its ``quote_amount``, fee included: quantity = quote_amount / (price × (1 + fee)), rounded
    down to the lot. A sell gives up its ``quantity``, rounded down to the lot.

    Parameters
    ----------
    intent
        What to trade.
    price
        Of the market, before slippage, in the quote currency.
    time
        Nanoseconds since 1970-01-01 UTC.
    costs
        Fee and slippage.
    market
        Its tick, lot and minimum notional.
    fill_id
        Id for the execution.
    """
    at = fill_price(intent.side, decimal_of(price), costs, market)
    if at <= 0:
        return OrderRefused(
            intent.id, time, f"after slippage and rounding to the tick its price is {at} {market.quote}"
        )
    if intent.side is Side.BUY:
        if intent.quote_amount is None:
            raise ConfigError(f"intent {intent.id}: a buy needs `quote_amount`, the money it may spend.")
        quantity = market.round_quantity(cut_quantity(intent.quote_amount / (at * (ONE + costs.fee))))
    else:
        if intent.quantity is None:
            raise ConfigError(f"intent {intent.id}: a sell needs `quantity`.")
        quantity = market.round_quantity(intent.quantity)
    reason = market.refusal(at, quantity)
    if reason is not None:
        return OrderRefused(intent.id, time, reason)
    fee = at * quantity * costs.fee
    return OrderFilled(Fill(fill_id, intent.id, time, intent.side, at, quantity, fee))
