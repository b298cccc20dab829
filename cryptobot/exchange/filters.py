"""Whether a market's filters let an order pass, and how to round one so that they do.

Used by the matching core, and by adapters before they send anything: an exchange's refusal costs a request, and some
exchanges name the wrong reason. The names are Binance's, whose filters are the most detailed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from cryptobot.core.money import ONE, ZERO, ceil_to, cut_quantity, exact_money, floor_to
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.suggest import listed
from cryptobot.core.types import Intent, Side
from cryptobot.exchange.rules import MarketRules, MarketStatus

# Far more than anything is worth; beyond it arithmetic itself would fail some day.
_MOST_DIGITS: Final = 60


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that an order breaks.

    Attributes
    ----------
    rule
        ``"STATUS"``, ``"ORDER_TYPE"``, ``"PARAMETERS"``, ``"PRICE_FILTER"``, ``"PERCENT_PRICE_BY_SIDE"``,
        ``"LOT_SIZE"``, ``"MARKET_LOT_SIZE"``, ``"NOTIONAL"``, ``"MAX_NUM_ORDERS"`` or ``"MAX_NUM_ALGO_ORDERS"``.
    text
        What was seen and what is allowed.
    """

    rule: str
    text: str


@exact_money
def violation(
    rules: MarketRules,
    intent: Intent,
    *,
    reference_price: Decimal | None,
    average_price: Decimal | None = None,
    quantity: Decimal | None = None,
    open_orders: int = 0,
    open_algo_orders: int = 0,
) -> Violation | None:
    """Return the first rule that an order breaks, or None.

    Parameters
    ----------
    rules
        Of the order's market.
    intent
        The order; see `rounded`.
    reference_price
        What a market order would be filled at, in the quote currency; None if nobody knows, then the value of a market
        order by quantity is not checked.
    average_price
        The recent average price that limits of prices are multiples of; None takes ``reference_price``.
    quantity
        For a market buy by amount, the quantity it comes to, where that is known better than from ``reference_price``.
    open_orders, open_algo_orders
        How many are open in this market, all of them and those with a stop price.
    """
    kind = intent.type
    if rules.status is not MarketStatus.TRADING:
        return Violation("STATUS", f"{rules.symbol} takes no orders now: it is {rules.status.replace('_', ' ')}")
    found = malformed(rules, intent)
    if found is None and kind is not OrderType.MARKET:
        found = _prices(rules, intent, average_price if average_price is not None else reference_price)
    return (
        found or _size(rules, intent, reference_price, quantity) or _counts(rules, kind, open_orders, open_algo_orders)
    )


def malformed(rules: MarketRules, intent: Intent) -> Violation | None:
    """Return why an order could never be taken as it is written: ``"ORDER_TYPE"`` or ``"PARAMETERS"``; or None."""
    kind = intent.type
    if kind not in rules.order_types:
        known = listed(sorted(rules.order_types))
        return Violation("ORDER_TYPE", f"{rules.symbol} takes no orders of type `{kind}`; allowed: {known}")
    return _parameters(rules, intent)


@exact_money
def rounded(rules: MarketRules, intent: Intent) -> Intent:
    """Round an order to its market's steps, never to more than was asked for.

    The quantity goes down to the lot. Every price of a buy goes down to the tick and every price of a sell up. For
    limits this is never worse than asked for. For take-profits, too: they wait for a price at least as good. A
    stop-loss then waits for a price a little nearer, so that it protects sooner, not later. An amount of the quote
    currency is left as it is: what it buys is rounded.

    Returns
    -------
    Intent
        The same object if nothing is to be rounded. What rounds to 0 becomes 0, which `violation` then names.
    """
    quantity = intent.quantity
    if quantity is not None and _sane(quantity):
        quantity = whole_lots(rules, intent.type, quantity)
    price, stop_price = (_to_tick(rules, intent.side, given) for given in (intent.price, intent.stop_price))
    if (quantity, price, stop_price) == (intent.quantity, intent.price, intent.stop_price):
        return intent
    return replace(intent, quantity=quantity, price=price, stop_price=stop_price)


