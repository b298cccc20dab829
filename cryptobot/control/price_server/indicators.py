"""The library's indicators over the newest candles, stepped in Python as a bot steps them.

Nothing is compiled for it: that would keep the interpreter, and so the bots of this process, busy for a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from cryptobot.core.bars import COLUMNS, PRICES, BarColumns
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.feature import INDICATORS, Feature
from cryptobot.strategy.volatility import RollingVolatility

Column = Sequence[float]

# What a smoothed value still knows of: more bars change its last digits only.
MOST_ROWS: Final = 5_000
_ROWS: Final = 50
_VOLATILITIES: Final = RollingVolatility.__module__


def names() -> list[str]:
    """Return the indicators on offer, by their registered names."""
    return INDICATORS.names()


def rows_for(features: Sequence[Feature], n: int) -> int:
    """Return how many candles the newest ``n`` values of features need."""
    return min(MOST_ROWS, n + max((feature.total_memory for feature in features), default=1))


def stepped(feature: Feature, columns: Mapping[str, Column], scale: float) -> Column:
    """Step a feature over candles.

    Parameters
    ----------
    feature
        Which.
    columns
        open, high, low, close, volume, all of length n.
    scale
        Ticks in one unit of price; see `PriceGrid.scale`.

    Returns
    -------
    sequence of float
        Of length n, NaN while undefined: what a bot that begins with the first of these candles sees.
    """
    sources = [stepped(s, columns, scale) if isinstance(s, Feature) else columns[s] for s in feature.sources]
    waits = any(isinstance(source, Feature) for source in feature.sources)
    state, step, arguments = feature.state(), feature.step.step, feature.arguments(scale)
    values = []
    for inputs in zip(*sources, strict=True):
        undefined = waits and not all(map(math.isfinite, inputs))
        values.append(math.nan if undefined else float(step(state, *inputs, *arguments)))
    return values


def lists_of(bars: BarColumns) -> dict[str, Column]:
    """Return candles as lists of plain numbers: quicker to step over than arrays."""
    return {name: getattr(bars, name).tolist() for name in COLUMNS}


def averages_of(strategy: Strategy, bars: BarColumns) -> list[str]:
    """Return the features that are prices, such as averages: they double with doubled prices and lie near the close.

    Parameters
    ----------
    strategy
        Whose features.
    bars
        The newest candles.
    """
    n = min(len(bars), MOST_ROWS, strategy.warm_up + _ROWS)
    once = {name: column[len(column) - n :] for name, column in lists_of(bars).items()}
    twice = {name: [2.0 * value for value in column] if name in PRICES else column for name, column in once.items()}
    chosen = []
    for name, feature in strategy.nodes.items():
        single, double = (stepped(feature, columns, bars.grid.scale) for columns in (once, twice))
        known = [
            (a, b, close)
            for a, b, close in zip(single, double, once["close"], strict=True)
            if math.isfinite(a) and math.isfinite(b)
        ]
        if known and all(math.isclose(b, 2 * a, rel_tol=1e-6) and abs(a / close - 1) < 0.5 for a, b, close in known):
            chosen.append(name)
    return chosen


def volatility_of(strategy: Strategy, newest: Mapping[str, float], bars: BarColumns) -> float | None:
    """Return the volatility that the strategy looks at, or else that of the last returns, a bar; None while undefined.

    Parameters
    ----------
    strategy
        Whose.
    newest
        Its features' newest values.
    bars
        The newest candles.
    """
    own = [name for name, node in strategy.nodes.items() if type(node).__module__ == _VOLATILITIES and name in newest]
    if own:
        value = newest[own[0]]
    else:
        feature = RollingVolatility()
        n = rows_for([feature], 1)
        columns = {name: column[-n:] for name, column in lists_of(bars).items()}
        value = (stepped(feature, columns, bars.grid.scale) or [math.nan])[-1]
    return value if math.isfinite(value) else None
