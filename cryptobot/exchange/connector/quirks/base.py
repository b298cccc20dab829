"""What an adapter must know of one exchange; here, what holds for any exchange of ccxt."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal

from cryptobot.core.errors import AuthError, ConfigError, OrderNotFound
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order
from cryptobot.core.quotes import Quote
from cryptobot.core.suggest import listed
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Bar, Fill, OcoIntent
from cryptobot.exchange.capabilities import Capabilities
from cryptobot.exchange.connector import unified
from cryptobot.exchange.connector.calls import Call
from cryptobot.exchange.connector.client_ids import ClientIds
from cryptobot.exchange.connector.failures import Verdict, by_kind, by_status
from cryptobot.exchange.connector.quirks.ticket import Answer, Ticket, number
from cryptobot.exchange.rules import MarketRules

_NEEDED = ("cancelOrder", "createOrder", "fetchBalance", "fetchMyTrades", "fetchOpenOrders", "fetchOrder")


class Quirks:
    """One exchange's ways, by ccxt's unified methods.

    A new exchange is a subclass of this in one file, registered under its ccxt id (see `registry`); it changes what
    differs. Numbers come out of ccxt as floats here, which keep 15 digits; subclasses read the raw answers instead.

    Attributes
    ----------
    id
        The exchange's id in ccxt.
    options
        Options for ccxt.
    rate_limit
        Milliseconds between requests of cost 1, where ccxt's own value leaves no headroom; None keeps ccxt's.
    page_limit
        The most candles that one request returns.
    client_ids
        What client ids may look like.
    order_types, time_in_force, oco, quote_amount
        As in `Capabilities`.
    buy_fee
        What a market buy's fee is taken from: ``"base"`` what was bought, ``"quote"`` money on top of the order's
        amount, ``"included"`` that amount itself.
    testnet, key_rights, order_stream
        Whether it has a test network, tells what a key may do, and tells by itself what happens to orders.
    has_spot_errors, has_receive_window, one_connection
        Whether ccxt picks its error table by URL, whether requests carry a time and a window in which they are valid,
        and whether a key serves only one connection at a time, because each request must carry a higher number than
        the last.
    settles_after
        Seconds, beyond the time that a signed request stays valid, after which an order that no question shows is certain
        never to appear.
    reports
        Whether its messages about orders tell all (see `report`), or only that it is time to ask.
    candle_words, order_words
        What the names of its streams' subscriptions hold.
    rules
        Of every market, by symbol, as last loaded.
    """

    id: str = ""
    options: ClassVar[dict[str, Any]] = {}
    rate_limit: float | None = None
    page_limit: int = 500
    client_ids = ClientIds(32, characters="a-zA-Z0-9_")
    order_types: frozenset[OrderType] = frozenset({OrderType.MARKET, OrderType.LIMIT})
    time_in_force: frozenset[TimeInForce] = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})
    oco: bool = False
    buy_fee: Literal["base", "quote", "included"] = "quote"
    testnet: bool = False
    key_rights: bool = False
    query_by_client_id: bool = False
    has_spot_errors: bool = False
    has_receive_window: bool = False
    settles_after: float = 55.0
    one_connection: bool = False
    reports: bool = False
    candle_words: tuple[str, ...] = ("ohlc", "kline", "candle")
    order_words: tuple[str, ...] = ("order", "user", "executions")

    def __init__(self, exchange_id: str = "") -> None:
        self.id = exchange_id or type(self).id
        self.rules: dict[str, MarketRules] = {}

    def capabilities(self, exchange: Any, *, orders: bool) -> Capabilities:
        """Return what the exchange can do, with keys (``orders``) or without."""
        has: Mapping[str, Any] = exchange.has
        return Capabilities(
            order_types=self.order_types,
            time_in_force=self.time_in_force,
            timeframes=unified.timeframes(exchange),
            orders=orders,
            oco=orders and self.oco,
            quote_amount=bool(has.get("createMarketBuyOrderWithCost")),
            cancel=orders,
            query_by_client_id=orders and self.query_by_client_id,
            bar_stream=bool(has.get("watchOHLCV")),
            order_stream=orders and bool(has.get("watchOrders")),
            key_rights=self.key_rights,
            dead_man_switch=orders and bool(has.get("cancelAllOrdersAfter")),
        )

    def require(self, exchange: Any, *, orders: bool) -> None:
        """Refuse an exchange that cannot do what is needed.

        Raises
        ------
        ConfigError
            Naming what it lacks.
        """
        missing = [name for name in ("fetchOHLCV", *(_NEEDED if orders else ())) if not exchange.has.get(name)]
        if missing:
            raise ConfigError(
                f"exchange: {self.id} cannot be used{' for orders' if orders else ''}, because it lacks "
                f"{listed(missing)}. Choose another exchange, for example `binance`."
            )

    def point(self, exchange: Any, endpoint: str) -> None:
        """Send every request to a server of the user's instead."""
        raise ConfigError(
            f"endpoint: {self.id} cannot be pointed at another server. `binance` can: endpoint={endpoint!r}."
        )

    def confine(self, exchange: Any) -> None:
        """Cut off what is not used, such as futures, so that nothing can be sent there by accident."""

    async def load(self, exchange: Any) -> dict[str, MarketRules]:
        """Ask for all markets and their rules."""
        await exchange.load_markets(True)
        found = (self.rules_of(exchange, market) for market in exchange.markets.values() if market.get("spot"))
        return {rules.symbol: rules for rules in found if rules is not None}

    def rules_of(self, exchange: Any, market: Mapping[str, Any]) -> MarketRules | None:
        """Return the rules of one of ccxt's markets, or None if it is none that can be traded here."""
        return unified.rules_of(market, exchange.precisionMode, self.order_types)

    async def time(self, exchange: Any) -> int:
        """Return the exchange's time, nanoseconds since 1970-01-01 UTC; this computer's where it has none."""
        if not exchange.has.get("fetchTime"):
            return int(exchange.milliseconds()) * 1_000_000
        return int(await exchange.fetch_time()) * 1_000_000

    async def candles(self, exchange: Any, symbol: str, timeframe: Timeframe, since: int, limit: int) -> list[Bar]:
        """Return candles from a time on, oldest first; the last may still be open."""
        # Rounded up: a candle that opened before `since` was not asked for.
        rows = await exchange.fetch_ohlcv(symbol, str(timeframe), -(-since // 1_000_000), limit)
        return unified.bars_of(rows, since)

    async def quote(self, exchange: Any, symbol: str, time: int) -> Quote:
        """Return the best bid and ask; ``time`` is the exchange's just before asking."""
        return unified.quote_of(await exchange.fetch_order_book(symbol, 5), symbol, time)

    async def balances(self, exchange: Any) -> dict[str, Balance]:
        """Return what the account holds."""
        return unified.balances_of(await exchange.fetch_balance())

    async def taker_fee(self, exchange: Any, symbol: str) -> Decimal:
        """Return the fraction of its value that a market order pays."""
        return unified.taker_fee_of(exchange.market(symbol))

    async def place(self, exchange: Any, ticket: Ticket) -> Answer:
        """Send an order."""
        intent = ticket.intent
        params: dict[str, Any] = {"clientOrderId": ticket.client_id}
        if intent.type is OrderType.MARKET and ticket.quote_amount is not None:
            made = await exchange.create_market_buy_order_with_cost(intent.symbol, number(ticket.quote_amount), params)
        else:
            if intent.type is OrderType.LIMIT and intent.time_in_force is not TimeInForce.GTC:
                params["timeInForce"] = str(intent.time_in_force)
            # A market order with a price would become an order by amount; ccxt's price rounding is passed by, because
            # the price lies on the tick already.
            price = None if intent.price is None else number(intent.price)
            made = await exchange.create_order(
                intent.symbol, str(intent.type), str(intent.side), number(intent.quantity or Decimal(0)), price, params
            )
        return unified.answer_of(made, intent)

    async def place_pair(self, exchange: Any, pair: OcoIntent, above: Ticket, below: Ticket) -> list[Order]:
        """Send two orders of which one cancels the other."""
        raise ConfigError(f"{self.id} cannot do `oco`. Send one order, or choose `binance`.")

    async def cancel(self, exchange: Any, symbol: str, client_id: str, exchange_id: str | None) -> None:
        """Ask for an order to be cancelled."""
        found = exchange_id or (await self.order(exchange, symbol, client_id, None)).exchange_id
        await exchange.cancel_order(found, symbol)

    async def order(self, exchange: Any, symbol: str, client_id: str, exchange_id: str | None) -> Order:
        """Return the newest order of a client id.

        Raises
        ------
        OrderNotFound
            If the exchange shows none.
        """
        if exchange_id is not None:
            found = await exchange.fetch_order(exchange_id, symbol)
            return unified.order_of(found, self.client_ids)
        everything = await self.open_orders(exchange, symbol)
        if exchange.has.get("fetchOrders"):
            everything += [unified.order_of(o, self.client_ids) for o in await exchange.fetch_orders(symbol)]
        elif exchange.has.get("fetchClosedOrders"):
            everything += [unified.order_of(o, self.client_ids) for o in await exchange.fetch_closed_orders(symbol)]
        return newest(everything, client_id, self.id)

    async def open_orders(self, exchange: Any, symbol: str) -> list[Order]:
        """Return a market's open orders."""
        return [unified.order_of(o, self.client_ids) for o in await exchange.fetch_open_orders(symbol)]

    async def fills(self, exchange: Any, symbol: str, since: int, known: Mapping[str, str]) -> list[Fill]:
        """Return a market's executions since a time; ``known`` has client ids by the exchange's order ids."""
        trades = await exchange.fetch_my_trades(symbol, since // 1_000_000)
        return [unified.fill_of(trade, known) for trade in trades if int(trade["timestamp"]) * 1_000_000 >= since]

    async def fills_of(self, exchange: Any, order: Order) -> list[Fill]:
        """Return the executions of one order."""
        known = {order.exchange_id: order.client_id}
        trades = await exchange.fetch_my_trades(order.symbol, max(0, order.created // 1_000_000 - 1))
        return [unified.fill_of(trade, known) for trade in trades if str(trade.get("order")) == order.exchange_id]

    async def check_rights(self, exchange: Any) -> list[str]:
        """Refuse a key that may take money away; return warnings.

        Raises
        ------
        AuthError
            If it may, or if that cannot be found out.
        """
        raise AuthError(
            f"{self.id} does not tell what a key may do, so that a key that can withdraw money could not be noticed. "
            "Trade real money on an exchange that tells: `binance`, `coinbase` or `kraken`."
        )

    async def subscribe(self, exchange: Any, symbol: str) -> None:
        """Begin to listen to orders, and return once that is confirmed, where an exchange confirms it."""

    def report(self, message: Mapping[str, Any]) -> Answer | None:
        """Read a raw message about an order; None where messages only say that it is time to ask."""
        return None

    def verdict(self, call: Call, error: BaseException) -> Verdict:
        """Say what an answer that ccxt took for a failure means."""
        return by_status(call, error) or by_kind(error)


def newest(orders: list[Order], client_id: str, name: str) -> Order:
    """Return the newest order of a client id; raises `OrderNotFound` if there is none."""
    found = [order for order in orders if order.client_id == client_id]
    if not found:
        raise OrderNotFound(f"order {client_id}: {name} shows no such order. Soon after sending this proves nothing.")
    return max(found, key=lambda order: (order.created, order.is_open))