def _to_tick(rules: MarketRules, side: Side, price: Decimal | None) -> Decimal | None:
    tick = rules.market.tick_size
    if price is None or tick is None or not _sane(price):
        return price
    return floor_to(price, tick) if side is Side.BUY else ceil_to(price, tick)


def whole_lots(rules: MarketRules, kind: OrderType, quantity: Decimal) -> Decimal:
    """Round a quantity down to the lot, and to that of market orders for those that end as one."""
    lot = rules.market.lot_size
    if rules.market_lot_size is not None and not kind.has_price:
        lot = rules.market_lot_size if lot is None else _common(lot, rules.market_lot_size)
    return quantity if lot is None else floor_to(quantity, lot)


def _common(one: Decimal, other: Decimal) -> Decimal:
    """Return the least common multiple of two steps: mostly the greater of them."""
    places = max(0, *(-int(step.as_tuple().exponent) for step in (one, other)))
    return Decimal(math.lcm(int(one.scaleb(places)), int(other.scaleb(places)))).scaleb(-places)


def _sane(number: Decimal) -> bool:
    return isinstance(number, Decimal) and number.is_finite() and number > 0 and number.adjusted() < _MOST_DIGITS


def _parameters(rules: MarketRules, intent: Intent) -> Violation | None:
    """Check that an order names what its type needs, and nothing else."""
    kind = intent.type
    if not intent.id:
        return _bad("an order needs a client id")
    for name, needed in (("price", kind.has_price), ("stop_price", kind.has_stop)):
        if (getattr(intent, name) is not None) is not needed:
            return _bad(f"a {kind} order {'needs a' if needed else 'takes no'} `{name}`")
    limited = kind.has_price and kind is not OrderType.LIMIT_MAKER
    if intent.time_in_force is not TimeInForce.GTC and not limited:
        return _bad(f"a {kind} order takes no `time_in_force`, {intent.time_in_force} was given")
    return _amounts(rules, intent) or _numbers(intent)


def _amounts(rules: MarketRules, intent: Intent) -> Violation | None:
    kind, amount = intent.type, intent.quote_amount
    if kind is OrderType.MARKET and intent.side is Side.BUY:
        if (amount is None) is (intent.quantity is None):
            return _bad("a market buy needs either `quote_amount` or `quantity`")
        if amount is not None and not rules.quote_amount:
            return Violation("ORDER_TYPE", f"{rules.symbol} takes no market buys by `quote_amount`; give a `quantity`")
    elif amount is not None:
        return _bad(f"a {kind} {intent.side} takes no `quote_amount`; give a `quantity`")
    elif intent.quantity is None:
        return _bad(f"a {kind} {intent.side} needs a `quantity`")
    return None


def _numbers(intent: Intent) -> Violation | None:
    for name in ("quantity", "quote_amount", "price", "stop_price"):
        number = getattr(intent, name)
        if number is None:
            continue
        if not isinstance(number, Decimal) or not number.is_finite() or number < 0:
            return _bad(f"`{name}` is {number!r}; it must be a Decimal above 0")
        if number.adjusted() >= _MOST_DIGITS:
            return _bad(f"`{name}` is {number}; at most {_MOST_DIGITS} digits before the point are allowed")
    return None


def _prices(rules: MarketRules, intent: Intent, average: Decimal | None) -> Violation | None:
    market = rules.market
    for name, price in (("price", intent.price), ("stop_price", intent.stop_price)):
        if price is None:
            continue
        if price == 0 or _outside(price, rules.min_price, rules.max_price):
            allowed = _between(rules.min_price, rules.max_price)
            return Violation("PRICE_FILTER", f"its {name} is {price} {market.quote}; allowed: {allowed}")
        if market.tick_size is not None and floor_to(price, market.tick_size) != price:
            return Violation("PRICE_FILTER", f"its {name} is {price}, no whole multiple of the tick {market.tick_size}")
    if intent.price is None or average is None:
        return None
    if intent.side is Side.BUY:
        down, up = rules.bid_multiplier_down, rules.bid_multiplier_up
    else:
        down, up = rules.ask_multiplier_down, rules.ask_multiplier_up
    low = None if down is None else average * down
    high = None if up is None else average * up
    if _outside(intent.price, low, high):
        text = f"its price is {intent.price} {market.quote}; allowed for a {intent.side} now: {_between(low, high)}"
        return Violation("PERCENT_PRICE_BY_SIDE", text)
    return None


