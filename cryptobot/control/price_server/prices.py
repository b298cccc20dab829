"""Prices, candles and indicators of all sources together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from cryptobot.control.price_server import indicators as features
from cryptobot.control.price_server.failures import answered
from cryptobot.control.price_server.shapes import candles_of, numbers
from cryptobot.control.price_server.source import PriceSource
from cryptobot.core.timeframe import Timeframe
from cryptobot.strategy.feature import INDICATORS
from mcp_server.errors import UnknownName
from mcp_server.events import Event, PriceChanged
from mcp_server.models.market import Candles, Indicators, Tick


class Prices:
    """What the server tells of markets; see `mcp_server.backend.MarketBackend`.

    Parameters
    ----------
    sources
        Returns where prices come from; where two know a market, the first counts.
    """

    def __init__(self, sources: Callable[[], Sequence[PriceSource]]) -> None:
        self._sources = sources
        self._symbols: Sequence[str] = ()
        self._ticks: Mapping[str, Tick] = {}

    def refresh_prices(self) -> list[Event]:
        """Put the sources' newest prices together, and return those that are new."""
        sources = self._sources()
        self._symbols = tuple(dict.fromkeys(symbol for source in sources for symbol in source.symbols))
        ticks: dict[str, Tick] = {}
        for source in reversed(sources):
            ticks.update(source.ticks)
        before, self._ticks = self._ticks, ticks
        return [PriceChanged(tick) for symbol, tick in ticks.items() if before.get(symbol) is not tick]

    async def symbols(self) -> Sequence[str]:
        """Return the markets."""
        return self._symbols

    async def timeframes(self) -> Sequence[str]:
        """Return the candle intervals on offer, shortest first."""
        found = {
            name for source in self._sources() for symbol in source.symbols[:1] for name in source.timeframes(symbol)
        }
        return sorted(found, key=Timeframe.parse)

    async def indicator_names(self) -> Sequence[str]:
        """Return the indicators on offer."""
        return features.names()

    async def price(self, symbol: str) -> Tick:
        """Return the newest price of a market."""
        return await self.source_of(symbol).tick(symbol)

    async def prices(self) -> Sequence[Tick]:
        """Return the newest prices of all markets that have one."""
        return list(self._ticks.values())

    async def candles(self, symbol: str, timeframe: str, limit: int, end: int | None) -> Candles:
        """Return the newest closed candles, oldest first."""
        interval = Timeframe.parse(timeframe)
        bars = await self.source_of(symbol, timeframe).bars(symbol, interval, limit + 1, end)
        return candles_of(symbol, interval, bars, limit)

    async def indicators(self, symbol: str, timeframe: str, names: Sequence[str], limit: int) -> Indicators:
        """Return the newest values of indicators with their usual parameters, oldest first."""
        with answered():
            chosen = {name: INDICATORS.get(name)() for name in names}
        n = features.rows_for(list(chosen.values()), limit)
        bars = await self.source_of(symbol, timeframe).bars(symbol, Timeframe.parse(timeframe), n, None)

        def compute() -> dict[str, list[float | None]]:
            columns = features.lists_of(bars)
            scale = bars.grid.scale
            return {
                name: numbers(features.stepped(feature, columns, scale)[-limit:]) for name, feature in chosen.items()
            }

        with answered():
            columns = await asyncio.to_thread(compute)
        return Indicators.model_validate(
            {"symbol": symbol, "timeframe": timeframe, "time": bars.time[-limit:].tolist(), "columns": columns}
        )

    def source_of(self, symbol: str, timeframe: str | None = None) -> PriceSource:
        """Return where a market's prices, or its candles of an interval, come from.

        Raises
        ------
        UnknownName
            If nobody has them.
        """
        having = [source for source in self._sources() if symbol in source.symbols]
        if not having:
            raise UnknownName("symbol", symbol, self._symbols)
        for source in having:
            if timeframe is None or timeframe in source.timeframes(symbol):
                return source
        known = {name for source in having for name in source.timeframes(symbol)}
        raise UnknownName(f"timeframe of {symbol}:", timeframe or "", known)
