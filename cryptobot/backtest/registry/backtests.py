"""What is kept of a backtest."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from cryptobot.backtest.registry.recording import record
from cryptobot.core.limits import Limits
from cryptobot.core.money import Market

if TYPE_CHECKING:
    from cryptobot.backtest.report import BacktestReport

# Enough for a curve on any screen; the whole equity can be computed again from the bars.
_POINTS: Final = 2_000


def remember(report: BacktestReport, limits: Limits | None) -> str | None:
    """Record a backtest; return its id, or None where nothing is recorded."""
    equity = report.equity.to_frame()
    step = -(-len(equity) // _POINTS)
    return record(
        "backtest",
        type(report.strategy),
        report.bars,
        parameters=report.strategy.params,
        symbol="" if report.market is None else report.market.symbol,
        assumptions={
            "cash": report.cash,
            "fee": report.costs.fee,
            "slippage_bps": report.costs.slippage_bps,
            "sizing": repr(report.sizing),
            "market": market_facts(report.market),
            "limits": None if limits is None else {name: getattr(limits, name) for name in limits.set_names()},
        },
        results=report.stats.as_dict(),
        tables={"trades": report.trades, "equity": equity.iloc[::-step].iloc[::-1]},
    )


def market_facts(market: Market | None) -> dict[str, Any] | None:
    """Return a market's rules as plain values."""
    return None if market is None else {entry.name: getattr(market, entry.name) for entry in fields(market)}
