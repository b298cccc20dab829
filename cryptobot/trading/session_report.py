"""What a bot did, as its journal tells it: equity, trades, orders, what people were told, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.bars import time_text
from cryptobot.core.errors import ConfigError
from cryptobot.core.moment import moment
from cryptobot.core.text import count
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Trade
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import BarSeen, Journal, JournalHeader, JournalView, Kind, StateChange

_TOLD: Final[list[Kind]] = ["notice", "state", "bar"]
# A day of storms must not make a report that no browser opens.
_MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class Told:
    """Something that people were told.

    Attributes
    ----------
    time
        When it was written down, nanoseconds since 1970-01-01 UTC.
    number
        Of its record.
    notice
        What was told.
    """

    time: int
    number: int
    notice: Notice


@dataclass(slots=True, eq=False)
class SessionReport:
    """What a bot did since some moment; made by `session_report`.

    Attributes
    ----------
    header
        Whose journal it is.
    strategy, parameters
        The newest ones.
    times, equity
        Close times of the bars, nanoseconds since 1970-01-01 UTC, and the equity then, in the quote currency.
    began
        The equity before the first of them; that of the first one where those of before are not kept.
    note
        Which part of the equity is not kept, in a sentence; empty when all of it is.
    trades
        Closed round trips that ended in this time, oldest first, and an open one last.
    orders
        How many orders ended how, by state.
    told
        What people were told, oldest first; the newest 5,000.
    left_out
        How many older ones there are.
    states
        Every change of the bot's state, with its time.
    delivered
        Up to which record each alert channel was told.
    records
        How many records the journal holds.
    quote
        The currency of all money.
    """

    header: JournalHeader
    strategy: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    times: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    equity: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    began: float = 0.0
    note: str = ""
    trades: list[Trade] = field(default_factory=list)
    orders: Mapping[str, int] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    left_out: int = 0
    states: list[tuple[int, StateChange]] = field(default_factory=list)
    delivered: Mapping[str, int] = field(default_factory=dict)
    records: int = 0
    quote: str = ""

    @property
    def incidents(self) -> list[Told]:
        """What needed a look, or stopped trading."""
        return [one for one in self.told if one.notice.level in ("warning", "error")]

    @property
    def closed(self) -> list[Trade]:
        """The closed round trips."""
        return [trade for trade in self.trades if not trade.is_open]

    def summary(self) -> str:
        """Say in a sentence how it went."""
        if not self.equity.size:
            return f"{self.header.bot} saw no bar in this time."
        change = float(self.equity[-1]) - self.began
        wins = sum(trade.pnl > 0 for trade in self.closed)
        critical = sum(one.notice.level == "error" for one in self.told)
        warnings = len(self.incidents) - critical
        return (
            f"{self.header.bot} {'earned' if change >= 0 else 'lost'} {abs(change):,.2f} {self.quote} in "
            f"{count(self.equity.size, 'bar')} and {count(len(self.closed), 'trade')} ({wins:,} won), with "
            f"{count(warnings, 'warning')} and {count(critical, 'critical incident')}."
            f"{self.note and ' '}{self.note}"
        )

    def html(self) -> str:
        """Return it as one self-contained page."""
        from cryptobot.trading.session_page import page

        return page(self)

    def _repr_html_(self) -> str:
        from cryptobot.trading.session_page import body

        return body(self)

    def __repr__(self) -> str:
        return self.summary()


def session_report(journal: str | Path | Journal, since: Any = None) -> SessionReport:
    """Read what a bot did; it may be running.

    Parameters
    ----------
    journal
        The journal, or its file.
    since
        From when on: a moment (see `cryptobot.core.moment.moment`), or how long before the last bar's close: ``"24h"``,
        ``"7d"``. None for everything.

    Raises
    ------
    ConfigError
        If ``since`` is no time.
    JournalError
        If the journal cannot be trusted.
    """
    if isinstance(journal, str | Path):
        from cryptobot.trading.journal.sqlite import SqliteJournal

        with SqliteJournal(journal, read_only=True) as opened:
            return session_report(opened, since)
    header = journal.header
    if header is None:
        raise ConfigError("journal: it does not say whose it is, so that nothing can be reported of it.")
    step = Timeframe.parse(header.timeframe).nanoseconds
    last = journal.last("bar")
    start = _start(since, None if last is None else last.content.bar.time + step)
    view = JournalView.of(journal, bars=False)
    report = SessionReport(header, quote=header.symbol.partition("/")[2], records=journal.count)
    if view.parameters:
        report.strategy, report.parameters = view.parameters[-1].strategy, view.parameters[-1].params
    cash = None if view.session is None else view.session.cash
    report.began = float(cash or 0)
    _read(report, journal, start, step)
    books = view.portfolio(cash=cash) if cash is not None else view.portfolio()
    opened_trade = None if last is None else books.open_trade(last.content.bar.close)
    report.trades = [trade for trade in books.trades if cast("int", trade.exit_time) >= start]
    report.trades += [] if opened_trade is None else [opened_trade]
    lives = [life for life in view.lives.values() if life.intent.time >= start]
    report.orders = dict(Counter(str(life.state) for life in lives))
    report.delivered = {name: number for name, number in view.cursors.items() if "." not in name}
    return report


def _start(since: Any, end: int | None) -> int:
    if since is None:
        return 0
    if isinstance(since, timedelta):
        return max(0, (end or 0) - round(since.total_seconds() * 1e9))
    if isinstance(since, str) and since.strip()[-1:] in "smhdw":
        try:
            return max(0, (end or 0) - Timeframe.parse(since.strip()).nanoseconds)
        except ConfigError:
            raise ConfigError(
                f"since: {since!r} is no time. Give a length such as '24h' or '7d', or a time such as '2026-03-01 14:05' "
                "(UTC)."
            ) from None
    return moment(since, "since")


def _read(report: SessionReport, journal: Journal, start: int, step: int) -> None:
    """Take the bars that closed after a moment, and what was told from the first of them on."""
    times: list[int] = []
    equity: list[float] = []
    newest = -1
    before = False  # whether a bar of before that moment is there
    for record in journal.records(kinds=_TOLD):
        content = record.content
        if isinstance(content, BarSeen):
            if content.bar.time <= newest:
                continue  # it had been written down before a crash
            newest = content.bar.time
            if newest + step <= start:
                before = True
                report.began = content.equity
                report.told.clear()
                report.states.clear()
                report.left_out = 0
                continue
            times.append(newest + step)
            equity.append(content.equity)
        elif record.kind == "state":
            report.states.append((record.time, StateChange(*content)))
        elif isinstance(content, Notice):
            report.told.append(Told(record.time, record.number, content))
            if len(report.told) >= 2 * _MOST:
                del report.told[:_MOST]
                report.left_out += _MOST
    if journal.forgotten is not None and not before and times:
        _begin_late(report, str(journal.forgotten), start, times[0], equity[0])
    report.left_out += max(0, len(report.told) - _MOST)
    del report.told[: max(0, len(report.told) - _MOST)]
    report.times, report.equity = np.array(times, dtype=np.int64), np.array(equity, dtype=np.float64)


def _begin_late(report: SessionReport, forgotten: str, start: int, first: int, equity: float) -> None:
    """Say that the first bars are not kept; without those of before the start, times of the clock tell what was told."""
    counted = ""
    if start:
        report.began = equity
        report.told = [one for one in report.told if one.time >= start]
        report.states = [one for one in report.states if one[0] >= start]
        counted = ", so that what was earned is counted from there"
    report.note = f"The equity of before {time_text(first)} is not kept{counted}: {forgotten}."


def span(report: SessionReport) -> str:
    """Say from when to when the bars are."""
    if not report.times.size:
        return "no bars"
    return f"{time_text(int(report.times[0]))} to {time_text(int(report.times[-1]))}"
