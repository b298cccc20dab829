"""What must hold whatever goes wrong, by the exchange's own ledger and never by the bot's word.

- A: an intent is at most one order, and a position is bought once.
- B: every execution is in the journal exactly once.
- C: the books are the sum of the executions.
- D: nothing is sent before it is safe on the disk.
- E: nothing new is sent when it must not be: halted, stopping, on a stale signal.
- F: no more is sold than the bot holds, and nothing is touched that is not its own.
- G: no secret is found anywhere.
- H: what is unresolved is told of within 10 seconds.
- L: once nothing goes wrong any more, everything is found out and the bot trades on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cryptobot.core.errors import JournalError
from cryptobot.core.money import ZERO, exact_money
from cryptobot.core.orders import Order
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.types import Intent, OcoIntent, Side
from cryptobot.trading.journal import BookedFill, SqliteJournal
from tests.faults.market import MARKET, SYMBOL
from tests.faults.venue import SECRET

if TYPE_CHECKING:
    from tests.faults.world import World

ALARM: Final = 10.5  # seconds, and a little for the tick on which they are noticed
TICK: Final = 5.0  # it is looked at with every bar
PERIOD: Final = 75.0
STALE: Final = 11.0  # seconds after a bar's close, where the limits say 10
# What a person who is told of one of these looks at anyway.
TELLING: Final = {"unprotected", "unknown_order", "connection", "stale_feed", "halted", "reconciliation", "external"}


class Invariants:
    """Looks on, and writes down what must not be.

    Parameters
    ----------
    world
        Where it looks on.

    Attributes
    ----------
    broken
        What was seen that must not be, each with the letter of its invariant first.
    halted
        Why nothing new may be sent, or None.
    """

    def __init__(self, world: World) -> None:
        self.broken: list[str] = []
        self.halted: str | None = None
        self._world = world
        self._accepted: Counter[str] = Counter()
        self._notices: list[tuple[float, str]] = []
        self._uncovered: float | None = None
        self._unknown_since = 0.0
        self._gave_up = False

    def fail(self, letter: str, text: str) -> None:
        """Write down what must not be."""
        said = f"{letter}: {text}"
        if said not in self.broken:
            self.broken.append(said)
            self._world.trace(f"BROKEN {said}")

    # -- while it goes on

    def sending(self, sent: Intent | OcoIntent) -> None:
        """Look at an order that leaves the bot."""
        world = self._world
        legs = [sent] if isinstance(sent, Intent) else [sent.above, sent.below]
        for leg in legs:
            # The way out stays open while the disk takes nothing.
            if not world.on_disk(leg.id) and not (world.disk_fails and leg.side is Side.SELL):
                self.fail("D", f"{leg.id} is sent and is not safe on the disk")
            if leg.side is Side.SELL:
                continue
            if self.halted:
                self.fail("E", f"{leg.id} buys: {self.halted}")
            age = (world.clock.true - leg.time) / 1e9
            if world.guards_staleness and world.clock.off == 0 and age > STALE:
                self.fail("E", f"{leg.id} is sent {age:.1f} s after its bar closed")

    @exact_money
    def taken(self, legs: list[Intent], held: Decimal, opened: list[Order]) -> None:
        """Look at an order, or a pair, that the exchange takes from the bot."""
        for leg in legs:
            self._accepted[leg.id] += 1
            if self._accepted[leg.id] > 1:
                self.fail("A", f"{leg.id} is {self._accepted[leg.id]} orders")
        leg = legs[0]
        if leg.side is Side.BUY:
            # What is too little to be sold is dust by the price of the execution that left it.
            mine = self._world.truth.own_fills()
            if self._is_sellable(held, mine[-1].price if mine else None):
                self.fail("A", f"{leg.id} buys, and the bot holds {held} already")
            for order in opened:
                if order.side is Side.BUY:
                    self.fail("A", f"{leg.id} buys, and {order.client_id} is open")
            return
        lists = {order.list_id: order for order in opened if order.side is Side.SELL and order.list_id is not None}
        alone = [order for order in opened if order.side is Side.SELL and order.list_id is None]
        selling = sum(((order.quantity or ZERO) - order.filled_quantity for order in [*lists.values(), *alone]), ZERO)
        if (leg.quantity or ZERO) + selling > held:
            self.fail("F", f"{leg.id} sells {leg.quantity}, {selling} is for sale already, and the bot holds {held}")

    def told(self, topic: str) -> None:
        """Take note that people were told something."""
        self._notices.append((self._world.now, topic))

    def unsure(self, client_id: str) -> None:
        """Take note that the bot cannot know what has become of an order; look in ten seconds whether it says so."""
        world = self._world
        life, since = world.life, world.now
        if not world.unknown_orders():
            self._unknown_since = since
        since = min(since, self._unknown_since)
        world.loop.call_later(ALARM, lambda: self._must_have_told(client_id, life, since))

    def _must_have_told(self, client_id: str, life: object, since: float) -> None:
        world = self._world
        if life is not world.life or world.life is None or world.life.dead or not world.running:
            return
        if world.unknown_orders() and not self._told_since(since, {"unknown_order"}):
            self.fail("H", f"{client_id} is unknown since {since:.1f} s and nobody is told")

    def look(self, stop_loss: float | None) -> None:
        """Look whether the position has been without its stop for too long, and nobody was told."""
        world = self._world
        held = world.truth.position()
        stops = [order for order in world.truth.own_open() if order.side is Side.SELL]
        if (
            stop_loss is None
            or not self._is_sellable(held)
            or stops
            or world.truth.robbed
            or self.halted
            or not world.connected
        ):
            self._uncovered = None
            return
        if self._uncovered is None:
            self._uncovered = world.now
        since = max(self._uncovered, world.life_began)
        # What the stream lost is found by the next comparison, which comes every minute.
        allowed = ALARM + (PERIOD if world.network.loses_events_since(since) else TICK)
        if world.now - since > allowed and world.running and not self._told_since(since - PERIOD, TELLING):
            self.fail("H", f"{held} is held without a stop since {since:.1f} s and nobody is told")

    def _told_since(self, since: float, topics: Iterable[str]) -> bool:
        return any(time >= since and topic in topics for time, topic in self._notices)

    # -- when nothing goes wrong any more

    def at_rest(self) -> None:
        """Look at a bot that has had time to find out everything."""
        world = self._world
        state = world.state()
        world.trace(f"at rest: {state}")
        if world.forgot and any(seen != wanted for _, seen, wanted in state):
            self._gave_up = True
            if not world.excused and not self._told_since(0, {"reconciliation", "halted"}):
                self.fail("L", f"the bot stands as {state}, and nobody is told")
            return
        if not world.excused:
            for what, seen, wanted in state:
                if seen != wanted:
                    self.fail("L", f"{what} is {seen} and not {wanted}; {world.last_words()}")
        if self.halted and not world.truth.robbed:
            for order in world.truth.own_open():
                self.fail("E", f"{order.client_id} is still open, and {self.halted}")
            if world.flatten and self._is_sellable(world.truth.position()):
                self.fail("E", f"{world.truth.position()} is still held and was to be sold: {self.halted}")
        self._books()

    def _is_sellable(self, held: Decimal, price: Decimal | None = None) -> bool:
        """Whether the exchange would take a sale of it, at a price (None: the present one)."""
        market = self._world.truth.market
        price = price or self._world.truth.core.price(SYMBOL) or ZERO
        return market.refusal(price, market.round_quantity(held)) is None

    @exact_money
    def _books(self) -> None:
        world = self._world
        books = world.books()
        if books is None:
            return
        real = Portfolio(books.initial_cash, MARKET)
        for executed in world.truth.core.executions(SYMBOL):
            if executed.fill.intent_id in world.truth.own:
                real.apply(executed.fill, complete=False)
        for what, mine, its in (
            ("position", books.quantity + books.dust, real.quantity + real.dust),
            ("cash", books.cash, real.cash),
        ):
            if mine != its:
                self.fail("C", f"the {what} is {mine} by the books and {its} by the exchange")
        opened = {order.client_id for order in world.truth.own_open()}
        if opened != world.open_orders():
            self.fail("C", f"{world.open_orders()} are open by the bot's word, and {opened} by the exchange's")

    def at_the_end(self) -> None:
        """Look at what is left on the disk."""
        world = self._world
        try:
            with SqliteJournal("bot.sqlite", read_only=True, vfs=world.disk.vfs) as journal:
                records = [record.content for record in journal.records(kinds=["fill"])]
        except JournalError as error:
            records = []
            self.fail("B", f"the journal cannot be read any more: {error}")
        written = Counter(said.fill.id for said in records if isinstance(said, BookedFill) and said.own)
        real = {fill.id for fill in world.truth.own_fills()}
        for fill_id in sorted(real | set(written)):
            if not self._gave_up and written[fill_id] != (fill_id in real):
                self.fail("B", f"fill {fill_id} is in the journal {written[fill_id]} times, not {int(fill_id in real)}")
        for order in world.truth.core.orders(SYMBOL):
            if order.client_id not in world.truth.own and not order.is_open and order.price is not None:
                self.fail("F", f"{order.client_id} is not the bot's, and is {order.status}")
        for place, text in world.everything_written():
            if SECRET in text:
                self.fail("G", f"the secret is in {place}")
        for complaint in world.loop.complaints:
            self.fail("X", complaint)
