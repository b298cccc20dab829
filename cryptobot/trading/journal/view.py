"""What a journal says, put in order: for a restart, for comparing with the backtest, and for people."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Self

from cryptobot.core.errors import JournalError
from cryptobot.core.events import ExchangeEvent
from cryptobot.core.money import ONE, Market
from cryptobot.core.orders import Order
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.types import Fill, Intent, OcoIntent, Trade
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal.contents import (
    BalanceChanged,
    BarSeen,
    BookedFill,
    Cursor,
    JournalHeader,
    Outcome,
    ParametersSet,
    RiskMark,
    SessionStarted,
    StateChange,
    Terms,
    TradingStateChange,
)
from cryptobot.trading.journal.record import KINDS, Journal, Kind, Record
from cryptobot.trading.lifecycle import OrderLife, OrderState

_UNANSWERED: Final = "the journal holds no answer to it"


@dataclass(slots=True)
class JournalView:
    """Everything that a journal says.

    Attributes
    ----------
    header
        Whose journal it is, or None where that was never said.
    count, time
        Number of the last record that was read, and when it was written.
    session
        What the bot's own books began with, or None where that was never said.
    risk
        What the limits on the equity remembered last, or None.
    adjustments
        Changes of the account that no execution explains, oldest first.
    intents
        Every decision to trade, oldest first; one that was sent again stands here once.
    lives
        What is known of each order, by client id; the orders of a pair stand by their own ids. One of which the
        journal holds no answer is unknown: it may have been sent.
    booked
        Every execution that was seen, oldest first, each once.
    orders
        The newest word of the exchange on each of the bot's orders and on foreign ones, by client id.
    cancels
        Client ids of the orders that a cancel was sent for.
    bars
        The bars that were seen and are kept, oldest first.
    parameters
        Every set of parameters, oldest first.
    terms
        Code, sizing, limits and costs of every start and change of strategy, oldest first.
    states, trading_states
        Every change, oldest first.
    notices, gates, events
        What people were told, the live gate's items, and further events, oldest first.
    cursors
        How far each reader has come, by name.
    """

    header: JournalHeader | None = None
    count: int = 0
    time: int = 0
    session: SessionStarted | None = None
    risk: RiskMark | None = None
    adjustments: list[BalanceChanged] = field(default_factory=list)
    intents: list[Intent | OcoIntent] = field(default_factory=list)
    lives: dict[str, OrderLife] = field(default_factory=dict)
    booked: list[BookedFill] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    cancels: set[str] = field(default_factory=set)
    bars: list[BarSeen] = field(default_factory=list)
    parameters: list[ParametersSet] = field(default_factory=list)
    terms: list[Terms] = field(default_factory=list)
    states: list[StateChange] = field(default_factory=list)
    trading_states: list[TradingStateChange] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    gates: list[Any] = field(default_factory=list)
    events: list[ExchangeEvent] = field(default_factory=list)
    cursors: dict[str, int] = field(default_factory=dict)
    _pairs: dict[str, OcoIntent] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, journal: str | Path | Journal, *, bars: bool = True) -> Self:
        """Read a journal, or the file of one; a bot may be writing it meanwhile.

        Parameters
        ----------
        journal
            The journal, or its path.
        bars
            Whether to read the bars, too; a year of minutes takes many seconds.

        Raises
        ------
        JournalError
            If it cannot be trusted, with what to do.
        CryptobotError
            If what it says contradicts itself.
        """
        if isinstance(journal, str | Path):
            from cryptobot.trading.journal.sqlite import SqliteJournal

            with SqliteJournal(journal, read_only=True) as opened:
                return cls.of(opened, bars=bars)
        view = cls()
        view.header = journal.header
        for record in journal.records(kinds=None if bars else [kind for kind in KINDS if kind != "bar"]):
            view._take(record)
        view.count = max(view.count, journal.count)
        for life in view.lives.values():
            if life.state is OrderState.SENT:
                life.lost(_UNANSWERED)
        return view

    @property
    def fills(self) -> list[Fill]:
        """The bot's own executions, oldest first."""
        return [booked.fill for booked in self.booked if booked.own]

    @property
    def pairs(self) -> list[OcoIntent]:
        """Every pair of orders of which one cancels the other, oldest first."""
        return list(self._pairs.values())

    @property
    def opened_orders(self) -> list[OrderLife]:
        """The bot's orders that may still change its position: open, unknown, or with fills missing."""
        return [life for life in self.lives.values() if life.is_risk]

    @property
    def trading_state(self) -> TradingStateChange | None:
        """What may be traded, by the newest change; None where it was never changed."""
        return self.trading_states[-1] if self.trading_states else None

    @property
    def state(self) -> StateChange | None:
        """The bot's newest state; None where there is none."""
        return self.states[-1] if self.states else None

    def portfolio(self, market: Market | None = None, cash: float | Decimal = ONE) -> Portfolio:
        """Book the bot's own executions.

        Parameters
        ----------
        market
            With its rules, which say what is too little to be sold; None takes those that the journal knows.
        cash
            To begin with, in the quote currency.

        Raises
        ------
        JournalError
            If the market is not known.
        ExchangeError
            If more is sold than was bought.
        """
        if market is None:
            market = next((terms.market for terms in reversed(self.terms) if terms.market is not None), None)
        if market is None and self.header is not None:
            market = self.header.market or Market(self.header.symbol)
        if market is None:
            raise JournalError("journal: it does not say which market it is of. Give the market.")
        books = Portfolio(cash, market)
        own = [booked for booked in self.booked if booked.own]
        last = {booked.fill.intent_id: booked for booked in own}
        for booked in own:
            # That an order has ended may have been told after its last execution.
            life = self.lives.get(booked.fill.intent_id)
            over = last[booked.fill.intent_id] is booked and life is not None and not life.is_risk
            books.apply(booked.fill, complete=booked.complete or over)
        return books

    def trades(self, market: Market | None = None) -> list[Trade]:
        """Return the closed trades, oldest first; raises as `portfolio` does."""
        return self.portfolio(market).trades

    def _take(self, record: Record) -> None:
        self.count, self.time = record.number, record.time
        content = record.content
        if isinstance(content, Intent):
            self._intend(content, record.time)
        elif isinstance(content, OcoIntent):
            self._pairs[content.id] = content
            self.intents += [] if content.above.id in self.lives else [content]
            self._sent(content.above, record.time)
            self._sent(content.below, record.time)
        elif isinstance(content, Outcome):
            self._outcome(content)
        elif isinstance(content, Order):
            self._order(content)
        elif isinstance(content, BookedFill):
            self._fill(content)
        else:
            self._rest(record)

    def _intend(self, intent: Intent, time: int) -> None:
        if intent.id not in self.lives:
            self.intents.append(intent)
        self._sent(intent, time)

    def _sent(self, intent: Intent, time: int) -> None:
        self.lives.setdefault(intent.id, OrderLife(intent)).sent(time)

    def _outcome(self, outcome: Outcome) -> None:
        pair = self._pairs.get(outcome.client_id)
        ids = [outcome.client_id] if pair is None else [pair.above.id, pair.below.id]
        for client_id in ids:
            life = self.lives.get(client_id)
            if life is None:
                raise JournalError(
                    f"journal: an answer to order {client_id} is there, but no intent. It is not this library's writing."
                )
            if outcome.kind == "cancel_sent":
                self.cancels.add(client_id)
            elif outcome.kind == "acknowledged":
                life.confirmed(outcome.exchange_id if pair is None else None)
            elif outcome.kind == "rejected":
                life.refused(outcome.reason)
            elif outcome.kind == "unknown":
                life.lost(outcome.reason)
            else:
                life.absent(outcome.reason)

    def _order(self, order: Order) -> None:
        self.orders[order.client_id] = order
        life = self.lives.get(order.client_id)
        if life is not None:
            life.found(order)

    def _fill(self, booked: BookedFill) -> None:
        fill = booked.fill
        if fill.id in self._seen:
            return
        self._seen.add(fill.id)
        self.booked.append(booked)
        life = self.lives.get(fill.intent_id)
        if booked.own and life is not None:
            life.filled(fill, booked.complete)

    def _rest(self, record: Record) -> None:
        content = record.content
        if isinstance(content, SessionStarted):
            self.session = content
        elif isinstance(content, RiskMark):
            self.risk = content
        elif isinstance(content, Cursor):
            self.cursors[content.name] = content.number
        elif record.kind == "state":
            self.states.append(StateChange(*content))
        elif (kept := self._kept(record.kind, content)) is not None:
            kept.append(content)

    def _kept(self, kind: Kind, content: Any) -> list[Any] | None:
        """Return where contents of a kind are kept, oldest first."""
        if isinstance(content, BalanceChanged):
            return self.adjustments
        lists: dict[Kind, list[Any]] = {
            "bar": self.bars,
            "parameters": self.parameters,
            "trading_state": self.trading_states,
            "notice": self.notices,
            "gate": self.gates,
            "terms": self.terms,
            "event": self.events,
        }
        return lists.get(kind)
