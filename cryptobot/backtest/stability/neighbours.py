"""The parameter sets around one, which tell a plateau from a lone peak."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.statistics.record import Terms
from cryptobot.backtest.sweep.run import sweep
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.param import Param

if TYPE_CHECKING:
    import pandas as pd

_MOST: Final = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """What the parameter sets around one came to.

    Attributes
    ----------
    table
        DataFrame: the parameters, ``total_return``, ``sharpe``, ``max_drawdown``, ``trades``, and ``steps``, how many
        steps of 10 % (whole numbers: at least 1) the farthest parameter is away; the first row is the set itself.
    kept
        Share of the neighbours that keep at least half of the set's Sharpe ratio; NaN when it has none above 0.
    better
        Share of the neighbours with a higher Sharpe ratio.
    """

    table: pd.DataFrame
    kept: float
    better: float

    @property
    def is_plateau(self) -> bool:
        """Whether at least half of the neighbours keep at least half of the Sharpe ratio."""
        return self.kept >= 0.5


def neighbourhood(strategy: Strategy, bars: BarColumns, terms: Terms) -> Neighbourhood | None:
    """Try the sets around a strategy's parameters; None when it has no number to change.

    Up to three numbers are changed by up to two steps in all ways, more of them by one; a number that is 0 has no
    scale and stays. What breaks a bound or a constraint is left out.
    """
    declared = strategy.parameters()
    numbers = [
        name
        for name, p in declared.items()
        if p.kind in ("int", "float") and p.choices is None and strategy.params[name]
    ]
    reach = 2 if len(numbers) <= 3 else 1
    moves = [_moves(declared[name], strategy.params[name], reach) for name in numbers]
    if not any(len(options) > 1 for options in moves):
        return None
    combos = (
        list(product(*moves))
        if math.prod(map(len, moves)) <= _MOST
        else [
            tuple(move if row == at else (0, strategy.params[n]) for at, n in enumerate(numbers))
            for row, options in enumerate(moves)
            for move in options
        ]
    )
    # The set itself first, each set once.
    distinct = dict.fromkeys(sorted(combos, key=lambda moved: max(abs(steps) for steps, _ in moved)))
    steps, sets = [], []
    for moved in distinct:
        values = {**strategy.params, **{name: value for name, (_, value) in zip(numbers, moved, strict=True)}}
        try:
            type(strategy)(**values)
        except ConfigError:
            continue
        steps.append(max(abs(step) for step, _ in moved))
        sets.append(values)
    swept = sweep(
        type(strategy),
        bars,
        combos=sets,
        cash=float(terms.cash),
        fee=float(terms.costs.fee),
        slippage_bps=float(terms.costs.slippage_bps),
        market=terms.market,
        progress=False,
        record=False,
    )
    if not swept.complete:
        raise KeyboardInterrupt
    figures = ["total_return", "sharpe", "max_drawdown", "trades"]
    table = swept.table[[*declared, *figures]].assign(steps=np.array(steps))
    return Neighbourhood(table, *shares(table["sharpe"].to_numpy(dtype=np.float64)))


def shares(ratios: NDArray[np.float64]) -> tuple[float, float]:
    """Return which share of the neighbours keeps half of a Sharpe ratio, and which share is better.

    Parameters
    ----------
    ratios
        float64, shape (sets,): that of the set itself first; NaN, never having traded, counts as 0 for a neighbour.
    """
    mine, others = float(ratios[0]), np.nan_to_num(ratios[1:], nan=0.0)
    if not others.size or math.isnan(mine):
        return math.nan, math.nan
    kept = float(np.mean(others >= mine / 2)) if mine > 0 else math.nan
    return kept, float(np.mean(others > mine))


def _moves(p: Param, value: Any, reach: int) -> list[tuple[int, Any]]:
    """Return steps and values within the parameter's bounds, itself included."""
    size = max(1, round(abs(value) / 10)) if p.kind == "int" else abs(value) / 10
    found: dict[Any, int] = {}
    for step in sorted(range(-reach, reach + 1), key=abs):
        try:
            found.setdefault(p.check(value + step * size, "neighbour"), step)
        except ConfigError:
            continue
    return [(step, moved) for moved, step in found.items()]
