"""From the parameters of an order to the order that is meant."""

from __future__ import annotations

import secrets
from typing import Any, Final

from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.types import Intent, OcoIntent, Side
from cryptobot.exchange.simulator.answers import ApiError, missing, not_required
from cryptobot.exchange.simulator.parameters import CLIENT_ID, SYMBOL, Parameter
from cryptobot.exchange.simulator.routes.route import Values
from cryptobot.exchange.simulator.world import World

_TYPES: Final = tuple(kind.value.upper() for kind in OrderType)
_FORCES: Final = tuple(force.value for force in TimeInForce)
_WORDS: Final = {
    OrderType.MARKET: "Market",
    OrderType.LIMIT: "Limit",
    OrderType.LIMIT_MAKER: "Limit maker",
    OrderType.STOP_LOSS: "Stop loss",
    OrderType.STOP_LOSS_LIMIT: "Stop loss limit",
    OrderType.TAKE_PROFIT: "Take profit",
    OrderType.TAKE_PROFIT_LIMIT: "Take profit limit",
}
SYMBOL_PARAMETER: Final = Parameter("symbol", mandatory=True, legal=SYMBOL)
_SIDE: Final = Parameter("side", "choice", True, choices=("BUY", "SELL"), wrong=(-1117, "Invalid side."))
_RESPONSE: Final = Parameter("newOrderRespType", "choice", choices=("ACK", "RESULT", "FULL"))
_SELF_TRADE: Final = Parameter(
    "selfTradePreventionMode",
    "choice",
    choices=("NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT"),
)


def _type(name: str) -> Parameter:
    return Parameter(name, "choice", True, choices=_TYPES, wrong=(-1116, "Invalid orderType."))


def _force(name: str) -> Parameter:
    return Parameter(name, "choice", choices=_FORCES, wrong=(-1115, "Invalid timeInForce."))


ORDER: Final = (
    SYMBOL_PARAMETER,
    _SIDE,
    _type("type"),
    _force("timeInForce"),
    Parameter("quantity", "decimal"),
    Parameter("quoteOrderQty", "decimal"),
    Parameter("price", "decimal"),
    Parameter("newClientOrderId", legal=CLIENT_ID),
    Parameter("strategyId", "whole"),
    Parameter("strategyType", "whole"),
    Parameter("stopPrice", "decimal"),
    _RESPONSE,
    _SELF_TRADE,
)
PAIR: Final = (
    SYMBOL_PARAMETER,
    _SIDE,
    Parameter("quantity", "decimal", True),
    Parameter("listClientOrderId", legal=CLIENT_ID),
    *(
        parameter
        for leg in ("above", "below")
        for parameter in (
            _type(f"{leg}Type"),
            Parameter(f"{leg}ClientOrderId", legal=CLIENT_ID),
            Parameter(f"{leg}Price", "decimal"),
            Parameter(f"{leg}StopPrice", "decimal"),
            _force(f"{leg}TimeInForce"),
            Parameter(f"{leg}StrategyId", "whole"),
            Parameter(f"{leg}StrategyType", "whole"),
        )
    ),
    _RESPONSE,
    _SELF_TRADE,
)


def new_id() -> str:
    """Make a client id for an order whose sender gave it none."""
    return secrets.token_hex(11)


def order_of(world: World, values: Values) -> Intent:
    """Return the order that a request means.

    Raises
    ------
    ApiError
        If the parameters do not fit its type, or the market does not take such orders.
    """
    symbol = world.symbol_of(values["symbol"])
    kind = OrderType(values["type"].lower())
    _check(kind, values, quantity="quantity", price="price", stop="stopPrice", force="timeInForce")
    _check_type(world, kind, values)
    return Intent(
        values.get("newClientOrderId") or new_id(),
        world.now,
        symbol,
        Side(values["side"].lower()),
        values.get("quoteOrderQty"),
        values.get("quantity"),
        type=kind,
        price=values.get("price"),
        stop_price=values.get("stopPrice"),
        time_in_force=TimeInForce(values.get("timeInForce", "GTC")),
    )


