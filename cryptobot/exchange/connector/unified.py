"""ccxt's unified structures in our own words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.quotes import Quote
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Bar, Fill, Intent, Side
from cryptobot.exchange.connector.client_ids import ClientIds
from cryptobot.exchange.connector.guard import BadAnswerError
from cryptobot.exchange.connector.numbers import decimal_in, optional, text_in
from cryptobot.exchange.connector.quirks.ticket import Answer
from cryptobot.exchange.rules import MarketRules, MarketStatus

_DECIMAL_PLACES: Final = 2
_TICK_SIZE: Final = 4
_STATUSES: Final = {
    "open": OrderStatus.NEW,
    "canceled": OrderStatus.CANCELLED,
    "canceling": OrderStatus.NEW,
    "expired": OrderStatus.EXPIRED,
    "rejected": OrderStatus.REJECTED,
}
_BAR: Final = 6


def timeframes(exchange: Any) -> tuple[str, ...]:
    """Return the intervals that an exchange has candles of, shortest first; months are none of ours."""
    found = []
    for name in exchange.timeframes or {}:
        try:
            found.append(Timeframe.parse(name))
        except ConfigError:
            continue
    return tuple(str(timeframe) for timeframe in sorted(set(found)))


def bars_of(rows: Any, since: int) -> list[Bar]:
    """Return candles as bars, oldest first, each once (the last of several), from a time on.

    Raises
    ------
    BadAnswerError
        If a row is no candle.
    """
    if not isinstance(rows, list):
        raise BadAnswerError(f"candles came as {type(rows).__name__}, no list")
    bars: dict[int, Bar] = {}
    for row in rows:
        if not isinstance(row, Sequence) or len(row) < _BAR or not all(_finite(value) for value in row[:_BAR]):
            raise BadAnswerError(f"a candle came as {str(row)[:80]}")
        time = int(row[0]) * 1_000_000
        if time >= since:
            bars[time] = Bar(time, *(float(value) for value in row[1:_BAR]))
    return [bars[time] for time in sorted(bars)]


def quote_of(book: Mapping[str, Any], symbol: str, time: int) -> Quote:
    """Return the best prices of an order book.

    Raises
    ------
    DataError
        If one side of it is empty, or they cross.
    """
    bids, asks = book.get("bids"), book.get("asks")
    if not bids or not asks:
        raise DataError(f"{symbol}: nobody offers to {'buy' if not bids else 'sell'} now, so that there is no price.")
    stamp = book.get("timestamp")
    return checked(
        Quote(
            symbol,
            decimal_of(bids[0][0], "bid"),
            decimal_of(asks[0][0], "ask"),
            time if stamp is None else min(time, int(stamp) * 1_000_000),
            decimal_of(bids[0][1], "bid quantity"),
            decimal_of(asks[0][1], "ask quantity"),
        )
    )


def checked(quote: Quote) -> Quote:
    """Return a quote that can be traded on; raises `DataError` for prices of 0 or that cross."""
    if not 0 < quote.bid <= quote.ask:
        raise DataError(
            f"{quote.symbol}: the best prices are {quote.bid} bid and {quote.ask} asked, which cannot be. "
            "Nothing is traded on them."
        )
    return quote


def balances_of(raw: Mapping[str, Any]) -> dict[str, Balance]:
    """Return a unified balance; raises `BadAnswerError` if it names no currency at all."""
    total, free, used = raw.get("total"), raw.get("free"), raw.get("used")
    if not isinstance(total, dict) or not isinstance(free, dict) or not isinstance(used, dict) or not total:
        raise BadAnswerError("the answer about balances names no currency")
    return {
        str(asset): Balance(optional(free, asset) or Decimal(0), optional(used, asset) or Decimal(0)) for asset in total
    }


def taker_fee_of(market: Mapping[str, Any]) -> Decimal:
    """Return the taker's fee that ccxt knows of a market."""
    fee = market.get("taker")
    if fee is None:
        raise ConfigError(
            f"{market.get('symbol')}: nobody knows what a market order costs here. Say where fees are taken: buy_fee='base'."
        )
    return decimal_of(fee, "taker fee")


def rules_of(market: Mapping[str, Any], precision_mode: int, types: frozenset[OrderType]) -> MarketRules | None:
    """Return the rules that ccxt knows of a market, or None if it is no BASE/QUOTE."""
    symbol = str(market["symbol"])
    if "/" not in symbol or ":" in symbol:
        return None
    precision, limits = market.get("precision") or {}, market.get("limits") or {}
    amount, price, cost = (limits.get(name) or {} for name in ("amount", "price", "cost"))
    return MarketRules(
        Market(
            symbol,
            _step(precision.get("price"), precision_mode),
            _step(precision.get("amount"), precision_mode),
            optional(cost, "min"),
        ),
        status=MarketStatus.HALTED if market.get("active") is False else MarketStatus.TRADING,
        order_types=types,
        min_price=optional(price, "min"),
        max_price=optional(price, "max"),
        min_quantity=optional(amount, "min"),
        max_quantity=optional(amount, "max"),
        max_notional=optional(cost, "max"),
        oco=False,
        exchange_symbol=str(market["id"]),
    )


