"""`cross_validate`: choose on most of the history, test on the rest, in every way that can be done."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from cryptobot.backtest.statistics.luck import Luck
from cryptobot.backtest.statistics.overfitting import sharpe_of_sums
from cryptobot.backtest.statistics.record import Record, Terms
from cryptobot.backtest.statistics.sharpe import Shape
from cryptobot.backtest.stats import drawdown
from cryptobot.backtest.sweep.run import sweep
from cryptobot.backtest.walk_forward.choices import Choices
from cryptobot.backtest.walk_forward.cross_validation_report import CrossValidationReport
from cryptobot.backtest.walk_forward.folds import Folds, folds
from cryptobot.core.bars import BarColumns
from cryptobot.core.money import Market
from cryptobot.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from cryptobot.backtest.sweep.report import SweepReport


def cross_validate(
    strategy: type[Strategy],
    bars: pd.DataFrame | BarColumns,
    *,
    groups: int = 6,
    test_groups: int = 2,
    purge: int | None = None,
    embargo: int = 0,
    combos: pd.DataFrame | Iterable[Mapping[str, Any]] | None = None,
    cash: float = 10_000,
    fee: float = 0.001,
    slippage_bps: float = 0,
    market: Market | None = None,
    workers: int | None = None,
    client: Any = None,
    progress: bool | Callable[[int, int, float], None] | None = None,
    **ranges: Any,
) -> CrossValidationReport:
    """Cross-validate the choice of parameters: combinatorial, purged (CPCV).

    The history is cut into groups. For every choice of test groups, the set with the best Sharpe ratio on the other
    groups is looked at in these; what it did there is joined into several paths through the whole history, where a
    walk-forward has one. Training leaves out the bars beside a tested group from which it could know of it.

    Source: López de Prado (2018), "Advances in financial machine learning", chapter 12.

    Parameters
    ----------
    strategy
        The class.
    bars
        UTC DatetimeIndex of open times, float columns open, high, low, close, volume. A hole is a missing row.
    groups, test_groups
        Contiguous groups of equal length, and how many of them are tested at a time: 6 and 2 give 15 splits, 5 paths.
    purge
        Bars left out on either side of a tested group; the default is the longest memory of any parameter set, so that
        no feature in training contains a tested bar. Rounded up to whole blocks.
    embargo
        Further bars left out after a tested group.
    combos, ranges, cash, fee, slippage_bps, market, workers, client, progress
        As for `sweep`, which runs once.

    Returns
    -------
    CrossValidationReport
        Paths, splits, and what may be luck in the best. Ctrl-C ends it without a report, as half of a sweep has no
        paths.

    Raises
    ------
    ConfigError
        If an argument is not allowed, or there is too little data.
    """
    started = time.perf_counter()
    columns = BarColumns.of(bars)
    terms = Terms.of(cash, fee, slippage_bps, market)
    choices = Choices.of(strategy, ranges, combos)
    layout = folds(len(columns), groups, test_groups, choices.longest_memory if purge is None else purge, embargo)
    swept = sweep(
        strategy,
        columns,
        cash=cash,
        fee=fee,
        slippage_bps=slippage_bps,
        market=market,
        workers=workers,
        client=client,
        progress=progress,
        blocks=layout.groups * layout.parts,
        record=False,
        **choices.arguments,
    )
    if not swept.complete:
        raise KeyboardInterrupt
    return _report(swept, layout, terms, started)


def _report(swept: SweepReport, layout: Folds, terms: Terms, started: float) -> CrossValidationReport:
    import pandas as pd

    bars = swept.bars
    year = math.sqrt(bars.timeframe.bars_per_year)
    moments = swept.moments
    chosen = np.empty(len(layout.tests), dtype=np.int64)
    lines: list[dict[str, Any]] = []
    for split, tested in enumerate(layout.tests):
        trained = _sharpes(moments, layout.train[split])
        best = int(np.argmax(np.where(np.isnan(trained), -np.inf, trained)))
        chosen[split] = -1 if np.isnan(trained[best]) else best
        outside = _sharpes(moments, layout.test_blocks(split))
        params = dict.fromkeys(swept.strategy.parameters()) if chosen[split] < 0 else swept.strategy_of(best).params
        lines.append(
            {
                "tested": ", ".join(str(group + 1) for group in tested.tolist()),
                **params,
                "train_sharpe": trained[best] * year,
                "test_sharpe": outside[best] * year,
                "median_sharpe": float(np.nanmedian(outside)) * year if np.isfinite(outside).any() else math.nan,
            }
        )
    returns = {
        row: Record.of(swept.strategy_of(row), bars, terms).returns for row in np.unique(chosen[chosen >= 0]).tolist()
    }
    flat = np.zeros(len(bars))
    paths = np.stack([_path(layout, row, chosen, returns, flat) for row in layout.paths])
    figures = [_figures(values, float(year)) for values in paths]
    return CrossValidationReport(
        strategy=swept.strategy,
        bars=bars,
        terms=terms,
        layout=layout,
        splits=pd.DataFrame(lines, index=pd.RangeIndex(1, len(lines) + 1, name="split")),
        paths=pd.DataFrame(figures, index=pd.RangeIndex(1, len(figures) + 1, name="path")),
        path_returns=paths,
        luck=Luck.of(swept),
        seconds=time.perf_counter() - started,
    )


def _sharpes(moments: NDArray[np.float64], blocks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each row's Sharpe ratio per bar over chosen blocks; NaN where it never moved."""
    count, total, squares = moments[:, blocks].sum(axis=1).T
    return np.where(squares > 0, sharpe_of_sums(count, total, squares), np.nan)


def _path(
    layout: Folds,
    splits: NDArray[np.int64],
    chosen: NDArray[np.int64],
    returns: dict[int, NDArray[np.float64]],
    flat: NDArray[np.float64],
) -> NDArray[np.float64]:
    parts = [
        returns.get(int(chosen[split]), flat)[layout.rows_of(group)] for group, split in enumerate(splits.tolist())
    ]
    return np.concatenate(parts)


def _figures(returns: NDArray[np.float64], year: float) -> dict[str, float]:
    equity = np.cumprod(1.0 + returns)
    return {
        "total_return": float(equity[-1] - 1.0),
        "sharpe": Shape.of(returns).sharpe * year,
        "max_drawdown": float(min(0.0, drawdown(np.concatenate([[1.0], equity])).min())),
    }
