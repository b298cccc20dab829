"""Pairs of orders of which one cancels the other."""

from __future__ import annotations

from typing import Any, Final

from cryptobot.exchange.simulator.answers import NO_SUCH_ORDER, UNKNOWN_ORDER, ApiError
from cryptobot.exchange.simulator.order_shapes import OrderList
from cryptobot.exchange.simulator.parameters import CLIENT_ID, Parameter, one_of
from cryptobot.exchange.simulator.routes.market import limit_of
from cryptobot.exchange.simulator.routes.order_values import PAIR, SYMBOL_PARAMETER, pair_of
from cryptobot.exchange.simulator.routes.orders import pair_cancelled, shape_new, span_of
from cryptobot.exchange.simulator.routes.route import Route, Values
from cryptobot.exchange.simulator.world import World


def _place(world: World, values: Values) -> Any:
    pair = world.desk.place_pair(pair_of(world, values), world.now)
    asked = {"symbol": values["symbol"], "newOrderRespType": values.get("newOrderRespType", "RESULT")}
    reports = []
    for number, _ in pair.orders:
        order = world.core.order(world.feed.symbol, exchange_id=number)
        fills = [done.fill for done in world.core.executions(world.feed.symbol) if done.order.exchange_id == number]
        reports.append(shape_new(world, order, fills, asked))
    return pair.shape | {"orderReports": reports}


def _find(world: World, values: Values, name: str, error: tuple[int, str]) -> OrderList:
    one_of(values, ("orderListId", name))
    for pair in reversed(world.desk.lists.values()):
        if values.get("orderListId", pair.id) == pair.id and values.get(name, pair.client_id) == pair.client_id:
            return pair
    raise ApiError(*error)


def _cancel(world: World, values: Values) -> Any:
    symbol = world.symbol_of(values["symbol"])
    pair = _find(world, values, "listClientOrderId", UNKNOWN_ORDER)
    if pair.done:
        raise ApiError(*UNKNOWN_ORDER)
    cancel_id = values.get("newClientOrderId") or world.desk.cancel_id()
    first = next(
        order for order in (world.core.order(symbol, exchange_id=number) for number, _ in pair.orders) if order.is_open
    )
    world.desk.cancel(first, world.now, cancel_id)
    return pair_cancelled(world, pair.id, cancel_id)


def _query(world: World, values: Values) -> Any:
    return _find(world, values, "origClientOrderId", NO_SUCH_ORDER).shape


def _all(world: World, values: Values) -> Any:
    since, until = span_of(values)
    first = values.get("fromId", 0)
    found = [pair for pair in world.desk.lists.values() if pair.id >= first and since <= pair.time <= until]
    return [pair.shape for pair in found[: limit_of(values)]]


def _open(world: World, _values: Values) -> Any:
    return [pair.shape for pair in world.desk.lists.values() if not pair.done]


_NUMBER: Final = Parameter("orderListId", "whole")

ROUTES: Final = (
    Route("POST", "/api/v3/orderList/oco", 1, _place, PAIR, signed=True, orders=2, socket="orderList.place.oco"),
    Route(
        "DELETE",
        "/api/v3/orderList",
        1,
        _cancel,
        (
            SYMBOL_PARAMETER,
            _NUMBER,
            Parameter("listClientOrderId", legal=CLIENT_ID),
            Parameter("newClientOrderId", legal=CLIENT_ID),
        ),
        signed=True,
        socket="orderList.cancel",
    ),
    Route(
        "GET",
        "/api/v3/orderList",
        4,
        _query,
        (_NUMBER, Parameter("origClientOrderId", legal=CLIENT_ID)),
        signed=True,
        socket="orderList.status",
    ),
    Route(
        "GET",
        "/api/v3/allOrderList",
        20,
        _all,
        (
            Parameter("fromId", "whole"),
            Parameter("startTime", "whole"),
            Parameter("endTime", "whole"),
            Parameter("limit", "whole"),
        ),
        signed=True,
        socket="allOrderLists",
    ),
    Route("GET", "/api/v3/openOrderList", 6, _open, signed=True, socket="openOrderLists.status"),
)
