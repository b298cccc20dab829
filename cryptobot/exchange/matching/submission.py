"""Whether an order is taken: every rule is held against it before anything changes."""

from __future__ import annotations

from decimal import Decimal

from cryptobot.core.money import ZERO
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.types import Intent, OcoIntent, Side
from cryptobot.exchange.filters import malformed, violation, whole_lots
from cryptobot.exchange.matching.book import Book
from cryptobot.exchange.matching.costs import affordable
from cryptobot.exchange.matching.entry import Entry
from cryptobot.exchange.matching.events import Accepted, CoreEvent
from cryptobot.exchange.matching.execution import Execution
from cryptobot.exchange.matching.ladder import rises
from cryptobot.exchange.matching.pairs import Pair
from cryptobot.exchange.matching.refusal import Refused


def check_form(execution: Execution, book: Book, intent: Intent) -> None:
    """Refuse an order that could never be taken as it is written, or whose client id an open order has."""
    found = malformed(book.rules, intent)
    if found is not None:
        raise Refused(intent.id, found.rule, found.text)
    _check_id(execution, intent)


def accept_market(
    execution: Execution, book: Book, intent: Intent, time: int, *, fee_on_top: bool = False
) -> list[CoreEvent]:
    """Take a market order and fill it at the present price."""
    at = execution.taker_price(book, intent.side)
    market, fees = book.rules.market, execution.fees
    quantity = intent.quantity
    amount = intent.quote_amount
    if quantity is None and at and isinstance(amount, Decimal) and amount.is_finite():
        included = fees.taker if fees.asset == "quote" and not fee_on_top else ZERO
        quantity = whole_lots(book.rules, intent.type, affordable(amount, at, included, market))
    if at is not None and at <= 0:
        reason = f"after slippage and rounding to the tick its price is {at} {market.quote}"
        raise Refused(intent.id, "PRICE_FILTER", reason)
    quantity = _check(execution, book, intent, at, quantity=quantity)
    if at is None:
        raise Refused(intent.id, "NO_PRICE", f"{market.symbol} has no price yet; send it again once it has")
    entry = _entry(execution, intent, quantity, time)
    _afford(execution, entry, book, _cost(entry, at))
    _enter(execution, book, entry)
    events: list[CoreEvent] = [Accepted(entry.order())]
    execution.take(book, entry, time, events)
    return events


def accept(
    execution: Execution, book: Book, intent: Intent, time: int, *, at_next_price: bool = False
) -> list[CoreEvent]:
    """Take an order of any other type; fill what can be filled at the present price, and let the rest wait."""
    quantity = _check(execution, book, intent, book.side_price(intent.side))
    _check_price(book, intent)
    entry = _entry(execution, intent, quantity, time)
    most = execution.most(book, entry)
    _afford(execution, entry, book, most)
    _enter(execution, book, entry)
    execution.lock(book, entry, most)
    events: list[CoreEvent] = [Accepted(entry.order())]
    at_once = intent.time_in_force is not TimeInForce.GTC or book.crosses(intent.side, entry.worst_price)
    if intent.type is not OrderType.LIMIT or not at_once:
        book.wait(entry)
    elif at_next_price:
        book.arrivals.append(entry)
    else:
        execution.take(book, entry, time, events)
    return events


def accept_pair(execution: Execution, book: Book, pair: OcoIntent, time: int) -> list[CoreEvent]:
    """Take two orders of which one cancels the other."""
    above, below = pair.above, pair.below
    rules = book.rules
    if not rules.oco:
        raise Refused(pair.id, "ORDER_TYPE", f"{rules.symbol} takes no pairs of orders; send one of them")
    _check_pair(execution, pair)
    if book.price is None:
        raise Refused(pair.id, "NO_PRICE", f"{rules.symbol} has no price yet; send it again once it has")
    for others, leg in enumerate((above, below)):
        _check(execution, book, leg, book.side_price(leg.side), others=others)
        _check_price(book, leg)
    list_id = str(len(execution.records.pairs) + 1)
    quantity = above.quantity or ZERO
    first, second = (_entry(execution, leg, quantity, time, list_id) for leg in (above, below))
    # Only one of them can ever be paid for, so that the dearer of both is set aside once.
    most = max(execution.most(book, first), execution.most(book, second))
    _afford(execution, first, book, most)
    execution.lock(book, first, most)
    first.sibling, second.sibling = second, first
    for entry in (first, second):
        _enter(execution, book, entry)
        book.wait(entry)
    execution.records.add_pair(Pair(list_id, pair.id, rules.symbol, first.exchange_id, second.exchange_id, time))
    return [Accepted(first.order()), Accepted(second.order())]


