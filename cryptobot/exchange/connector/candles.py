"""Candles and trades of an exchange: asked for, and listened to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from cryptobot.core.errors import ConfigError, TransientError
from cryptobot.core.suggest import closest, listed
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.exchange.connector.connection import Connection, text_of
from cryptobot.exchange.connector.numbers import decimal_in
from cryptobot.exchange.feed.derived import candles_for
from cryptobot.exchange.feed.ticks import Tick
from cryptobot.market.source import CandleSource, CandleWatcher

if TYPE_CHECKING:
    from cryptobot.exchange.connector.exchange import CcxtExchange

TICKS: Final = 1000
_CLOSING: Final = 2.0
_MOST_PAGES_BACK: Final = 8

# Connections on their way out; kept so that nobody collects them meanwhile.
_LEAVING: Final[set[asyncio.Task[None]]] = set()


def source_for(exchange: CcxtExchange, timeframe: Timeframe) -> tuple[CandleSource, CandleWatcher | None]:
    """Choose where candles of an interval come from; see `feed.derived.candles_for`."""
    can = exchange.capabilities
    return candles_for(exchange, exchange if can.bar_stream else None, timeframe, can.timeframes, exchange)


def check_offered(offered: tuple[str, ...] | None, timeframe: Timeframe, name: str) -> None:
    """Refuse an interval that an exchange has no candles of."""
    if offered is not None and str(timeframe) not in offered:
        raise ConfigError(
            f"timeframe: {name} has no {timeframe} candles.{closest(str(timeframe), offered)} It has {listed(offered)}."
        )


async def before(source: CandleSource, symbol: str, timeframe: Timeframe, end: int, limit: int) -> list[Bar]:
    """Return up to ``limit`` candles that opened before ``end``, oldest first.

    Where candles are missing, it looks further back.
    """
    found: list[Bar] = []
    last = end
    for _ in range(_MOST_PAGES_BACK):
        if len(found) >= limit or last <= 0:
            break
        first = max(0, last - max(limit - len(found), 1) * timeframe.nanoseconds)
        part = await _between(source, symbol, timeframe, first, last)
        found = part + found
        last = first
    return found[-limit:] if limit > 0 else []


async def _between(source: CandleSource, symbol: str, timeframe: Timeframe, first: int, last: int) -> list[Bar]:
    found: list[Bar] = []
    while first < last:
        wanted = min(source.page_limit, -(-(last - first) // timeframe.nanoseconds))
        page = await source.candles(symbol, timeframe, first, wanted)
        fresh = [bar for bar in page if first <= bar.time < last]
        if not fresh:
            break
        found += fresh
        first = fresh[-1].time + timeframe.nanoseconds
    return found


async def ticks_of(exchange: Any, symbol: str, since: int) -> list[Tick]:
    """Return the first trades from a time on, oldest first."""
    if not exchange.has.get("fetchTrades"):
        raise ConfigError(f"{exchange.id} shows no trades. Choose an interval that it has candles of.")
    rows = await exchange.fetch_trades(symbol, since // 1_000_000, TICKS)
    ticks = [
        Tick(
            int(row["timestamp"]) * 1_000_000,
            float(decimal_in(row, "price")),
            float(decimal_in(row, "amount")),
            str(row.get("id") or ""),
        )
        for row in rows
    ]
    return sorted((tick for tick in ticks if tick.time >= since), key=lambda tick: tick.time)


async def watch(connection: Connection, symbol: str, timeframe: Timeframe) -> int:
    """Wait for a message about candles and return the newest candle's open time; see `CandleWatcher.watch`."""
    exchange = connection.exchange
    if not exchange.has.get("watchOHLCV"):
        raise ConfigError(f"{exchange.id} tells nothing of candles by itself: ask for them instead.")
    key = (symbol, str(timeframe))
    try:
        # ccxt wakes nobody for what arrives while it does something else, such as loading markets anew.
        newest = _newest((exchange.ohlcvs or {}).get(symbol, {}).get(str(timeframe), ()))
        if newest <= connection.candles_told.get(key, newest):
            newest = _newest(await exchange.watch_ohlcv(symbol, str(timeframe)))
        connection.candles_told[key] = max(newest, connection.candles_told.get(key, 0))
        return newest * 1_000_000
    except Exception as error:  # noqa: BLE001 - whatever ccxt lets through of a stream is a broken stream
        connection.redactor.scrub(error)
        raise TransientError(f"the {timeframe} candles of {symbol} are no longer told: {text_of(error)}") from None


def _newest(rows: Iterable[Any]) -> int:
    return max((int(row[0]) for row in rows), default=0)


async def drop(exchange: Any, words: Iterable[str]) -> None:
    """Close the streams whose subscriptions hold one of these words, so that the next is a new connection."""
    for url, client in list((exchange.clients or {}).items()):
        names = [str(name).lower() for name in (*client.subscriptions, *client.futures)]
        if not any(word in name for word in words for name in names):
            continue
        exchange.clients.pop(url, None)
        # A dead peer answers no farewell: closing goes on by itself.
        task = asyncio.ensure_future(_closed(client))
        _LEAVING.add(task)
        task.add_done_callback(_LEAVING.discard)
        await asyncio.wait({task}, timeout=_CLOSING)


async def _closed(client: Any) -> None:
    with suppress(Exception):  # whatever a half-dead socket raises on the way out: it is gone
        await client.close()