def pair_of(world: World, values: Values) -> OcoIntent:
    """Return the pair of orders that a request means; raises as `order_of` does."""
    symbol = world.symbol_of(values["symbol"])
    if not world.rules.oco:
        raise ApiError(-1013, "OCO orders are not supported for this symbol")
    side = Side(values["side"].lower())
    kinds = [OrderType(values[f"{leg}Type"].lower()) for leg in ("above", "below")]
    _check_pair(side, *kinds)
    legs = []
    for leg, kind in zip(("above", "below"), kinds, strict=True):
        names = {"price": f"{leg}Price", "stop": f"{leg}StopPrice", "force": f"{leg}TimeInForce"}
        _check(kind, values, quantity="quantity", **names)
        _check_type(world, kind, values)
        legs.append(
            Intent(
                values.get(f"{leg}ClientOrderId") or new_id(),
                world.now,
                symbol,
                side,
                None,
                values["quantity"],
                type=kind,
                price=values.get(names["price"]),
                stop_price=values.get(names["stop"]),
                time_in_force=TimeInForce(values.get(names["force"], "GTC")),
            )
        )
    return OcoIntent(values.get("listClientOrderId") or new_id(), *legs)


def _check(kind: OrderType, values: Values, *, quantity: str, price: str, stop: str, force: str) -> None:
    if kind is OrderType.MARKET:
        if "quantity" not in values and "quoteOrderQty" not in values:
            raise ApiError(-1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!")
        if "quantity" in values and "quoteOrderQty" in values:
            raise ApiError(-1106, "Parameter 'quoteOrderQty' sent when not required.")
    else:
        if quantity not in values:
            raise missing(quantity)
        if "quoteOrderQty" in values:
            raise not_required("quoteOrderQty")
    has_force = kind.has_price and kind is not OrderType.LIMIT_MAKER
    for name, wanted in ((force, has_force), (price, kind.has_price), (stop, kind.has_stop)):
        if wanted and name not in values:
            raise missing(name)
        if not wanted and name in values:
            raise not_required(name)
    for name in (quantity, price, stop, "quoteOrderQty"):
        if name in values and not values[name]:
            filter_name = "LOT_SIZE" if name == quantity else "PRICE_FILTER"
            if name == "quoteOrderQty":
                raise ApiError(-1013, "Invalid quote order qty.")
            raise ApiError(-1013, f"Filter failure: {filter_name}")


def _check_type(world: World, kind: OrderType, values: dict[str, Any]) -> None:
    rules = world.rules
    if kind not in rules.order_types:
        raise ApiError(-1013, f"{_WORDS[kind]} orders are not supported for this symbol.")
    if "quoteOrderQty" in values and not rules.quote_amount:
        raise ApiError(-1013, "Quote order qty market orders are not support for this symbol.")


def _check_pair(side: Side, above: OrderType, below: OrderType) -> None:
    """Refuse legs that cannot stand where they do."""
    limits = (OrderType.LIMIT_MAKER,)
    losses = (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT)
    profits = (OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
    for kind in (above, below):
        if kind not in (*limits, *losses, *profits):
            raise ApiError(-1158, "Order type not supported in OCO.")
    if above in limits and below in limits:
        raise ApiError(-1168, "At least one OCO order must be contingent.")
    high, low = (losses, (*limits, *profits)) if side is Side.BUY else ((*limits, *profits), losses)
    misplaced = [kind for kind, fitting in ((above, high), (below, low)) if kind not in fitting]
    for group, name, codes in (
        (limits, "limit", (-1165, -1166)),
        (losses, "stop loss", (-1196, -1197)),
        (profits, "take profit", (-1198, -1199)),
    ):
        if any(kind in group for kind in misplaced):
            place = "above" if group[0] in high else "below"
            code = codes[0] if side is Side.BUY else codes[1]
            raise ApiError(code, f"A {name} order in a {side.value} OCO must be {place}.")
