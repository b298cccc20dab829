"""What is kept of a walk-forward."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from cryptobot.backtest.registry.backtests import market_facts
from cryptobot.backtest.registry.recording import record
from cryptobot.backtest.registry.sweeps import tried
from cryptobot.backtest.registry.tables import storable, thinned

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cryptobot.backtest.sweep.combinations import Combinations
    from cryptobot.backtest.walk_forward.report import WalkForwardReport
    from cryptobot.core.bars import BarColumns

_TIMES = (dt.timedelta, np.timedelta64)  # as texts: a bare number would be a number of bars


def remember(
    report: WalkForwardReport, bars: BarColumns, combinations: Combinations, windows: Mapping[str, Any]
) -> str | None:
    """Record a walk-forward; return its id, or None where nothing is recorded.

    Parameters
    ----------
    report
        The result.
    bars
        All that it was given: those of the first training are not in the report.
    combinations
        What was tried in every window.
    windows
        How the history was cut: ``train``, ``test`` and the like, as the user gave them.
    """
    terms, luck = report.terms, report.luck
    return record(
        "walk_forward",
        report.strategy,
        bars,
        parameters=tried(combinations),
        symbol="" if terms.market is None else terms.market.symbol,
        assumptions={
            "cash": terms.cash,
            "fee": terms.costs.fee,
            "slippage_bps": terms.costs.slippage_bps,
            "sizing": repr(terms.sizing),
            "market": market_facts(terms.market),
            "rank": report.rank,
            **{name: str(value) if isinstance(value, _TIMES) else value for name, value in windows.items()},
        },
        results={
            **report.stats.as_dict(),
            "verdict": luck.verdict,
            "sentence": report.verdict,
            "probability": luck.probability,
            "efficiency": report.efficiency,
            "latest": None if report.latest is None else report.latest.params,
            "windows": len(report.windows),
            "complete": report.complete,
            "seconds": report.seconds,
        },
        tables={"windows": storable(report.windows), "equity": thinned(report.equity.to_frame())},
    )
