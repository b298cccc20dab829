"""What anybody may ask: rules, time, candles, prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cryptobot.exchange.rules import MarketStatus
from cryptobot.exchange.simulator import market_shapes as shapes
from cryptobot.exchange.simulator.answers import ApiError
from cryptobot.exchange.simulator.intervals import INTERVALS, offered
from cryptobot.exchange.simulator.numbers import float_text, milliseconds
from cryptobot.exchange.simulator.parameters import SYMBOL, Parameter
from cryptobot.exchange.simulator.routes.route import Route, Values
from cryptobot.exchange.simulator.world import World

_MOST_ROWS: Final = 1000
_SYMBOL: Final = Parameter("symbol", mandatory=True, legal=SYMBOL)
_ANY: Final = Parameter("symbol", legal=SYMBOL)
_SYMBOLS: Final = Parameter("symbols", "list")
_LIMIT: Final = Parameter("limit", "whole")
_SINCE: Final = Parameter("startTime", "whole")
_UNTIL: Final = Parameter("endTime", "whole")
_FROM: Final = Parameter("fromId", "whole")


def limit_of(values: Values, default: int = 500, most: int = _MOST_ROWS) -> int:
    """Return how many rows are asked for; more than there may be are cut.

    Raises
    ------
    ApiError
        -1102 if it is 0.
    """
    limit = int(values.get("limit", default))
    if limit < 1:
        raise ApiError(-1102, "Mandatory parameter 'limit' was not sent, was empty/null, or malformed.")
    return min(limit, most)


def nanoseconds(value: int | None) -> int | None:
    """Turn milliseconds, or microseconds where there are too many digits for these, into nanoseconds."""
    if value is None:
        return None
    return value * 1_000 if value > 10**14 else value * 1_000_000


def _ping(_world: World, _values: Values) -> Any:
    return {}


def _time(world: World, _values: Values) -> Any:
    return {"serverTime": world.server_time}


def _exchange_info(world: World, values: Values) -> Any:
    if "symbol" in values and "symbols" in values:
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    for name in values.get("symbols", [values["symbol"]] if "symbol" in values else []):
        world.symbol_of(name)
    listed = world.rules.status is not MarketStatus.DELISTED
    return {
        "timezone": "UTC",
        "serverTime": world.server_time,
        "rateLimits": world.limits.table(counted=False),
        "exchangeFilters": [],
        "symbols": [shapes.symbol_shape(world.rules)] if listed else [],
    }


def _klines(world: World, values: Values) -> Any:
    world.symbol_of(values["symbol"])
    name = values["interval"]
    interval = offered(world.feed.timeframe).get(name)
    if interval is None:
        if name in INTERVALS or name == "1M":
            raise ApiError(
                -1120, f"Invalid interval. This simulator has candles of {world.feed.timeframe} and what they make."
            )
        raise ApiError(-1120, "Invalid interval.")
    late = 1 if world.faults.for_candles() is not None else 0
    candles = world.feed.book.of(interval.nanoseconds)
    since, until = nanoseconds(values.get("startTime")), nanoseconds(values.get("endTime"))
    return candles.rows(since, until, limit_of(values), without_last=late)


def _names(world: World, values: Values) -> tuple[list[str], bool]:
    """Return the markets that are asked for, and whether the answer is a list."""
    if "symbol" in values and "symbols" in values:
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    if "symbol" in values:
        world.symbol_of(values["symbol"])
        return [values["symbol"]], False
    names = values.get("symbols")
    if names is None:
        return [] if world.rules.status is MarketStatus.DELISTED else [world.feed.exchange_symbol], True
    for name in names:
        world.symbol_of(name)
    return names, True


def _each(world: World, values: Values, shape: Any) -> Any:
    names, many = _names(world, values)
    made = [shape for _ in names]
    return made if many else made[0]


def _day(world: World, values: Values) -> Any:
    return _each(world, values, shapes.day_shape(world, full=values.get("type") != "MINI"))


def _price(world: World, values: Values) -> Any:
    return _each(world, values, {"symbol": world.feed.exchange_symbol, "price": float_text(world.feed.price)})


def _book(world: World, values: Values) -> Any:
    bid, bids, ask, asks = shapes.book_top(world)
    shape = {"symbol": world.feed.exchange_symbol, "bidPrice": bid, "bidQty": bids, "askPrice": ask, "askQty": asks}
    return _each(world, values, shape)


def _depth(world: World, values: Values) -> Any:
    world.symbol_of(values["symbol"])
    bids, asks = shapes.depth(world, limit_of(values, 100, 5000))
    return {"lastUpdateId": world.updates, "bids": bids, "asks": asks}


def _trades(world: World, values: Values) -> Any:
    world.symbol_of(values["symbol"])
    first = values.get("fromId")
    found = [trade for trade in world.feed.tape.trades if first is None or trade.id >= first]
    limit = limit_of(values)
    return [shapes.trade_shape(trade) for trade in (found[-limit:] if first is None else found[:limit])]


def _trades_together(world: World, values: Values) -> Any:
    world.symbol_of(values["symbol"])
    since, until, first = (
        nanoseconds(values.get("startTime")),
        nanoseconds(values.get("endTime")),
        values.get("fromId"),
    )
    found = [
        trade
        for trade in world.feed.tape.trades
        if (first is None or trade.id >= first)
        and (since is None or trade.time >= since)
        and (until is None or trade.time <= until)
    ]
    limit = limit_of(values)
    kept = found[-limit:] if first is None and since is None else found[:limit]
    return [
        {
            name: value
            for name, value in shapes.trade_frame("", trade, 0, together=True).items()
            if name not in ("e", "E", "s")
        }
        for trade in kept
    ]


def _average(world: World, values: Values) -> Any:
    world.symbol_of(values["symbol"])
    last = world.feed.tape.last
    return {
        "mins": 5,
        "price": float_text(world.feed.price),
        "closeTime": milliseconds(last.time if last else world.now),
    }


def _by_symbols(one: int, some: int) -> Any:
    def weigh(given: Mapping[str, str]) -> int:
        return one if "symbol" in given else some

    return weigh


def _day_weight(given: Mapping[str, str]) -> int:
    if "symbols" in given:
        number = given["symbols"].count(",") + 1
        return 2 if number <= 20 else 40 if number <= 100 else 80
    return 2 if "symbol" in given else 80


def _depth_weight(given: Mapping[str, str]) -> int:
    limit = int(given["limit"]) if given.get("limit", "").isdigit() else 100
    return next(weight for most, weight in ((100, 5), (500, 25), (1000, 50), (limit, 250)) if limit <= most)


_MANY: Final = (_ANY, _SYMBOLS, Parameter("symbolStatus"))
_KLINES: Final = (
    _SYMBOL,
    Parameter("interval", mandatory=True),
    _SINCE,
    _UNTIL,
    Parameter("timeZone", "choice", choices=("0", "0:00", "00:00")),
    _LIMIT,
)
_TYPE: Final = Parameter("type", "choice", choices=("FULL", "MINI"), wrong=(-1139, "Invalid ticker type."))

ROUTES: Final = (
    Route("GET", "/api/v3/ping", 1, _ping, socket="ping"),
    Route("GET", "/api/v3/time", 1, _time, socket="time"),
    Route(
        "GET",
        "/api/v3/exchangeInfo",
        20,
        _exchange_info,
        (*_MANY, Parameter("permissions"), Parameter("showPermissionSets", "yes")),
        socket="exchangeInfo",
    ),
    Route("GET", "/api/v3/klines", 2, _klines, _KLINES, socket="klines"),
    Route("GET", "/api/v3/uiKlines", 2, _klines, _KLINES, socket="uiKlines"),
    Route("GET", "/api/v3/ticker/24hr", _day_weight, _day, (*_MANY, _TYPE), socket="ticker.24hr"),
    Route("GET", "/api/v3/ticker/price", _by_symbols(2, 4), _price, _MANY, socket="ticker.price"),
    Route("GET", "/api/v3/ticker/bookTicker", _by_symbols(2, 4), _book, _MANY, socket="ticker.book"),
    Route("GET", "/api/v3/depth", _depth_weight, _depth, (_SYMBOL, _LIMIT, Parameter("symbolStatus")), socket="depth"),
    Route("GET", "/api/v3/trades", 25, _trades, (_SYMBOL, _LIMIT), socket="trades.recent"),
    Route("GET", "/api/v3/historicalTrades", 25, _trades, (_SYMBOL, _LIMIT, _FROM), socket="trades.historical"),
    Route(
        "GET",
        "/api/v3/aggTrades",
        4,
        _trades_together,
        (_SYMBOL, _FROM, _SINCE, _UNTIL, _LIMIT),
        socket="trades.aggregate",
    ),
    Route("GET", "/api/v3/avgPrice", 2, _average, (_SYMBOL,), socket="avgPrice"),
)
