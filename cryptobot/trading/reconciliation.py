"""The promise, checked: what was traded against what the backtest says should have been."""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from cryptobot.backtest.attribution import CAUSES
from cryptobot.backtest.html_parts import STYLE, curves, table
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import decimal_of
from cryptobot.core.portfolio import Portfolio
from cryptobot.exchange.matching import Costs
from cryptobot.trading.bot import Bot
from cryptobot.trading.journal.record import Journal
from cryptobot.trading.played import played_by, played_in
from cryptobot.trading.stint import decide

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.backtest.attribution import Attribution
    from cryptobot.backtest.compare import TradeComparison
    from cryptobot.backtest.report import BacktestReport
    from cryptobot.backtest.session import Session
    from cryptobot.core.money import Market
    from cryptobot.core.sizing import Sizing
    from cryptobot.strategy.base import Strategy
    from cryptobot.trading.status import BotStatus


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
    notes
        What a reader should know of the comparison, in sentences.
    """

    backtest: BacktestReport
    trades: pd.DataFrame
    comparison: TradeComparison
    attribution: Attribution
    equity: pd.DataFrame
    notes: tuple[str, ...] = ()

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
        told = said if self.ok and not self.gap else f"{said} {self.attribution.summary()}"
        return " ".join([told, *self.notes])

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
            f"<p>{html.escape(self.summary())}</p>{table(heads, causes) if causes else ''}{self._curves()}</div>"
        )

    def _curves(self) -> str:
        if len(self.equity) < 2:
            return ""
        lines = [(name, self.equity[name].to_numpy(), color) for name, color in (("backtest", "soft"), ("bot", "line"))]
        return curves(lines, float(self.backtest.cash), "Equity of the bot and of the backtest")


@runtime_checkable
class Handle(Protocol):
    """A bot that runs somewhere else, by what this process has of it."""

    def status(self) -> BotStatus:
        """Return where it stands."""


def reconcile(
    bot_or_journal: Bot | Handle | Journal | str | Path,
    bars: pd.DataFrame | None = None,
    *,
    strategy: Strategy | type[Strategy] | None = None,
    sizing: Sizing | None = None,
    fee: float | None = None,
    slippage_bps: float | None = None,
) -> Reconciliation:
    """Backtest a session's own bars, compare trade by trade, and split the money between the two by cause.

    Parameters
    ----------
    bot_or_journal
        A bot that has traded, running or not, here or in a process of its own; or its journal, or the file of that,
        whatever became of the bot. All that the journal tells counts as one session, stops, crashes and changes of
        parameters between.
    bars
        The bars to backtest; None takes those that were seen.
    strategy
        For a journal whose strategy is not registered here: its class.
    sizing
        For a journal of a bot with a sizing of your own.
    fee
        What the backtest assumes, as a fraction; None is what a simulated exchange charges.
    slippage_bps
        What the backtest assumes, in basis points; None is what a simulated exchange charges, else 0.

    Raises
    ------
    ConfigError
        If no bars were seen, sizing or limits were changed meanwhile, or the exchange does not say what it charges and
        no fee is given.
    JournalError
        If the journal cannot be trusted.

    Examples
    --------
    >>> cb.reconcile("~/.cryptobot/journals/my-bot.sqlite", fee=0.001)  # doctest: +SKIP
    """
    import pandas as pd

    from cryptobot.backtest.attribution import attribute
    from cryptobot.backtest.compare import compare_trades
    from cryptobot.backtest.run import backtest_of, checked_sizing, first_row

    if isinstance(bot_or_journal, Bot):
        if strategy is not None or sizing is not None:
            raise ConfigError("reconcile: a bot knows its strategy and sizing. Give them with a journal only.")
        played = played_by(bot_or_journal)
    elif isinstance(bot_or_journal, str | Path):
        played = played_in(Path(bot_or_journal).expanduser(), strategy, sizing)
    elif isinstance(bot_or_journal, Handle):
        status = bot_or_journal.status()
        if status.journal is None:
            raise ConfigError(f"reconcile: {status.name} keeps no journal on disk. Reconcile it where it runs.")
        played = played_in(Path(status.journal), strategy, sizing)
    else:
        played = played_in(bot_or_journal, strategy, sizing)
    costs, session = played.costs, played.session
    if costs is None and fee is None:
        raise ConfigError(
            f"reconcile: the exchange of {played.name} does not say what it charges. Say what to assume: fee=0.001."
        )
    # What came after its end is not its doing.
    end = pd.Timestamp(int(session.times[-1]), unit="ns", tz="UTC")
    every_bar = played.bars if bars is None else BarColumns.of(bars[bars.index <= end])
    told = Costs(Decimal(0), Decimal(0)) if costs is None else costs
    report = backtest_of(
        played.stints[-1].strategy,
        decide(played.stints, every_bar),
        every_bar,
        first=first_row(every_bar, np.datetime64(int(session.times[0]), "ns")),
        cash=played.cash,
        costs=Costs(
            told.fee if fee is None else decimal_of(fee, "fee"),
            told.slippage_bps if slippage_bps is None else decimal_of(slippage_bps, "slippage_bps"),
        ),
        sizing=checked_sizing(played.sizing),
        market=played.market,
        limits=played.limits,
    )
    traded = _trades(session, report.bars, played.cash, played.market)
    attribution = attribute(
        report.decisions,
        report.bars,
        session,
        cash=report.cash,
        costs=report.costs,
        sizing=report.sizing,
        market=played.market,
        limits=played.limits,
    )
    own = pd.Series(played.equity, pd.DatetimeIndex(session.times.view("M8[ns]"), tz="UTC"))
    return Reconciliation(
        report,
        traded,
        compare_trades(report.trades, traded, ("in the backtest", "at the bot")),
        attribution,
        pd.DataFrame({"backtest": report.equity, "bot": own}).dropna(),
        played.notes + (played.gaps if bars is None else ()),
    )


def _trades(session: Session, bars: BarColumns, cash: Decimal, market: Market) -> pd.DataFrame:
    """Return the round trips until the last close, with the open times of the bars they happened in.

    A backtest knows no time within a bar, and nothing after its last close.
    """
    from cryptobot.backtest.trade_table import trade_table

    books = Portfolio(cash, market)
    end = int(bars.time[-1]) + bars.timeframe.nanoseconds
    own = {intent.id for intent in session.intents}
    done = [fill for fill in session.fills if fill.time < end and fill.intent_id in own]
    for number, fill in enumerate(done):
        row = max(0, int(np.searchsorted(bars.time, fill.time, side="right")) - 1)
        complete = all(later.intent_id != fill.intent_id for later in done[number + 1 : number + 2])
        books.apply(replace(fill, time=int(bars.time[row])), complete=complete)
    return trade_table(books.trades, books.open_trade(float(bars.close[-1])))
