"""Planted bugs: each is a way in which a bot could lose money, and each must be caught by the invariants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final
from unittest.mock import patch

from cryptobot.core import portfolio as books
from cryptobot.core.errors import ExchangeError, OrderRejected, OrderUnknown
from cryptobot.core.events import BarClosed, OrderFilled, OrderRefused
from cryptobot.core.risk import RiskGate
from cryptobot.core.types import Fill, Intent, OcoIntent, Side
from cryptobot.trading import exits
from cryptobot.trading.actions import Notice
from cryptobot.trading.client_ids import ClientIds
from cryptobot.trading.engine import Engine
from cryptobot.trading.gateway import evidence, gateway
from cryptobot.trading.gateway.gateway import Gateway
from cryptobot.trading.gateway.reconciler import Reconciler
from cryptobot.trading.journal import JournalView, database
from cryptobot.trading.keeper import Keeper
from cryptobot.trading.lifecycle import OrderLife
from cryptobot.trading.recorder import Recorder
from cryptobot.trading.runner import Runner
from tests.faults.schedule import KINDS

#: Planted bugs by name: a context in which the bug is there, and the kinds of faults that bring it to light.
CANARIES: Final[dict[str, tuple[Callable[[], Any], tuple[str, ...]]]] = {}
_ALL: Final = tuple(KINDS)
_DOUBTS: Final = ("hidden", "server_error", "events_dropped")
_DEATHS: Final = ("killed", "stopped", "power_cut", "jump", "thin", "foreign_trade")


def canary(make: Callable[[], Any], kinds: tuple[str, ...] = _ALL) -> Callable[[], Any]:
    """Register a planted bug by its name."""
    CANARIES[make.__name__.replace("_", " ")] = make, kinds
    return make


def among(*kinds: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Register a planted bug that needs faults of these kinds to be seen soon."""
    return lambda make: canary(make, kinds)


# -- sending


@canary
def blind_resend() -> Any:
    """An order without an answer is sent again."""
    real = Gateway._send

    async def send(self: Gateway, wanted: Any) -> Any:
        try:
            return await real(self, wanted)
        except OrderUnknown:
            return await real(self, wanted)

    return patch.object(Gateway, "_send", send)


@canary
def fresh_id_on_retry() -> Any:
    """An order without an answer is sent again, by another id, so that the exchange cannot see that it is the same."""
    real = Gateway._send

    async def send(self: Gateway, wanted: Any) -> Any:
        try:
            return await real(self, wanted)
        except OrderUnknown:
            if isinstance(wanted, OcoIntent):
                raise
            again = replace(wanted, id=self.ids.next())
            self.recorder.write("intent", again)
            self.lives[again.id] = OrderLife(again)
            return await real(self, again)

    return patch.object(Gateway, "_send", send)


@canary
def five_hundred_is_a_refusal() -> Any:
    """An answer that says that nobody knows is taken for a refusal."""
    real = Gateway._send

    async def send(self: Gateway, wanted: Any) -> Any:
        try:
            return await real(self, wanted)
        except OrderUnknown as error:
            raise OrderRejected(str(error)) from None

    return patch.object(Gateway, "_send", send)


@canary
def journal_after_send() -> Any:
    """The intent is written down once the order is out."""
    real = Gateway._send

    async def send(self: Gateway, wanted: Any) -> Any:
        try:
            return await real(self, wanted)
        finally:
            Recorder.write(self.recorder, "intent", wanted)

    def nothing(self: Recorder, kind: Any, content: Any) -> None:
        if kind != "intent":
            must_write(self, kind, content)

    def write(self: Recorder, kind: Any, content: Any, *, durable: bool = True) -> None:
        if kind != "intent" or content.id in written:
            plain(self, kind, content, durable=durable)
        else:
            written.add(content.id)

    written: set[str] = set()
    must_write, plain = Recorder.must_write, Recorder.write

    async def sent(self: Gateway, wanted: Any) -> Any:
        written.add(wanted.id)
        return await send(self, wanted)

    return _all(
        patch.object(Gateway, "_send", sent),
        patch.object(Recorder, "must_write", nothing),
        patch.object(Recorder, "write", write),
    )


@canary
def intents_may_wait_for_the_disk() -> Any:
    """The intent is written down without waiting until it is safe."""

    def lazy(self: Recorder, kind: Any, content: Any) -> None:
        self.write(kind, content, durable=False)

    return patch.object(Recorder, "must_write", lazy)


