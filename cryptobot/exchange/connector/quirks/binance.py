"""Binance spot, and every server that speaks its language."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

from cryptobot.core.errors import AuthError, ConfigError
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order
from cryptobot.core.quotes import Quote
from cryptobot.core.suggest import listed
from cryptobot.core.types import Balance, Fill, OcoIntent
from cryptobot.exchange.connector import unified
from cryptobot.exchange.connector.calls import Call
from cryptobot.exchange.connector.client import dead
from cryptobot.exchange.connector.client_ids import ClientIds
from cryptobot.exchange.connector.failures import Meaning, Verdict, by_status
from cryptobot.exchange.connector.numbers import decimal_in, dictionary, listed_in, nanoseconds, objects, text_in
from cryptobot.exchange.connector.quirks import binance_answers as answers
from cryptobot.exchange.connector.quirks.base import Quirks
from cryptobot.exchange.connector.quirks.ticket import Answer, Ticket, number
from cryptobot.exchange.rules import MarketRules

_PAGE: Final = 1000
_FORBIDDEN: Final = {
    "enableWithdrawals": "withdraw",
    "enableInternalTransfer": "transfer to other accounts",
    "permitsUniversalTransfer": "transfer between accounts",
}


class Binance(Quirks):
    """Binance's ways: raw requests, so that what is sent is to the digit what was checked."""

    id = "binance"
    # Only spot, and none of the further requests that ccxt would make as soon as it has keys.
    options: ClassVar[dict[str, Any]] = {
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "fetchMargins": False,
        "fetchCurrencies": False,
        # Where ccxt would keep what it asks of margin markets.
        "crossMarginPairsData": [],
        "isolatedMarginPairsData": [],
    }
    # ccxt's 50 ms use up exactly what Binance allows an address.
    rate_limit = 75.0
    page_limit = _PAGE
    client_ids = ClientIds(36)
    order_types = frozenset(OrderType)
    time_in_force = frozenset(TimeInForce)
    oco = True
    buy_fee = "base"
    testnet = True
    key_rights = True
    query_by_client_id = True
    has_spot_errors = True
    has_receive_window = True
    # Its order system answers within 10 s, and checks the validity of a request once more just before it is executed.
    settles_after = 15.0
    reports = True
    order_words = ("order", "spot", "mytrades")

    def point(self, exchange: Any, endpoint: str) -> None:
        """Send every request to a Binance-compatible server."""
        streams = endpoint.replace("http", "ws", 1)
        api = dead(exchange.urls["api"])
        api |= {"public": f"{endpoint}/api/v3", "private": f"{endpoint}/api/v3", "v1": f"{endpoint}/api/v1"}
        api |= {"sapi": f"{endpoint}/sapi/v1"}
        # ccxt takes a stream for a spot stream if its address holds "/stream".
        api["ws"] |= {"spot": f"{streams}/stream/ws", "margin": f"{streams}/stream/ws"}
        api["ws"]["ws-api"] |= {"spot": f"{streams}/ws-api/v3"}
        exchange.urls["api"] = api

    def confine(self, exchange: Any) -> None:
        """Cut off futures, options and the rest."""
        known = exchange.urls["api"]
        api = dead(known)
        kept = ("public", "private", "v1", "sapi")
        api |= {name: known[name] for name in kept if name in known}
        api["ws"] |= {name: known["ws"][name] for name in ("spot", "margin")}
        api["ws"]["ws-api"] |= {"spot": known["ws"]["ws-api"]["spot"]}
        exchange.urls["api"] = api

    async def load(self, exchange: Any) -> dict[str, MarketRules]:
        """Ask for the exchange information, once, for ccxt and for the rules."""
        raw = dictionary(await exchange.public_get_exchangeinfo(), "the exchange information")
        symbols = listed_in(raw, "symbols")
        exchange.set_markets(exchange.parse_markets(symbols))
        limit = answers.weight_limit_of(raw)
        if limit is not None:
            exchange.guard_gate.limit = limit
        spot = (m for m in exchange.markets.values() if m["spot"])
        return {market["symbol"]: answers.rules_of(market["info"], market["symbol"]) for market in spot}

    async def time(self, exchange: Any) -> int:
        """Return the server's time."""
        return nanoseconds(dictionary(await exchange.public_get_time(), "the time"), "serverTime")

    async def quote(self, exchange: Any, symbol: str, time: int) -> Quote:
        """Return the best bid and ask."""
        raw = await exchange.public_get_ticker_bookticker({"symbol": self._id(symbol)})
        raw = dictionary(raw, "the quote")
        bid, ask = decimal_in(raw, "bidPrice"), decimal_in(raw, "askPrice")
        return unified.checked(Quote(symbol, bid, ask, time, decimal_in(raw, "bidQty"), decimal_in(raw, "askQty")))

    async def balances(self, exchange: Any) -> dict[str, Balance]:
        """Return what the account holds."""
        return answers.balances_of(await exchange.private_get_account())

    async def taker_fee(self, exchange: Any, symbol: str) -> Decimal:
        """Return what the account pays as a taker."""
        raw = await exchange.private_get_account_commission({"symbol": self._id(symbol)})
        return decimal_in(dictionary(raw.get("standardCommission"), "the commission"), "taker")

    async def place(self, exchange: Any, ticket: Ticket) -> Answer:
        """Send an order and take its executions out of the full answer."""
        request = {
            "symbol": ticket.rules.exchange_symbol,
            "side": ticket.intent.side.upper(),
            "newClientOrderId": ticket.client_id,
            "newOrderRespType": "FULL",
            "type": ticket.intent.type.upper(),
            **_terms(ticket),
        }
        raw = dictionary(await exchange.private_post_order(request), "the answer to the order")
        order = answers.order_of(raw, ticket.intent.symbol, self.client_ids)
        return Answer(order, answers.fills_of(raw, order))

    async def place_pair(self, exchange: Any, pair: OcoIntent, above: Ticket, below: Ticket) -> list[Order]:
        """Send two orders of which one cancels the other."""
        request = {
            "symbol": above.rules.exchange_symbol,
            "side": above.intent.side.upper(),
            "quantity": number(above.intent.quantity or Decimal(0)),
            "listClientOrderId": self.client_ids.encode(pair.id),
            "newOrderRespType": "FULL",
        }
        for name, ticket in (("above", above), ("below", below)):
            request |= {f"{name}Type": ticket.intent.type.upper(), f"{name}ClientOrderId": ticket.client_id}
            terms = _terms(ticket)
            terms.pop("quantity", None)
            request |= {name + term[0].upper() + term[1:]: value for term, value in terms.items()}
        raw = dictionary(await exchange.private_post_orderlist_oco(request), "the answer to the pair")
        return [answers.order_of(r, above.intent.symbol, self.client_ids) for r in listed_in(raw, "orderReports")]

    async def cancel(self, exchange: Any, symbol: str, client_id: str, exchange_id: str | None) -> None:
        """Ask for an order to be cancelled."""
        await exchange.private_delete_order(self._named(symbol, client_id, exchange_id))

    async def order(self, exchange: Any, symbol: str, client_id: str, exchange_id: str | None) -> Order:
        """Return the newest order of a client id."""
        raw = dictionary(await exchange.private_get_order(self._named(symbol, client_id, exchange_id)), "the order")
        return answers.order_of(raw, symbol, self.client_ids)

    async def open_orders(self, exchange: Any, symbol: str) -> list[Order]:
        """Return a market's open orders."""
        raw = await exchange.private_get_openorders({"symbol": self._id(symbol)})
        return [answers.order_of(entry, symbol, self.client_ids) for entry in objects(raw, "open orders")]

    async def fills(self, exchange: Any, symbol: str, since: int, known: Mapping[str, str]) -> list[Fill]:
        """Return a market's executions since a time, page by page."""
        raw: list[dict[str, Any]] = []
        request: dict[str, Any] = {"startTime": since // 1_000_000} if since > 0 else {"fromId": 0}
        while True:
            page = await exchange.private_get_mytrades({"symbol": self._id(symbol), "limit": _PAGE, **request})
            raw += objects(page, "trades")
            if len(page) < _PAGE:
                break
            request = {"fromId": int(text_in(page[-1], "id")) + 1}
        raw = [entry for entry in raw if nanoseconds(entry, "time") >= since]
        names = dict(known)
        unknown = [int(text_in(entry, "orderId")) for entry in raw if text_in(entry, "orderId") not in names]
        if unknown:
            names |= await self._client_ids_from(exchange, symbol, min(unknown), max(unknown))
        return [answers.trade_of(entry, symbol, names.get(text_in(entry, "orderId"), "")) for entry in raw]

    async def fills_of(self, exchange: Any, order: Order) -> list[Fill]:
        """Return the executions of one order."""
        request = {"symbol": self._id(order.symbol), "orderId": order.exchange_id, "limit": _PAGE}
        raw = objects(await exchange.private_get_mytrades(request), "trades")
        return [answers.trade_of(entry, order.symbol, order.client_id) for entry in raw]

    async def check_rights(self, exchange: Any) -> list[str]:
        """Refuse a key that may withdraw or transfer; warn of one that works from any address."""
        raw = dictionary(await exchange.sapi_get_account_apirestrictions(), "the key's rights")
        unclear = [name for name in _FORBIDDEN if not isinstance(raw.get(name), bool)]
        if unclear:
            raise AuthError(
                f"{self.id} does not say of this key: {listed(unclear)}. Without that the key is not used: anything it "
                "may do beyond trading could cost everything."
            )
        wrong = [word for name, word in _FORBIDDEN.items() if raw[name]]
        if wrong:
            raise AuthError(
                f"this key of {self.id} may {' and '.join(wrong)}. A bot never needs that: make a key that may only "
                "read and trade spot, and delete this one."
            )
        if raw.get("ipRestrict") is not True:
            return [
                f"this key of {self.id} works from every address. Restrict it to yours: a stolen key is then worthless."
            ]
        return []

    async def subscribe(self, exchange: Any, symbol: str) -> None:
        """Subscribe to the user's own events."""
        await exchange.ensure_user_data_stream_ws_subscribe_signature("spot")

    def report(self, message: Mapping[str, Any]) -> Answer | None:
        """Read an execution report."""
        if message.get("e") != "executionReport":
            return None
        symbols = (s for s, rules in self.rules.items() if rules.exchange_symbol == message.get("s"))
        symbol = next(symbols, None)
        return None if symbol is None else answers.report_of(message, symbol, self.client_ids)

    def verdict(self, call: Call, error: BaseException) -> Verdict:
        """Judge by status first: 5xx is unknown whatever the code says."""
        found = by_status(call, error) or answers.verdict_of(call)
        return found or Verdict(Meaning.UNKNOWN, f"HTTP {call.status}, an answer that is none of {self.id}'s")

    async def _client_ids_from(self, exchange: Any, symbol: str, first: int, last: int) -> dict[str, str]:
        """Return the client ids of a range of orders, by order id."""
        found: dict[str, str] = {}
        while first <= last:
            request = {"symbol": self._id(symbol), "orderId": first, "limit": _PAGE}
            page = objects(await exchange.private_get_allorders(request), "orders")
            found |= {text_in(e, "orderId"): self.client_ids.decode(text_in(e, "clientOrderId")) for e in page}
            if len(page) < _PAGE:
                break
            first = max(int(text_in(entry, "orderId")) for entry in page) + 1
        return found

    def _named(self, symbol: str, client_id: str, exchange_id: str | None) -> dict[str, str]:
        """Return what names an order in a request: by the client's id only while the exchange's is unknown."""
        named = {"orderId": exchange_id} if exchange_id else {"origClientOrderId": self.client_ids.encode(client_id)}
        return {"symbol": self._id(symbol), **named}

    def _id(self, symbol: str) -> str:
        with contextlib.suppress(KeyError):
            return self.rules[symbol].exchange_symbol
        raise ConfigError(f"symbol: {self.id} has no market {symbol!r}.")


def _terms(ticket: Ticket) -> dict[str, str]:
    """Return quantity, prices and time in force, those that the order's type has."""
    intent = ticket.intent
    terms: dict[str, str] = {}
    if ticket.quote_amount is not None:
        terms["quoteOrderQty"] = number(ticket.quote_amount)
    elif intent.quantity is not None:
        terms["quantity"] = number(intent.quantity)
    if intent.price is not None:
        terms["price"] = number(intent.price)
        if intent.type is not OrderType.LIMIT_MAKER:
            terms["timeInForce"] = str(intent.time_in_force)
    if intent.stop_price is not None:
        terms["stopPrice"] = number(intent.stop_price)
    return terms
