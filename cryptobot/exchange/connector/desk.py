"""Sending orders: checked first, sent once, and every failure named for what it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from typing import Any, Literal, TypeVar

from cryptobot.core.errors import (
    AuthError,
    ExchangeError,
    OrderNotFound,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    TransientError,
)
from cryptobot.core.events import ExchangeEvent
from cryptobot.core.money import ONE, exact_money
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Intent, OcoIntent, Side
from cryptobot.exchange.connector.calls import recorded
from cryptobot.exchange.connector.connection import Connection, text_of
from cryptobot.exchange.connector.failures import order_error, way_there
from cryptobot.exchange.connector.quirks.ticket import Answer, Ticket
from cryptobot.exchange.connector.tracker import Tracked, Tracker
from cryptobot.exchange.filters import rounded, violation
from cryptobot.exchange.rules import MarketRules

R = TypeVar("R")
Fee = Literal["base", "quote", "included"]


class Desk:
    """Sends and cancels orders over one connection.

    Parameters
    ----------
    connection
        Where to.
    tracker
        Follows every order.
    tell
        Takes the events that answers bring, in order.
    buy_fee
        What a market buy's fee is taken from; see `Quirks.buy_fee`.

    Attributes
    ----------
    prices
        The last known price of each market, in its quote currency.
    """

    def __init__(
        self, connection: Connection, tracker: Tracker, tell: Callable[[list[ExchangeEvent]], None], buy_fee: Fee
    ) -> None:
        self.prices: dict[str, Decimal] = {}
        self._connection = connection
        self._quirks = connection.quirks
        self._tracker = tracker
        self._tell = tell
        self._buy_fee = buy_fee
        self._taker: dict[str, Decimal] = {}

    async def submit(self, intent: Intent) -> Order:
        """Send an order; see `Exchange.submit`."""
        ticket = await self._ticket(intent)
        tracked = self._tracker.sent(intent.symbol, intent.id, self._connection.clock.monotonic())
        what = f"order {intent.id}"
        try:
            answer = await self._send(what, [tracked], lambda exchange: self._quirks.place(exchange, ticket))
        except OrderUnknown:
            if tracked.order is not None:  # the order stream has told of it: it did arrive
                return tracked.order
            raise
        if answer.order.status is OrderStatus.REJECTED:
            self._tracker.forget(tracked)
            raise OrderRejected(f"{what}: {self._quirks.id} refused it. Nothing was traded.")
        self._tell(self._tracker.answered(tracked, answer))
        if tracked.lacks_fills or (answer.order.is_open and intent.type is OrderType.MARKET):
            # The order is placed. If asking for its executions fails, whoever reads the stream asks again.
            with suppress(ExchangeError):
                await self.catch_up(tracked)
        return tracked.order or answer.order

    async def submit_pair(self, pair: OcoIntent) -> list[Order]:
        """Send a pair; see `Exchange.submit_oco`."""
        if pair.above.symbol != pair.below.symbol or pair.above.side is not pair.below.side:
            raise OrderRejected(
                f"order {pair.id}: both orders of a pair are of one market and one side. Nothing was sent."
            )
        above, below = [await self._ticket(leg, legs=2) for leg in (pair.above, pair.below)]
        if above.intent.quantity != below.intent.quantity:
            raise OrderRejected(
                f"order {pair.id}: both orders of a pair have one quantity, {above.intent.quantity} and "
                f"{below.intent.quantity} were given. Nothing was sent."
            )
        now = self._connection.clock.monotonic()
        tracked = [self._tracker.sent(leg.symbol, leg.id, now) for leg in (pair.above, pair.below)]
        orders = await self._send(
            f"order {pair.id}", tracked, lambda exchange: self._quirks.place_pair(exchange, pair, above, below)
        )
        by_id = {order.client_id: order for order in orders}
        for one in tracked:
            order = by_id.get(one.client_id)
            self._tell(self._tracker.unanswered(one) if order is None else self._tracker.answered(one, Answer(order)))
            if one.lacks_fills:
                with suppress(ExchangeError):
                    await self.catch_up(one)
        return [one.order for one in tracked if one.order is not None]

    async def cancel(self, symbol: str, client_id: str) -> Order:
        """Cancel an order and ask for it anew; see `Exchange.cancel`.

        A cancel that fails proves nothing: the HTTP layer repeats a DELETE whose connection dropped, and the second is
        told that there is no such order. Only the order itself tells.
        """
        await self._connection.rules(symbol)
        tracked = self._tracker.get(symbol, client_id)
        known = None if tracked is None or tracked.order is None else tracked.order.exchange_id
        failure: ExchangeError | None = None
        try:
            # Without asking first: a cancel must get through even where questions do not.
            async with self._connection.asking(f"cancel {client_id}") as exchange:
                await self._quirks.cancel(exchange, symbol, client_id, known)
        except AuthError:
            raise
        except ExchangeError as error:
            failure = error
        try:
            order = await self.order(symbol, client_id)
        except (TransientError, OrderNotFound) as error:
            if isinstance(error, OrderNotFound) and isinstance(failure, OrderNotFound):
                raise
            raise OrderUnknown(
                f"cancel {client_id}: nobody knows whether it is cancelled ({failure or error}). Ask for the order again."
            ) from None
        if order.is_open:
            why = text_of(failure) if failure is not None else "it still shows it as open"
            raise OrderUnknown(
                f"cancel {client_id}: {self._quirks.id} has not cancelled it yet: {why}. Ask for it again."
            )
        return order

    async def order(self, symbol: str, client_id: str) -> Order:
        """Ask for an order; see `Exchange.order`. From then on it is followed."""
        await self._connection.rules(symbol)
        tracked = self._tracker.get(symbol, client_id)
        if tracked is not None and not tracked.sending:
            await self.catch_up(tracked)
            if tracked.order is not None:
                return tracked.order
        async with self._connection.asking(f"order {client_id}") as exchange:
            order = await self._quirks.order(exchange, symbol, client_id, None)
            fills = await self._quirks.fills_of(exchange, order) if order.is_open and order.filled_quantity else []
        if tracked is None:
            self._tracker.adopt(Answer(order, tuple(fills)), self._connection.clock.monotonic())
        return order

    async def catch_up(self, tracked: Tracked) -> None:
        """Ask what became of an order, and for executions that are not known; `OrderNotFound` as `order` raises it."""
        known = tracked.order
        async with self._connection.asking(f"order {tracked.client_id}") as exchange:
            found = await self._quirks.order(
                exchange, tracked.symbol, tracked.client_id, None if known is None else known.exchange_id
            )
            missing = found.filled_quantity > tracked.booked
            fills = await self._quirks.fills_of(exchange, found) if missing else []
        self._tell(self._tracker.heard(Answer(found, tuple(fills))))

    async def _ticket(self, intent: Intent, legs: int = 1) -> Ticket:
        """Check and round an order; raises `OrderRejected` with the rule that it breaks, or `OrderNotSent`."""
        try:
            return await self._checked(intent, legs)
        except TransientError as error:  # a question failed, and the order was not even sent
            raise OrderNotSent(f"order {intent.id}: {error} Nothing was sent.") from None

    async def _checked(self, intent: Intent, legs: int) -> Ticket:
        connection, quirks = self._connection, self._quirks
        client_id = quirks.client_ids.encode(intent.id)
        rules = await connection.rules(intent.symbol)
        order = rounded(rules, intent)
        amount = None if order.quote_amount is None else await self._amount(rules, order)
        price = await self._price(rules, order)
        resting: list[Order] = []
        if intent.type is not OrderType.MARKET:
            async with connection.asking(f"the open orders of {intent.symbol}") as exchange:
                resting = await quirks.open_orders(exchange, intent.symbol)
        broken = violation(
            rules,
            order if amount is None else replace(order, quote_amount=amount),
            reference_price=price,
            open_orders=len(resting) + legs - 1 if resting else 0,
            open_algo_orders=sum(1 for one in resting if one.type.has_stop),
        )
        if broken is not None:
            raise OrderRejected(f"order {intent.id}: {broken.text} ({broken.rule}). Nothing was sent.", broken.rule)
        return Ticket(order, client_id, rules, amount)

    async def _amount(self, rules: MarketRules, intent: Intent) -> Decimal:
        """Return what the exchange is to spend, so that all that is paid stays within the order's amount."""
        amount = intent.quote_amount or Decimal(0)
        if self._buy_fee == "quote":
            if intent.symbol not in self._taker:
                async with self._connection.asking(f"the fees of {intent.symbol}") as exchange:
                    self._taker[intent.symbol] = await self._quirks.taker_fee(exchange, intent.symbol)
            amount = _without_fee(amount, self._taker[intent.symbol])
        return _cut(amount, rules.quote_decimals)

    async def _price(self, rules: MarketRules, intent: Intent) -> Decimal:
        """Return what a market order would fill at about now: the last known price, or a fresh quote."""
        known = self.prices.get(rules.symbol)
        if known is not None and intent.type is OrderType.MARKET:
            return known
        async with self._connection.asking(f"a quote of {rules.symbol}") as exchange:
            quote = await self._quirks.quote(exchange, rules.symbol, self._connection.time.estimate())
        return quote.ask if intent.side is Side.BUY else quote.bid

    async def _send(self, what: str, tracked: list[Tracked], send: Callable[[Any], Awaitable[R]]) -> R:
        """Make the one request that may move money; nothing in here or below ever makes it twice."""
        connection = self._connection
        exchange = connection.exchange
        with recorded() as calls:
            try:
                return await send(exchange)
            except Exception as error:
                connection.redactor.scrub(error)
                verdict = way_there(error, calls) or (self._quirks.verdict(calls[-1], error) if calls else None)
                if verdict is None:  # nothing was even asked: an error of our own, told as it is
                    self._drop(tracked)
                    raise
                failure = order_error(verdict, what, self._quirks.id)
            except BaseException:
                # Cancelled on its way: whether it arrived is unknown, and what is heard of it is still told.
                for one in tracked:
                    self._tell(self._tracker.unanswered(one))
                raise
        if isinstance(failure, OrderUnknown):
            for one in tracked:
                self._tell(self._tracker.unanswered(one))
        else:
            self._drop(tracked)
        await connection.consider(verdict)
        raise failure from None

    def _drop(self, tracked: list[Tracked]) -> None:
        for one in tracked:
            self._tracker.forget(one)


@exact_money
def _without_fee(amount: Decimal, fee: Decimal) -> Decimal:
    return amount / (ONE + fee)


@exact_money
def _cut(amount: Decimal, decimals: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_DOWN)
