"""Bars from an exchange, kept on disk."""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptobot.core.bars import time_text
from cryptobot.core.errors import ConfigError, DataError, TransientError
from cryptobot.core.timeframe import Timeframe
from cryptobot.exchange.feed.derived import candles_for
from cryptobot.exchange.progress import Progress, finish
from cryptobot.market.download import Downloaded, download
from cryptobot.market.frame import frame_of
from cryptobot.market.moments import moment
from cryptobot.market.source import CandleSource
from cryptobot.market.store.series import Series, Stored, columns_of
from cryptobot.market.store.spans import Span
from cryptobot.market.store.store import BarStore

if TYPE_CHECKING:
    import pandas as pd

_TEN_YEARS: Final = 3650 * 86_400 * 10**9


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """Bars and how they were come by.

    Attributes
    ----------
    bars
        As `load_bars` returns them.
    folder
        Where they are kept.
    downloaded
        What the download did; None when everything was there.
    warning
        What a reader should be told, or an empty text.
    """

    bars: pd.DataFrame
    folder: Path
    downloaded: Downloaded | None
    warning: str


def load_bars(
    symbol: str,
    timeframe: str | Timeframe,
    *,
    exchange: str = "binance",
    since: Any,
    until: Any = None,
    directory: str | os.PathLike[str] | None = None,
    source: CandleSource | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Return an exchange's closed bars; what is not on disk yet is downloaded and kept there.

    Public data, without keys. A download that was interrupted goes on where it stopped. Everything on disk is verified
    whenever it is read; a file that was cut off or changed is named and downloaded again. Bars that the exchange does
    not have stay missing and are named in ``.attrs["holes"]``.

    Parameters
    ----------
    symbol
        Market, for example ``"BTC/USDT"``.
    timeframe
        Interval of a bar, for example ``"1m"``.
    exchange
        Name of the exchange, as ccxt knows it.
    since
        Open time of the first bar wanted: a date or time, UTC if it has no zone.
    until
        Bars that open at this time or later are left out; None for all that have closed by now.
    directory
        The store's folder; None for ``bars`` in the data directory (``CRYPTOBOT_DATA_DIRECTORY``).
    source
        Where to ask instead of the exchange of that name, for example a `CcxtExchange` with an ``endpoint``; its
        connections are closed at the end, so it must not be one that a bot is using.
    progress
        Whether a bar shows how far the download is.

    Returns
    -------
    DataFrame
        UTC DatetimeIndex ``time`` of open times, float64 columns open, high, low, close, volume. ``.attrs`` holds
        ``source``, ``timeframe`` and ``holes``, as with `read_bars`.

    Warns
    -----
    UserWarning
        If a file was replaced, candles were left out, or the newest bars could not be asked for and ``until`` is None.

    Raises
    ------
    ConfigError
        If a name, a time or the folder is not allowed; the closest valid name is told.
    DataError
        If there are no such bars.
    TransientError
        If the exchange cannot be reached and bars are missing that were asked for. What arrived is kept.

    Examples
    --------
    ::

        bars = cb.load_bars("BTC/USDT", "1m", exchange="binance", since="2024-01-01")
    """
    loaded = fetch(
        symbol,
        timeframe,
        exchange=exchange,
        since=since,
        until=until,
        directory=directory,
        source=source,
        progress=Progress(f"{symbol} {timeframe}") if progress else None,
    )
    if loaded.warning:
        warnings.warn(loaded.warning, stacklevel=2)
    return loaded.bars


def fetch(
    symbol: str,
    timeframe: str | Timeframe,
    *,
    exchange: str,
    since: Any,
    until: Any,
    directory: str | os.PathLike[str] | None,
    source: CandleSource | None,
    progress: Progress | None,
) -> Loaded:
    """Do what `load_bars` does, and tell how; the parameters and errors are the same."""
    if not isinstance(symbol, str):
        raise ConfigError(f"symbol: {symbol!r} is not a market. Give base and quote currency, for example 'BTC/USDT'.")
    name = source.name if source is not None else exchange
    series = BarStore(directory).series(str(name), symbol, timeframe)
    start = moment(since, "since")
    # Up to now, as the source's own clock has it: a market that is replayed may be ahead of this computer's.
    end = moment(until, "until") if until is not None else max(time.time_ns(), start) + _TEN_YEARS
    if start >= end:
        raise ConfigError(f"until: {until!r} is not after since={since!r}. Give a later time, or None for now.")
    span = Span(start, end)
    stored = series.scan(span)
    done, warning = None, ""
    if stored.missing:
        try:
            done = finish(_download(series, span, source, exchange, progress), progress)
            warning = done.words
        except TransientError as error:
            warning = _only_stored(error, series, span, open_end=until is None)
        stored = series.scan(span)
    if not stored.part.time.size:
        raise DataError(
            f"{series.name}: there are no closed bars from {time_text(start)}"
            f"{'' if until is None else f' to {time_text(end)}'}. Give an earlier `since`, or look whether the market "
            "was traded then."
        )
    return Loaded(_frame(series, stored), series.folder, done, warning)


async def _download(
    series: Series, span: Span, source: CandleSource | None, exchange: str, progress: Progress | None
) -> Downloaded:
    if source is None:
        from cryptobot.exchange.connector.exchange import CcxtExchange

        source = CcxtExchange(exchange)
    try:
        return await download(_having(source, series.name.timeframe), series, span, progress=progress)
    finally:
        # Connections belong to the event loop they were made in, and this one ends here.
        if hasattr(source, "close"):
            await source.close()


def _having(source: Any, timeframe: Timeframe) -> CandleSource:
    """Return a source that has the interval, if need be made of shorter bars or trades."""
    offered = source.capabilities.timeframes if hasattr(source, "capabilities") else None
    return candles_for(source, None, timeframe, offered, source if hasattr(source, "ticks") else None)[0]


def _only_stored(error: TransientError, series: Series, span: Span, *, open_end: bool) -> str:
    """Return a warning if only bars newer than the stored ones are missing; else raise the error with advice."""
    stored, seen = series.scan(span), str(error).rstrip(".")
    times = stored.part.time
    missing = [gap for gap in stored.missing if not times.size or gap.start <= times[-1]]
    if open_end and times.size and not missing:
        return (
            f"{series.name}: the exchange cannot be reached ({seen}). These are the stored bars, up to that of "
            f"{time_text(int(times[-1]))}."
        )
    kept = (
        f"{len(times):,} bars are stored, and the next call goes on from there" if times.size else "Nothing is stored"
    )
    raise TransientError(
        f"{series.name}: the exchange cannot be reached ({seen}), and bars from {time_text(stored.missing[0].start)} on "
        f"are not stored yet. {kept}. Try again when the exchange can be reached."
    ) from error


def _frame(series: Series, stored: Stored) -> pd.DataFrame:
    return frame_of(columns_of(stored.part, series.name), str(series.name))
