"""`walk_forward`: choose parameters on the past, trade what came after, and go on."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cryptobot.backtest.second_book import keep_second_book
from cryptobot.backtest.statistics.luck import Luck, trial_spread
from cryptobot.backtest.statistics.overfitting import overfitting_probability
from cryptobot.backtest.statistics.record import Record, Terms, decisions_from, rows
from cryptobot.backtest.statistics.sharpe import best_by_luck, probabilistic_sharpe
from cryptobot.backtest.stats import measure, total_return
from cryptobot.backtest.sweep.progress import Progress
from cryptobot.backtest.sweep.run import sweep
from cryptobot.backtest.trade_table import trade_table
from cryptobot.backtest.walk_forward.choices import Choices
from cryptobot.backtest.walk_forward.report import WalkForwardReport
from cryptobot.backtest.walk_forward.splits import Length, Splits, Window, split
from cryptobot.core.bars import BarColumns
from cryptobot.core.money import Market
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.decision import Decisions

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.backtest.sweep.report import SweepReport

# Cells (halves × parameter sets) of a training window that are looked at for overfitting: a tenth of a second.
_CELLS: Final = 4_000_000
_FEWEST, _MOST = 400, 2_000


def walk_forward(
    strategy: type[Strategy],
    bars: pd.DataFrame | BarColumns,
    *,
    train: Length,
    test: Length,
    step: Length | None = None,
    anchored: bool = False,
    purge: int | None = None,
    embargo: int = 0,
    combos: pd.DataFrame | Iterable[Mapping[str, Any]] | None = None,
    cash: float = 10_000,
    fee: float = 0.001,
    slippage_bps: float = 0,
    market: Market | None = None,
    rank: str = "sharpe",
    workers: int | None = None,
    client: Any = None,
    progress: bool | Callable[[int, int, float], None] | None = None,
    record: bool = True,
    **ranges: Any,
) -> WalkForwardReport:
    """Choose the best parameters on a stretch of the past, trade them on the stretch that follows, and go on.

    What the choice sees ends before what it trades begins: training has no order filled, and no position valued, on a
    bar of the test. Testing warms the features up with the bars before it, as a bot would.

    Parameters
    ----------
    strategy
        The class, for example ``cb.MovingAverageCrossover``.
    bars
        UTC DatetimeIndex of open times, float columns open, high, low, close, volume. A hole is a missing row.
    train, test, step
        Lengths, all in bars (``train=5_000``) or all in time (``train="90d"``). The next window starts ``step`` later,
        by default as late as the test is long.
    anchored
        Train from the first bar on, instead of on the latest stretch of equal length.
    purge
        Bars left out at the end of each training window. The default is none: nothing leaks forward across the
        boundary, as features look back and the last signal of the training is not filled.
    embargo
        Bars between training and test that neither sees.
    combos, ranges
        What to try, as for `sweep`: ``fast=range(5, 50, 5), slow=range(20, 200, 10)``.
    cash, fee, slippage_bps, market
        As for `backtest`.
    rank
        The figure of the sweep's table that decides what is best.
    workers, client
        As for `sweep`.
    progress
        As for `sweep`, counted in windows.
    record
        Whether `runs` shows the whole of it later; see ``CRYPTOBOT_RECORD_RUNS`` in the settings.

    Returns
    -------
    WalkForwardReport
        Windows, stitched equity, figures, and what may be luck in them. After Ctrl-C it holds the windows that were
        finished and says so.

    Raises
    ------
    ConfigError
        If an argument is not allowed, or there is too little data for one window.
    DataError
        If the bars cannot be trusted.

    Examples
    --------
    >>> walk_forward(
    ...     MovingAverageCrossover, bars, train="180d", test="30d", fast=range(5, 50, 5), slow=range(60, 200, 20)
    ... )  # doctest: +SKIP
    """
    started = time.perf_counter()
    columns = BarColumns.of(bars)
    terms = Terms.of(cash, fee, slippage_bps, market)
    choices = Choices.of(strategy, ranges, combos)
    splits = split(
        columns,
        train,
        test,
        step=step,
        anchored=anchored,
        purge=0 if purge is None else purge,
        embargo=embargo,
        least=choices.longest_warm_up + 2,
    )
    options: dict[str, Any] = {"cash": cash, "fee": fee, "slippage_bps": slippage_bps, "market": market, "rank": rank}
    shown = Progress(len(splits.windows), progress, "Windows")
    done: list[_Done] = []
    try:
        # Ctrl-C ends the loop, and what is done is returned.
        with contextlib.suppress(KeyboardInterrupt):
            for window in splits.windows:
                part = rows(columns, window.train_first, window.train_end)
                swept = sweep(
                    strategy,
                    part,
                    workers=workers,
                    client=client,
                    progress=False,
                    record=False,
                    **options,
                    **choices.arguments,
                )
                if not swept.complete:
                    break
                done.append(_Done.of(window, swept, columns, terms))
                shown.add(1)
    finally:
        shown.close()
    if not done:
        raise KeyboardInterrupt
    report = _report(strategy, columns, terms, rank, splits, done, anchored=anchored, started=started)
    if not record:
        return report
    from cryptobot.backtest.registry.walk_forwards import remember

    cut = {"train": train, "test": test, "step": step, "anchored": anchored, "purge": purge or 0, "embargo": embargo}
    return replace(report, run_id=remember(report, columns, choices.combinations, cut))


class _Done:
    """A window that was trained and tested.

    Attributes
    ----------
    window
        Its rows.
    chosen
        The strategy that was best in training; None when nothing traded there.
    decisions
        On the rows of the test.
    row
        Its line in the report's table.
    """

    def __init__(self, window: Window, chosen: Strategy | None, decisions: Decisions, row: dict[str, Any]) -> None:
        self.window = window
        self.chosen = chosen
        self.decisions = decisions
        self.row = row

    @classmethod
    def of(cls, window: Window, swept: SweepReport, bars: BarColumns, terms: Terms) -> _Done:
        """Take the winner of the training and trade it on the test."""
        best = swept.best(1)
        chosen = None if math.isnan(float(best[swept.rank].iloc[0])) else swept.strategy_of(int(best.index[0]))
        part = rows(bars, window.test_first, window.test_end)
        if chosen is None:
            nothing = np.zeros(len(part), dtype=bool)
            decisions = Decisions(part.time, nothing, nothing, {})
        else:
            decisions = decisions_from(chosen.batch(bars.head(window.test_end)), window.test_first)
        record = Record.of_decisions(decisions, part, terms)
        row: dict[str, Any] = {
            "train_bars": window.train_end - window.train_first,
            "test_bars": len(part),
            "missing": _missing(bars, window.train_first, window.test_end),
            **dict.fromkeys(swept.strategy.parameters()),
            **({} if chosen is None else chosen.params),
            **_training(swept, chosen, int(best.index[0]), terms),
            "test_return": record.total_return,
            "test_sharpe": record.sharpe,
            "test_drawdown": record.max_drawdown,
            "test_trades": len(record.trips),
            "buy_and_hold": Record.buy_and_hold(part, terms).total_return,
        }
        return cls(window, chosen, decisions, row)


def _training(swept: SweepReport, chosen: Strategy | None, best: int, terms: Terms) -> dict[str, float]:
    if chosen is None:
        return dict.fromkeys(("train_return", "train_sharpe", "train_skill", "overfitting"), math.nan)
    trials, variance = trial_spread(swept)
    shape = Record.of(chosen, swept.bars, terms).shape
    benchmark = best_by_luck(trials, variance)
    halves = min(_MOST, max(_FEWEST, _CELLS // len(swept.table)))
    return {
        "train_return": float(swept.table["total_return"].iloc[best]),
        "train_sharpe": float(swept.table["sharpe"].iloc[best]),
        "train_skill": probabilistic_sharpe(
            shape.sharpe, shape.n, skewness=shape.skewness, kurtosis=shape.kurtosis, benchmark=benchmark
        ),
        "overfitting": overfitting_probability(swept.moments, max_splits=halves),
    }


def _missing(bars: BarColumns, first: int, end: int) -> int:
    whole = (int(bars.time[end - 1]) - int(bars.time[first])) // bars.timeframe.nanoseconds + 1
    return whole - (end - first)


def _report(
    strategy: type[Strategy],
    bars: BarColumns,
    terms: Terms,
    rank: str,
    splits: Splits,
    done: list[_Done],
    *,
    anchored: bool,
    started: float,
) -> WalkForwardReport:
    import pandas as pd

    first, end = done[0].window.test_first, done[-1].window.test_end
    part = rows(bars, first, end)
    decisions = _stitched(done, part)
    record = Record.of_decisions(decisions, part, terms)
    book = keep_second_book(record.ledger, part, terms.costs)
    hold = Record.buy_and_hold(part, terms)
    last = float(part.close[-1])
    stats = measure(record.ledger, part.close, record.equity, book.sharpe, total_return(hold.ledger.portfolio, last))

    def times(rows_: list[int]) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(bars.time[rows_].view("M8[ns]"), tz="UTC")

    windows = [one.window for one in done]
    table = pd.DataFrame(
        {
            "train_from": times([w.train_first for w in windows]),
            "train_to": times([w.train_end - 1 for w in windows]),
            "test_from": times([w.test_first for w in windows]),
            "test_to": times([w.test_end - 1 for w in windows]),
        },
        index=pd.RangeIndex(1, len(done) + 1, name="window"),
    ).join(pd.DataFrame([one.row for one in done], index=pd.RangeIndex(1, len(done) + 1)))
    return WalkForwardReport(
        strategy=strategy,
        bars=part,
        terms=terms,
        rank=rank,
        anchored=anchored,
        windows=table,
        chosen=tuple(one.chosen for one in done),
        skipped=splits.skipped,
        asked=len(splits.windows),
        stats=stats,
        trades=trade_table(record.ledger.portfolio.trades, record.ledger.portfolio.open_trade(last)),
        record=record,
        hold=hold,
        luck=Luck.of_record(record, hold),
        starts=np.array([w.test_first - first for w in windows], dtype=np.int64),
        seconds=time.perf_counter() - started,
    )


def _stitched(done: list[_Done], part: BarColumns) -> Decisions:
    """Put the decisions together: each winner decides until the next one takes over, and a position is handed on."""
    first = done[0].window.test_first
    buy, sell = np.zeros(len(part), dtype=bool), np.zeros(len(part), dtype=bool)
    for one in done:
        # A later winner overwrites the rows that both were tested on.
        at = slice(one.window.test_first - first, one.window.test_end - first)
        buy[at], sell[at] = one.decisions.buy, one.decisions.sell
    return Decisions(part.time, buy, sell, {})
