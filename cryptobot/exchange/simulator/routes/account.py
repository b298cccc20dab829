"""The account: balances, fees, executions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from cryptobot.core.money import ZERO
from cryptobot.exchange.simulator import order_shapes as shapes
from cryptobot.exchange.simulator.answers import ApiError
from cryptobot.exchange.simulator.numbers import milliseconds, text
from cryptobot.exchange.simulator.parameters import SYMBOL, Parameter
from cryptobot.exchange.simulator.routes.market import limit_of
from cryptobot.exchange.simulator.routes.orders import span_of
from cryptobot.exchange.simulator.routes.route import Route, Values
from cryptobot.exchange.simulator.world import World

_ZERO: Final = text(ZERO)
_SYMBOL: Final = Parameter("symbol", mandatory=True, legal=SYMBOL)


def _account(world: World, values: Values) -> Any:
    fees = world.core.fees
    held = world.core.balances
    return {
        "makerCommission": _basis_points(fees.maker),
        "takerCommission": _basis_points(fees.taker),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": {"maker": text(fees.maker), "taker": text(fees.taker), "buyer": _ZERO, "seller": _ZERO},
        "canTrade": True,
        "canWithdraw": bool(world.rights["enableWithdrawals"]),
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": milliseconds(world.now),
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": text(balance.free), "locked": text(balance.locked)}
            for asset, balance in held.items()
            if balance.total or not values.get("omitZeroBalances")
        ],
        "permissions": ["SPOT"],
        "uid": 1,
    }


def _commission(world: World, values: Values) -> Any:
    world.symbol_of(values["symbol"])
    fees = world.core.fees
    third = fees.asset not in ("received", "quote", "base")
    none = {"maker": _ZERO, "taker": _ZERO, "buyer": _ZERO, "seller": _ZERO}
    return {
        "symbol": values["symbol"],
        "standardCommission": none | {"maker": text(fees.maker), "taker": text(fees.taker)},
        "specialCommission": none,
        "taxCommission": none,
        "discount": {
            "enabledForAccount": third,
            "enabledForSymbol": third,
            "discountAsset": fees.asset if third else "BNB",
            "discount": _ZERO,
        },
    }


def _executions(world: World, values: Values) -> Any:
    symbol = world.symbol_of(values["symbol"])
    if "fromId" in values and ("startTime" in values or "endTime" in values):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    since, until = span_of(values)
    first, order = values.get("fromId", 0), values.get("orderId")
    found = [
        done
        for done in world.core.executions(symbol)
        if int(done.fill.id) >= first
        and since <= done.fill.time <= until
        and order in (None, int(done.order.exchange_id))
    ]
    limit = limit_of(values)
    kept = found[:limit] if "fromId" in values or "startTime" in values else found[-limit:]
    return [shapes.trade(done.fill, done.order, values["symbol"], world.rules, maker=done.maker) for done in kept]


def _order_counts(world: World, _values: Values) -> Any:
    return [row for row in world.limits.table(counted=True) if row["rateLimitType"] == "ORDERS"]


def _trade_weight(given: Mapping[str, str]) -> int:
    return 5 if "orderId" in given else 20


def _basis_points(rate: Decimal) -> int:
    return int(rate * 10_000)


ROUTES: Final = (
    Route(
        "GET",
        "/api/v3/account",
        20,
        _account,
        (Parameter("omitZeroBalances", "yes"),),
        signed=True,
        socket="account.status",
    ),
    Route("GET", "/api/v3/account/commission", 20, _commission, (_SYMBOL,), signed=True, socket="account.commission"),
    Route(
        "GET",
        "/api/v3/myTrades",
        _trade_weight,
        _executions,
        (
            _SYMBOL,
            Parameter("orderId", "whole"),
            Parameter("startTime", "whole"),
            Parameter("endTime", "whole"),
            Parameter("fromId", "whole"),
            Parameter("limit", "whole"),
        ),
        signed=True,
        socket="myTrades",
    ),
    Route("GET", "/api/v3/rateLimit/order", 40, _order_counts, signed=True, socket="account.rateLimits.orders"),
)
