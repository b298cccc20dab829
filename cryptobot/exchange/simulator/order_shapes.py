"""Orders, fills and pairs as the exchange writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptobot.core.money import ZERO
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Fill, Side
from cryptobot.exchange.matching.events import Ended, EndReason, Executed
from cryptobot.exchange.rules import MarketRules
from cryptobot.exchange.simulator.numbers import milliseconds, text

SELF_TRADE: Final = "EXPIRE_MAKER"
_STATUS: Final = {
    OrderStatus.NEW: "NEW",
    OrderStatus.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderStatus.FILLED: "FILLED",
    OrderStatus.CANCELLED: "CANCELED",
    OrderStatus.REJECTED: "REJECTED",
    OrderStatus.EXPIRED: "EXPIRED",
}
_EXPIRY: Final = {
    EndReason.PAIR: "OCO_TRIGGER",
    EndReason.NOT_AT_ONCE: "INSUFFICIENT_LIQUIDITY",
    EndReason.NO_BALANCE: "REJECTED",
    EndReason.UNTRADABLE: "REJECTED",
    EndReason.DELISTED: "EXCHANGE_CANCELED",
}
_NOTHING: Final = text(ZERO)


@dataclass(slots=True)
class OrderList:
    """A pair of orders as the exchange keeps it.

    Attributes
    ----------
    id, client_id
        The exchange's and the sender's id.
    symbol
        As Binance writes it.
    orders
        Exchange id and client id of both orders, the one above first.
    time
        When it last changed, nanoseconds since 1970-01-01 UTC.
    done
        Whether both have ended.
    """

    id: int
    client_id: str
    symbol: str
    orders: tuple[tuple[str, str], ...]
    time: int
    done: bool = False

    @property
    def shape(self) -> dict[str, Any]:
        """What a client is told of it."""
        return {
            "orderListId": self.id,
            "contingencyType": "OCO",
            "listStatusType": "ALL_DONE" if self.done else "EXEC_STARTED",
            "listOrderStatus": "ALL_DONE" if self.done else "EXECUTING",
            "listClientOrderId": self.client_id,
            "transactionTime": milliseconds(self.time),
            "symbol": self.symbol,
            "orders": [
                {"symbol": self.symbol, "orderId": int(order), "clientOrderId": client} for order, client in self.orders
            ],
        }


def list_id(order: Order) -> int:
    """Return the id of an order's pair, or -1."""
    return -1 if order.list_id is None else int(order.list_id)


def acknowledged(order: Order, symbol: str) -> dict[str, Any]:
    """Answer a new order with ``newOrderRespType=ACK``."""
    return {
        "symbol": symbol,
        "orderId": int(order.exchange_id),
        "orderListId": list_id(order),
        "clientOrderId": order.client_id,
        "transactTime": milliseconds(order.updated),
    }


def resulting(order: Order, symbol: str, working: int | None) -> dict[str, Any]:
    """Answer a new order with ``newOrderRespType=RESULT``.

    Parameters
    ----------
    order, symbol
        The order, and its market as Binance writes it.
    working
        Since when it is in the book, nanoseconds; None while it waits for its stop price.
    """
    return (
        acknowledged(order, symbol)
        | _amounts(order)
        | {
            "workingTime": _since(working),
            "selfTradePreventionMode": SELF_TRADE,
        }
    )


def full(order: Order, symbol: str, working: int | None, fills: Sequence[Fill], rules: MarketRules) -> dict[str, Any]:
    """Answer a new order with ``newOrderRespType=FULL``: with its executions; see `resulting`."""
    return resulting(order, symbol, working) | {
        "fills": [
            {
                "price": text(fill.price),
                "qty": text(fill.quantity),
                "commission": text(fill.fee),
                "commissionAsset": fill.fee_asset or rules.market.quote,
                "tradeId": int(fill.id),
            }
            for fill in fills
        ]
    }


def cancelled(order: Order, symbol: str, cancel_id: str) -> dict[str, Any]:
    """Answer a cancel: the client id is the cancel's own, the order's stands beside it."""
    return (
        {"symbol": symbol, "origClientOrderId": order.client_id}
        | acknowledged(order, symbol)
        | {"clientOrderId": cancel_id}
        | _amounts(order)
        | {"selfTradePreventionMode": SELF_TRADE}
    )


def queried(order: Order, symbol: str, working: int | None) -> dict[str, Any]:
    """Answer a question about an order; see `resulting`."""
    shape = {
        "symbol": symbol,
        "orderId": int(order.exchange_id),
        "orderListId": list_id(order),
        "clientOrderId": order.client_id,
    }
    return (
        shape
        | {"stopPrice": _NOTHING}
        | _amounts(order)
        | {
            "icebergQty": _NOTHING,
            "time": milliseconds(order.created),
            "updateTime": milliseconds(order.updated),
            "isWorking": working is not None,
            "workingTime": _since(working),
            "selfTradePreventionMode": SELF_TRADE,
        }
    )


