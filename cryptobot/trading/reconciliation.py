"""The promise, checked: what a bot traded against what the backtest says it should have."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cryptobot.core.errors import ConfigError
from cryptobot.trading.bot import Bot

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.backtest.compare import TradeComparison
    from cryptobot.backtest.report import BacktestReport


@dataclass(frozen=True, slots=True, eq=False)
class Reconciliation:
    """A bot's trades beside the backtest's.

    Attributes
    ----------
    backtest
        The backtest of the same bars.
    trades
        What the bot traded.
    comparison
        Trade by trade.
    """

    backtest: BacktestReport
    trades: pd.DataFrame
    comparison: TradeComparison

    @property
    def differences(self) -> int:
        """Trades that differ, or that only one side has."""
        return self.comparison.differences

    @property
    def ok(self) -> bool:
        """Whether every trade agrees."""
        return self.differences == 0

    def summary(self) -> str:
        """Say the result in one sentence."""
        return self.comparison.summary

    def __repr__(self) -> str:
        return f"Reconciliation({'agrees' if self.ok else 'DIFFERS'}: {self.summary()})"

    def _repr_html_(self) -> str:
        color, word = ("#1a8f7e", "✓ Agrees") if self.ok else ("#d6453d", "✗ Differs")
        return (
            f"<div style='border-left:4px solid {color};padding:4px 12px;font:13px var(--jp-ui-font-family,sans-serif)'>"
            f"<b>{word}</b> {html.escape(self.summary())}</div>"
        )


def reconcile(bot: Bot, bars: pd.DataFrame | None = None) -> Reconciliation:
    """Backtest a bot's own bars and compare trade by trade.

    Parameters
    ----------
    bot
        A bot that has traded, running or not.
    bars
        The bars to backtest; None takes those the bot has seen.

    Raises
    ------
    ConfigError
        If the bot has seen no bars, its parameters were changed while it traded, or its exchange does not say what
        it charges.
    """
    from cryptobot.backtest.compare import compare_trades
    from cryptobot.backtest.run import backtest

    with bot.lock:
        session = bot.session
        engine, first = session.engine, session.first_time
        if engine is None or first is None:
            raise ConfigError(f"reconcile: {bot.name} has seen no bars yet. Start it and let some bars close.")
        if engine.parameter_changes:
            raise ConfigError(
                f"reconcile: the parameters of {bot.name} were changed {engine.parameter_changes} times while it traded, "
                "so that no single backtest can equal it. Reconcile a session with one set of parameters."
            )
        seen, traded = bot.bars(), bot.trades()
        market, cash, strategy = engine.market, engine.portfolio.initial_cash, engine.strategy
    costs: Any = getattr(bot.exchange, "costs", None)
    if costs is None:
        raise ConfigError(f"reconcile: {bot.exchange.name} does not say what it charges.")
    report = backtest(
        strategy,
        seen if bars is None else bars,
        cash=float(cash),
        fee=float(costs.fee),
        slippage_bps=float(costs.slippage_bps),
        sizing=session.sizing,
        market=market,
        start=np.datetime64(first, "ns"),
    )
    return Reconciliation(report, traded, compare_trades(report.trades, traded))