@canary
def no_fsync() -> Any:
    """The disk is not asked to keep anything."""
    real = database._configure

    def lax(connection: Any, place: Any, *, read_only: bool) -> None:
        real(connection, place, read_only=read_only)
        connection.pragma("synchronous", "OFF")

    return patch.object(database, "_configure", lax)


# -- what became of it


@among(*_DOUBTS)
def early_not_found_is_absent() -> Any:
    """An order that is not shown at once is taken for one that never arrived."""
    real = Reconciler.__init__

    def made(self: Reconciler, gateway: Gateway, deadline: float) -> None:
        real(self, gateway, 0.0)

    return patch.object(Reconciler, "__init__", made)


@among("server_error", "request_lost", "slow", "thin")
def cancelled_without_looking() -> Any:
    """A cancel that was sent is taken for one that worked, whatever was filled meanwhile."""

    async def cancel(self: Gateway, life: OrderLife) -> Any:
        with suppress(ExchangeError):
            await self.exchange.cancel(self.market.symbol, life.client_id)
        self._put_away(life)
        return [OrderRefused(life.client_id, life.intent.time, "cancelled", certain_to_fail=False)]

    return patch.object(Gateway, "_cancel", cancel)


@canary
def missing_executions_are_forgotten() -> Any:
    """An order that the exchange calls filled is done with, though its executions were never told."""
    return patch.object(OrderLife, "missing", property(lambda life: Decimal(0)))


@canary
def executions_are_booked_as_often_as_told() -> Any:
    """A message that comes twice counts twice."""
    real = Gateway.book

    def book(self: Gateway, fill: Fill, *, complete: bool | None = None) -> Any:
        life = self.lives.get(fill.intent_id)
        if life is not None and fill.id in life.fills:
            again = replace(fill, id=f"{fill.id}-again")
            self.recorder.write("fill", books_fill(again))
            return [OrderFilled(again, bool(complete))]
        return real(self, fill, complete=complete)

    from cryptobot.trading.journal import BookedFill as books_fill  # noqa: N813

    return patch.object(Gateway, "book", book)


@canary
def replay_forgets_executions() -> Any:
    """After a restart the executions that were booked already are news once more."""
    real = Gateway.restore

    def restore(self: Gateway, view: JournalView) -> None:
        real(self, view)
        for client_id, life in self.lives.items():
            fresh = OrderLife(life.intent)
            fresh.sent(life.sent_time or 0)
            self.lives[client_id] = self._live[client_id] = fresh
        self._booked.clear()
        self.since = 0

    return patch.object(Gateway, "restore", restore)


@canary
def replay_books_twice() -> Any:
    """At a restart each execution enters the books twice."""
    real = books.Portfolio.apply

    def apply(self: Any, fill: Fill, *, complete: bool = True) -> Any:
        trade = real(self, fill, complete=complete)
        if fill.side is Side.BUY and not getattr(self, "_awake", False):
            real(self, replace(fill, id=f"{fill.id}-again"), complete=complete)
        return trade

    prime = Engine.prime

    def primed(self: Engine, bars: Any) -> Any:
        self.portfolio._awake = True
        return prime(self, bars)

    return _all(patch.object(books.Portfolio, "apply", apply), patch.object(Engine, "prime", primed))


# -- whose it is


@canary
def foreign_executions_adopted() -> Any:
    """Whatever is executed in the account is the bot's."""
    real = Gateway.book

    def book(self: Gateway, fill: Fill, *, complete: bool | None = None) -> Any:
        if fill.intent_id not in self.lives and fill.id not in self._booked:
            self._booked.add(fill.id)
            self.recorder.write("fill", own(fill))
            self.account.book(fill)
            return [OrderFilled(fill, bool(complete))]
        return real(self, fill, complete=complete)

    from cryptobot.trading.journal import BookedFill as own  # noqa: N813

    return patch.object(Gateway, "book", book)


@canary
def foreign_orders_adopted() -> Any:
    """Every order in the account is taken for the bot's own."""
    return patch.object(ClientIds, "owns", lambda self, client_id: True)


@among("stopped", "killed", "power_cut", "jump", "thin")
def executions_of_a_new_connection_are_foreign() -> Any:
    """A restart does not ask for its resting orders by name, so that it does not know their executions again."""
    real = evidence.gather

    async def gather(*args: Any, met: set[str], **named: Any) -> Any:
        return await real(*args, met={*met, *named["client_ids"]}, **named)

    return patch.object(gateway, "gather", gather)


# -- how much


