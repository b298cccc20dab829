"""How a market order is filled in a backtest: whole, at one price, or not at all."""

from __future__ import annotations

from decimal import Decimal

from cryptobot.core.errors import ConfigError
from cryptobot.core.events import OrderFilled, OrderRefused
from cryptobot.core.money import Market, decimal_of, exact_money
from cryptobot.core.types import Fill, Intent, Side
from cryptobot.exchange.matching.costs import Costs, affordable, fill_price


@exact_money
def fill_market_order(
    intent: Intent, price: float | Decimal, time: int, costs: Costs, market: Market, fill_id: str
) -> OrderFilled | OrderRefused:
    """Fill a market order whole at a price, or refuse it by the market's rules.

    The same arithmetic as `MatchingCore` with fees in the quote currency, without an account: the caller keeps books.
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
        quantity = affordable(intent.quote_amount, at, costs.fee, market)
    else:
        if intent.quantity is None:
            raise ConfigError(f"intent {intent.id}: a sell needs `quantity`.")
        quantity = market.round_quantity(intent.quantity)
    reason = market.refusal(at, quantity)
    if reason is not None:
        return OrderRefused(intent.id, time, reason)
    fee = at * quantity * costs.fee
    return OrderFilled(Fill(fill_id, intent.id, time, intent.side, at, quantity, fee))
