"""The trading engine without any input or output: events in, actions out.

It knows no clock, no network, no disk and no thread, so that one seed replays a whole day in milliseconds and every
mode trades with the same code. It decides and keeps the books; `trading.exits` sees to it that a position is protected,
and left when it is to be left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final

from cryptobot.core.bars import time_text
from cryptobot.core.errors import CryptobotError
from cryptobot.core.events import (
    BarClosed,
    ConnectionChanged,
    ExchangeEvent,
    OrderChanged,
    OrderFilled,
    OrderRefused,
)
from cryptobot.core.grid import PriceGrid
from cryptobot.core.limits import Limits
from cryptobot.core.money import ZERO, Market, decimal_of
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.risk import Refusal, RiskGate, Situation
from cryptobot.core.secrecy import redact
from cryptobot.core.sizing import Sizing
from cryptobot.core.text import written
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.trading_state import TradingState
from cryptobot.core.types import Bar, Fill, Intent, Side
from cryptobot.strategy.base import Strategy
from cryptobot.trading.actions import Action, Halt, Notice, SetTradingState, Submit
from cryptobot.trading.entries import Entries, not_followed
from cryptobot.trading.exits import Exits
from cryptobot.trading.explanation import Explanation, nothing_yet
from cryptobot.trading.sight import Sight
from cryptobot.trading.tape import Tape
from cryptobot.trading.telling import ended_early, executed, result

_WAITING: Final = "nothing is done, because an order is still on its way"


class Engine:
    """Decides and keeps the books.

    Parameters
    ----------
    strategy
        What decides.
    market
        What is traded, with its rules.
    timeframe
        Interval of the bars.
    grid
        The decimal grid of the market's prices.
    portfolio
        The bot's own books.
    sizing
        What an entry may spend.
    next_id
        Makes client order ids, one a call.
    gate
        The limits, and what may be traded; None for no limits.
    order_types, oco
        What the market takes of protective orders.
    fee
        Fraction that an entry may cost in the quote currency.

    Attributes
    ----------
    sight
        The strategy and what it has seen.
    entries
        The order that makes a position.
    exits
        The orders that protect the position, and the way out of it.
    gate
        The limits.
    halted
        Why it no longer trades, or None.
    blocked
        Why nothing may be bought just now, or None: set from outside before an event is handled.
    bar_age, clock_skew
        Seconds, for the limits on them: set from outside.
    intents
        Every decision to trade, oldest first.
    fills, refused, cleared
        Every answer to its orders, and open times of the bars after which a person let it trade again; oldest first.
    """

    def __init__(
        self,
        strategy: Strategy,
        market: Market,
        timeframe: Timeframe,
        grid: PriceGrid,
        portfolio: Portfolio,
        sizing: Sizing,
        next_id: Callable[[], str],
        *,
        gate: RiskGate | None = None,
        order_types: frozenset[OrderType] = frozenset(OrderType),
        oco: bool = True,
        fee: Decimal = ZERO,
    ) -> None:
        self.sight = Sight(strategy, timeframe, grid)
        self.market = market
        self.timeframe = timeframe
        self.portfolio = portfolio
        self.gate = gate or RiskGate(Limits(), market)
        self.halted: str | None = None
        self.blocked: str | None = None
        self.bar_age = 0.0
        self.clock_skew = 0.0
        self.intents: list[Intent] = []
        self.exits = Exits(portfolio, market, self.gate, self.intents, next_id, order_types=order_types, oco=oco)
        self.fills: list[Fill] = []
        self.refused: list[OrderRefused] = []
        self.cleared: list[int] = []
        self.entries = Entries(portfolio, market, self.gate, sizing, self.intents, self.refused, next_id)
        self._fee = fee
        limits = self.gate.limits
        self._watches_equity = limits.max_daily_loss is not None or limits.max_drawdown is not None
        self._next_strategy: Strategy | None = None
        self._outcome = ""
        self._was_long = False

    @property
    def strategy(self) -> Strategy:
        """What decides."""
        return self.sight.strategy

    @property
    def last_bar(self) -> Bar | None:
        """The newest bar, or None."""
        return self.sight.last_bar

    @property
    def tape(self) -> Tape:
        """Bars, features and equity."""
        return self.sight.tape

    @property
    def parameter_changes(self) -> int:
        """How often other parameters were adopted."""
        return self.sight.changes

    @property
    def waiting(self) -> Intent | None:
        """The entry or exit that has no answer yet, or None."""
        return self.entries.waiting or self.exits.selling

    @property
    def busy(self) -> bool:
        """Whether anything was sent, or is about to be, that the exchange has not answered."""
        return self.waiting is not None or self.exits.busy

    def prime(self, bars: list[Bar]) -> list[Notice]:
        """Let the strategy see past bars; nothing is traded on them. See `Sight.prime`."""
        notices = self.sight.prime(bars, self._equity_at)
        if bars:
            self._outcome = "nothing is done, because this bar was past when the bot started"
        return notices

    def restore(
        self, intents: Iterable[Intent], fills: Iterable[Fill], at_work: Iterable[tuple[Intent, Decimal]]
    ) -> None:
        """Take over what an earlier session left.

        Parameters
        ----------
        intents, fills
            All of them, oldest first; the books hold the fills already.
        at_work
            The orders that may still be filled, with what of each is executed.
        """
        self.intents += intents
        self.fills += fills
        for intent, filled in at_work:
            if intent.side is Side.BUY:
                self.entries.waiting = intent
            else:
                self.exits.restore(intent, filled)

    def handle(self, event: ExchangeEvent) -> list[Action]:
        """Take one event and say what is to be done."""
        if isinstance(event, BarClosed):
            return self._on_bar(event.bar, late=event.late)
        try:
            if isinstance(event, OrderFilled):
                return self._on_fill(event)
            if isinstance(event, OrderChanged):
                return self._on_change(event.order)
            if isinstance(event, ConnectionChanged):
                text = f"{event.reason[:1].upper()}{event.reason[1:].removesuffix('.')}."
                return [Notice("info" if event.up else "warning", text, "connection")]
            return self._on_refusal(event)
        except CryptobotError as error:
            return [self._halt(str(error))]

    def attend(self, now: int) -> list[Action]:
        """Do what time demands: protect what is unprotected, try an exit again. Called every second or so.

        Parameters
        ----------
        now
            Nanoseconds since 1970-01-01 UTC.
        """
        return self.exits.attend(now, entering=self.entries.waiting is not None)

    def kill(self, reason: str, by: str, now: int, *, flatten: bool) -> list[Action]:
        """Cancel every order, on request sell the position, and trade nothing more until `clear`."""
        self.gate.halt(reason)
        held = self.portfolio.quantity
        left = (
            f" The position of {written(held, 8)} {self.market.base} is sold at the market."
            if flatten and held
            else f" A position of {written(held, 8)} {self.market.base} stays open, unprotected."
            if held
            else ""
        )
        actions: list[Action] = [
            SetTradingState(self.gate.state, reason, by, flatten),
            Notice("error", f"Killed: {reason}. Every order is cancelled.{left}", "killed", {"why": reason}),
        ]
        return actions + self.exits.kill(now, self.entries.waiting, flatten=flatten)

    def flatten(self, reason: str, by: str, now: int) -> list[Action]:
        """Sell the position at the market, and buy nothing more until `clear`."""
        self.gate.reduce(reason)
        text = "The position is sold at the market" if not self.portfolio.is_flat else "There is no position to sell"
        return [
            SetTradingState(self.gate.state, reason, by),
            Notice("warning", f"{text}: {reason}. Nothing is bought until this is cleared.", "flattened"),
            *self.exits.leave(now, reason),
        ]

    def clear(self, reason: str, by: str, now: int) -> list[Action]:
        """Trade again: a person has looked at it."""
        self.gate.clear()
        self.cleared += [] if self.last_bar is None else [self.last_bar.time]
        self.exits.killed = False
        return [
            SetTradingState(self.gate.state, reason, by),
            Notice("info", f"Trading is allowed again: {reason}.", "cleared"),
            *self.exits.attend(now, entering=self.entries.waiting is not None),
        ]

    def resume(self) -> None:
        """Go on after a halt; raises `CryptobotError` if the strategy fails on what it has seen already."""
        if self.halted is not None:
            self.sight.renew()
            self.halted = None

    def change_strategy(self, strategy: Strategy) -> None:
        """Trade with changed parameters from the next bar's close on."""
        self._next_strategy = strategy

    def explain(self) -> Explanation:
        """Say why the last bar did or did not trade."""
        said = self.sight.explain("long" if self._was_long else "flat", self._outcome)
        if said is not None:
            return said
        return nothing_yet(
            f"The bot halted before it could decide: {self.halted}" if self.halted else "No bar has closed yet."
        )

    def _on_bar(self, bar: Bar, *, late: bool) -> list[Action]:
        sight = self.sight
        last = sight.last_bar
        if last is not None and bar.time <= last.time:
            return [Notice("warning", f"Bar of {time_text(bar.time)} came late or twice and is dropped.", "stale_feed")]
        actions: list[Action] = [*sight.holes_before(bar)]
        try:
            if self._next_strategy is not None:
                sight.adopt(self._next_strategy)
                self._next_strategy = None
                actions.append(Notice("info", f"Parameters changed: {sight.strategy!r}.", "parameters"))
            sight.see(bar, self._equity_at(bar.close))
            if self._watches_equity:
                actions += self._watch_equity(bar)
            actions += self._decide(bar, late=late)
        except CryptobotError as error:
            actions.append(self._halt(str(error)))
        return actions

    def _equity_at(self, price: float) -> float:
        books = self.portfolio
        return float(books.cash) + float(books.quantity + books.dust) * price

    def _watch_equity(self, bar: Bar) -> list[Action]:
        gate = self.gate
        said = gate.on_bar(bar.time + self.timeframe.nanoseconds, self.portfolio.equity(bar.close))
        actions: list[Action] = [Notice("warning", text, "limit") for text in said]
        return [*actions, SetTradingState(gate.state, gate.reason, "limits")] if said else actions

    def _decide(self, bar: Bar, *, late: bool) -> list[Action]:
        decision = self.sight.decision
        self._was_long = long = not self.portfolio.is_flat
        if decision is None or self.halted is not None:
            self._outcome = "nothing is done, because the bot is halted"
            return []
        if self.entries.waiting is not None or self.exits.leaving:
            self._outcome = _WAITING
            return []
        if long and decision.sell:
            return self._exit(bar)
        if not long and decision.buy:
            return self._enter(bar, late=late)
        if decision.buy:
            self._outcome = "nothing is done, because a position is held already"
        elif decision.sell:
            self._outcome = "nothing is done, because there is nothing to sell"
        else:
            self._outcome = "nothing is done"
        return []

    def _enter(self, bar: Bar, *, late: bool) -> list[Action]:
        held_back: Refusal | None = None
        if late:
            held_back = Refusal("late", "a later bar has closed already, so that this signal is stale")
        elif self.blocked is not None:
            held_back = Refusal("blocked", self.blocked)
        now = Situation(
            bar.time + self.timeframe.nanoseconds,
            decimal_of(bar.close),
            self.portfolio.quantity,
            len(self.exits.guard),
            self.bar_age,
            self.clock_skew,
            self._fee,
        )
        sent = self.entries.enter(now, f"buy signal at the close of {time_text(bar.time)}", held_back)
        if isinstance(sent, Refusal):
            self._outcome = f"nothing is done, because {sent.reason}"
            return [not_followed(sent)]
        self._outcome = "a buy order is sent, to be filled at the next bar's open"
        return [Submit(sent)]

    def _exit(self, bar: Bar) -> list[Action]:
        time = bar.time + self.timeframe.nanoseconds
        gate = self.gate
        if gate.state is TradingState.HALTED:
            self._outcome = f"nothing is done, because the bot is halted: {gate.reason}"
            return [Notice("warning", f"The sell signal is not followed: the bot is halted ({gate.reason}).", "limit")]
        gate.sent(time)
        self._outcome = "a sell order is sent, to be filled at the next bar's open"
        return self.exits.leave(time, f"sell signal at the close of {time_text(bar.time)}")

    def _on_fill(self, event: OrderFilled) -> list[Action]:
        fill, entering = event.fill, self.entries.waiting
        trade = self.portfolio.apply(fill, complete=event.complete)
        self.fills.append(fill)
        topic, why = self.exits.on_fill(fill, complete=event.complete)
        if entering is not None and entering.id == fill.intent_id:
            why = entering.reason
            if event.complete:
                self.entries.ended(fill.intent_id)
        return [executed(fill, trade, self.market, topic, why), *self._settle(fill.time)]

    def _on_change(self, order: Order) -> list[Action]:
        actions: list[Action] = []
        if not order.is_open:
            waiting = self.waiting
            if waiting is not None and waiting.id == order.client_id and order.status is not OrderStatus.FILLED:
                actions.append(ended_early(order, self.market))
            self.entries.ended(order.client_id)
            # What it leaves over may be too little to be sold.
            trade = self.portfolio.settle(self.fills[-1].price) if self.fills else None
            if trade is not None:
                actions.append(Notice("info", f"The position is closed: {result(trade, self.market.quote)}.", "exit"))
        actions += self.exits.on_change(order)
        return actions + self._settle(order.updated)

    def _on_refusal(self, event: OrderRefused) -> list[Action]:
        self.refused.append(event)
        self.entries.ended(event.intent_id)
        actions: list[Action] = [
            Notice(
                "warning",
                f"Order {event.intent_id} was refused: {event.reason.rstrip('.')}. Nothing was traded.",
                "rejected",
                {"order": event.intent_id, "why": event.reason},
            )
        ]
        return actions + self.exits.on_refusal(event) + self._settle(event.time)

    def _settle(self, time: int) -> list[Action]:
        return self.exits.settle(time, entering=self.entries.waiting is not None)

    def _halt(self, reason: str) -> Halt:
        self.halted = reason = redact(reason)
        self._outcome = f"the bot halted: {reason}"
        return Halt(reason)
