"""`sweep`: many parameter sets of one strategy on the same bars."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cryptobot.backtest.run import market_of
from cryptobot.backtest.sweep.combinations import combinations_of
from cryptobot.backtest.sweep.figures import block_edges, figures_of
from cryptobot.backtest.sweep.progress import Progress
from cryptobot.backtest.sweep.report import SweepReport, figure_named
from cryptobot.backtest.sweep.setting import Setting
from cryptobot.backtest.sweep.threads import Stop, cores
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market, decimal_of
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd


def sweep(
    strategy: type[Strategy],
    bars: pd.DataFrame | BarColumns,
    *,
    combos: pd.DataFrame | Iterable[Mapping[str, Any]] | None = None,
    cash: float = 10_000,
    fee: float = 0.001,
    slippage_bps: float = 0,
    market: Market | None = None,
    rank: str = "sharpe",
    workers: int | None = None,
    client: Any = None,
    progress: bool | Callable[[int, int, float], None] | None = None,
    blocks: int = 16,
    record: bool = True,
    **ranges: Any,
) -> SweepReport:
    """Try many parameter sets of a strategy on the same bars, with the results that `backtest` would have.

    Every distinct feature is computed once, and conditions that wait for a crossing are looked at only where something
    crossed. Works for any strategy, also for a class typed into a notebook's cell.

    Ctrl-C ends the sweep with what is done: ``report.complete`` is then False.

    Parameters
    ----------
    strategy
        The class, for example ``cb.MovingAverageCrossover``.
    bars
        UTC DatetimeIndex of open times, float columns open, high, low, close, volume.
    combos
        Explicit parameter sets instead of ranges: dicts, or a DataFrame with a column a parameter. What a row leaves
        out takes its default.
    cash
        To begin with, in the quote currency, above 0.
    fee
        Fraction of an order's value, at least 0 and below 1.
    slippage_bps
        How much worse than the open an order fills, in basis points.
    market
        Tick, lot and minimum notional that orders must keep. Without one nothing is rounded.
    rank
        The figure that decides what is best: a column of the table, of which more is better.
    workers
        How many threads; by default as many as there are cores.
    client
        A ``dask.distributed.Client`` that spreads the parameter sets over other machines (extra ``cluster``).
    progress
        None shows a bar when it takes long and somebody looks; True, False; or a function of (done, total, seconds
        left).
    blocks
        Into how many contiguous blocks of bars `SweepReport.moments` divides the history.
    record
        Whether `runs` shows it later; see ``CRYPTOBOT_RECORD_RUNS`` in the settings.
    **ranges
        Values by parameter, such as ``fast=range(5, 50, 5)``: every combination of them is tried. A single value is
        the same for all, and parameters that are not named keep their defaults. Sets that break a constraint of the
        strategy are skipped and counted.

    Returns
    -------
    SweepReport
        ``.table``, ``.best(n)``, ``.heatmap(x, y)``, ``.plot()``.

    Raises
    ------
    ConfigError
        If an argument is not allowed, or no parameter set keeps the strategy's constraints.
    DataError
        If the bars cannot be trusted.
    StrategyError
        If a condition raises, returns nonsense, or looks ahead.

    Examples
    --------
    >>> report = sweep(
    ...     MovingAverageCrossover, practice_bars(50_000, seed=7), fast=range(5, 50, 5), slow=range(20, 200, 10)
    ... )  # doctest: +SKIP
    >>> report.best(5)  # doctest: +SKIP
    """
    started = time.perf_counter()
    figure_named(rank, "rank")
    for name, number, what in (("workers", workers, "threads"), ("blocks", blocks, "blocks of bars")):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1):
            raise ConfigError(f"{name}: {number!r} is not allowed. Give a whole number of {what}, at least 1.")
    combinations = combinations_of(strategy, ranges, combos)
    columns = BarColumns.of(bars)
    money = decimal_of(cash, "cash")
    if money <= 0:
        raise ConfigError(f"cash: {cash} is not allowed. Give an amount above 0 in the quote currency.")
    setting = Setting(
        cash=money,
        costs=Costs(decimal_of(fee, "fee"), decimal_of(slippage_bps, "slippage_bps")),
        market=market_of(market),
        edges=block_edges(len(columns), int(blocks)),
    )

    # Late, because they load numba.
    from cryptobot.backtest.sweep.compute import compute
    from cryptobot.backtest.sweep.features import features_of

    featured = features_of(combinations)
    kept = featured.kept
    if kept.size == 0:
        raise ConfigError(
            f"sweep: each of the {len(combinations):,} combinations breaks a constraint, so that none is left to try. "
            f"The first says: {min(featured.broken, key=lambda some: int(some[0][0]))[1]}"
        )
    shown = Progress(kept.size, progress)
    stop = Stop()
    try:
        if client is not None:
            from cryptobot.backtest.sweep.cluster import compute_on_cluster

            outcome = compute_on_cluster(client, combinations, featured, columns, setting, told=shown.add, stop=stop)
        else:
            outcome = compute(
                combinations, featured, columns, setting, workers=int(workers or cores()), told=shown.add, stop=stop
            )
    finally:
        shown.close()
    done = kept[outcome.done[kept]]
    if done.size == 0:
        raise KeyboardInterrupt
    everything = done.size == len(combinations)
    report = SweepReport(
        strategy=strategy,
        bars=columns,
        combinations=combinations if everything else combinations.take(done),
        setting=setting,
        rank=rank,
        asked=len(combinations),
        broken=featured.broken,
        whole=combinations,
        complete=done.size == kept.size,
        seconds=time.perf_counter() - started,
        figures=figures_of(
            outcome.raw if everything else outcome.raw[done], len(columns), columns.timeframe.bars_per_year
        ),
        block_sums=outcome.blocks if everything else outcome.blocks[done],
    )
    if not record:
        return report
    from cryptobot.backtest.registry.sweeps import remember

    return replace(report, run_id=remember(report, market))
