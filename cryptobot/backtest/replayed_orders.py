"""A session's orders, each told by rule or as it really was, and what they make of the money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from cryptobot.core.limits import Limits
from cryptobot.core.money import ONE, ZERO, Market, cut_quantity, decimal_of, floor_to
from cryptobot.core.sizing import Sizing
from cryptobot.core.types import Fill, Intent, Side
from cryptobot.exchange.matching import Costs, fill_price


@dataclass(frozen=True, slots=True)
class Terms:
    """What the rules are.

    Attributes
    ----------
    cash
        To begin with, in the quote currency.
    costs, sizing, market, limits
        As for a backtest.
    last
        The last close, at which a position is valued.
    """

    cash: Decimal
    costs: Costs
    sizing: Sizing
    market: Market
    limits: Limits | None
    last: Decimal


@dataclass(frozen=True, slots=True)
class ReplayedOrder:
    """One filled order; None means by rule.

    Attributes
    ----------
    side
        Buy or sell.
    row
        Of the bar in which it was filled; below 0 it was filled in none.
    open
        That bar's open.
    close
        Of the bar on which it was decided.
    stop, target
        For a protective order: the price of its stop, or of its target.
    price, quantity, fee
        As they really were.
    part
        Which part of it was filled.
    base_fee
        Taken from what was bought.
    """

    side: Side
    row: int
    open: float
    close: float
    stop: Decimal | None = None
    target: Decimal | None = None
    price: Decimal | None = None
    part: Decimal = ONE
    quantity: Decimal | None = None
    fee: Decimal | None = None
    base_fee: Decimal = ZERO


def price_of(order: ReplayedOrder, terms: Terms) -> Decimal:
    """Return what the order was filled at, or by rule would be: a stop or target at its price, or at an open beyond."""
    if order.price is not None:
        return order.price
    opened = decimal_of(order.open)
    if order.target is not None:
        return max(opened, order.target)
    return fill_price(order.side, opened if order.stop is None else min(opened, order.stop), terms.costs, terms.market)


def worth_of(orders: Sequence[ReplayedOrder], terms: Terms) -> Decimal:
    """Return the equity at the last close after these orders, in their sequence."""
    cash, held = terms.cash, ZERO
    for order in orders:
        if order.row < 0:
            continue
        price = price_of(order, terms)
        quantity = order.quantity if order.quantity is not None else _sized(order, price, cash, held, terms)
        if quantity is None:
            continue
        value = price * quantity
        fee = order.fee if order.fee is not None else value * terms.costs.fee
        if order.side is Side.BUY:
            cash -= value + fee
            held += quantity - order.base_fee
        else:
            cash += value - fee
            held -= quantity + order.base_fee
    return cash + held * terms.last


def paid(order: ReplayedOrder, fills: Sequence[Fill], terms: Terms) -> Decimal | None:
    """Return the average price that was paid, or None where it is the one that was assumed."""
    assumed = price_of(order, terms)
    if all(fill.price == assumed for fill in fills):
        return None
    value = sum((fill.price * fill.quantity for fill in fills), ZERO)
    return value / sum((fill.quantity for fill in fills), ZERO)


def part_of(order: ReplayedOrder, intent: Intent, fills: Sequence[Fill], terms: Terms) -> Decimal:
    """Return which part of what was ordered was filled; 1 where only a lot's rounding is missing."""
    market = terms.market
    done = sum((fill.quantity for fill in fills), ZERO)
    if intent.quantity is not None:
        asked = market.round_quantity(intent.quantity)
    else:
        price = price_of(order, terms)
        asked = market.round_quantity(cut_quantity((intent.quote_amount or ZERO) / (price * (ONE + terms.costs.fee))))
    lot = market.lot_size if market.lot_size is not None else asked * Decimal("1e-9")
    return ONE if asked <= 0 or done >= asked - 2 * lot else done / asked


def differently_sized(orders: Sequence[ReplayedOrder], terms: Terms) -> int:
    """Count the orders whose quantity is another than the rules give after the same orders before them."""
    count, cash, held = 0, terms.cash, ZERO
    for order in orders:
        price = price_of(order, terms)
        quantity = order.quantity or ZERO
        count += _sized(order, price, cash, held, terms) != quantity
        value = price * quantity
        sign = 1 if order.side is Side.BUY else -1
        cash -= sign * value + value * terms.costs.fee
        held += sign * quantity
    return count


def differently_charged(orders: Sequence[ReplayedOrder], terms: Terms) -> int:
    """Count the orders that were charged something else than assumed."""
    return sum(
        bool(order.base_fee) or order.fee != price_of(order, terms) * (order.quantity or ZERO) * terms.costs.fee
        for order in orders
    )


def _sized(order: ReplayedOrder, price: Decimal, cash: Decimal, held: Decimal, terms: Terms) -> Decimal | None:
    """Return the quantity that the rules give, or None where they trade nothing."""
    market = terms.market
    if price <= 0:
        return None
    if order.side is Side.BUY:
        if held > 0 and order.part == 1:
            return None
        quantity = market.round_quantity(_bought(order, price, cash, terms))
    else:
        quantity = market.round_quantity(held)
    return None if market.refusal(price, quantity) is not None else quantity * order.part


def _bought(order: ReplayedOrder, price: Decimal, cash: Decimal, terms: Terms) -> Decimal:
    """Return what an entry gets: what the sizing and the limits let it spend, at the worst price that it may pay."""
    limits, market = terms.limits, terms.market
    spend = decimal_of(terms.sizing.quote_amount(cash), "sizing")
    if limits is not None:
        for most in (limits.max_order_value, limits.max_position_value):
            spend = spend if most is None else min(spend, most)
        if limits.price_collar is not None:
            worst = decimal_of(order.close) * (ONE + limits.price_collar)
            price = worst if market.tick_size is None else floor_to(worst, market.tick_size)
    return cut_quantity(spend / (price * (ONE + terms.costs.fee))) if price > 0 else ZERO