def _size(
    rules: MarketRules, intent: Intent, reference_price: Decimal | None, quantity: Decimal | None
) -> Violation | None:
    """Check quantity and value. A market buy by amount is checked by what it comes to."""
    at_market = not intent.type.has_price
    at = intent.price or intent.stop_price or reference_price
    if intent.quantity is not None:
        quantity = intent.quantity
    elif quantity is None and intent.quote_amount is not None and at:
        quantity = whole_lots(rules, intent.type, cut_quantity(intent.quote_amount / at))
    if quantity is not None:
        found = _quantity(rules, quantity, at_market=at_market)
        if found is not None:
            return found
    value = at * quantity if at is not None and quantity is not None else intent.quote_amount
    return None if value is None else _value(rules, value, at_market=at_market)


def _quantity(rules: MarketRules, quantity: Decimal, *, at_market: bool) -> Violation | None:
    market = rules.market
    if quantity == 0:
        return Violation("LOT_SIZE", market.refusal(ONE, ZERO) or "nothing to trade")
    if _outside(quantity, rules.min_quantity, rules.max_quantity):
        allowed = _between(rules.min_quantity, rules.max_quantity)
        return Violation("LOT_SIZE", f"its quantity is {quantity} {market.base}; allowed: {allowed}")
    if market.lot_size is not None and floor_to(quantity, market.lot_size) != quantity:
        return Violation("LOT_SIZE", f"its quantity is {quantity}, no whole multiple of the lot {market.lot_size}")
    if not at_market:
        return None
    if _outside(quantity, rules.market_min_quantity, rules.market_max_quantity):
        allowed = _between(rules.market_min_quantity, rules.market_max_quantity)
        text = f"its quantity is {quantity} {market.base}; allowed for market orders: {allowed}"
        return Violation("MARKET_LOT_SIZE", text)
    if rules.market_lot_size is not None and floor_to(quantity, rules.market_lot_size) != quantity:
        text = f"its quantity is {quantity}, no whole multiple of the lot {rules.market_lot_size} of market orders"
        return Violation("MARKET_LOT_SIZE", text)
    return None


def _value(rules: MarketRules, value: Decimal, *, at_market: bool) -> Violation | None:
    market = rules.market
    least, most = market.min_notional, rules.max_notional
    if least is not None and value < least and (rules.min_notional_for_market or not at_market):
        text = f"its value {value:.8g} {market.quote} is under the minimum notional {least}"
        return Violation("NOTIONAL", text)
    if most is not None and value > most and (rules.max_notional_for_market or not at_market):
        return Violation("NOTIONAL", f"its value {value:.8g} {market.quote} is over the maximum notional {most}")
    return None


def _counts(rules: MarketRules, kind: OrderType, orders: int, algo_orders: int) -> Violation | None:
    # A market order never rests in the book, so that it takes nobody's place.
    if kind is OrderType.MARKET:
        return None
    if rules.max_orders is not None and orders >= rules.max_orders:
        return Violation("MAX_NUM_ORDERS", f"{orders} orders are open; allowed: {rules.max_orders}. Cancel one first")
    if kind.has_stop and rules.max_algo_orders is not None and algo_orders >= rules.max_algo_orders:
        text = f"{algo_orders} orders with a stop price are open; allowed: {rules.max_algo_orders}. Cancel one first"
        return Violation("MAX_NUM_ALGO_ORDERS", text)
    return None


def _outside(number: Decimal, low: Decimal | None, high: Decimal | None) -> bool:
    return (low is not None and number < low) or (high is not None and number > high)


def _between(low: Decimal | None, high: Decimal | None) -> str:
    parts = [f"at least {low}"] * (low is not None) + [f"at most {high}"] * (high is not None)
    return " and ".join(parts) or "above 0"


def _bad(text: str) -> Violation:
    return Violation("PARAMETERS", text)
