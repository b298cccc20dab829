"""`sweep`: many parameter sets of one strategy on the same bars."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from cryptobot.backtest.run import market_of
from cryptobot.backtest.sweep.combinations import combinations_of
from cryptobot.backtest.sweep.figures import block_edges, figures_of
from cryptobot.backtest.sweep.place import Place, places_of
from cryptobot.backtest.sweep.progress import Progress
from cryptobot.backtest.sweep.report import SweepReport, figure_named
from cryptobot.backtest.sweep.setting import Setting
from cryptobot.backtest.sweep.symbols import SymbolSweeps
from cryptobot.backtest.sweep.threads import Stop, cores
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market, decimal_of
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.backtest.sweep.combinations import Combinations
    from cryptobot.backtest.sweep.compute import Outcome
    from cryptobot.backtest.sweep.features import Featured


@overload
def sweep(strategy: type[Strategy], bars: pd.DataFrame | BarColumns, **how: Any) -> SweepReport: ...


@overload
def sweep(strategy: type[Strategy], bars: Mapping[str, pd.DataFrame | BarColumns], **how: Any) -> SymbolSweeps: ...


def sweep(
    strategy: type[Strategy],
    bars: pd.DataFrame | BarColumns | Mapping[str, pd.DataFrame | BarColumns],
    *,
    combos: pd.DataFrame | Iterable[Mapping[str, Any]] | None = None,
    cash: float = 10_000,
    fee: float = 0.001,
    slippage_bps: float = 0,
    market: Market | Mapping[str, Market] | None = None,
    rank: str = "sharpe",
    workers: int | None = None,
    client: Any = None,
    progress: bool | Callable[[int, int, float], None] | None = None,
    blocks: int = 16,
    record: bool = True,
    **ranges: Any,
) -> SweepReport | SymbolSweeps:
    """Try many parameter sets of a strategy on the same bars, with the results that `backtest` would have.

    Every distinct feature is computed once, and conditions that wait for a crossing are looked at only where something
    crossed. Works for any strategy, also for a class typed into a notebook's cell.

    Ctrl-C ends the sweep with what is done: ``report.complete`` is then False.

    Parameters
    ----------
    strategy
        The class, for example ``cb.MovingAverageCrossover``.
    bars
        UTC DatetimeIndex of open times, float columns open, high, low, close, volume. Or a mapping from symbols to such
        frames: every parameter set is then tried on each.
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
        Tick, lot and minimum notional that orders must keep. Without one nothing is rounded. For several symbols, one
        for all or a mapping from each to its own.
    rank
        The figure that decides what is best: a column of the table, of which more is better.
    workers
        How many threads; by default as many as there are cores.
    client
        A ``dask.distributed.Client`` that spreads parameter sets and symbols over other machines (extra ``cluster``).
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
    SweepReport or SymbolSweeps
        ``.table``, ``.best(n)``, ``.heatmap(x, y)``, ``.plot()``. For bars by symbol a mapping from symbols to reports, with
        a ``.table``, ``.best(n)`` and ``.luck`` of all.

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
    money = decimal_of(cash, "cash")
    if money <= 0:
        raise ConfigError(f"cash: {cash} is not allowed. Give an amount above 0 in the quote currency.")
    costs = Costs(decimal_of(fee, "fee"), decimal_of(slippage_bps, "slippage_bps"))

    def setting(columns: BarColumns, rules: Market | None) -> Setting:
        return Setting(money, costs, market_of(rules), block_edges(len(columns), int(blocks)))

    places = places_of(bars, market, setting)

    # Late, because it loads numba.
    from cryptobot.backtest.sweep.features import features_of

    featured = features_of(combinations)
    kept = featured.kept
    if kept.size == 0:
        many = len(combinations)
        which = "the only combination" if many == 1 else f"each of the {many:,} combinations"
        raise ConfigError(
            f"sweep: {which} breaks a constraint, so that none is left to try. "
            f"The first says: {min(featured.broken, key=lambda some: int(some[0][0]))[1]}"
        )
    shown = Progress(kept.size * len(places), progress)
    stop = Stop()
    try:
        if client is not None:
            from cryptobot.backtest.sweep.cluster import compute_on_cluster

            outcomes = compute_on_cluster(client, combinations, featured, places, told=shown.add, stop=stop)
        else:
            many = int(workers or cores())
            outcomes = [_at_home(combinations, featured, place, many, shown, stop) for place in places]
    finally:
        shown.close()
    seconds = time.perf_counter() - started
    reports: dict[str, SweepReport] = {}
    for place, outcome in zip(places, outcomes, strict=True):
        report = _report(combinations, featured, place, outcome, rank, seconds)
        if report is not None:
            reports[place.symbol] = _recorded(report, place) if record else report
    if not reports:
        raise KeyboardInterrupt
    if not isinstance(bars, Mapping):
        return reports[""]
    return SymbolSweeps(reports, tuple(place.symbol for place in places if place.symbol not in reports), seconds)


def _at_home(
    combinations: Combinations, featured: Featured, place: Place, workers: int, shown: Progress, stop: Stop
) -> Outcome:
    from cryptobot.backtest.sweep.compute import Outcome, compute

    if not stop.is_set():
        try:
            return compute(
                combinations, featured, place.bars, place.setting, workers=workers, told=shown.add, stop=stop
            )
        except KeyboardInterrupt:  # between two symbols: what the others have is kept
            stop.set()
    return Outcome.empty(len(combinations), place.setting.edges.size - 1)


def _report(
    combinations: Combinations, featured: Featured, place: Place, outcome: Outcome, rank: str, seconds: float
) -> SweepReport | None:
    """Return the results at a place; None when nothing is done there."""
    kept, columns = featured.kept, place.bars
    done = kept[outcome.done[kept]]
    if done.size == 0:
        return None
    everything = done.size == len(combinations)
    return SweepReport(
        strategy=combinations.strategy,
        bars=columns,
        combinations=combinations if everything else combinations.take(done),
        setting=place.setting,
        rank=rank,
        asked=len(combinations),
        broken=featured.broken,
        whole=combinations,
        complete=done.size == kept.size,
        seconds=seconds,
        figures=figures_of(
            outcome.raw if everything else outcome.raw[done], len(columns), columns.timeframe.bars_per_year
        ),
        block_sums=outcome.blocks if everything else outcome.blocks[done],
    )


def _recorded(report: SweepReport, place: Place) -> SweepReport:
    from cryptobot.backtest.registry.sweeps import remember

    return replace(report, run_id=remember(report, place.market, place.symbol))
