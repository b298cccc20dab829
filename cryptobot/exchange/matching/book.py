"""One market inside the core: its rules, its present price and the orders that rest in it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cryptobot.core.money import ZERO, cut_quantity
from cryptobot.core.order_types import OrderType
from cryptobot.core.types import Side
from cryptobot.exchange.matching.entry import Entry
from cryptobot.exchange.matching.ladder import Ladder, rises
from cryptobot.exchange.rules import MarketRules


class Book:
    """The orders of one market, and what they are held against.

    Attributes
    ----------
    rules
        See `MarketRules`.
    bid, ask
        What a sell and a buy would get now, or None before the first price.
    bid_depth, ask_depth
        How much of it is left at that price, in the base currency; None is endless.
    price
        The last price, or the middle of the last quote.
    time
        When it was so, nanoseconds since 1970-01-01 UTC.
    open
        Open orders by exchange id, oldest first.
    arrivals
        Orders that the next price finds, sent while the market stood still.
    bar
        Open time of the bar that is being played, or None.
    """

    def __init__(self, rules: MarketRules) -> None:
        self.rules = rules
        self.bid: Decimal | None = None
        self.ask: Decimal | None = None
        self.bid_depth: Decimal | None = None
        self.ask_depth: Decimal | None = None
        self.price: Decimal | None = None
        self.time = 0
        self.open: dict[str, Entry] = {}
        self.arrivals: list[Entry] = []
        self.bar: int | None = None
        self._limits = {side: Ladder(side, rising=side is Side.SELL) for side in Side}
        self._stops = [Ladder(side, rising=rising) for side in Side for rising in (False, True)]

    def look(self, price: Decimal, depth: Decimal | None) -> None:
        """Set one price for both sides, with so much depth for each."""
        self.bid = self.ask = self.price = price
        self.bid_depth = self.ask_depth = depth

    def side_price(self, side: Side) -> Decimal | None:
        """Return what an order of this side would get now."""
        return self.ask if side is Side.BUY else self.bid

    def depth(self, side: Side) -> Decimal | None:
        """Return how much an order of this side could get now, in whole lots; None is endless."""
        depth = self.ask_depth if side is Side.BUY else self.bid_depth
        return None if depth is None else self.rules.market.round_quantity(cut_quantity(depth))

    def use(self, side: Side, quantity: Decimal) -> None:
        """Take an execution off the depth."""
        if side is Side.BUY:
            if self.ask_depth is not None:
                self.ask_depth -= quantity
        elif self.bid_depth is not None:
            self.bid_depth -= quantity

    def crosses(self, side: Side, price: Decimal) -> bool:
        """Whether a limit order of this price would be filled now."""
        at = self.side_price(side)
        return at is not None and (price >= at if side is Side.BUY else price <= at)

    def triggers(self, kind: OrderType, side: Side, stop_price: Decimal) -> bool:
        """Whether a stop price is reached now."""
        at = self.side_price(side)
        return at is not None and (at >= stop_price if rises(kind, side) else at <= stop_price)

    @property
    def algo_orders(self) -> int:
        """How many open orders have a stop price."""
        return sum(entry.intent.type.has_stop for entry in self.open.values())

    def wait(self, entry: Entry) -> None:
        """Let an order wait for its price: the stop price first, where it has one."""
        intent = entry.intent
        if entry.working is None:
            rising = rises(intent.type, intent.side)
            entry.ladder, level = self._stops[2 * (intent.side is Side.SELL) + rising], intent.stop_price
        else:
            entry.ladder, level = self._limits[intent.side], intent.price
        entry.level = level if level is not None else ZERO  # the filters have seen to it that it is there
        entry.ladder.add(entry)

    def drop(self, entry: Entry) -> None:
        """Take an order out of what waits, if it waits."""
        if entry.ladder is not None:
            entry.ladder.remove(entry)
            entry.ladder = None
        elif entry in self.arrivals:
            self.arrivals.remove(entry)

    def reached_limits(self) -> Iterator[Entry]:
        """Yield resting limit orders whose price is reached, best price first and then oldest first."""
        for side, ladder in self._limits.items():
            at = self.side_price(side)
            if at is not None and len(ladder):
                yield from ladder.reached(at)

    def reached_stops(self) -> list[Entry]:
        """Return orders whose stop price is reached, oldest first."""
        found: list[Entry] = []
        for ladder in self._stops:
            at = self.side_price(ladder.side)
            if at is not None and len(ladder):
                found += ladder.reached(at)
        return sorted(found, key=lambda entry: entry.turn) if len(found) > 1 else found

    def next_price(self, start: Decimal, end: Decimal) -> Decimal:
        """Return the first price at which an order waits on the way from ``start`` to ``end``, or ``end``."""
        rising = end > start
        nearest = end
        for ladder in (*self._limits.values(), *self._stops):
            if ladder.rising is rising and len(ladder):
                price = ladder.next_beyond(start)
                if price is not None and (price < nearest if rising else price > nearest):
                    nearest = price
        return nearest