@canary
def stop_larger_than_the_position() -> Any:
    """The stop sells twice what is held: with coins of others in the account that works."""
    real = exits.protection

    def wrong(entry: Decimal, quantity: Decimal, *args: Any, **named: Any) -> Any:
        return real(entry, quantity + Decimal(1), *args, **named)

    return patch.object(exits, "protection", wrong)


@among("foreign_trade", "thin", "foreign_order")  # what others hold in the account lets too much be sold
def sold_beside_the_stop() -> Any:
    """An exit does not wait until the stop is gone."""
    real = exits.Exits._go_on_leaving

    def leave(self: Any) -> Any:
        legs, self.guard.legs = self.guard.legs, {}
        try:
            return real(self)
        finally:
            self.guard.legs = legs

    return patch.object(exits.Exits, "_go_on_leaving", leave)


@among("foreign_trade", "stopped", "killed", "power_cut", "thin")
def stop_left_behind() -> Any:
    """Resting orders are forgotten over a restart."""
    return patch.object(exits.Exits, "restore", lambda self, intent, filled: None)


# -- when nothing may be sent


@among("kill_switch", *_DEATHS)
def the_dead_are_not_remembered() -> Any:
    """What a kill forbade is allowed again after a restart."""
    return patch.object(JournalView, "trading_state", property(lambda view: None))


@among("kill_switch", *_DEATHS)
def a_kill_leaves_orders_open() -> Any:
    """A kill forbids new orders, and forgets those that rest."""
    return patch.object(exits.Exits, "kill", lambda self, now, entering, *, flatten: [])


@canary
def a_halt_stops_nothing() -> Any:
    """Limits and states are looked at, and not obeyed."""
    return patch.object(RiskGate, "check", lambda self, intent, now: intent)


@canary
def stale_signals_are_followed() -> Any:
    """Bars that come in a burst after an outage are traded on, every one."""
    real = Engine.handle

    def handle(self: Engine, event: Any) -> Any:
        self.bar_age, self.blocked = 0.0, None
        return real(self, replace(event, late=False) if isinstance(event, BarClosed) else event)

    return patch.object(Engine, "handle", handle)


# -- what people must be told, and what must be found out


@canary
def nobody_is_told_of_unknown_orders() -> Any:
    """An order without an answer is looked for in silence."""
    return patch.object(gateway, "unknown", lambda name, reason: Notice("debug", ""))


@among("not_reached", "rate_limited", "thin", "jump", "server_error")
def nobody_is_told_of_bare_positions() -> Any:
    """A stop that cannot be placed is tried again and again in silence, and the position is kept."""
    return _all(
        patch.object(exits, "_PATIENCE", 10**15),
        patch.object(exits.Exits, "_bare", lambda self, what, reason: Notice("debug", "")),
        patch.object(exits, "_FIRST_RETRY", 60 * 10**9),
    )


@canary
def never_compared_again() -> Any:
    """Journal and exchange are compared at the start only."""
    return patch.object(Keeper, "_must_compare", lambda self: False)


@among(*_DOUBTS)
def balances_do_not_matter() -> Any:
    """An order is proved absent by two questions, though the balances say that it was executed."""
    real = Reconciler._look_for_absent

    def look(self: Reconciler, found: Any, weighed: Any, *, balanced: bool) -> Any:
        self._deadline = 1.0
        return real(self, found, weighed, balanced=True)

    return patch.object(Reconciler, "_look_for_absent", look)


@among("stopped", "slow", "answer_lost", "thin", "bars_twice")
def a_stop_in_the_middle_of_sending() -> Any:
    """A clean stop lets go of an order that is on its way, and forgets it."""

    def wake(self: Runner) -> None:
        if self._task is not None:
            self._task.cancel()

    real = Gateway.submit

    async def submit(self: Gateway, wanted: Any) -> Any:
        try:
            return await real(self, wanted)
        except asyncio.CancelledError:
            for leg in [wanted] if isinstance(wanted, Intent) else [wanted.above, wanted.below]:
                self.recorder.write("outcome", not_sent(leg.id, "not_sent"))
            raise

    from cryptobot.trading.journal import Outcome as not_sent  # noqa: N813

    return _all(patch.object(Runner, "_wake", wake), patch.object(Gateway, "submit", submit))


@canary
def the_secret_is_logged() -> Any:
    """A failure is told with everything that the exchange's object holds."""
    real = Runner.tell

    def tell(self: Runner, notice: Any) -> None:
        real(self, replace(notice, text=f"{notice.text} {vars(self.exchange).get('secret')}"))

    return patch.object(Runner, "tell", tell)


@contextmanager
def _all(*patches: Any) -> Iterator[None]:
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in reversed(patches):
            one.stop()
