"""Which file holds which bars: ``binance/BTC-USDT/1m/2024-01.parquet``."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cryptobot.core.errors import ConfigError
from cryptobot.core.timeframe import Timeframe

_SUFFIX: Final = ".parquet"
_MINUTE: Final = 60
_HOUR: Final = 3600
_NAME: Final = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")


@dataclass(frozen=True, slots=True)
class SeriesName:
    """Which bars: of an exchange, a market and an interval.

    Attributes
    ----------
    exchange
        For example ``"binance"``.
    symbol
        For example ``"BTC/USDT"``.
    timeframe
        Interval of a bar.
    """

    exchange: str
    symbol: str
    timeframe: Timeframe

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", self.exchange):
            raise ConfigError(
                f"exchange: {self.exchange!r} cannot name a folder of the store. Use lower-case letters, digits, _ "
                "and -, for example 'binance'."
            )
        if not re.fullmatch(r"[^\W_][^\s/]*(/[^\s/]+)?", self.symbol):
            raise ConfigError(
                f"symbol: {self.symbol!r} is not a market. Give base and quote currency, for example 'BTC/USDT'."
            )

    @property
    def folder(self) -> Path:
        """Where its files are, seen from the store's folder: names that every file system takes."""
        return Path(self.exchange) / quote(self.symbol.replace("/", "-"), safe="-") / str(self.timeframe)

    def __str__(self) -> str:
        return f"{self.exchange} {self.symbol} {self.timeframe}"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """What one file holds: a day, a month or a year of UTC.

    Attributes
    ----------
    start, end
        Open times from (included) to (left out), nanoseconds since 1970-01-01 UTC.
    name
        ``"2024-01-31"``, ``"2024-01"`` or ``"2024"``.
    """

    start: int
    end: int
    name: str

    @property
    def file(self) -> str:
        """The file's name."""
        return self.name + _SUFFIX

    @classmethod
    def of(cls, time: int, timeframe: Timeframe) -> Period:
        """Return the period that a bar belongs to, so that a file has some ten thousand bars."""
        moment = dt.datetime.fromtimestamp(time // 1_000_000_000, dt.UTC)
        if timeframe.seconds < _MINUTE:
            return cls._made(f"{moment:%Y-%m-%d}")
        return cls._made(f"{moment:%Y-%m}" if timeframe.seconds < _HOUR else f"{moment:%Y}")

    @classmethod
    def named(cls, file: str) -> Period | None:
        """Return the period of a file's name, or None if it is not one of the store."""
        try:
            return cls._made(file.removesuffix(_SUFFIX)) if file.endswith(_SUFFIX) else None
        except ValueError:
            return None

    @classmethod
    def _made(cls, name: str) -> Period:
        match = _NAME.fullmatch(name)
        if match is None:
            raise ValueError(name)
        year, month, day = int(match[1]), int(match[2] or 1), int(match[3] or 1)
        start = dt.datetime(year, month, day, tzinfo=dt.UTC)
        if match[3]:
            end = start + dt.timedelta(days=1)
        elif match[2]:
            end = start.replace(year=year + month // 12, month=month % 12 + 1)
        else:
            end = start.replace(year=year + 1)
        return cls(int(start.timestamp()) * 10**9, int(end.timestamp()) * 10**9, name)
