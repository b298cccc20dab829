"""The promise, checked: what a bot traded against what the backtest says it should have."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cryptobot.backtest.attribution import CAUSES
from cryptobot.backtest.html_parts import STYLE, table
from cryptobot.core.errors import ConfigError
from cryptobot.core.portfolio import Portfolio
from cryptobot.trading.bot import Bot

if TYPE_CHECKING:
    from decimal import Decimal

    import pandas as pd

    from cryptobot.backtest.attribution import Attribution
    from cryptobot.backtest.compare import TradeComparison
    from cryptobot.backtest.report import BacktestReport
    from cryptobot.core.bars import BarColumns
    from cryptobot.core.money import Market
    from cryptobot.core.types import Fill


@dataclass(frozen=True, slots=True, eq=False)
class Reconciliation:
    """A bot's trades beside the backtest's.

    Attributes
    ----------
    backtest
        The backtest of the same bars.
    trades
        What the bot traded until the last close, by the bars it happened in.
    comparison
        Trade by trade.
    attribution
        The money between the two, split by cause.
    equity
        Both equity curves: DataFrame of the columns backtest and bot, a row for each bar that both know.
    """

    backtest: BacktestReport
    trades: pd.DataFrame
    comparison: TradeComparison
    attribution: Attribution
    equity: pd.DataFrame

    @property
    def differences(self) -> int:
        """Trades that differ, or that only one side has."""
        return self.comparison.differences

    @property
    def ok(self) -> bool:
        """Whether every trade agrees."""
        return self.differences == 0

    @property
    def gap(self) -> Decimal:
        """What the bot earned more than the backtest, in the quote currency; below 0 less."""
        return self.attribution.gap

    @property
    def table(self) -> pd.DataFrame:
        """The gap by cause: cause, amount, orders, meaning. The amounts sum to the gap."""
        return self.attribution.table

    def summary(self) -> str:
        """Say the result in one sentence, and where the money went if there is a gap."""
        said = self.comparison.summary
        return said if self.ok and not self.gap else f"{said} {self.attribution.summary()}"

    def __repr__(self) -> str:
        return f"Reconciliation({'agrees' if self.ok else 'DIFFERS'}: {self.summary()})"

    def _repr_html_(self) -> str:
        tone, word = ("up", "✓ Agrees") if self.ok else ("down", "✗ Differs")
        causes = [
            (
                share.cause,
                (f"{float(share.amount):+,.6g}", float(share.amount)),
                f"{share.orders:,}",
                CAUSES[share.cause],
            )
            for share in self.attribution.shares
            if share.amount or share.orders
        ]
        heads = ("Cause", f"Money, {self.backtest.quote}" if self.backtest.quote else "Money", "Orders", "Meaning")
        return (
            f"<div class='cb-bt'><style>{STYLE}</style><h4><span class='{tone}'>{word}</span></h4>"
            f"<p>{html.escape(self.summary())}</p>{table(heads, causes) if causes else ''}</div>"
        )


def reconcile(
    bot: Bot, bars: pd.DataFrame | None = None, *, fee: float | None = None, slippage_bps: float | None = None
) -> Reconciliation:
    """Backtest a bot's own bars, compare trade by trade, and split the money between the two by cause.

    Parameters
    ----------
    bot
        A bot that has traded, running or not.
    bars
        The bars to backtest; None takes those the bot has seen.
    fee
        What the backtest assumes, as a fraction; None is what a simulated exchange charges.
    slippage_bps
        What the backtest assumes, in basis points; None is what a simulated exchange charges, else 0.

    Raises
    ------
    ConfigError
        If the bot has seen no bars, its parameters were changed while it traded, or its exchange does not say what
        it charges and no fee is given.
    """
    import pandas as pd

    from cryptobot.backtest.attribution import Session, attribute
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
        seen, tape = bot.bars(), bot.tape(None)
        market, cash, strategy = engine.market, engine.portfolio.initial_cash, engine.strategy
        awake = tape.time >= first
        done = Session(tape.time[awake], tape.open[awake], tuple(engine.intents), tuple(engine.fills))
    costs: Any = getattr(bot.exchange, "costs", None)
    if costs is None and fee is None:
        raise ConfigError(
            f"reconcile: {bot.exchange.name} does not say what it charges. Say what to assume: cb.reconcile(bot, fee=0.001)."
        )
    given = seen if bars is None else bars[bars.index <= seen.index[-1]]  # what came after its end is not its doing
    report = backtest(
        strategy,
        given,
        cash=float(cash),
        fee=float(costs.fee) if fee is None else fee,
        slippage_bps=slippage_bps if slippage_bps is not None else 0.0 if costs is None else float(costs.slippage_bps),
        sizing=session.sizing,
        market=market,
        start=np.datetime64(first, "ns"),
        record=False,
    )
    traded = _trades(done.fills, report.bars, cash, market)
    attribution = attribute(
        report.decisions,
        report.bars,
        done,
        cash=report.cash,
        costs=report.costs,
        sizing=report.sizing,
        market=market,
    )
    own = pd.Series(tape.equity[awake], seen.index[awake])
    equity = pd.DataFrame({"backtest": report.equity, "bot": own}).dropna()
    return Reconciliation(
        report, traded, compare_trades(report.trades, traded, ("in the backtest", "at the bot")), attribution, equity
    )


def _trades(fills: Sequence[Fill], bars: BarColumns, cash: Decimal, market: Market) -> pd.DataFrame:
    """Return the round trips until the last close, with the open times of the bars they happened in.

    A backtest knows no time within a bar, and nothing after its last close.
    """
    from cryptobot.backtest.trade_table import trade_table

    books = Portfolio(cash, market)
    end = int(bars.time[-1]) + bars.timeframe.nanoseconds
    done = [fill for fill in fills if fill.time < end]
    for number, fill in enumerate(done):
        row = max(0, int(np.searchsorted(bars.time, fill.time, side="right")) - 1)
        complete = all(later.intent_id != fill.intent_id for later in done[number + 1 : number + 2])
        books.apply(replace(fill, time=int(bars.time[row])), complete=complete)
    return trade_table(books.trades, books.open_trade(float(bars.close[-1])))
