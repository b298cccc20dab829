"""Recorded backtests as the server's answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cryptobot.backtest.registry.registry import RunRegistry
from cryptobot.backtest.registry.run import Run
from mcp_server.models.bot import TradeRow
from mcp_server.models.research import BacktestReport, BacktestSummary

if TYPE_CHECKING:
    import pandas as pd

_TRADES: Final = 200
_POINTS: Final = 500
_FEW_TRADES: Final = 30

# What is better of two, by figure.
_BETTER: Final[dict[str, Callable[..., BacktestSummary]]] = {
    "total_return_pct": max,
    "max_drawdown_pct": max,
    "sharpe": max,
    "win_rate_pct": max,
    "profit_factor": max,
    "fees": min,
}


def report_of(run: Run, registry: RunRegistry) -> BacktestReport:
    """Return a recorded backtest with its newest trades and a thinned equity curve.

    Parameters
    ----------
    run
        Of kind ``"backtest"``.
    registry
        Where its tables are.
    """
    tables = {name: registry.table(run.id, name) for name in ("trades", "equity") if name in run.tables}
    time, equity = _curve(tables.get("equity"))
    return BacktestReport(
        summary=summary_of(run), trades=_trades(tables.get("trades")), equity_time=time, equity=equity
    )


def summary_of(run: Run) -> BacktestSummary:
    """Return a recorded backtest in one row."""
    results = dict(run.results)

    def percent(name: str) -> float | None:
        value = results.get(name)
        return None if value is None else 100 * float(value)

    return BacktestSummary.model_validate(
        {
            "id": run.id,
            "symbol": run.symbol,
            "timeframe": run.timeframe,
            "strategy": run.strategy,
            "parameters": dict(run.parameters),
            "bars": run.bars,
            "start": run.first,
            "end": run.last,
            "total_return_pct": percent("total_return") or 0.0,
            "buy_and_hold_pct": percent("buy_and_hold") or 0.0,
            "max_drawdown_pct": percent("max_drawdown") or 0.0,
            "sharpe": results.get("sharpe"),
            "trades": int(results.get("trades") or 0),
            "win_rate_pct": percent("win_rate"),
            "profit_factor": results.get("profit_factor"),
            "fees": results.get("fees_paid") or 0.0,
            "warning": _warning(int(results.get("trades") or 0)),
        }
    )


def best_of(rows: Sequence[BacktestSummary]) -> dict[str, str]:
    """Return the id of the best run by each figure that any of them has."""
    best = {}
    for name, better in _BETTER.items():
        known = [row for row in rows if getattr(row, name) is not None]
        if known:
            best[name] = better(known, key=lambda row, name=name: getattr(row, name)).id
    return best


def _warning(trades: int) -> str:
    if trades == 0:
        return "It never traded: there is nothing to judge."
    if trades < _FEW_TRADES:
        return f"{trades} trades are too few to tell skill from luck."
    return ""


def _trades(table: pd.DataFrame | None) -> list[TradeRow]:
    if table is None:
        return []
    rows = []
    for row in table.tail(_TRADES).iloc[::-1].to_dict("records"):
        closed = row["status"] == "closed"
        rows.append(
            TradeRow.model_validate(
                {
                    **{name: row[name] for name in ("entry_price", "quantity", "fees", "pnl")},
                    "entry_time": row["entry_time"].value,
                    "exit_time": row["exit_time"].value if closed else None,
                    "exit_price": row["exit_price"] if closed else None,
                    "return_pct": 100 * row["return"],
                }
            )
        )
    return rows


def _curve(table: pd.DataFrame | None) -> tuple[list[Any], list[float]]:
    if table is None or table.empty:
        return [], []
    rows = np.unique(np.linspace(0, len(table) - 1, min(len(table), _POINTS)).astype(int))
    thinned = table.iloc[rows]
    return thinned.index.to_numpy("M8[ns]").view("int64").tolist(), thinned["equity"].astype(float).tolist()
