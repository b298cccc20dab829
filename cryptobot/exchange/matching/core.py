"""The matching core: one account, several markets, no clock and no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from cryptobot.core.bars import problem_of
from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.money import ZERO, decimal_of, exact_money
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.quotes import Quote
from cryptobot.core.suggest import closest, listed
from cryptobot.core.types import Balance, Bar, Fill, Intent, OcoIntent
from cryptobot.exchange.matching.account import Account
from cryptobot.exchange.matching.book import Book
from cryptobot.exchange.matching.costs import Costs
from cryptobot.exchange.matching.events import CoreEvent, EndReason, Executed
from cryptobot.exchange.matching.execution import Execution
from cryptobot.exchange.matching.fees import Fees
from cryptobot.exchange.matching.numbers import price_of, quantity_of
from cryptobot.exchange.matching.pairs import Pair
from cryptobot.exchange.matching.records import Records
from cryptobot.exchange.matching.refusal import Refused
from cryptobot.exchange.matching.submission import accept, accept_market, accept_pair, check_form
from cryptobot.exchange.matching.way import walk
from cryptobot.exchange.rules import MarketRules, MarketStatus


class MatchingCore:
    """Takes orders and prices, and says exactly what becomes of them.

    It never looks at a clock: every call brings the time, in nanoseconds since 1970-01-01 UTC. Calls that change
    something return what happened, in order. A refusal changes nothing. Not for several threads at once.

    Who is filled at a price: first orders that rest in the book (best price first, then oldest first, each at its own
    limit: a maker gets what it asked for), then orders that arrive (at the price, worsened by the slippage but never
    beyond their limit), then orders whose stop price was reached, oldest first, in the same way. A price counts for
    both sides, a touch is enough, and each side has the whole depth.

    Parameters
    ----------
    rules
        One of each market.
    balances
        What the account holds to begin with, by currency.
    fees
        What executions cost; may be replaced, for the orders that follow.
    slippage_bps
        Basis points by which orders that do not rest in the book are filled worse, rounded to the tick against them.
    volume_share
        How much of the traded volume that `set_price` and `play_bar` tell the account may have; None is endless.
    first_order_id, first_fill_id
        Ids of orders and of executions count up from here.
    """

    def __init__(
        self,
        rules: Iterable[MarketRules],
        balances: Mapping[str, Decimal],
        fees: Fees | None = None,
        *,
        slippage_bps: float | Decimal = 0,
        volume_share: float | Decimal | None = None,
        first_order_id: int = 1,
        first_fill_id: int = 1,
    ) -> None:
        share = None if volume_share is None else decimal_of(volume_share, "volume_share")
        if share is not None and not 0 < share <= 1:
            raise ConfigError(
                f"volume_share: {volume_share} is not allowed. Give a fraction above 0 and at most 1, for example 0.1 "
                "for a tenth of what is traded, or None for endless depth."
            )
        self._share = share
        self._books = {one.symbol: Book(one) for one in rules}
        slippage = Costs(ZERO, decimal_of(slippage_bps, "slippage_bps"))
        self._account = Account(balances)
        self._records = Records(first_order_id, first_fill_id)
        self._execution = Execution(self._books, self._account, self._records, fees or Fees(), slippage)

    # -- the market

    @exact_money
    def set_price(
        self, symbol: str, price: float | Decimal, time: int, volume: float | Decimal | None = None
    ) -> list[CoreEvent]:
        """Let the price jump, for both sides: somebody traded there.

        Parameters
        ----------
        symbol
            The market.
        price
            In the quote currency, above 0.
        time
            Nanoseconds since 1970-01-01 UTC.
        volume
            How much was traded, in the base currency; the depth is its ``volume_share``, None is endless depth.
        """
        book = self._book(symbol)
        book.look(price_of(price), self._depth(volume))
        return self._execution.sweep(book, time)

    @exact_money
    def set_quote(
        self,
        symbol: str,
        bid: float | Decimal,
        ask: float | Decimal,
        time: int,
        bid_quantity: float | Decimal | None = None,
        ask_quantity: float | Decimal | None = None,
    ) -> list[CoreEvent]:
        """Change the best prices: sells get the bid, buys the ask, stop prices of either watch the same.

        Parameters
        ----------
        symbol
            The market.
        bid, ask
            In the quote currency, above 0; the bid is not above the ask.
        time
            Nanoseconds since 1970-01-01 UTC.
        bid_quantity, ask_quantity
            How much is there, in the base currency; None is endless.
        """
        book = self._book(symbol)
        low, high = price_of(bid), price_of(ask)
        if low > high:
            raise DataError(f"{symbol}: a bid of {bid} above the ask of {ask} cannot be; drop this quote.")
        book.bid, book.ask, book.price = low, high, (low + high) / 2
        book.bid_depth, book.ask_depth = quantity_of(bid_quantity), quantity_of(ask_quantity)
        return self._execution.sweep(book, time)

    def play_bar(self, symbol: str, bar: Bar, end: int | None = None) -> list[CoreEvent]:
        """Let a whole bar happen: `open_bar`, then `finish_bar`."""
        return [*self.open_bar(symbol, bar), *self.finish_bar(symbol, bar, end)]

    @exact_money
    def open_bar(self, symbol: str, bar: Bar) -> list[CoreEvent]:
        """Let the price jump to a bar's open, with a quarter of its volume.

        Raises
        ------
        DataError
            If the bar cannot be.
        """
        book = self._book(symbol)
        problem = problem_of(bar)
        if problem is not None:
            raise DataError(f"{symbol}: a bar cannot be: {problem}. Drop it.")
        book.look(decimal_of(bar.open), self._depth(bar.volume, 4))
        book.bar = bar.time
        return self._execution.sweep(book, bar.time)

    @exact_money
    def finish_bar(self, symbol: str, bar: Bar, end: int | None = None) -> list[CoreEvent]:
        """Let the price move on from the open through both extremes to the close.

        The low comes first while any open order sells, since whoever holds something loses by it; the high comes first
        when only buys are open. Between these points the price moves without jumps: a stop price on the way is filled
        there, not at the extreme. Each of the three parts of the way has a quarter of the bar's volume.

        Parameters
        ----------
        symbol, bar
            As they were given to `open_bar`.
        end
            When the bar ends, nanoseconds since 1970-01-01 UTC: the parts of the way are told with times between its
            open and that. None tells all of them with the bar's time.
        """
        book = self._book(symbol)
        if book.bar != bar.time:
            raise ConfigError(f"{symbol}: the bar of {bar.time} was not opened. Call `open_bar` with it first.")
        book.bar = None
        return walk(self._execution, book, bar, end, self._depth(bar.volume, 4))

    @exact_money
    def set_rules(self, rules: MarketRules, time: int) -> list[CoreEvent]:
        """Change a market's rules, or add a market. Open orders stay as they are, unless it is delisted."""
        book = self._books.get(rules.symbol)
        if book is None:
            self._books[rules.symbol] = Book(rules)
            return []
        book.rules = rules
        if rules.status is not MarketStatus.DELISTED:
            return []
        events: list[CoreEvent] = []
        for entry in list(book.open.values()):
            events += self._execution.end(book, entry, OrderStatus.EXPIRED, EndReason.DELISTED, time)
        return events

    # -- orders

    @exact_money
    def submit(
        self, intent: Intent, time: int, *, fee_on_top: bool = False, at_next_price: bool = False
    ) -> list[CoreEvent]:
        """Take an order and execute what can be executed at the present price.

        Parameters
        ----------
        intent
            The order; see `cryptobot.exchange.filters.rounded`.
        time
            Nanoseconds since 1970-01-01 UTC.
        fee_on_top
            A market buy's ``quote_amount`` is the value without its fee (Binance's quoteOrderQty). Otherwise a fee in
            the quote currency is paid out of it.
        at_next_price
            The market stands still: a limit order that could be filled now is filled at the next price instead. For
            markets that are told bar by bar, where the last close is past.

        Raises
        ------
        Refused
            With the rule that it breaks. Then nothing has changed.
        """
        book = self._market(intent.symbol, intent.id)
        if intent.type is OrderType.MARKET:
            return accept_market(self._execution, book, intent, time, fee_on_top=fee_on_top)
        return accept(self._execution, book, intent, time, at_next_price=at_next_price)

    def check_form(self, intent: Intent) -> None:
        """Refuse an order that could never be taken as it is written, or whose client id an open order has.

        What depends on the price, the balances or the present filters is left to `submit`.

        Raises
        ------
        Refused
            With the rule ``"UNKNOWN_SYMBOL"``, ``"PARAMETERS"``, ``"ORDER_TYPE"`` or ``"DUPLICATE"``.
        """
        check_form(self._execution, self._market(intent.symbol, intent.id), intent)

    @exact_money
    def submit_oco(self, pair: OcoIntent, time: int) -> list[CoreEvent]:
        """Take two orders of which one cancels the other: any execution or trigger of one ends the other.

        Raises
        ------
        Refused
            With the rule that one of them breaks. Then nothing has changed.
        """
        book = self._market(pair.above.symbol, pair.id)
        return accept_pair(self._execution, book, pair, time)

    @exact_money
    def cancel(
        self, symbol: str, time: int, *, client_id: str | None = None, exchange_id: str | None = None
    ) -> list[CoreEvent]:
        """Cancel an open order, and with it the other one of its pair.

        Raises
        ------
        OrderNotFound
            If no such order is open.
        """
        entry = self._records.open_one(symbol, client_id, exchange_id)
        book = self._book(symbol)
        return self._execution.cancel(book, entry, time)

    # -- reading

    @property
    def fees(self) -> Fees:
        """What orders cost that are taken from now on; an open order pays what it was taken with."""
        return self._execution.fees

    @fees.setter
    def fees(self, fees: Fees) -> None:
        self._execution.fees = fees

    @property
    def symbols(self) -> list[str]:
        """The markets."""
        return list(self._books)

    @property
    def balances(self) -> dict[str, Balance]:
        """What the account holds, by currency."""
        return self._account.balances()

    @exact_money
    def deposit(self, asset: str, amount: float | Decimal) -> None:
        """Put an amount into the account; a negative one is taken out of what is free.

        Raises
        ------
        ConfigError
            If more is taken out than is free.
        """
        number = decimal_of(amount, "amount")
        if -number > self._account.free(asset):
            raise ConfigError(f"amount: {-number} {asset} cannot be taken out; {self._account.free(asset)} are free.")
        self._account.add(asset, number)

    def order(self, symbol: str, *, client_id: str | None = None, exchange_id: str | None = None) -> Order:
        """Return an order, by client id the newest one; raises `OrderNotFound`."""
        return self._records.one(symbol, client_id, exchange_id).order()

    def working_since(self, symbol: str, exchange_id: str) -> int | None:
        """Return since when an order is in the book, or None while its stop price is waited for."""
        return self._records.one(symbol, None, exchange_id).working

    def has_open_orders(self, symbol: str) -> bool:
        """Whether any order is open in a market."""
        return bool(self._book(symbol).open)

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Return the open orders of one market or of all, oldest first."""
        books = self._books.values() if symbol is None else [self._book(symbol)]
        found = [entry for book in books for entry in book.open.values()]
        return [entry.order() for entry in sorted(found, key=lambda entry: entry.number)]

    def orders(self, symbol: str) -> list[Order]:
        """Return all orders there ever were in a market, oldest first."""
        self._book(symbol)
        return [entry.order() for entry in self._records.entries(symbol)]

    def fills(self, symbol: str) -> list[Fill]:
        """Return all executions in a market, oldest first."""
        return [executed.fill for executed in self.executions(symbol)]

    def executions(self, symbol: str) -> list[Executed]:
        """Return all executions in a market with the order right after each, oldest first."""
        self._book(symbol)
        return self._records.executions(symbol)

    def pairs(self, symbol: str | None = None) -> list[Pair]:
        """Return the pairs of one market or of all, oldest first."""
        return [pair for pair in self._records.pairs if symbol is None or pair.symbol == symbol]

    def price(self, symbol: str) -> Decimal | None:
        """Return a market's last price (the middle of its last quote), or None before the first."""
        return self._book(symbol).price

    def quote(self, symbol: str) -> Quote | None:
        """Return a market's present bid and ask with the depth that is left, or None before the first price."""
        book = self._book(symbol)
        if book.bid is None or book.ask is None:
            return None
        return Quote(symbol, book.bid, book.ask, book.time, book.bid_depth, book.ask_depth)

    def rules(self, symbol: str) -> MarketRules:
        """Return a market's rules."""
        return self._book(symbol).rules

    # -- inside

    def _book(self, symbol: str) -> Book:
        book = self._books.get(symbol)
        if book is None:
            raise ConfigError(
                f"symbol: there is no market {symbol!r}.{closest(symbol, self._books)} There are {listed(self._books)}."
            )
        return book

    def _market(self, symbol: str, order_id: str) -> Book:
        book = self._books.get(symbol)
        if book is None:
            known = listed(self._books)
            reason = f"there is no market {symbol!r}.{closest(symbol, self._books)} There are {known}"
            raise Refused(order_id, "UNKNOWN_SYMBOL", reason)
        return book

    def _depth(self, volume: float | Decimal | None, parts: int = 1) -> Decimal | None:
        if self._share is None or volume is None:
            return None
        quantity = quantity_of(volume)
        return None if quantity is None else quantity * self._share / parts
