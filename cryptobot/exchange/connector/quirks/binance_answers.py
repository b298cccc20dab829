"""Binance's raw answers in our own words; every number a Decimal of the digits that were sent."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from cryptobot.core.money import ZERO, Market
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Balance, Fill, Side
from cryptobot.exchange.connector.calls import Call
from cryptobot.exchange.connector.client_ids import ClientIds
from cryptobot.exchange.connector.failures import Meaning, Verdict
from cryptobot.exchange.connector.guard import BadAnswerError
from cryptobot.exchange.connector.numbers import decimal_in, listed_in, nanoseconds, optional, text_in
from cryptobot.exchange.connector.quirks.ticket import Answer, number
from cryptobot.exchange.rules import MarketRules, MarketStatus

_STATUSES: Final = {
    "NEW": OrderStatus.NEW,
    "PENDING_NEW": OrderStatus.NEW,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "PENDING_CANCEL": OrderStatus.NEW,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
_MARKETS: Final = {
    "TRADING": MarketStatus.TRADING,
    "CANCEL_ONLY": MarketStatus.CANCEL_ONLY,
    "HALT": MarketStatus.HALTED,
    "BREAK": MarketStatus.HALTED,
    "AUCTION_MATCH": MarketStatus.HALTED,
    "PRE_TRADING": MarketStatus.HALTED,
    "POST_TRADING": MarketStatus.HALTED,
    "END_OF_DAY": MarketStatus.HALTED,
}
# What its codes mean for an order. Whatever is not listed and came with HTTP 4xx was refused.
_CODES: Final = {
    **dict.fromkeys((-1003, -1015, -1034), Meaning.NOT_SENT),
    -1021: Meaning.CLOCK,
    **dict.fromkeys((-1000, -1001, -1004, -1006, -1007, -1008, -1016), Meaning.UNKNOWN),
    **dict.fromkeys((-1002, -1022, -1099, -1125, -2008, -2014, -2015), Meaning.AUTH),
    **dict.fromkeys((-2011, -2013), Meaning.NOT_FOUND),
}
_MESSAGES: Final = {
    "Duplicate order sent.": Meaning.DUPLICATE,
    "System is under maintenance.": Meaning.UNKNOWN,
    "This account may not place or cancel orders.": Meaning.AUTH,
    "This action is disabled on this account.": Meaning.AUTH,
}


def verdict_of(call: Call) -> Verdict | None:
    """Say what an error answer means, or return None if it is none of Binance's."""
    if not isinstance(call.data, dict) or not isinstance(call.data.get("code"), int):
        return None
    code, text = call.data["code"], str(call.data.get("msg", ""))
    meaning = _MESSAGES.get(text) or _CODES.get(code, Meaning.REJECTED)
    return Verdict(meaning, f"{text.rstrip('.')} (code {code})")


def order_of(raw: Mapping[str, Any], symbol: str, ids: ClientIds) -> Order:
    """Return an order as REST tells it."""
    quantity = decimal_in(raw, "origQty")
    filled = decimal_in(raw, "executedQty")
    created = nanoseconds(raw, "time" if "time" in raw else "transactTime")
    return _order(
        raw,
        symbol,
        # The answer to a cancel has an id of its own in `clientOrderId`.
        ids.decode(str(raw.get("origClientOrderId") or text_in(raw, "clientOrderId"))),
        {
            "id": "orderId", "side": "side", "type": "type", "status": "status", "in_force": "timeInForce",
            "price": "price", "stop": "stopPrice", "amount": "origQuoteOrderQty", "value": "cummulativeQuoteQty",
            "list": "orderListId",
        },
        quantity,
        filled,
        created,
        nanoseconds(raw, "updateTime") if "updateTime" in raw else created,
    )  # fmt: skip


