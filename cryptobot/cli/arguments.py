"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.strategy.base import Strategy

BarsOption = Annotated[
    Path | None,
    typer.Option("--bars", metavar="FILE", help="Bars to use: feather, parquet or csv. Default: the practice market."),
]
TimezoneOption = Annotated[
    str | None, typer.Option("--timezone", metavar="ZONE", help="Zone of the file's times, when it does not say: UTC.")
]
StrategyOption = Annotated[str, typer.Option("--strategy", metavar="NAME", help="A registered strategy.")]
ParamOption = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter of the strategy; may be repeated."),
]
CashOption = Annotated[float, typer.Option("--cash", help="Money to begin with, in the quote currency.")]
FeeOption = Annotated[float, typer.Option("--fee", help="Fraction of an order's value: 0.001 is 0.1 %.")]
SlippageOption = Annotated[float, typer.Option("--slippage-bps", help="How much worse than the open orders fill.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="Threads. Default: one a core.")]
ProgressOption = Annotated[
    bool | None, typer.Option("--progress/--no-progress", help="Show a bar. Default: when it takes long.")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of the practice market.")]


def load(path: Path | None, timezone: str | None, n: int, seed: int, timeframe: str) -> tuple[pd.DataFrame, str]:
    """Return the bars of a file, or of the practice market, and what to call them."""
    from cryptobot.market.practice import practice_bars
    from cryptobot.market.read import read_bars

    if path is not None:
        return read_bars(path, timezone=timezone), path.name
    if timezone is not None:
        raise ConfigError(
            f"--timezone: {timezone!r} says what a file's times are, but no file is given. Add --bars FILE."
        )
    return practice_bars(n, seed=seed, timeframe=timeframe), f"practice market, seed {seed}, {timeframe}"


def make_strategy(name: str, given: list[str] | None) -> Strategy:
    """Make a registered strategy from ``NAME=VALUE`` texts.

    Raises
    ------
    ConfigError
        If the name, a parameter or a value is not allowed.
    """
    from cryptobot.strategy.catalogue import STRATEGIES

    cls = STRATEGIES.get(name)
    declared = cls.parameters()
    values: dict[str, Any] = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        key = key.strip()
        if not equals:
            raise ConfigError(f"--param: {text!r} is not NAME=VALUE. Write for example --param fast=12.")
        if key not in declared:
            raise ConfigError(
                f"--param: {name} has no parameter `{key}`.{closest(key, declared)} Known: {listed(declared)}."
            )
        if key in values:
            raise ConfigError(f"--param: `{key}` is given twice. Give it once.")
        values[key] = _parse(value.strip(), declared[key].kind, key, declared[key].allowed())
    return cls(**values)


def _parse(text: str, kind: str, name: str, allowed: str) -> Any:
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
    except ValueError:
        raise ConfigError(f"--param: `{name}` is {text!r}. Allowed: {allowed}.") from None
    if kind == "bool":
        if text.lower() not in ("true", "false"):
            raise ConfigError(f"--param: `{name}` is {text!r}. Allowed: true or false.")
        return text.lower() == "true"
    return text
