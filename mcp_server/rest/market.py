"""Prices, candles, indicators."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from mcp_server.errors import UnknownName
from mcp_server.http.routes import Call
from mcp_server.http.service import Service
from mcp_server.models.market import Candles, Indicators, Symbols
from mcp_server.models.service import Health
from mcp_server.rest.arguments import Nothing, OfCandles, OfIndicators, OfSymbol

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HEALTH = Health()


async def health(_call: Call, _given: Nothing) -> Health:
    """Say that the server is up."""
    return _HEALTH


async def symbols(call: Call, _given: Nothing) -> Symbols:
    """List what may be asked for."""
    backend = call.service.backend
    return Symbols(
        symbols=list(await backend.symbols()),
        timeframes=list(await backend.timeframes()),
        indicators=list(await backend.indicator_names()),
    )


async def price(call: Call, given: OfSymbol) -> dict[str, Any]:
    """Return a market's newest price."""
    service = call.service
    tick = await service.backend.price(await service.market(given.symbol))
    return tick.fields(service.now())


async def prices(call: Call, _given: Nothing) -> dict[str, Any]:
    """Return all newest prices."""
    now = call.service.now()
    return {"prices": [tick.fields(now) for tick in await call.service.backend.prices()]}


async def ohlcv(call: Call, given: OfCandles) -> Candles:
    """Return candles."""
    service = call.service
    symbol, timeframe = await service.market(given.symbol), await service.interval(given.timeframe)
    return await service.backend.candles(symbol, timeframe, min(given.limit, service.limits.rows), ns(given.end))


async def indicators(call: Call, given: OfIndicators) -> Indicators:
    """Return indicators."""
    return await indicators_of(call.service, given.symbol, given.timeframe, given.names, given.limit)


async def indicators_of(service: Service, symbol: str, timeframe: str, names: Sequence[str], limit: int) -> Indicators:
    """Check names, then ask the backend; the tool of the protocol does the same.

    Raises
    ------
    UnknownName
        If there is no such market, interval or indicator.
    """
    market, interval = await service.market(symbol), await service.interval(timeframe)
    known = await service.backend.indicator_names()
    for name in names:
        if name not in known:
            raise UnknownName("indicator", name, known)
    return await service.backend.indicators(market, interval, names, min(limit, service.limits.rows))


def ns(moment: dt.datetime | None) -> int | None:
    """Return a moment in nanoseconds since 1970-01-01 UTC; one without a zone is taken as UTC."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return round((moment - _EPOCH) / dt.timedelta(microseconds=1)) * 1_000
