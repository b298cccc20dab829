"""How orders are filled and ended: where money and quantity change hands."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal
from typing import Final

from cryptobot.core.money import MONEY, ONE, ZERO, Market
from cryptobot.core.order_types import TimeInForce
from cryptobot.core.orders import OrderStatus
from cryptobot.core.types import Fill, Side
from cryptobot.exchange.matching.account import Account
from cryptobot.exchange.matching.book import Book
from cryptobot.exchange.matching.costs import Costs, affordable, fill_price
from cryptobot.exchange.matching.entry import Entry
from cryptobot.exchange.matching.events import CoreEvent, Ended, EndReason, Executed
from cryptobot.exchange.matching.fees import Fees
from cryptobot.exchange.matching.records import Records
from cryptobot.exchange.rules import MarketStatus

# What is set aside is rounded as a payment is, but never down.
_UP: Final = Context(prec=MONEY.prec, rounding=ROUND_CEILING)


class Execution:
    """Fills, ends and pays. Every method runs in the books' Decimal context: `MatchingCore` sees to it.

    Parameters
    ----------
    books
        The markets: the price of a third currency is looked up there.
    account, records
        What is changed and what is remembered.
    fees
        What executions cost.
    slippage
        By how much orders that do not rest in the book are filled worse.
    """

    def __init__(
        self, books: Mapping[str, Book], account: Account, records: Records, fees: Fees, slippage: Costs
    ) -> None:
        self.account = account
        self.records = records
        self.fees = fees
        self.slippage = slippage
        self._books = books

    def taker_price(self, book: Book, side: Side) -> Decimal | None:
        """Return what an order that does not rest would be filled at now, or None before the first price."""
        price = book.side_price(side)
        return None if price is None else fill_price(side, price, self.slippage, book.rules.market)

    def most(self, book: Book, entry: Entry) -> Decimal:
        """Return the most that the rest of an order can cost, in the currency that it pays with."""
        fees, rest = entry.fees, entry.remaining
        if entry.intent.side is Side.SELL:
            return rest * (ONE + fees.highest) if fees.asset == "base" else rest
        value = _UP.multiply(entry.worst_price, rest)
        return _UP.add(value, _UP.multiply(value, fees.highest)) if fees.asset == "quote" else value

    def lock(self, book: Book, entry: Entry, amount: Decimal) -> None:
        """Set an amount aside for an order instead of what was set aside before."""
        market = book.rules.market
        asset = market.quote if entry.intent.side is Side.BUY else market.base
        entry.locked = self.account.lock(asset, entry.locked, amount)

    def sweep(self, book: Book, time: int) -> list[CoreEvent]:
        """Hold every open order against the present price."""
        book.time = time
        events: list[CoreEvent] = []
        if not book.open or book.rules.status is not MarketStatus.TRADING:
            return events
        for entry in book.reached_limits():
            self._make(book, entry, time, events)
        arrivals, book.arrivals = book.arrivals, []
        for entry in arrivals:
            self.take(book, entry, time, events)
        # The prices of a pair lie on both sides of the price, so that nobody here ends anybody else here.
        for entry in book.reached_stops():
            self._trigger(book, entry, time, events)
        return events

    def take(self, book: Book, entry: Entry, time: int, events: list[CoreEvent]) -> None:
        """Fill an order that has just arrived at the present price as far as possible; the rest waits or expires."""
        intent = entry.intent
        side, limit = intent.side, intent.price
        reason = EndReason.NOT_AT_ONCE
        if limit is None or book.crosses(side, limit):
            at = self.taker_price(book, side) or ZERO
            if limit is not None:
                at = min(at, limit) if side is Side.BUY else max(at, limit)
            quantity = self._available(book, entry, at)
            if at <= 0:
                reason = EndReason.UNTRADABLE
            elif quantity > 0 and (quantity == entry.remaining or intent.time_in_force is not TimeInForce.FOK):
                if limit is None and intent.type.has_stop and side is Side.BUY:
                    payable = self._payable(book, entry, at)
                    if payable < quantity:
                        quantity, reason = payable, EndReason.NO_BALANCE
                if quantity > 0:
                    self._execute(book, entry, at, quantity, time, events, maker=False)
        if not entry.status.is_open:
            return
        if limit is None or intent.time_in_force is not TimeInForce.GTC:
            events += self.end(book, entry, OrderStatus.EXPIRED, reason, time)
        else:
            book.wait(entry)

    def cancel(self, book: Book, entry: Entry, time: int) -> list[CoreEvent]:
        """End an order on request, and the other one of its pair."""
        sibling = entry.sibling
        events = self.end(book, entry, OrderStatus.CANCELLED, EndReason.CANCELLED, time)
        if sibling is not None:
            events += self.end(book, sibling, OrderStatus.CANCELLED, EndReason.CANCELLED, time)
        return events

    def end(self, book: Book, entry: Entry, status: OrderStatus, reason: EndReason, time: int) -> list[CoreEvent]:
        """End an order that is open."""
        self.lock(book, entry, ZERO)
        if entry.sibling is not None:
            entry.sibling.sibling = None
            entry.sibling = None
        self._leave(book, entry)
        entry.become(status, time)
        return [Ended(entry.order(), reason)]

    def _make(self, book: Book, entry: Entry, time: int, events: list[CoreEvent]) -> None:
        price = entry.level
        quantity = self._available(book, entry, price)
        if quantity > 0:
            self._execute(book, entry, price, quantity, time, events, maker=True)

    def _trigger(self, book: Book, entry: Entry, time: int, events: list[CoreEvent]) -> None:
        self._end_sibling(book, entry, time, events)
        book.drop(entry)
        entry.working = time
        entry.turn = self.records.next_turn()
        self.take(book, entry, time, events)

    def _available(self, book: Book, entry: Entry, price: Decimal) -> Decimal:
        depth = book.depth(entry.intent.side)
        return entry.remaining if depth is None or depth >= entry.remaining else depth

    def _payable(self, book: Book, entry: Entry, price: Decimal) -> Decimal:
        """Return how much of a triggered buy the account can pay for: a gap may have passed what was set aside."""
        market, fees = book.rules.market, entry.fees
        rate = fees.taker if fees.asset == "quote" else ZERO
        return affordable(self.account.free(market.quote) + entry.locked, price, rate, market)

    def _execute(
        self,
        book: Book,
        entry: Entry,
        price: Decimal,
        quantity: Decimal,
        time: int,
        events: list[CoreEvent],
        *,
        maker: bool,
    ) -> None:
        self._end_sibling(book, entry, time, events)
        side = entry.intent.side
        entry.fill(price, quantity, time)
        book.use(side, quantity)
        if entry.remaining == 0:
            self._leave(book, entry)
        fee, asset = self._pay(book, entry, price, quantity, entry.fees.rate(maker=maker))
        fill = Fill(self.records.next_fill(), entry.intent.id, time, side, price, quantity, fee, asset)
        executed = Executed(entry.order(), fill, maker)
        self.records.add_execution(executed)
        events.append(executed)

    def _pay(
        self, book: Book, entry: Entry, price: Decimal, quantity: Decimal, rate: Decimal
    ) -> tuple[Decimal, str | None]:
        """Move the money of an execution; return its fee and the currency of that, None for the quote currency."""
        market, fees, account = book.rules.market, entry.fees, self.account
        value = price * quantity
        buys = entry.intent.side is Side.BUY
        paid, got = (value, quantity) if buys else (quantity, value)
        pays, gets = (market.quote, market.base) if buys else (market.base, market.quote)
        of_paid = fees.asset == ("quote" if buys else "base")
        fee = fees.cut((paid if of_paid else got) * rate)
        asset = pays if of_paid else gets
        account.take(pays, paid + fee if of_paid else paid)
        if entry.locked:
            self.lock(book, entry, self.most(book, entry))
        if fees.asset not in ("received", "quote", "base", gets):
            third = self._third(entry, market, value, price, rate)
            if third is not None and account.free(fees.asset) >= third:
                account.take(fees.asset, third)
                account.add(gets, got)
                return third, None if fees.asset == market.quote else fees.asset
        account.add(gets, got if of_paid else got - fee)
        return fee, None if asset == market.quote else asset

    def _third(self, entry: Entry, market: Market, value: Decimal, price: Decimal, rate: Decimal) -> Decimal | None:
        """Return a fee in a currency of its own, or None where its price is not known."""
        fees = entry.fees
        if fees.asset == market.quote:
            return fees.cut(value * rate)
        other = self._books.get(f"{fees.asset}/{market.quote}")
        worth = self.fees.asset_price or (other.price if other is not None else None)
        if fees.asset == market.base:
            worth = price
        return None if worth is None else fees.cut_third(value * rate / worth)

    def _end_sibling(self, book: Book, entry: Entry, time: int, events: list[CoreEvent]) -> None:
        """End the other order of a pair. What is set aside for both is the survivor's from then on."""
        sibling = entry.sibling
        if sibling is None:
            return
        events += self.end(book, sibling, OrderStatus.EXPIRED, EndReason.PAIR, time)
        self.lock(book, entry, self.most(book, entry))

    def _leave(self, book: Book, entry: Entry) -> None:
        book.drop(entry)
        del book.open[entry.exchange_id]
