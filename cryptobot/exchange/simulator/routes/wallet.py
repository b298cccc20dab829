"""The few requests of the wallet that trading programs make: the key's rights, and the lists that ccxt loads."""

from __future__ import annotations

from typing import Any, Final

from cryptobot.exchange.rules import MarketStatus
from cryptobot.exchange.simulator.numbers import text
from cryptobot.exchange.simulator.parameters import SYMBOL, Parameter
from cryptobot.exchange.simulator.routes.route import Route, Values
from cryptobot.exchange.simulator.world import World


def _restrictions(world: World, _values: Values) -> Any:
    return {**world.rights, "createTime": world.created // 1_000_000}


def _status(_world: World, _values: Values) -> Any:
    return {"status": 0, "msg": "normal"}


def _coins(world: World, _values: Values) -> Any:
    market = world.rules.market
    held = world.core.balances
    names = dict.fromkeys((market.base, market.quote, *held))
    return [
        {
            "coin": name,
            "depositAllEnable": False,
            "withdrawAllEnable": False,
            "name": name,
            "free": text(held[name].free) if name in held else "0",
            "locked": text(held[name].locked) if name in held else "0",
            "freeze": "0",
            "withdrawing": "0",
            "ipoing": "0",
            "ipoable": "0",
            "storage": "0",
            "isLegalMoney": False,
            "trading": True,
            "networkList": [],
        }
        for name in names
    ]


def _nothing(_world: World, _values: Values) -> Any:
    return []


def _fees(world: World, _values: Values) -> Any:
    if world.rules.status is MarketStatus.DELISTED:
        return []
    fees = world.core.fees
    return [
        {
            "symbol": world.feed.exchange_symbol,
            "makerCommission": text(fees.maker),
            "takerCommission": text(fees.taker),
        }
    ]


ROUTES: Final = (
    Route("GET", "/sapi/v1/account/apiRestrictions", 1, _restrictions, signed=True),
    Route("GET", "/sapi/v1/system/status", 1, _status),
    Route("GET", "/sapi/v1/capital/config/getall", 10, _coins, signed=True),
    Route("GET", "/sapi/v1/margin/allPairs", 1, _nothing, signed=True),
    Route("GET", "/sapi/v1/margin/isolated/allPairs", 1, _nothing, signed=True),
    Route("GET", "/sapi/v1/asset/tradeFee", 1, _fees, (Parameter("symbol", legal=SYMBOL),), signed=True),
)
