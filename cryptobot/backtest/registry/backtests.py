"""What is kept of a backtest."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from cryptobot.backtest.registry.recording import record
from cryptobot.backtest.registry.tables import thinned
from cryptobot.core.limits import Limits
from cryptobot.core.money import Market

if TYPE_CHECKING:
    from cryptobot.backtest.report import BacktestReport


def remember(report: BacktestReport, limits: Limits | None) -> str | None:
    """Record a backtest; return its id, or None where nothing is recorded."""
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
        tables={"trades": report.trades, "equity": thinned(report.equity.to_frame())},
    )


def market_facts(market: Market | None) -> dict[str, Any] | None:
    """Return a market's rules as plain values."""
    return None if market is None else {entry.name: getattr(market, entry.name) for entry in fields(market)}
