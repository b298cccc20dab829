"""The account of a simulated venue: made at the start, and carried over from an earlier session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from cryptobot.core.errors import OrderRejected
from cryptobot.core.types import Intent, OcoIntent
from cryptobot.exchange.matching import Costs, Fees, MatchingCore
from cryptobot.exchange.protocol import Exchange
from cryptobot.exchange.rules import MarketRules


def new_account(
    rules: MarketRules, balances: Mapping[str, Decimal], costs: Costs, *, first_id: int = 1
) -> MatchingCore:
    """Make an account for one market, whose fees are taken in the quote currency.

    Parameters
    ----------
    rules
        Of the market.
    balances
        What it holds, by currency.
    costs
        Fee and slippage.
    first_id
        Of its orders and executions. After an earlier session it is later than any of that one: an execution's id is its
        own for ever, and whoever has booked one takes another of that id for the same.
    """
    fees = Fees(costs.fee, costs.fee, "quote")
    return MatchingCore(
        [rules], balances, fees, slippage_bps=costs.slippage_bps, first_order_id=first_id, first_fill_id=first_id
    )


async def rest_again(exchange: Exchange, orders: Sequence[Intent | OcoIntent]) -> list[str]:
    """Send the orders that rested in an earlier session, and return the client ids of those that are refused now."""
    lost: list[str] = []
    for order in orders:
        try:
            await (exchange.submit(order) if isinstance(order, Intent) else exchange.submit_oco(order))
        except OrderRejected:
            lost += [order.id] if isinstance(order, Intent) else [order.above.id, order.below.id]
    return lost
