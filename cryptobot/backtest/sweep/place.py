"""On what parameter sets are tried: one market's bars, or those of several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptobot.backtest.sweep.setting import Setting
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market
from cryptobot.core.suggest import closest, listed

if TYPE_CHECKING:
    import pandas as pd


class Place(NamedTuple):
    """Bars of one symbol and under what they are traded.

    Attributes
    ----------
    symbol
        As the caller named it; empty where there is only one.
    bars
        Checked.
    market
        The rules that were given; None when none were.
    setting
        Money, costs, rules and blocks.
    """

    symbol: str
    bars: BarColumns
    market: Market | None
    setting: Setting


def places_of(
    bars: pd.DataFrame | BarColumns | Mapping[str, Any],
    market: Market | Mapping[str, Market] | None,
    setting: Callable[[BarColumns, Market | None], Setting],
) -> list[Place]:
    """Read the bars and the markets that `sweep` was given.

    Parameters
    ----------
    bars
        Of one symbol, or a mapping from symbols to theirs.
    market
        For all of them, or a mapping from each symbol to its own.
    setting
        Makes the terms for bars and a market.

    Raises
    ------
    ConfigError
        If symbols and markets do not fit each other.
    DataError
        If bars cannot be trusted; it names the symbol.
    """
    if not isinstance(bars, Mapping):
        if isinstance(market, Mapping):
            raise ConfigError(
                "market: rules by symbol need bars by symbol. Give one market, or bars={'BTC/USDT': frame, …}."
            )
        columns = BarColumns.of(bars)
        return [Place("", columns, market, setting(columns, market))]
    if not bars:
        raise ConfigError("bars: the mapping is empty. Give at least one symbol with its bars: {'BTC/USDT': frame}.")
    for symbol in bars:
        if not isinstance(symbol, str) or not symbol.strip():
            raise ConfigError(f"bars: {symbol!r} is no symbol. Give texts, for example {{'BTC/USDT': frame}}.")
    if isinstance(market, Mapping):
        _check_markets(market, list(bars))
    found = []
    for symbol, frame in bars.items():
        its_own = market[symbol] if isinstance(market, Mapping) else market
        columns = BarColumns.of(frame, source=f"bars[{symbol!r}]")
        found.append(Place(symbol, columns, its_own, setting(columns, its_own)))
    return found


def _check_markets(markets: Mapping[str, Market], symbols: list[str]) -> None:
    for name in markets:
        if name not in symbols:
            raise ConfigError(
                f"market: there are no bars of {name!r}.{closest(str(name), symbols)} Bars are given of {listed(symbols)}."
            )
    without = [symbol for symbol in symbols if symbol not in markets]
    if without:
        raise ConfigError(
            f"market: there are no rules for {listed(without)}. Give those of every symbol, or one market for all."
        )
