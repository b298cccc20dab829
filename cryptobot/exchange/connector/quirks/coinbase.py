"""Coinbase Advanced Trade."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from cryptobot.core.errors import AuthError
from cryptobot.core.money import ZERO, exact_money, floor_to
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Balance, Fill, Intent, Side
from cryptobot.exchange.connector import unified
from cryptobot.exchange.connector.calls import Call
from cryptobot.exchange.connector.client_ids import ClientIds
from cryptobot.exchange.connector.failures import Meaning, Verdict
from cryptobot.exchange.connector.guard import BadAnswerError
from cryptobot.exchange.connector.numbers import decimal_in, dictionary, listed_in, nanoseconds, optional, text_in
from cryptobot.exchange.connector.quirks.base import Quirks, newest
from cryptobot.exchange.connector.quirks.ticket import Answer, Ticket, number
from cryptobot.exchange.rules import MarketRules, MarketStatus

_STATUSES: Final = {
    "PENDING": OrderStatus.NEW,
    "QUEUED": OrderStatus.NEW,
    "OPEN": OrderStatus.NEW,
    "CANCEL_QUEUED": OrderStatus.NEW,
    "EDIT_QUEUED": OrderStatus.NEW,
    "FILLED": OrderStatus.FILLED,
    "CANCELLED": OrderStatus.CANCELLED,
    "EXPIRED": OrderStatus.EXPIRED,
    "FAILED": OrderStatus.REJECTED,
}
_NO_REASON: Final = {"", "UNKNOWN_FAILURE_REASON", "INTERNAL"}
_PAGE: Final = 250


class Coinbase(Quirks):
    """Coinbase's ways: no stream of candles, no test network, answers to orders hold no executions."""

    id = "coinbase"
    page_limit = 300
    client_ids = ClientIds(64)
    order_types = frozenset(
        {
            OrderType.MARKET,
            OrderType.LIMIT,
            OrderType.LIMIT_MAKER,
            OrderType.STOP_LOSS_LIMIT,
            OrderType.TAKE_PROFIT_LIMIT,
        }
    )
    time_in_force = frozenset(TimeInForce)
    buy_fee = "included"
    key_rights = True
    query_by_client_id = True

    def point(self, exchange: Any, endpoint: str) -> None:
        """Send every request to another server."""
        exchange.urls["api"] = {"rest": endpoint, "ws": endpoint.replace("http", "ws", 1) + "/ws"}

    def rules_of(self, exchange: Any, market: Mapping[str, Any]) -> MarketRules | None:
        """Return a product's rules from its raw description."""
        rules = unified.rules_of(market, exchange.precisionMode, self.order_types)
        if rules is None:
            return None
        raw = market["info"]
        closed = any(raw.get(name) for name in ("trading_disabled", "is_disabled", "view_only", "auction_mode"))
        status = MarketStatus.CANCEL_ONLY if raw.get("cancel_only") else MarketStatus.TRADING
        limits = (OrderType.LIMIT, OrderType.LIMIT_MAKER)
        types = frozenset(limits) if raw.get("limit_only") else self.order_types
        return replace(
            rules,
            market=replace(
                rules.market,
                tick_size=optional(raw, "price_increment") or optional(raw, "quote_increment"),
                lot_size=optional(raw, "base_increment"),
                min_notional=optional(raw, "quote_min_size"),
            ),
            status=MarketStatus.HALTED if closed else status,
            order_types=frozenset({OrderType.LIMIT_MAKER}) if raw.get("post_only") else types,
            min_quantity=optional(raw, "base_min_size"),
            max_quantity=optional(raw, "base_max_size"),
            max_notional=optional(raw, "quote_max_size"),
            max_notional_for_market=True,
            quote_decimals=_decimals(raw, "quote_increment"),
        )

    async def time(self, exchange: Any) -> int:
        """Return the server's time, in milliseconds where ccxt would take whole seconds."""
        return nanoseconds(dictionary(await exchange.v3_public_get_brokerage_time(), "the time"), "epochMillis")

    async def balances(self, exchange: Any) -> dict[str, Balance]:
        """Return what the account holds, page by page."""
        found: dict[str, Balance] = {}
        request: dict[str, Any] = {"limit": _PAGE}
        while True:
            raw = await exchange.v3_private_get_brokerage_accounts(request)
            for entry in listed_in(raw, "accounts"):
                free = decimal_in(dictionary(entry.get("available_balance"), "a balance"), "value")
                locked = decimal_in(dictionary(entry.get("hold"), "a hold"), "value")
                name = text_in(entry, "currency")
                held = found.get(name, Balance(ZERO))
                found[name] = Balance(held.free + free, held.locked + locked)
            if not raw.get("has_next") or not raw.get("cursor"):
                return found
            request["cursor"] = raw["cursor"]

    async def taker_fee(self, exchange: Any, symbol: str) -> Decimal:
        """Return what the account pays as a taker."""
        raw = dictionary(await exchange.v3_private_get_brokerage_transaction_summary(), "the summary")
        return decimal_in(dictionary(raw.get("fee_tier"), "the fee tier"), "taker_fee_rate")

    async def place(self, exchange: Any, ticket: Ticket) -> Answer:
        """Send an order; whether and how it was filled is not in the answer."""
        raw = await exchange.v3_private_post_brokerage_orders(
            {
                # ccxt's own method would put a random id here, whatever it is given as `clientOrderId`.
                "client_order_id": ticket.client_id,
                "product_id": ticket.rules.exchange_symbol,
                "side": ticket.intent.side.upper(),
                "order_configuration": _configuration(ticket),
            }
        )
        made = dictionary(dictionary(raw, "the answer").get("success_response"), "the answer's order")
        return unified.answer_of({"id": text_in(made, "order_id")}, ticket.intent)

    async def cancel(self, exchange: Any, symbol: str, client_id: str, exchange_id: str | None) -> None:
        """Ask for an order to be cancelled; whether that worked is asked afterwards."""
        found = exchange_id or (await self.order(exchange, symbol, client_id, None)).exchange_id
        await exchange.v3_private_post_brokerage_orders_batch_cancel({"order_ids": [found]})

    async def order(self, exchange: Any, symbol: str, client_id: str, exchange_id: str | None) -> Order:
        """Return the newest order of a client id: by the exchange's id, else among the newest orders."""
        if exchange_id is not None:
            raw = await exchange.v3_private_get_brokerage_orders_historical_order_id({"order_id": exchange_id})
            return self._order(dictionary(dictionary(raw, "the answer").get("order"), "the order"), symbol)
        found = await self.open_orders(exchange, symbol) + await self._batch(exchange, symbol, {})
        return newest(found, client_id, self.id)

    async def open_orders(self, exchange: Any, symbol: str) -> list[Order]:
        """Return a market's open orders."""
        found = await self._batch(exchange, symbol, {"order_status": ["OPEN"]})
        return sorted((order for order in found if order.is_open), key=lambda order: order.created)

    async def fills(self, exchange: Any, symbol: str, since: int, known: Mapping[str, str]) -> list[Fill]:
        """Return a market's executions since a time."""
        names = dict(known)
        started = dt.datetime.fromtimestamp(since // 1_000_000_000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ids = {"product_ids": [self.rules[symbol].exchange_symbol], "start_sequence_timestamp": started}
        raw = await self._fills(exchange, ids)
        if any(entry.get("order_id") not in names for entry in raw):
            names |= {order.exchange_id: order.client_id for order in await self._batch(exchange, symbol, {})}
        found = [self._fill(entry, symbol, names) for entry in raw]
        return sorted((fill for fill in found if fill.time >= since), key=lambda fill: fill.time)

    async def fills_of(self, exchange: Any, order: Order) -> list[Fill]:
        """Return the executions of one order."""
        raw = await self._fills(exchange, {"order_ids": [order.exchange_id]})
        mine = (entry for entry in raw if entry.get("order_id") == order.exchange_id)
        found = [self._fill(entry, order.symbol, {order.exchange_id: order.client_id}) for entry in mine]
        return sorted(found, key=lambda fill: fill.time)

    async def check_rights(self, exchange: Any) -> list[str]:
        """Refuse a key that may transfer."""
        raw = dictionary(await exchange.v3_private_get_brokerage_key_permissions(), "the key's rights")
        may = raw.get("can_transfer")
        if not isinstance(may, bool):
            raise AuthError("coinbase does not say whether this key may transfer. Without that the key is not used.")
        if may:
            raise AuthError(
                "this key of coinbase may transfer money away. A bot never needs that: make a key that may only view "
                "and trade, and delete this one."
            )
        return []

    def verdict(self, call: Call, error: BaseException) -> Verdict:
        """Judge by Coinbase's own words: a refused order comes with HTTP 200."""
        raw = call.data if isinstance(call.data, dict) else {}
        refusal = raw.get("error_response")
        if isinstance(refusal, dict) and (call.status or 0) < 500:
            names = ("error", "preview_failure_reason", "new_order_failure_reason")
            reasons = [str(refusal.get(name) or "") for name in names]
            told = [reason for reason in reasons if reason not in _NO_REASON and not reason.startswith("UNKNOWN")]
            text = ": ".join(dict.fromkeys([*told, str(refusal.get("message") or "")])).strip(": ")
            return Verdict(Meaning.REJECTED if told else Meaning.UNKNOWN, text or "no reason is given")
        return super().verdict(call, error)

    async def _batch(self, exchange: Any, symbol: str, request: dict[str, Any]) -> list[Order]:
        asked = {"product_ids": [self.rules[symbol].exchange_symbol], "limit": _PAGE, **request}
        raw = await exchange.v3_private_get_brokerage_orders_historical_batch(asked)
        product = self.rules[symbol].exchange_symbol
        return [self._order(entry, symbol) for entry in listed_in(raw, "orders") if entry.get("product_id") == product]

    async def _fills(self, exchange: Any, request: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        asked = {"limit": _PAGE, **request}
        while True:
            raw = await exchange.v3_private_get_brokerage_orders_historical_fills(asked)
            page = listed_in(raw, "fills")
            found += [entry for entry in page if entry.get("trade_type", "FILL") == "FILL"]
            if not page or not raw.get("cursor"):
                return found
            asked["cursor"] = raw["cursor"]

    def _order(self, raw: Mapping[str, Any], symbol: str) -> Order:
        [(kind, terms)] = dictionary(raw.get("order_configuration"), "the order's configuration").items()
        quantity, filled = optional(terms, "base_size"), decimal_in(raw, "filled_size")
        word = text_in(raw, "status")
        status = _STATUSES.get(word)
        if status is None:
            raise BadAnswerError(f"the order's status is {word!r}, which means nothing here")
        if status is OrderStatus.NEW and filled:
            status = OrderStatus.PARTIALLY_FILLED
        side = Side(text_in(raw, "side").lower())
        created = _time(raw, "created_time")
        in_force = kind.rpartition("_")[2].upper()
        return Order(
            client_id=self.client_ids.decode(str(raw.get("client_order_id") or "")),
            exchange_id=text_in(raw, "order_id"),
            symbol=symbol,
            side=side,
            type=_type(kind, terms, side),
            status=status,
            quantity=quantity,
            filled_quantity=filled,
            filled_value=decimal_in(raw, "filled_value"),
            created=created,
            updated=_time(raw, "last_fill_time") if raw.get("last_fill_time") else created,
            quote_amount=optional(terms, "quote_size"),
            price=optional(terms, "limit_price"),
            stop_price=optional(terms, "stop_price"),
            time_in_force=(
                TimeInForce(in_force)
                if in_force in set(TimeInForce) and not kind.startswith("market")
                else TimeInForce.GTC
            ),
        )

    @exact_money
    def _fill(self, raw: Mapping[str, Any], symbol: str, known: Mapping[str, str]) -> Fill:
        price, size = decimal_in(raw, "price"), decimal_in(raw, "size")
        if raw.get("size_in_quote"):
            lot = self.rules[symbol].market.lot_size
            size = size / price if lot is None else floor_to(size / price, lot)
        return Fill(
            id=text_in(raw, "trade_id"),
            intent_id=known.get(text_in(raw, "order_id"), ""),
            time=_time(raw, "trade_time"),
            side=Side(text_in(raw, "side").lower()),
            price=price,
            quantity=size,
            fee=decimal_in(raw, "commission"),
        )


def _configuration(ticket: Ticket) -> dict[str, dict[str, Any]]:
    """Return the part of an order that depends on its type."""
    intent = ticket.intent
    if intent.type is OrderType.MARKET:
        if ticket.quote_amount is not None:
            return {"market_market_ioc": {"quote_size": number(ticket.quote_amount)}}
        return {"market_market_ioc": {"base_size": number(intent.quantity or ZERO)}}
    terms: dict[str, Any] = {
        "base_size": number(intent.quantity or ZERO),
        "limit_price": number(intent.price or ZERO),
    }
    if intent.stop_price is not None:
        terms |= {"stop_price": number(intent.stop_price), "stop_direction": _direction(intent)}
        return {"stop_limit_stop_limit_gtc": terms}
    if intent.time_in_force is TimeInForce.IOC:
        return {"sor_limit_ioc": terms}
    if intent.time_in_force is TimeInForce.FOK:
        return {"limit_limit_fok": terms}
    return {"limit_limit_gtc": {**terms, "post_only": intent.type is OrderType.LIMIT_MAKER}}


def _direction(intent: Intent) -> str:
    falling = (intent.side is Side.SELL) is (intent.type is OrderType.STOP_LOSS_LIMIT)
    return "STOP_DIRECTION_STOP_DOWN" if falling else "STOP_DIRECTION_STOP_UP"


def _type(kind: str, terms: Mapping[str, Any], side: Side) -> OrderType:
    if kind.startswith("market"):
        return OrderType.MARKET
    if kind.startswith("stop_limit"):
        falling = str(terms.get("stop_direction", "")).endswith("DOWN")
        return OrderType.STOP_LOSS_LIMIT if falling is (side is Side.SELL) else OrderType.TAKE_PROFIT_LIMIT
    return OrderType.LIMIT_MAKER if terms.get("post_only") else OrderType.LIMIT


def _time(raw: Mapping[str, Any], name: str) -> int:
    """Return a time written as text, with up to nine decimals of a second."""
    text = text_in(raw, name).replace("Z", "")
    whole, _, fraction = text.partition(".")
    try:
        seconds = int(dt.datetime.fromisoformat(whole + "+00:00").timestamp())
        return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)
    except ValueError:
        raise BadAnswerError(f"the answer's `{name}` is {text!r}, no time") from None


def _decimals(raw: Mapping[str, Any], name: str) -> int:
    step = optional(raw, name)
    exponent = 8 if step is None else -int(step.normalize().as_tuple().exponent)
    return max(0, exponent)
