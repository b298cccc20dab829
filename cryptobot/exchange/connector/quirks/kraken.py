"""Kraken spot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from cryptobot.core.errors import AuthError
from cryptobot.core.money import ZERO, exact_money
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Balance, Fill, Side
from cryptobot.exchange.connector import unified
from cryptobot.exchange.connector.calls import Call
from cryptobot.exchange.connector.client import dead
from cryptobot.exchange.connector.client_ids import ClientIds
from cryptobot.exchange.connector.failures import Meaning, Verdict
from cryptobot.exchange.connector.guard import BadAnswerError
from cryptobot.exchange.connector.numbers import decimal_in, dictionary, optional, text_in
from cryptobot.exchange.connector.quirks.base import Quirks, newest
from cryptobot.exchange.connector.quirks.ticket import Answer, Ticket, number
from cryptobot.exchange.rules import MarketRules, MarketStatus

_TYPES: Final = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.LIMIT_MAKER: "limit",
    OrderType.STOP_LOSS: "stop-loss",
    OrderType.STOP_LOSS_LIMIT: "stop-loss-limit",
    OrderType.TAKE_PROFIT: "take-profit",
    OrderType.TAKE_PROFIT_LIMIT: "take-profit-limit",
}
_STATUSES: Final = {
    "pending": OrderStatus.NEW,
    "open": OrderStatus.NEW,
    "canceled": OrderStatus.CANCELLED,
    "expired": OrderStatus.EXPIRED,
}
_MARKETS: Final = {"online": MarketStatus.TRADING, "cancel_only": MarketStatus.CANCEL_ONLY}
_UUID: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}"
_FORBIDDEN: Final = ("withdraw-funds",)
_PAGE: Final = 50
_AT_ONCE: Final = 20


class Kraken(Quirks):
    """Kraken's ways: answers to orders hold no executions, they are asked for; each key serves one connection."""

    id = "kraken"
    page_limit = 720
    client_ids = ClientIds(18, also=_UUID)
    order_types = frozenset(OrderType)
    time_in_force = frozenset({TimeInForce.GTC, TimeInForce.IOC})
    buy_fee = "quote"
    key_rights = True
    query_by_client_id = True
    one_connection = True

    def point(self, exchange: Any, endpoint: str) -> None:
        """Send every request to another server."""
        streams = endpoint.replace("http", "ws", 1)
        api = dead(exchange.urls["api"])
        api |= {"public": endpoint, "private": endpoint}
        api["ws"] |= {"public": f"{streams}/ws", "private": f"{streams}/ws-auth"}
        api["ws"] |= {"publicV2": f"{streams}/ws/v2", "privateV2": f"{streams}/ws-auth/v2"}
        exchange.urls["api"] = api

    def confine(self, exchange: Any) -> None:
        """Cut off the help centre and the test streams."""
        known = exchange.urls["api"]
        kept = {name: known["ws"][name] for name in ("public", "private", "publicV2", "privateV2")}
        exchange.urls["api"] = dead(known) | {"public": known["public"], "private": known["private"]}
        exchange.urls["api"]["ws"] = dead(known["ws"]) | kept

    def rules_of(self, exchange: Any, market: Mapping[str, Any]) -> MarketRules | None:
        """Return a pair's rules from its raw description."""
        rules = unified.rules_of(market, exchange.precisionMode, self.order_types)
        if rules is None:
            return None
        raw = market["info"]
        return replace(
            rules,
            market=replace(
                rules.market,
                tick_size=optional(raw, "tick_size") or rules.market.tick_size,
                min_notional=optional(raw, "costmin"),
            ),
            status=_MARKETS.get(str(raw.get("status", "online")), MarketStatus.HALTED),
            min_quantity=optional(raw, "ordermin"),
        )

    async def balances(self, exchange: Any) -> dict[str, Balance]:
        """Return what the account holds."""
        raw = _result(await exchange.private_post_balanceex())
        return {str(exchange.safe_currency_code(asset)): _balance(entry) for asset, entry in raw.items()}

    async def taker_fee(self, exchange: Any, symbol: str) -> Decimal:
        """Return what the account pays as a taker."""
        pair = exchange.market(symbol)["id"]
        fees = dictionary(_result(await exchange.private_post_tradevolume({"pair": pair})).get("fees"), "the fees")
        return decimal_in(dictionary(fees.get(pair), "the pair's fee"), "fee") / 100

    async def place(self, exchange: Any, ticket: Ticket) -> Answer:
        """Send an order; whether and how it was filled is not in the answer."""
        intent = ticket.intent
        flags = ["fciq"]  # fees in the quote currency, always
        request = {
            "pair": ticket.rules.exchange_symbol,
            "type": str(intent.side),
            "ordertype": _TYPES[intent.type],
            "cl_ord_id": ticket.client_id,
            "volume": number(ticket.quote_amount or intent.quantity or ZERO),
        }
        if ticket.quote_amount is not None:
            flags.append("viqc")
        if intent.type is OrderType.LIMIT_MAKER:
            flags.append("post")
        prices = [price for price in (intent.stop_price, intent.price) if price is not None]
        request |= {name: number(price) for name, price in zip(("price", "price2"), prices, strict=False)}
        if intent.time_in_force is not TimeInForce.GTC:
            request["timeinforce"] = str(intent.time_in_force)
        raw = _result(await exchange.private_post_addorder({**request, "oflags": ",".join(flags)}))
        ids = raw.get("txid")
        if not isinstance(ids, list) or not ids:
            raise BadAnswerError("the answer to the order names no order id")
        return unified.answer_of({"id": str(ids[0])}, intent)

    async def cancel(self, exchange: Any, symbol: str, client_id: str, exchange_id: str | None) -> None:
        """Ask for an order to be cancelled."""
        named = {"txid": exchange_id} if exchange_id else {"cl_ord_id": self.client_ids.encode(client_id)}
        await exchange.private_post_cancelorder(named)

    async def order(self, exchange: Any, symbol: str, client_id: str, exchange_id: str | None) -> Order:
        """Return the newest order of a client id."""
        if exchange_id is not None:
            raw = _result(await exchange.private_post_queryorders({"txid": exchange_id}))
            return newest(self._orders(exchange, raw, symbol), client_id, self.id)
        sent = {"cl_ord_id": self.client_ids.encode(client_id)}
        opened = _result(await exchange.private_post_openorders(sent)).get("open")
        found = self._orders(exchange, opened, symbol)
        if not any(order.client_id == client_id for order in found):
            closed = _result(await exchange.private_post_closedorders(sent)).get("closed")
            found = self._orders(exchange, closed, symbol)
        return newest(found, client_id, self.id)

    async def open_orders(self, exchange: Any, symbol: str) -> list[Order]:
        """Return a market's open orders."""
        raw = _result(await exchange.private_post_openorders()).get("open")
        return sorted(self._orders(exchange, raw, symbol), key=lambda order: order.created)

    async def fills(self, exchange: Any, symbol: str, since: int, known: Mapping[str, str]) -> list[Fill]:
        """Return a market's executions since a time, page by page; client ids only of orders that are known."""
        found: dict[str, Mapping[str, Any]] = {}
        while True:
            request = {"start": number(Decimal(max(0, since - 1)) / 1_000_000_000), "ofs": len(found)}
            page = dictionary(_result(await exchange.private_post_tradeshistory(request)).get("trades"), "the trades")
            before = len(found)
            found |= page
            if len(page) < _PAGE or len(found) == before:
                break
        mine = {name: raw for name, raw in found.items() if self._is(exchange, raw.get("pair"), symbol)}
        return _sorted([_fill(name, raw, known) for name, raw in mine.items()], since)

    async def fills_of(self, exchange: Any, order: Order) -> list[Fill]:
        """Return the executions of one order."""
        asked = {"txid": order.exchange_id, "trades": "true"}
        raw = dictionary(_result(await exchange.private_post_queryorders(asked)).get(order.exchange_id), "the order")
        ids = [str(one) for one in raw.get("trades") or ()]
        known, found = {order.exchange_id: order.client_id}, []
        for first in range(0, len(ids), _AT_ONCE):
            asked = {"txid": ",".join(ids[first : first + _AT_ONCE])}
            trades = _result(await exchange.private_post_querytrades(asked))
            found += [_fill(name, trade, known) for name, trade in trades.items()]
        return _sorted(found, 0)

    async def check_rights(self, exchange: Any) -> list[str]:
        """Refuse a key that may withdraw; warn of one that works from any address."""
        raw = _result(await exchange.private_post_getapikeyinfo())
        rights = raw.get("permissions")
        if not isinstance(rights, list):
            raise AuthError("kraken does not say what this key may do. Without that the key is not used.")
        if any(right in _FORBIDDEN for right in rights):
            raise AuthError(
                "this key of kraken may withdraw. A bot never needs that: make a key that may only query funds and "
                "orders, create and cancel orders, and delete this one."
            )
        return [] if raw.get("ipAllowlist") else ["this key of kraken works from every address. Restrict it to yours."]

    def verdict(self, call: Call, error: BaseException) -> Verdict:
        """Judge by Kraken's own words, which come with HTTP 200."""
        said = call.data.get("error") if isinstance(call.data, dict) else None
        for text in said if isinstance(said, list) else ():
            word = str(text)
            if word.startswith("EOrder:Unknown order"):
                return Verdict(Meaning.NOT_FOUND, word)
            if "uplicate" in word:
                return Verdict(Meaning.DUPLICATE, word)
            if word.startswith("EOrder:Rate limit"):
                return Verdict(Meaning.NOT_SENT, word)
            if word.startswith(("EOrder:", "EService:Market in")):
                return Verdict(Meaning.REJECTED, word)
        return super().verdict(call, error)

    def _is(self, exchange: Any, pair: object, symbol: str) -> bool:
        market = exchange.market(symbol)
        return pair in (market["id"], market.get("altname"), market["info"].get("altname"))

    def _orders(self, exchange: Any, raw: Any, symbol: str) -> list[Order]:
        entries = dictionary(raw, "the orders").items()
        mine = ((name, entry) for name, entry in entries if self._is(exchange, entry["descr"].get("pair"), symbol))
        return [self._order(name, entry, symbol) for name, entry in mine]

    def _order(self, name: str, raw: Mapping[str, Any], symbol: str) -> Order:
        described = raw["descr"]
        quantity, filled = decimal_in(raw, "vol"), decimal_in(raw, "vol_exec")
        by_amount = "viqc" in str(raw.get("oflags", ""))
        kind = next((k for k, word in _TYPES.items() if word == described.get("ordertype")), OrderType.LIMIT)
        if kind is OrderType.LIMIT and "post" in str(raw.get("oflags", "")):
            kind = OrderType.LIMIT_MAKER
        prices = [optional(described, "price"), optional(described, "price2")]
        stop = prices.pop(0) if kind.has_stop else None
        opened = _time(raw, "opentm")
        return Order(
            client_id=self.client_ids.decode(str(raw.get("cl_ord_id") or "")),
            exchange_id=name,
            symbol=symbol,
            side=Side(text_in(described, "type")),
            type=kind,
            status=_status(text_in(raw, "status"), quantity, filled, by_amount=by_amount),
            quantity=None if by_amount else quantity,
            filled_quantity=filled,
            filled_value=decimal_in(raw, "cost"),
            created=opened,
            updated=_time(raw, "closetm") if raw.get("closetm") else opened,
            quote_amount=quantity if by_amount else None,
            price=prices[0] if kind.has_price else None,
            stop_price=stop,
        )