def trade(fill: Fill, order: Order, symbol: str, rules: MarketRules, *, maker: bool) -> dict[str, Any]:
    """Write an execution as ``/api/v3/myTrades`` does."""
    return {
        "symbol": symbol,
        "id": int(fill.id),
        "orderId": int(order.exchange_id),
        "orderListId": list_id(order),
        "price": text(fill.price),
        "qty": text(fill.quantity),
        "quoteQty": text(fill.price * fill.quantity),
        "commission": text(fill.fee),
        "commissionAsset": fill.fee_asset or rules.market.quote,
        "time": milliseconds(fill.time),
        "isBuyer": fill.side is Side.BUY,
        "isMaker": maker,
        "isBestMatch": True,
    }


def execution_report(
    order: Order,
    symbol: str,
    rules: MarketRules,
    *,
    time: int,
    number: int,
    working: int | None,
    executed: Executed | None = None,
    ended: Ended | None = None,
    cancel_id: str = "",
) -> dict[str, Any]:
    """Write what happened to an order as the user stream does.

    Parameters
    ----------
    order
        As it is now.
    symbol
        As Binance writes it.
    rules
        Of its market.
    time
        When it is told, milliseconds.
    number
        Id of this report.
    working
        Since when it is in the book, nanoseconds; None while it waits for its stop price.
    executed, ended
        What happened, unless it was accepted.
    cancel_id
        For a cancel: its own client id.
    """
    fill = executed.fill if executed else None
    kind = "TRADE" if fill else "NEW" if ended is None else _STATUS[order.status]
    report = {
        "e": "executionReport",
        "E": time,
        "s": symbol,
        "c": cancel_id or order.client_id,
        "S": order.side.value.upper(),
        "o": order.type.value.upper(),
        "f": order.time_in_force.value,
        "q": text(order.quantity if order.quantity is not None else order.filled_quantity),
        "p": text(order.price or ZERO),
        "P": text(order.stop_price or ZERO),
        "F": _NOTHING,
        "g": list_id(order),
        "C": order.client_id if cancel_id else "",
        "x": kind,
        "X": _STATUS[order.status],
        "r": "NONE",
        "i": int(order.exchange_id),
        "l": text(fill.quantity if fill else ZERO),
        "z": text(order.filled_quantity),
        "L": text(fill.price if fill else ZERO),
        "n": text(fill.fee) if fill else "0",
        "N": (fill.fee_asset or rules.market.quote) if fill else None,
        "T": milliseconds(order.updated),
        "t": int(fill.id) if fill else -1,
        "I": number,
        "w": order.is_open and working is not None,
        "m": executed is not None and executed.maker,
        "M": False,
        "O": milliseconds(order.created),
        "Z": text(order.filled_value),
        "Y": text(fill.price * fill.quantity if fill else ZERO),
        "Q": text(order.quote_amount or ZERO),
        "V": SELF_TRADE,
    }
    if working is not None:
        report["W"] = milliseconds(working)
    if ended is not None and order.status is OrderStatus.EXPIRED:
        report["eR"] = _EXPIRY.get(ended.reason, "EXCHANGE_CANCELED")
    return report


def list_status(pair: OrderList, time: int) -> dict[str, Any]:
    """Write what happened to a pair as the user stream does; ``time`` in milliseconds."""
    shape = pair.shape
    return {
        "e": "listStatus",
        "E": time,
        "s": pair.symbol,
        "g": pair.id,
        "c": "OCO",
        "l": shape["listStatusType"],
        "L": shape["listOrderStatus"],
        "r": "NONE",
        "C": pair.client_id,
        "T": shape["transactionTime"],
        "O": [{"s": pair.symbol, "i": int(order), "c": client} for order, client in pair.orders],
    }


def _since(working: int | None) -> int:
    return -1 if working is None else milliseconds(working)


def _amounts(order: Order) -> dict[str, Any]:
    shape = {
        "price": text(order.price or ZERO),
        "origQty": text(order.quantity if order.quantity is not None else order.filled_quantity),
        "executedQty": text(order.filled_quantity),
        "origQuoteOrderQty": text(order.quote_amount or ZERO),
        "cummulativeQuoteQty": text(order.filled_value),
        "status": _STATUS[order.status],
        "timeInForce": order.time_in_force.value,
        "type": order.type.value.upper(),
        "side": order.side.value.upper(),
    }
    if order.stop_price is not None:
        shape["stopPrice"] = text(order.stop_price)
    return shape
