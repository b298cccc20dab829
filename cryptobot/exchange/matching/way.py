"""The way that a price takes through a bar."""

from __future__ import annotations

from decimal import Decimal

from cryptobot.core.money import decimal_of
from cryptobot.core.types import Bar, Side
from cryptobot.exchange.matching.book import Book
from cryptobot.exchange.matching.events import CoreEvent
from cryptobot.exchange.matching.execution import Execution


def walk(execution: Execution, book: Book, bar: Bar, end: int | None, depth: Decimal | None) -> list[CoreEvent]:
    """Move the price from where it is through both extremes to the close; see `MatchingCore.finish_bar`.

    Parameters
    ----------
    execution
        What fills the orders on the way.
    book
        The market, its price at the bar's open.
    bar
        Its extremes and close.
    end
        When the bar ends, nanoseconds since 1970-01-01 UTC, or None.
    depth
        Of each of the three parts of the way, in the base currency; None is endless.
    """
    low, high, close = decimal_of(bar.low), decimal_of(bar.high), decimal_of(bar.close)
    sells = any(entry.intent.side is Side.SELL for entry in book.open.values())
    way = (low, high, close) if sells else (high, low, close)
    span = 0 if end is None else end - bar.time
    times = (bar.time + span // 3, bar.time + 2 * span // 3, bar.time + max(0, span - 1))
    events: list[CoreEvent] = []
    at = decimal_of(bar.open) if book.price is None else book.price
    for target, time in zip(way, times, strict=True):
        book.look(at, depth)
        while at != target and book.open:
            at = book.next_price(at, target)
            book.bid = book.ask = book.price = at
            events += execution.sweep(book, time)
        at = target
        book.bid = book.ask = book.price = at
        book.time = time
    return events
