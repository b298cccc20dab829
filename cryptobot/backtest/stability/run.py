"""`stability`: whether a result survives what a backtest took for granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptobot.backtest.run import check_strategy_object
from cryptobot.backtest.stability.costs import break_even_fee, cost_table, dropped_table
from cryptobot.backtest.stability.neighbours import neighbourhood
from cryptobot.backtest.stability.regimes import month_table, regime_table, regime_window
from cryptobot.backtest.stability.report import StabilityReport
from cryptobot.backtest.statistics.record import Record, Terms
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market
from cryptobot.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd


def stability(
    strategy: Strategy,
    bars: pd.DataFrame | BarColumns,
    *,
    cash: float = 10_000,
    fee: float = 0.001,
    slippage_bps: float = 0,
    market: Market | None = None,
    samples: int = 200,
    seed: int = 0,
) -> StabilityReport:
    """Try one strategy at other costs, late, with lost orders, with neighbouring parameters, and by kinds of market.

    Parameters
    ----------
    strategy
        With its parameters, for example the best of a sweep.
    bars
        UTC DatetimeIndex of open times, float columns open, high, low, close, volume.
    cash, fee, slippage_bps, market
        As for `backtest`.
    samples
        How often orders are lost at random, for each share of them.
    seed
        The same seed loses the same orders.

    Returns
    -------
    StabilityReport
        Tables, a plot and a sentence.

    Raises
    ------
    ConfigError
        If an argument is not allowed.
    DataError
        If the bars cannot be trusted.

    Examples
    --------
    >>> stability(MovingAverageCrossover(fast=10, slow=30), practice_bars(50_000, seed=7))  # doctest: +SKIP
    """
    check_strategy_object(strategy)
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 10:
        raise ConfigError(f"samples: {samples!r} is not allowed. Give a whole number of at least 10; 200 is usual.")
    columns = BarColumns.of(bars)
    terms = Terms.of(cash, fee, slippage_bps, market)
    decisions = strategy.batch(columns)
    record = Record.of_decisions(decisions, columns, terms)
    hold = Record.buy_and_hold(columns, terms)
    window = regime_window(columns)
    return StabilityReport(
        strategy=strategy,
        bars=columns,
        terms=terms,
        record=record,
        hold=hold,
        costs=cost_table(decisions, columns, terms),
        dropped=dropped_table(decisions, columns, terms.costs, samples=samples, seed=seed),
        break_even_fee=break_even_fee(decisions, columns, terms),
        neighbours=neighbourhood(strategy, columns, terms),
        regimes=regime_table(record, hold, window),
        months=month_table(record, hold),
    )