def report_of(raw: Mapping[str, Any], symbol: str, ids: ClientIds) -> Answer:
    """Return what an execution report tells: the order, and the execution if it is about one."""
    # A cancel's report has the cancel's own id in `c` and the order's in `C`.
    client_id = ids.decode(str(raw.get("C") or text_in(raw, "c")))
    order = _order(
        raw,
        symbol,
        client_id,
        {
            "id": "i", "side": "S", "type": "o", "status": "X", "in_force": "f", "price": "p", "stop": "P",
            "amount": "Q", "value": "Z", "list": "g",
        },
        decimal_in(raw, "q"),
        decimal_in(raw, "z"),
        nanoseconds(raw, "O"),
        nanoseconds(raw, "T"),
    )  # fmt: skip
    if raw.get("x") != "TRADE":
        return Answer(order)
    names = {"id": "t", "price": "L", "quantity": "l", "fee": "n", "asset": "N"}
    return Answer(order, (_fill(raw, names, client_id, order.updated, order.side, symbol),))


def fills_of(raw: Mapping[str, Any], order: Order) -> tuple[Fill, ...]:
    """Return the executions that the full answer to an order holds."""
    names = {"id": "tradeId", "price": "price", "quantity": "qty", "fee": "commission", "asset": "commissionAsset"}
    return tuple(
        _fill(entry, names, order.client_id, order.updated, order.side, order.symbol)
        for entry in (listed_in(raw, "fills") if raw.get("fills") else [])
    )


def trade_of(raw: Mapping[str, Any], symbol: str, client_id: str) -> Fill:
    """Return one of the account's trades."""
    names = {"id": "id", "price": "price", "quantity": "qty", "fee": "commission", "asset": "commissionAsset"}
    side = Side.BUY if raw.get("isBuyer") else Side.SELL
    return _fill(raw, names, client_id, nanoseconds(raw, "time"), side, symbol)


def balances_of(raw: Any) -> dict[str, Balance]:
    """Return an account's balances; raises `BadAnswerError` if there are none, for every account names some."""
    entries = listed_in(raw, "balances")
    if not entries:
        raise BadAnswerError("the account names no currency at all")
    return {text_in(e, "asset"): Balance(decimal_in(e, "free"), decimal_in(e, "locked")) for e in entries}