def _check(
    execution: Execution,
    book: Book,
    intent: Intent,
    reference: Decimal | None,
    *,
    quantity: Decimal | None = None,
    others: int = 0,
) -> Decimal:
    """Hold the filters and the client id against an order; return its quantity."""
    counts = book.rules.max_algo_orders is not None and intent.type.has_stop
    found = violation(
        book.rules,
        intent,
        reference_price=reference,
        average_price=book.price,
        quantity=quantity,
        open_orders=len(book.open) + others,
        open_algo_orders=book.algo_orders if counts else 0,
    )
    if found is not None:
        raise Refused(intent.id, "MARKET_CLOSED" if found.rule == "STATUS" else found.rule, found.text)
    _check_id(execution, intent)
    return intent.quantity or quantity or ZERO


def _check_id(execution: Execution, intent: Intent) -> None:
    if execution.records.has_open(intent):
        raise Refused(intent.id, "DUPLICATE", "an open order has this client id already")


def _check_price(book: Book, intent: Intent) -> None:
    """Refuse a limit-maker that would be filled at once, and a stop price that is reached already."""
    at = book.side_price(intent.side)
    if intent.type is OrderType.LIMIT_MAKER and book.crosses(intent.side, intent.price or ZERO):
        reason = f"it would be filled at once, at {at}; send it as a limit order, or with a price further away"
        raise Refused(intent.id, "WOULD_MATCH", reason)
    if intent.type.has_stop and book.triggers(intent.type, intent.side, intent.stop_price or ZERO):
        where = "above" if rises(intent.type, intent.side) else "below"
        reason = f"its stop price {intent.stop_price} is reached already: the price is {at}; give one {where} it"
        raise Refused(intent.id, "WOULD_TRIGGER", reason)


def _check_pair(execution: Execution, pair: OcoIntent) -> None:
    above, below = pair.above, pair.below
    side = above.side
    for leg, name, rising in ((above, "above", True), (below, "below", False)):
        if leg.type in (OrderType.MARKET, OrderType.LIMIT) or rises(leg.type, side) is not rising:
            profit = rising is (side is Side.SELL)
            allowed = "a limit-maker or take-profit order" if profit else "a stop-loss order"
            text = f"a {side} pair takes no {leg.type} order as `{name}`; give {allowed}"
            raise Refused(pair.id, "PARAMETERS", text)
    if (above.symbol, side, above.quantity) != (below.symbol, below.side, below.quantity):
        raise Refused(pair.id, "PARAMETERS", "both orders of a pair need the same symbol, side and quantity")
    if above.id == below.id or not pair.id:
        raise Refused(pair.id, "PARAMETERS", "a pair and both of its orders need client ids of their own")
    if execution.records.has_open_pair(above.symbol, pair.id):
        raise Refused(pair.id, "DUPLICATE", "an open pair has this client id already")


def _cost(entry: Entry, price: Decimal) -> Decimal:
    """Return what a market order pays, fee included where that is taken from the same currency, to the last digit."""
    fees, quantity = entry.fees, entry.quantity
    if entry.intent.side is Side.SELL:
        return quantity + fees.cut(quantity * fees.taker) if fees.asset == "base" else quantity
    value = price * quantity
    return value + fees.cut(value * fees.taker) if fees.asset == "quote" else value


def _afford(execution: Execution, entry: Entry, book: Book, needed: Decimal) -> None:
    market = book.rules.market
    asset = market.quote if entry.intent.side is Side.BUY else market.base
    free = execution.account.free(asset)
    if needed > free:
        reason = f"it needs {needed:.12g} {asset}, {free:.12g} are free"
        raise Refused(entry.intent.id, "INSUFFICIENT_BALANCE", reason)


def _entry(execution: Execution, intent: Intent, quantity: Decimal, time: int, list_id: str | None = None) -> Entry:
    return Entry(intent, quantity, execution.fees, time, list_id)


def _enter(execution: Execution, book: Book, entry: Entry) -> None:
    execution.records.add(entry)
    book.open[entry.exchange_id] = entry
