"""One parameter set in exact arithmetic: the books of `backtest`, for what float64 cannot tell."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.ledger import keep_ledger
from cryptobot.backtest.stats import measure
from cryptobot.backtest.sweep.setting import Setting
from cryptobot.core.bars import BarColumns
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.strategy.decision import Decisions


def exact_book(
    buys: NDArray[np.int64], sells: NDArray[np.int64], bars: BarColumns, setting: Setting
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Trade decisions in the ledger of `backtest` and measure what came of it.

    Parameters
    ----------
    buys, sells
        int64: rows on which the conditions are true, rising.
    bars, setting
        As for the sweep.

    Returns
    -------
    tuple of ndarray
        float64 of shapes (8,) and (blocks, 2), as `book.keep_book` writes them.
    """
    n = len(bars)
    buy, sell = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    buy[buys], sell[sells] = True, True
    ledger = keep_ledger(
        Decisions(bars.time, buy, sell, {}),
        bars,
        cash=setting.cash,
        costs=setting.costs,
        sizing=FractionOfEquity(),
        market=setting.market,
    )
    equity = ledger.equity(bars.close)
    returns = np.zeros(n)
    returns[1:] = equity[1:] / equity[:-1] - 1.0
    stats = measure(ledger, bars.close, equity, math.nan, math.nan)
    parts = [returns[a:b] for a, b in zip(setting.edges[:-1], setting.edges[1:], strict=True)]
    figures = np.array(
        [
            stats.total_return,
            stats.max_drawdown,
            math.fsum(returns),
            math.fsum(returns * returns),
            stats.trades,
            0 if stats.trades == 0 else round(stats.win_rate * stats.trades),
            stats.profit_factor,
            round(stats.exposure * n),
        ]
    )
    return figures, np.array([[math.fsum(part), math.fsum(part * part)] for part in parts])