def _result(raw: Any) -> dict[str, Any]:
    return dictionary(dictionary(raw, "the answer").get("result"), "the answer's result")


@exact_money
def _balance(raw: Mapping[str, Any]) -> Balance:
    locked = decimal_in(raw, "hold_trade") if "hold_trade" in raw else ZERO
    return Balance(decimal_in(raw, "balance") - locked, locked)


def _status(word: str, quantity: Decimal, filled: Decimal, *, by_amount: bool) -> OrderStatus:
    if word == "closed":
        return OrderStatus.FILLED if by_amount or filled >= quantity else OrderStatus.CANCELLED
    status = _STATUSES.get(word)
    if status is None:
        raise BadAnswerError(f"the order's status is {word!r}, which means nothing here")
    return OrderStatus.PARTIALLY_FILLED if status is OrderStatus.NEW and filled else status


def _fill(name: str, raw: Mapping[str, Any], known: Mapping[str, str]) -> Fill:
    return Fill(
        id=name,
        intent_id=known.get(text_in(raw, "ordertxid"), ""),
        time=_time(raw, "time"),
        side=Side(text_in(raw, "type")),
        price=decimal_in(raw, "price"),
        quantity=decimal_in(raw, "vol"),
        fee=decimal_in(raw, "fee"),
    )


def _time(raw: Mapping[str, Any], name: str) -> int:
    return int(decimal_in(raw, name) * 1_000_000_000)


def _sorted(fills: list[Fill], since: int) -> list[Fill]:
    return sorted((fill for fill in fills if fill.time >= since), key=lambda fill: fill.time)
