"""A session as its journal tells it: bars, decisions, executions, and on which terms."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

from cryptobot.core.events import OrderRefused
from cryptobot.core.order_types import OrderType
from cryptobot.core.trading_state import TradingState
from cryptobot.core.types import Fill, Intent, OcoIntent, Side
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal.contents import (
    BarSeen,
    BookedFill,
    Forgotten,
    JournalHeader,
    ParametersSet,
    SessionStarted,
    Terms,
    TradingStateChange,
)
from cryptobot.trading.journal.record import Journal, Kind, Record
from cryptobot.trading.journal.sqlite import SqliteJournal

_KINDS: Final[tuple[Kind, ...]] = (
    *("bar", "fill", "intent", "notice", "parameters", "session", "terms", "trading_state"),
)
# How the reasons of sales at the market begin that no person wanted; see `Engine` and `Exits`.
_SIGNAL: Final = "sell signal"
_PROTECTING: Final = ("the stop price is reached", "the position cannot be protected", "the position could not be")
# Who changes the trading state, if it is not a person.
_OWN: Final = ("limits", "reconciliation")
# What the gate calls a refusal because of the trading state.
_STATES: Final = (TradingState.REDUCING, TradingState.HALTED)


class Named(NamedTuple):
    """What traded from a bar on.

    Attributes
    ----------
    since
        Open time of that bar, nanoseconds since 1970-01-01 UTC.
    strategy, parameters
        Its name and what it was given.
    code
        Digest of its code.
    """

    since: int
    strategy: str
    parameters: dict[str, Any]
    code: str


@dataclass(slots=True)
class JournalSession:
    """What a journal says of trading, whatever came between: stops, crashes and new starts.

    Attributes
    ----------
    header
        Whose journal it is, or None where that was never said.
    cash
        What the books began with, in the quote currency, or None where that was never said.
    named
        What traded, oldest first: another entry from the bar on for which the strategy, its parameters or its code
        were changed.
    changes
        How often the sizing or the limits were changed after the first bar.
    terms
        Of every start and change of strategy, oldest first.
    agreed
        Those under which the first bar closed, or None.
    bars
        Those that were seen, oldest first, each once.
    intents
        Every order, oldest first; those of a pair stand by themselves.
    fills
        All executions in the market, each once; those of strangers have an ``intent_id`` that is no intent's.
    manual, protective, refused, no_buying, no_selling, cleared
        See `cryptobot.backtest.attribution.Session`.
    forgotten
        The bars that the journal has let go of, or None: without them a session cannot be traded again.
    by_person
        Whether a person ever changed what may be traded.
    """

    header: JournalHeader | None = None
    cash: Decimal | None = None
    named: list[Named] = field(default_factory=list)
    changes: int = 0
    terms: list[Terms] = field(default_factory=list)
    agreed: Terms | None = None
    bars: list[BarSeen] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    manual: set[str] = field(default_factory=set)
    protective: set[str] = field(default_factory=set)
    refused: list[int] = field(default_factory=list)
    no_buying: list[int] = field(default_factory=list)
    no_selling: list[int] = field(default_factory=list)
    cleared: list[int] = field(default_factory=list)
    forgotten: Forgotten | None = None
    by_person: bool = False
    _kept_back: str = TradingState.ACTIVE
    _known: set[str] = field(default_factory=set)
    _booked: set[str] = field(default_factory=set)
    _set: ParametersSet = field(default_factory=lambda: ParametersSet("", {}))
    _before: tuple[Any, ...] | None = None

    @classmethod
    def of(cls, journal: str | Path | Journal, kinds: Collection[Kind] = _KINDS) -> Self:
        """Read a journal, or the file of one; a bot may be writing it meanwhile.

        Raises
        ------
        JournalError
            If it cannot be trusted, with what to do.
        """
        if isinstance(journal, str | Path):
            with SqliteJournal(journal, read_only=True) as opened:
                return cls.of(opened, kinds)
        session = cls(header=journal.header)
        for record in journal.records(kinds=kinds):
            session._take(record)
        session.forgotten = journal.forgotten  # bars may have gone while they were read
        return session

    def refuse(self, refused: Iterable[OrderRefused], step: int) -> None:
        """Take note of orders that were not even sent, of a bot whose journal keeps no bars.

        Parameters
        ----------
        refused
            Everything that was refused, oldest first.
        step
            Length of a bar in nanoseconds.
        """
        for event in refused:
            if event.intent_id not in self._known:
                kept_back = self.by_person and event.rule in _STATES
                (self.no_buying if kept_back else self.refused).append(event.time - step)

    def _take(self, record: Record) -> None:
        content = record.content
        if isinstance(content, BarSeen):
            self._see(content)
        elif isinstance(content, Intent):
            self._intend(content)
        elif isinstance(content, OcoIntent):
            self._intend(content.above)
            self._intend(content.below)
        elif isinstance(content, BookedFill):
            if content.fill.id not in self._booked:
                self._booked.add(content.fill.id)
                self.fills.append(content.fill)
        elif isinstance(content, TradingStateChange):
            persons = content.by not in _OWN
            self.by_person = self.by_person or persons
            self._kept_back = content.state if persons else TradingState.ACTIVE
            if persons and content.state == TradingState.ACTIVE and self.bars:
                self.cleared.append(self.bars[-1].bar.time)
        elif isinstance(content, Notice):
            self._notice(content)
        elif isinstance(content, ParametersSet):
            self._set = content
        elif isinstance(content, Terms):
            self.terms.append(content)
        elif isinstance(content, SessionStarted) and self.cash is None:
            self.cash = content.cash

    def _see(self, seen: BarSeen) -> None:
        if self.bars and seen.bar.time <= self.bars[-1].bar.time:
            return  # it had been written down before the crash
        self.bars.append(seen)
        newest = self.terms[-1] if self.terms else Terms("")
        named = Named(seen.bar.time, self._set.strategy, dict(self._set.params), newest.code)
        if not self.named or named[1:] != self.named[-1][1:]:
            self.named.append(named)
        now = (dict(newest.sizing), dict(newest.limits))
        if self._before is None:
            self.agreed = self.terms[-1] if self.terms else None
        else:
            self.changes += now != self._before
        self._before = now
        if self._kept_back != TradingState.ACTIVE:
            self.no_buying.append(seen.bar.time)
        if self._kept_back == TradingState.HALTED:
            self.no_selling.append(seen.bar.time)

    def _intend(self, intent: Intent) -> None:
        if intent.id in self._known:
            return
        self._known.add(intent.id)
        self.intents.append(intent)
        if intent.side is not Side.SELL:
            return
        if intent.type is not OrderType.MARKET or intent.reason.startswith(_PROTECTING):
            self.protective.add(intent.id)
        elif intent.reason and not intent.reason.startswith(_SIGNAL):
            self.manual.add(intent.id)

    def _notice(self, notice: Notice) -> None:
        refused = notice.topic == "limit" and "limit" in notice.facts
        if refused and self.bars and self.bars[-1].bar.time not in self.no_buying[-1:]:
            self.refused.append(self.bars[-1].bar.time)
