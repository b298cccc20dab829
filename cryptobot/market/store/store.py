"""The folder that downloaded bars are kept in."""

from __future__ import annotations

import os
from pathlib import Path

from cryptobot.core.errors import ConfigError
from cryptobot.core.settings import Settings
from cryptobot.core.timeframe import Timeframe
from cryptobot.market.store.layout import SeriesName
from cryptobot.market.store.series import Series


class BarStore:
    """Bars on disk, by exchange, market and interval.

    Parameters
    ----------
    directory
        The store's folder; None for ``bars`` in the data directory (``CRYPTOBOT_DATA_DIRECTORY``).

    Examples
    --------
    >>> BarStore("somewhere").series("binance", "BTC/USDT", "1m").folder.as_posix()
    'somewhere/binance/BTC-USDT/1m'
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        if directory is not None and (not isinstance(directory, str | os.PathLike) or not str(directory)):
            raise ConfigError(f"directory: {directory!r} is not a folder. Give a text, a pathlib.Path or None.")
        given = Path(directory).expanduser() if directory is not None else Settings.load().data_directory / "bars"
        if given.exists() and not given.is_dir():
            raise ConfigError(f"directory: {given} is a file, not a folder. Give a folder; it is made if need be.")
        self.directory = given

    def series(self, exchange: str, symbol: str, timeframe: str | Timeframe) -> Series:
        """Return the bars of one exchange, market and interval.

        Raises
        ------
        ConfigError
            If one of the names is none.
        """
        return Series(self.directory, SeriesName(exchange, symbol, Timeframe.parse(timeframe)))