def answer_of(raw: Mapping[str, Any], intent: Intent) -> Answer:
    """Return what an exchange says of an order just sent; what it leaves out is as it was sent."""
    order_id = text_in(raw, "id")
    known = {order_id: intent.id}
    fills = tuple(fill_of(trade, known) for trade in raw.get("trades") or ())
    filled = optional(raw, "filled") or Decimal(0)
    time = _time(raw.get("timestamp"), intent.time)
    return Answer(
        Order(
            client_id=intent.id,
            exchange_id=order_id,
            symbol=intent.symbol,
            side=intent.side,
            type=intent.type,
            status=_status(raw, intent.quantity, filled),
            quantity=intent.quantity,
            filled_quantity=filled,
            filled_value=optional(raw, "cost") or Decimal(0) if filled else Decimal(0),
            created=time,
            updated=_time(raw.get("lastTradeTimestamp"), time),
            quote_amount=intent.quote_amount,
            price=intent.price,
            stop_price=intent.stop_price,
            time_in_force=intent.time_in_force,
        ),
        fills,
    )


def order_of(raw: Mapping[str, Any], ids: ClientIds) -> Order:
    """Return a unified order."""
    quantity = optional(raw, "amount")
    filled = optional(raw, "filled") or Decimal(0)
    time = _time(raw.get("timestamp"), 0)
    in_force = str(raw.get("timeInForce"))
    kind = str(raw.get("type") or "limit").lower()
    return Order(
        client_id=ids.decode(str(raw.get("clientOrderId") or "")),
        exchange_id=text_in(raw, "id"),
        symbol=text_in(raw, "symbol"),
        side=Side(text_in(raw, "side")),
        type=OrderType(kind) if kind in set(OrderType) else OrderType.LIMIT,
        status=_status(raw, quantity, filled),
        quantity=quantity,
        filled_quantity=filled,
        filled_value=optional(raw, "cost") or Decimal(0) if filled else Decimal(0),
        created=time,
        updated=_time(raw.get("lastUpdateTimestamp") or raw.get("lastTradeTimestamp"), time),
        price=optional(raw, "price"),
        stop_price=optional(raw, "triggerPrice"),
        time_in_force=TimeInForce(in_force) if in_force in set(TimeInForce) else TimeInForce.GTC,
    )


def fill_of(raw: Mapping[str, Any], known: Mapping[str, str]) -> Fill:
    """Return a unified execution."""
    fees = [entry for entry in (raw.get("fees") or [raw.get("fee")]) if entry and entry.get("cost") is not None]
    fee = fees[0] if fees else {"cost": 0, "currency": None}
    quote = text_in(raw, "symbol").partition("/")[2].partition(":")[0]
    asset = fee.get("currency")
    return Fill(
        id=text_in(raw, "id"),
        intent_id=known.get(str(raw.get("order")), ""),
        time=_time(raw.get("timestamp"), 0),
        side=Side(text_in(raw, "side")),
        price=decimal_in(raw, "price"),
        quantity=decimal_in(raw, "amount"),
        fee=decimal_in(fee, "cost"),
        fee_asset=None if asset in (None, quote) else str(asset),
    )


def _status(raw: Mapping[str, Any], quantity: Decimal | None, filled: Decimal) -> OrderStatus:
    word = str(raw.get("status") or "open")
    if word == "closed":
        return OrderStatus.FILLED if quantity is None or filled >= quantity else OrderStatus.CANCELLED
    status = _STATUSES.get(word)
    if status is None:
        raise BadAnswerError(f"the order's status is {word!r}, which means nothing here")
    return OrderStatus.PARTIALLY_FILLED if status is OrderStatus.NEW and filled else status


def _step(precision: Any, mode: int) -> Decimal | None:
    if precision is None or mode not in (_TICK_SIZE, _DECIMAL_PLACES):
        return None
    number = decimal_of(precision, "precision")
    step = number if mode == _TICK_SIZE else Decimal(1).scaleb(-int(number))
    return step if step > 0 else None


def _time(milliseconds: Any, otherwise: int) -> int:
    return otherwise if milliseconds is None else int(milliseconds) * 1_000_000


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