def rules_of(raw: Mapping[str, Any], symbol: str) -> MarketRules:
    """Return a symbol's rules from the exchange information."""
    filters = {text_in(entry, "filterType"): entry for entry in listed_in(raw, "filters")}
    price, lot, market_lot, by_side, notional = (
        filters.get(name, {})
        for name in ("PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "PERCENT_PRICE_BY_SIDE", "NOTIONAL")
    )
    least = filters.get("MIN_NOTIONAL", {})
    percent = filters.get("PERCENT_PRICE", {})
    return MarketRules(
        Market(
            symbol,
            _rule(price, "tickSize"),
            _rule(lot, "stepSize"),
            _rule(notional, "minNotional") or _rule(least, "minNotional"),
        ),
        status=_MARKETS.get(str(raw.get("status")), MarketStatus.HALTED),
        order_types=frozenset(_types(raw)),
        min_price=_rule(price, "minPrice"),
        max_price=_rule(price, "maxPrice"),
        min_quantity=_rule(lot, "minQty"),
        max_quantity=_rule(lot, "maxQty"),
        market_lot_size=_rule(market_lot, "stepSize"),
        market_min_quantity=_rule(market_lot, "minQty"),
        market_max_quantity=_rule(market_lot, "maxQty"),
        max_notional=_rule(notional, "maxNotional"),
        min_notional_for_market=bool(notional.get("applyMinToMarket", least.get("applyToMarket", True))),
        max_notional_for_market=bool(notional.get("applyMaxToMarket", False)),
        bid_multiplier_up=_rule(by_side, "bidMultiplierUp") or _rule(percent, "multiplierUp"),
        bid_multiplier_down=_rule(by_side, "bidMultiplierDown") or _rule(percent, "multiplierDown"),
        ask_multiplier_up=_rule(by_side, "askMultiplierUp") or _rule(percent, "multiplierUp"),
        ask_multiplier_down=_rule(by_side, "askMultiplierDown") or _rule(percent, "multiplierDown"),
        max_orders=_count(filters.get("MAX_NUM_ORDERS", {}), "maxNumOrders"),
        max_algo_orders=_count(filters.get("MAX_NUM_ALGO_ORDERS", {}), "maxNumAlgoOrders"),
        oco=bool(raw.get("ocoAllowed", False)),
        quote_amount=bool(raw.get("quoteOrderQtyMarketAllowed", False)),
        exchange_symbol=text_in(raw, "symbol"),
        base_decimals=int(raw.get("baseAssetPrecision", 8)),
        quote_decimals=int(raw.get("quoteAssetPrecision", 8)),
    )


def weight_limit_of(raw: Mapping[str, Any]) -> int | None:
    """Return the request weight allowed a minute that the exchange information names."""
    for limit in listed_in(raw, "rateLimits") if raw.get("rateLimits") else []:
        if (limit.get("rateLimitType"), limit.get("interval"), limit.get("intervalNum")) == (
            "REQUEST_WEIGHT",
            "MINUTE",
            1,
        ):
            return int(limit["limit"])
    return None


def _order(
    raw: Mapping[str, Any],
    symbol: str,
    client_id: str,
    names: Mapping[str, str],
    quantity: Decimal,
    filled: Decimal,
    created: int,
    updated: int,
) -> Order:
    word = text_in(raw, names["status"])
    status = _STATUSES.get(word)
    if status is None:
        raise BadAnswerError(f"the order's status is {word!r}, which means nothing here")
    if status is OrderStatus.NEW and filled:
        status = OrderStatus.PARTIALLY_FILLED
    in_force = str(raw.get(names["in_force"]))
    list_id = raw.get(names["list"], -1)
    return Order(
        client_id=client_id,
        exchange_id=text_in(raw, names["id"]),
        symbol=symbol,
        side=Side(text_in(raw, names["side"]).lower()),
        type=_type(text_in(raw, names["type"])),
        status=status,
        quantity=quantity or None,
        filled_quantity=filled,
        # Below 0 for orders so old that Binance no longer knows.
        filled_value=max(ZERO, decimal_in(raw, names["value"])) if filled else ZERO,
        created=created,
        updated=updated,
        quote_amount=optional(raw, names["amount"]),
        price=optional(raw, names["price"]),
        stop_price=optional(raw, names["stop"]),
        time_in_force=TimeInForce(in_force) if in_force in set(TimeInForce) else TimeInForce.GTC,
        list_id=None if str(list_id) == "-1" else str(list_id),
    )


def _fill(raw: Mapping[str, Any], names: Mapping[str, str], client_id: str, time: int, side: Side, symbol: str) -> Fill:
    asset = raw.get(names["asset"])
    return Fill(
        id=text_in(raw, names["id"]),
        intent_id=client_id,
        time=time,
        side=side,
        price=decimal_in(raw, names["price"]),
        quantity=decimal_in(raw, names["quantity"]),
        fee=decimal_in(raw, names["fee"]),
        fee_asset=None if asset in (None, symbol.partition("/")[2]) else str(asset),
    )


def _type(word: str) -> OrderType:
    kind = word.lower()
    if kind not in set(OrderType):
        raise BadAnswerError(f"the order's type is {word!r}, which means nothing here")
    return OrderType(kind)


def _types(raw: Mapping[str, Any]) -> list[OrderType]:
    known = set(OrderType)
    return [OrderType(word.lower()) for word in raw.get("orderTypes", ()) if str(word).lower() in known]


def _rule(raw: Mapping[str, Any], name: str) -> Decimal | None:
    """Return a number of a filter without the zeros at its end, so that people can read it in messages."""
    found = optional(raw, name)
    return None if found is None else Decimal(number(found))


def _count(raw: Mapping[str, Any], name: str) -> int | None:
    found = optional(raw, name)
    return None if found is None else int(found)
