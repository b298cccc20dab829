"""What is kept of a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cryptobot.backtest.registry.backtests import market_facts
from cryptobot.backtest.registry.recording import record
from cryptobot.backtest.registry.tables import storable
from cryptobot.backtest.sweep.figures import FIGURES
from cryptobot.core.sizing import FractionOfEquity

if TYPE_CHECKING:
    from cryptobot.backtest.sweep.combinations import Combinations
    from cryptobot.backtest.sweep.report import SweepReport
    from cryptobot.core.money import Market

_ROWS: Final = 100_000
_VALUES: Final = 1_000


def remember(report: SweepReport, market: Market | None, symbol: str = "") -> str | None:
    """Record a sweep; return its id, or None where nothing is recorded.

    Its table is kept whole up to 100,000 rows; of a longer one, the best 100,000. The index has the rows' numbers in
    `SweepReport.table`.
    """
    table, ranking = report.table, report.ranking()
    best = int(ranking[0])
    return record(
        "sweep",
        report.strategy,
        report.bars,
        parameters=tried(report.combinations),
        symbol=symbol or ("" if market is None else market.symbol),
        assumptions={
            "cash": report.setting.cash,
            "fee": report.setting.costs.fee,
            "slippage_bps": report.setting.costs.slippage_bps,
            "sizing": repr(FractionOfEquity()),
            "market": market_facts(market),
            "rank": report.rank,
        },
        results={
            **{name: table[name].iloc[best] for name in FIGURES},
            "best": report.combinations.row(best),
            "trials": report.trials,
            "asked": report.asked,
            "skipped": len(report.skipped),
            "complete": report.complete,
            "seconds": report.seconds,
        },
        tables={"table": storable(table if len(table) <= _ROWS else table.iloc[ranking[:_ROWS]])},
    )


def tried(combinations: Combinations) -> dict[str, Any]:
    """Return what was tried by parameter: the one value, or a list; of more than 1,000 numbers their range as text."""
    return {name: _told(combinations, name) for name in combinations.names}


def _told(combinations: Combinations, name: str) -> Any:
    values = combinations.values[name]
    used = [values[code] for code in sorted(set(combinations.codes[name].tolist()))]
    if len(used) == 1:
        return used[0]
    return used if len(used) <= _VALUES else f"{min(used)}…{max(used)} ({len(used):,} values)"
