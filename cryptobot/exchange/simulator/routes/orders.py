"""Orders: new ones, cancels, questions."""

from __future__ import annotations

from typing import Any, Final

from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.types import Fill
from cryptobot.exchange.filters import violation
from cryptobot.exchange.simulator import order_shapes as shapes
from cryptobot.exchange.simulator.answers import NO_SUCH_ORDER, UNKNOWN_ORDER, ApiError, refused
from cryptobot.exchange.simulator.parameters import CLIENT_ID, SYMBOL, Parameter, one_of
from cryptobot.exchange.simulator.routes.market import limit_of, nanoseconds
from cryptobot.exchange.simulator.routes.order_values import ORDER, SYMBOL_PARAMETER, order_of
from cryptobot.exchange.simulator.routes.route import Route, Values
from cryptobot.exchange.simulator.world import World

_DAY: Final = 86_400_000
_ID: Final = (Parameter("orderId", "whole"), Parameter("origClientOrderId", legal=CLIENT_ID))
_RESTRICTIONS: Final = Parameter(
    "cancelRestrictions",
    "choice",
    choices=("ONLY_NEW", "ONLY_PARTIALLY_FILLED"),
    wrong=(-1145, "Invalid cancelRestrictions"),
)


def shape_new(world: World, order: Order, fills: list[Fill], values: Values) -> dict[str, Any]:
    """Write the answer to a new order in the form that was asked for."""
    name = values["symbol"]
    plain = order.type in (OrderType.MARKET, OrderType.LIMIT)
    kind = values.get("newOrderRespType") or ("FULL" if plain else "ACK")
    if kind == "ACK":
        return shapes.acknowledged(order, name)
    working = world.desk.working(order)
    if kind == "RESULT":
        return shapes.resulting(order, name, working)
    return shapes.full(order, name, working, fills, world.rules)


def _place(world: World, values: Values) -> Any:
    order, fills = world.desk.place(order_of(world, values), world.now)
    return shape_new(world, order, fills, values)


def _test(world: World, values: Values) -> Any:
    intent = order_of(world, values)
    found = violation(world.rules, intent, reference_price=world.core.price(intent.symbol))
    if found is not None:
        raise refused(found.rule)
    return {}


def _cancel(world: World, values: Values) -> Any:
    symbol = world.symbol_of(values["symbol"])
    one_of(values, ("orderId", "origClientOrderId"))
    order = world.desk.find(symbol, values.get("orderId"), values.get("origClientOrderId"), cancelling=True)
    wanted = {"ONLY_NEW": OrderStatus.NEW, "ONLY_PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED}
    restriction = values.get("cancelRestrictions")
    if restriction and order.is_open and order.status is not wanted[restriction]:
        raise ApiError(-2011, "Order was not canceled due to cancel restrictions.")
    cancel_id = values.get("newClientOrderId") or world.desk.cancel_id()
    if order.list_id is not None and order.is_open:
        world.desk.cancel(order, world.now, cancel_id)
        return pair_cancelled(world, int(order.list_id), cancel_id)
    return shapes.cancelled(world.desk.cancel(order, world.now, cancel_id), values["symbol"], cancel_id)


def pair_cancelled(world: World, number: int, cancel_id: str) -> dict[str, Any]:
    """Write the answer to the cancel of a pair: both orders end."""
    pair = world.desk.lists[number]
    symbol = world.feed.symbol
    ended = [world.core.order(symbol, exchange_id=order) for order, _ in pair.orders]
    return pair.shape | {"orderReports": [shapes.cancelled(order, pair.symbol, cancel_id) for order in ended]}


def _cancel_all(world: World, values: Values) -> Any:
    symbol = world.symbol_of(values["symbol"])
    waiting = world.core.open_orders(symbol)
    if not waiting:
        raise ApiError(*UNKNOWN_ORDER)
    cancel_id = world.desk.cancel_id()
    answers = []
    for order in waiting:
        now = world.core.order(symbol, exchange_id=order.exchange_id)
        if not now.is_open:  # it ended with the other one of its pair
            continue
        after = world.desk.cancel(now, world.now, cancel_id)
        if order.list_id is None:
            answers.append(shapes.cancelled(after, values["symbol"], cancel_id))
        else:
            answers.append(pair_cancelled(world, int(order.list_id), cancel_id))
    return answers


def _query(world: World, values: Values) -> Any:
    symbol = world.symbol_of(values["symbol"])
    one_of(values, ("orderId", "origClientOrderId"))
    order = world.desk.find(symbol, values.get("orderId"), values.get("origClientOrderId"))
    if world.hidden(order):
        raise ApiError(*NO_SUCH_ORDER)
    return shapes.queried(order, values["symbol"], world.desk.working(order))


def _open(world: World, values: Values) -> Any:
    symbol = world.symbol_of(values["symbol"]) if "symbol" in values else None
    return [_shown(world, order) for order in world.core.open_orders(symbol) if not world.lagging(order)]


def _all(world: World, values: Values) -> Any:
    symbol = world.symbol_of(values["symbol"])
    since, until = span_of(values)
    first = values.get("orderId", 0)
    found = [
        order
        for order in world.core.orders(symbol)
        if int(order.exchange_id) >= first and since <= order.created <= until and not world.lagging(order)
    ]
    limit = limit_of(values)
    kept = found[:limit] if "orderId" in values or "startTime" in values else found[-limit:]
    return [_shown(world, order) for order in kept]


def span_of(values: Values) -> tuple[int, int]:
    """Return the times that are asked for, nanoseconds, both included.

    Raises
    ------
    ApiError
        -1127 if they are more than a day apart.
    """
    since, until = values.get("startTime"), values.get("endTime")
    if since is not None and until is not None and until - since > _DAY:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
    return nanoseconds(since) or 0, (nanoseconds(until) or 2**62) + 999_999


def _shown(world: World, order: Order) -> dict[str, Any]:
    return shapes.queried(order, world.feed.exchange_symbol, world.desk.working(order))


ROUTES: Final = (
    Route("POST", "/api/v3/order", 1, _place, ORDER, signed=True, orders=1, socket="order.place"),
    Route(
        "POST",
        "/api/v3/order/test",
        1,
        _test,
        (*ORDER, Parameter("computeCommissionRates", "yes")),
        signed=True,
        socket="order.test",
    ),
    Route(
        "DELETE",
        "/api/v3/order",
        1,
        _cancel,
        (SYMBOL_PARAMETER, *_ID, Parameter("newClientOrderId", legal=CLIENT_ID), _RESTRICTIONS),
        signed=True,
        socket="order.cancel",
    ),
    Route(
        "DELETE",
        "/api/v3/openOrders",
        1,
        _cancel_all,
        (SYMBOL_PARAMETER,),
        signed=True,
        socket="openOrders.cancelAll",
    ),
    Route("GET", "/api/v3/order", 4, _query, (SYMBOL_PARAMETER, *_ID), signed=True, socket="order.status"),
    Route(
        "GET",
        "/api/v3/openOrders",
        lambda given: 6 if "symbol" in given else 80,
        _open,
        (Parameter("symbol", legal=SYMBOL),),
        signed=True,
        socket="openOrders.status",
    ),
    Route(
        "GET",
        "/api/v3/allOrders",
        20,
        _all,
        (
            SYMBOL_PARAMETER,
            Parameter("orderId", "whole"),
            Parameter("startTime", "whole"),
            Parameter("endTime", "whole"),
            Parameter("limit", "whole"),
        ),
        signed=True,
        socket="allOrders",
    ),
)
