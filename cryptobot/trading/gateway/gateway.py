"""Orders out, and what becomes of them: written down before they are sent, sent once, resolved by evidence only.

Long because everything that may move an order's life is in this one place, so that nothing can pass it by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from cryptobot.core.clock import Clock
from cryptobot.core.errors import (
    JournalError,
    OrderNotFound,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    TransientError,
)
from cryptobot.core.events import BarClosed, ConnectionChanged, ExchangeEvent, OrderChanged, OrderFilled, OrderRefused
from cryptobot.core.money import ZERO, Market
from cryptobot.core.orders import Order
from cryptobot.core.types import Fill, Intent, OcoIntent, Side
from cryptobot.exchange.protocol import Exchange
from cryptobot.trading.actions import Notice
from cryptobot.trading.client_ids import ClientIds
from cryptobot.trading.gateway.account import Account
from cryptobot.trading.gateway.evidence import Evidence, gather
from cryptobot.trading.gateway.strangers import Strangers
from cryptobot.trading.gateway.wording import finished, taken_over, unknown
from cryptobot.trading.journal import BookedFill, JournalView, Outcome, SessionStarted
from cryptobot.trading.journal.contents import OutcomeKind
from cryptobot.trading.lifecycle import OrderLife, OrderState
from cryptobot.trading.recorder import Recorder

# Clocks differ, and exchanges book late: executions are asked for from so long before the last answer on.
_OVERLAP: Final = 120 * 10**9


class Gateway:
    """Sends a bot's orders and follows each to its end.

    What it returns are the news, in the order in which the engine must hear them: each execution once, and the end of
    an order only after all its executions. What came twice, late or from somebody else's orders is not news.

    Parameters
    ----------
    exchange, market
        Where orders go.
    recorder
        Where everything is written down.
    clock
        For times and deadlines.
    ids
        Which client ids are the bot's own.
    tell
        Takes notices to people.

    Attributes
    ----------
    lives
        What is known of each of the bot's orders, by client id.
    account
        What the account must hold.
    activity
        Grows with every order sent and everything that is told of one.
    since
        Executions before this are known, nanoseconds since 1970-01-01 UTC.
    """

    def __init__(
        self,
        exchange: Exchange,
        market: Market,
        recorder: Recorder,
        clock: Clock,
        ids: ClientIds,
        tell: Callable[[Notice], None],
    ) -> None:
        self.exchange = exchange
        self.market = market
        self.lives: dict[str, OrderLife] = {}
        self.account = Account(market)
        self.activity = 0
        self.since = 0
        self.ids = ids
        self.recorder = recorder
        self.tell = tell
        self.clock = clock
        self._live: dict[str, OrderLife] = {}  # those that may still change the position
        self._sent_at: dict[str, float] = {}
        self._unknown: dict[str, str] = {}
        self._met: set[str] = set()  # orders that the connection knows as the bot's
        self._booked: set[str] = set()  # ids of the executions that are the bot's
        self.strangers = Strangers(market, ids, self.account, recorder, tell)

    # -- how things stand

    @property
    def blocked(self) -> str | None:
        """Why nothing new may be bought, or None: an order of which nobody knows what has become."""
        if not self._unknown:
            return None
        client_id, reason = next(iter(self._unknown.items()))
        return f"nobody knows yet what became of order {client_id} ({reason})"

    @property
    def unknown(self) -> tuple[str, ...]:
        """Client ids of the orders of which nobody knows what has become."""
        return tuple(self._unknown)

    @property
    def restless(self) -> bool:
        """Whether the exchange must be asked soon."""
        return bool(self._unknown or self.strangers.orphans) or self.lacks_fills

    @property
    def lacks_fills(self) -> bool:
        """Whether the exchange speaks of executions that it has not told one by one."""
        return any(self._may_lack(life) for life in self._live.values())

    @property
    def open_lives(self) -> list[OrderLife]:
        """The bot's orders that may still change its position, oldest first."""
        return list(self._live.values())

    def elapsed(self, client_id: str, now: float) -> float:
        """Return how many seconds ago an order was sent, or taken over from an earlier session."""
        return now - self._sent_at[client_id]

    # -- orders out

    async def submit(self, wanted: Intent | OcoIntent) -> list[ExchangeEvent]:
        """Write an order, or a pair, down and send it, once.

        Returns
        -------
        list of ExchangeEvent
            The news. An order of which nobody knows what has become is none: `blocked` says so until it is resolved.

        Raises
        ------
        AuthError
            If the exchange does not take the keys.
        ExchangeError
            If the evidence contradicts itself.
        """
        legs = [wanted] if isinstance(wanted, Intent) else [wanted.above, wanted.below]
        if legs[0].side is Side.BUY:
            try:
                self.recorder.must_write("intent", wanted)
            except JournalError as error:
                return [OrderRefused(legs[0].id, legs[0].time, str(error), "JOURNAL", certain_to_fail=False)]
        else:  # the way out stays open even when the disk is full
            self.recorder.write("intent", wanted)
        now = self.clock.now()
        for leg in legs:
            self._met.add(leg.id)
            life = OrderLife(leg)
            life.sent(now)
            self._follow(life)
        self.activity += 1
        try:
            orders = await self._send(wanted)
        except (OrderRejected, OrderNotSent) as error:
            return self._not_taken(wanted.id, legs, error)
        except OrderUnknown as error:
            self._lose(legs, str(error), wanted.id)
            return []
        except BaseException as error:  # the loop ends in the middle of sending, or something that nobody thought of
            self._lose(legs, f"sending was broken off: {type(error).__name__}", wanted.id)
            raise
        news: list[ExchangeEvent] = []
        for order in orders:
            self.recorder.write(
                "outcome", Outcome(order.client_id, "acknowledged", order.exchange_id or None), durable=False
            )
            news += self.observe(order)
        return news

    async def cancel(self, client_ids: Iterable[str]) -> list[ExchangeEvent]:
        """Cancel orders, and look how they ended; what cannot be known is resolved later, by evidence."""
        found = (self._live.get(client_id) for client_id in client_ids)
        lives = [life for life in found if life is not None and not life.state.is_final]
        for life in lives:
            self.recorder.write("outcome", Outcome(life.client_id, "cancel_sent"), durable=False)
            self.activity += 1
        # At once: one after the other, two that get no answer would leave a position bare for twice as long.
        answers = await asyncio.gather(*(self._cancel(life) for life in lives), return_exceptions=True)
        news: list[ExchangeEvent] = []
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            news += answer
        return news

    async def _cancel(self, life: OrderLife) -> list[ExchangeEvent]:
        try:
            order = await self.exchange.cancel(self.market.symbol, life.client_id)
        except (OrderUnknown, OrderNotFound, TransientError) as error:
            self._lose([life.intent], f"it was to be cancelled: {error}", life.client_id)
            return []
        except BaseException:
            self._lose([life.intent], "cancelling it was broken off", life.client_id)
            raise
        return self.observe(order)

    async def gather(self) -> Evidence:
        """Ask the exchange for everything that bears on the bot's orders; raises as `evidence.gather`."""
        return await gather(
            self.exchange,
            self.market.symbol,
            self.clock,
            activity=self.activity,
            client_ids=[*self._live, *self.strangers.orphans],
            since=self.since,
            met=self._met,
        )

    # -- what is told

    def take(self, event: ExchangeEvent) -> list[ExchangeEvent]:
        """Take what the exchange's stream tells, write it down, and return what of it is news.

        Raises
        ------
        ExchangeError
            If it cannot be true together with what was known.
        """
        if isinstance(event, BarClosed):
            return [event]
        if isinstance(event, ConnectionChanged):
            self.recorder.write("event", event, durable=False)
            return [event]
        self.activity += 1
        if isinstance(event, OrderFilled):
            return self.book(event.fill, complete=event.complete)
        if isinstance(event, OrderChanged):
            life = self.lives.get(event.order.client_id)
            if life is None:
                self.strangers.order(event.order)
                return []
            return self._changed(life, event.order) if life.acknowledged(event.order) else []
        life = self.lives.get(event.intent_id)
        if life is None or not life.refused(event.reason):
            return []
        self.recorder.write("outcome", Outcome(event.intent_id, "rejected", reason=event.reason), durable=False)
        self._put_away(life)
        return [event]

    def observe(self, order: Order) -> list[ExchangeEvent]:
        """Take what the exchange answered about one of the bot's orders when it was asked; raises as `take`."""
        life = self.lives.get(order.client_id)
        if life is None:
            self.strangers.order(order)
            return []
        if not life.found(order):
            return []
        self.activity += 1
        return self._changed(life, order)

    def book(self, fill: Fill, *, complete: bool | None = None) -> list[ExchangeEvent]:
        """Take an execution; raises as `take`."""
        life = self.lives.get(fill.intent_id)
        if life is None:
            if fill.id not in self._booked:  # some exchanges do not tell a new connection whose an old execution is
                self.activity += self.strangers.fill(fill)
            return []
        had = fill.id in life.fills
        if not life.filled(fill, complete):
            return []
        self.activity += 1
        self._resolve(life, "an execution of it was told")
        if had:  # all that is new is that nothing of the order is left
            return self._ended(life)
        done = life.state.is_final and not self._may_lack(life)
        self.recorder.write("fill", BookedFill(fill, own=True, complete=done))
        self._booked.add(fill.id)
        self.account.book(fill)
        if done:
            self._put_away(life)
        return [OrderFilled(fill, done)]

    def nameless(self, fill: Fill) -> bool:
        """Whether nobody knows yet whose execution this is."""
        return not fill.intent_id and fill.id not in self._booked and self.strangers.unheard(fill)

    def absent(self, client_id: str, reason: str) -> list[ExchangeEvent]:
        """Take the proof that an order never reached the exchange; raises as `take`."""
        life = self.lives[client_id]
        life.absent(reason)
        self.activity += 1
        self.recorder.write("outcome", Outcome(client_id, "absent", reason=reason))
        self._resolve(life, reason)
        self._put_away(life)
        return [OrderRefused(client_id, life.intent.time, reason, "ABSENT", certain_to_fail=False)]

    def doubt(self, client_id: str, reason: str) -> None:
        """Hold an order for unknown: the exchange shows nothing where something must be."""
        if client_id not in self._unknown:
            self._lose([self.lives[client_id].intent], reason, client_id)

    def adopt(self, order: Order) -> Intent:
        """Take over an order of the bot's own that its journal does not know: one sent while the disk was full."""
        intent = taken_over(order)
        self.recorder.write("intent", intent)
        life = OrderLife(intent)
        life.sent(order.created)
        self._follow(life)
        self.strangers.orphans.pop(order.client_id, None)
        self.tell(Notice("warning", f"Order {intent.id} is taken over: it is the bot's own.", "reconciliation"))
        return intent

    def begin(self, session: SessionStarted) -> None:
        """Count from what the account held when the bot's books began."""
        self.account.add(session.held, session.cash)
        self.account.add(ZERO, session.locked)
        self.strangers.origin = self.since = session.time

    def seen_until(self, time: int) -> None:
        """Ask for executions since about this time only."""
        self.since = max(self.since, time - _OVERLAP)

    def restore(self, view: JournalView) -> None:
        """Take over what an earlier session left in the journal."""
        now = self.clock.monotonic()
        for life in view.lives.values():
            self.lives[life.client_id] = life
            self._sent_at[life.client_id] = now
            if life.is_risk:
                self._live[life.client_id] = life
            if life.state is OrderState.UNKNOWN:
                self._unknown[life.client_id] = life.reason
        for booked in view.booked:
            self.account.book(booked.fill)
            if booked.own:
                self._booked.add(booked.fill.id)
            else:
                self.strangers.restore(booked.fill)
        for change in view.adjustments:
            self.account.add(change.base, change.quote)
        # By the exchange's own clock: this computer's may have been set, and a simulated market has another.
        times = [booked.fill.time for booked in view.booked]
        times += [order.updated for order in view.orders.values() if order.client_id not in self._live]
        if times and not self._live:
            self.seen_until(max(times))

    def remind(self) -> None:
        """Tell of the orders that an earlier session left, and that are still unknown."""
        for client_id, reason in self._unknown.items():
            self.tell(unknown(client_id, reason))

    # -- inside

    async def _send(self, wanted: Intent | OcoIntent) -> Sequence[Order]:
        if isinstance(wanted, OcoIntent):
            return await self.exchange.submit_oco(wanted)
        order = await self.exchange.submit(wanted)
        return [] if order is None else [order]

    def _follow(self, life: OrderLife) -> None:
        self.lives[life.client_id] = self._live[life.client_id] = life
        self._sent_at[life.client_id] = self.clock.monotonic()

    def _may_lack(self, life: OrderLife) -> bool:
        """Whether executions of an order may be missing here: it is done, by its last one, and others were not told."""
        if life.missing:
            return True
        if life.state is not OrderState.FILLED or (life.order is not None and not life.order.is_open):
            return False
        if life.ordered is None:
            return life.order is None and self.exchange.capabilities.keeps_account
        return self.market.round_quantity(life.ordered - life.filled_quantity) > 0

    def _put_away(self, life: OrderLife) -> None:
        self._live.pop(life.client_id, None)
        self._unknown.pop(life.client_id, None)

    def _not_taken(self, name: str, legs: list[Intent], error: OrderRejected | OrderNotSent) -> list[ExchangeEvent]:
        rejected = isinstance(error, OrderRejected)
        kind: OutcomeKind = "rejected" if rejected else "not_sent"
        reason = str(error).removeprefix(f"order {name}: ").removesuffix(".").removesuffix(". Nothing was traded")
        self.recorder.write("outcome", Outcome(name, kind, reason=reason), durable=False)
        self.activity += 1
        news: list[ExchangeEvent] = []
        for leg in legs:
            life = self.lives[leg.id]
            if rejected:
                life.refused(reason)
            else:
                life.absent(reason)
            self._put_away(life)
            rule = error.rule if isinstance(error, OrderRejected) else ""
            news.append(OrderRefused(leg.id, leg.time, reason, rule, certain_to_fail=rejected))
        return news

    def _lose(self, legs: Iterable[Intent], reason: str, name: str) -> None:
        lost = [leg.id for leg in legs if self.lives[leg.id].lost(reason)]
        if not lost:
            return
        self.activity += 1
        for client_id in lost:
            self._unknown[client_id] = reason
        self.recorder.write("outcome", Outcome(name, "unknown", reason=reason), durable=False)
        self.tell(unknown(name, reason))

    def _resolve(self, life: OrderLife, how: str) -> None:
        """Take a doubt away, if there was one and it is settled."""
        if life.state is not OrderState.UNKNOWN and self._unknown.pop(life.client_id, None) is not None:
            text = f"Order {life.client_id} is resolved: {how}."
            self.tell(Notice("info", text, "resolved", {"order": life.client_id}))

    def _changed(self, life: OrderLife, order: Order) -> list[ExchangeEvent]:
        self.recorder.write("order", order, durable=False)
        if life.state is OrderState.UNKNOWN:
            return []  # only asking settles this doubt
        self._resolve(life, f"the exchange shows it as {order.status}")
        return self._ended(life) if life.state.is_final else [OrderChanged(order)]

    def _ended(self, life: OrderLife) -> list[ExchangeEvent]:
        """Tell the end of an order, once all its executions have been told."""
        if self._may_lack(life) or life.client_id not in self._live:
            return []
        self._put_away(life)
        return [OrderChanged(life.order or finished(life, self.clock.now()))]
