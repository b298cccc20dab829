"""Any true history, told in any order, twice, late, in part or not at all, and over any restarts: the same books.

The truth is the shop's own ledger. Hypothesis decides everything: what is executed, what the stream tells and when,
which answers are lost, when the disk is full and when the process dies.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.errors import OrderUnknown, TransientError
from cryptobot.core.events import OrderFilled
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.types import Side
from cryptobot.trading.journal import JournalView
from tests.unit.trading.shop import DEADLINE, MARKET, Bench, Shop

STEPS = (
    "buy by amount",
    "buy by quantity",
    "stop",
    "pair",
    "sell",
    "cancel",
    "execute",
    "execute",
    "execute",
    "end",
    "tell",
    "tell",
    "tell",
    "tell again",
    "forget",
    "compare",
    "compare in vain",
    "wait",
    "hide",
    "show",
    "stranger",
    "disk",
    "die",
)


class History:
    """One history: what has truly happened, and what the bot was told of it."""

    def __init__(self, draw):
        self.draw = draw
        shop = Shop()
        shop.coins = Decimal(1000)  # of other people, who never touch the bot's
        self.bench = Bench(shop)
        self.sessions = [self.bench]
        self.told = []

    @property
    def shop(self):
        return self.bench.shop

    def choose(self, among):
        return self.draw(st.sampled_from(sorted(among, key=str))) if among else None

    def answer(self, door):
        """Let the answer of the next order be lost, sometimes."""
        fate = self.draw(st.sampled_from(["answered", "answered", "lost before", "lost after"]))
        if fate != "answered":
            self.shop.fault(door, OrderUnknown("timeout"), after=fate == "lost after")

    def send(self, wanted, door="submit"):
        self.answer(door)
        self.bench.submit(wanted)

    def step(self, what):
        if what in ("buy by amount", "buy by quantity", "stop", "pair", "sell", "cancel"):
            self.order(what)
        elif what in ("execute", "end"):
            self.happen(what)
        elif what.startswith("tell") or what == "forget":
            self.deliver(what)
        else:
            self.quietly(what)
        assert self.shop.sins == []

    def order(self, what):
        """Let the bot do something, if it is something that a bot may do."""
        bench = self.bench
        idle = not bench.gateway.open_lives
        if what == "cancel":
            one = self.choose({life.client_id for life in bench.gateway.open_lives})
            if one is not None:
                if self.draw(st.booleans()):
                    self.shop.fault("cancel", OrderUnknown("502"), after=self.draw(st.booleans()))
                bench.cancel(one)
        elif what == "buy by amount" and idle and not bench.position:
            self.send(bench.buy(1000))
        elif what == "buy by quantity" and idle and not bench.position:
            sale = bench.sell(8, type=OrderType.LIMIT, price=Decimal(101), time_in_force=TimeInForce.IOC)
            self.send(replace(sale, side=Side.BUY))
        elif not what.startswith("buy") and idle and bench.position:
            self.send(getattr(bench, what)(bench.position), "submit_oco" if what == "pair" else "submit")

    def happen(self, what):
        """Let something happen to an open order."""
        one = self.choose({order.client_id for order in self.shop.open_of()})
        if one is not None and what == "end":
            self.shop.end(one)
        elif one is not None:
            order = self.shop.orders[one]
            left = (order.quantity or Decimal(10)) - order.filled_quantity
            part = MARKET.round_quantity(left * self.draw(st.sampled_from([1, 1, Decimal("0.4")])))
            if part:
                self.shop.execute(one, part)

    def deliver(self, what):
        """Let the stream tell something, or tell it again, or never."""
        heap = self.told if what == "tell again" else self.shop.wire
        if heap:
            event = heap[self.draw(st.integers(0, len(heap) - 1))]
            if what != "tell again":
                heap.remove(event)
            if what != "forget":
                self.bench.take(event)
                self.told.append(event)

    def quietly(self, what):
        bench, shop = self.bench, self.shop
        if what == "compare":
            bench.compare()
        elif what == "compare in vain":
            door = self.draw(st.sampled_from(["now", "open_orders", "fills", "balances"]))
            shop.fault(door, TransientError("down"))
            try:
                bench.compare()
            except TransientError:
                return
            raise AssertionError(f"nobody asked for {door}")
        elif what == "wait":
            bench.clock.advance(self.draw(st.sampled_from([1, 10, DEADLINE - 1])))
        elif what == "hide" and (one := self.choose(shop.own)):
            # An exchange shows an order, by its own promise, before its deadline; and what it has shown stays.
            life = bench.gateway.lives.get(one)
            if life is not None and not life.known and bench.clock.now() - shop.orders[one].created < DEADLINE * 1e9:
                shop.hidden.add(one)
        elif what == "show":
            shop.hidden.clear()
        elif what == "stranger":
            shop.stranger(self.draw(st.sampled_from(["buy", "sell"])), "0.25", client_id=f"web_{len(shop.ledger)}")
        elif what == "disk":
            bench.journal.full = not bench.journal.full
        elif what == "die" and not bench.journal.full and not bench.recorder.waiting:
            shop.wire.clear()
            self.bench = bench.restart()
            self.sessions.append(self.bench)

    def end(self):
        bench, shop = self.bench, self.shop
        shop.hidden.clear()
        shop._faults.clear()
        bench.journal.full = False
        bench.recorder.flush()
        for _ in range(6):
            bench.clock.advance(DEADLINE)
            bench.compare()
        self.agree()

    def agree(self):
        """Whatever was told, the bot knows what is true: nothing less, nothing more, nothing twice."""
        bench, shop = self.bench, self.shop
        own = [fill.id for fill in shop.ledger if fill.intent_id in shop.own]
        assert bench.compare().agrees
        assert bench.gateway.blocked is None
        assert bench.position == shop.position
        assert Counter(bench.written_fills()) == Counter(own)
        assert Counter(fill for session in self.sessions for fill in session.told_fills()) == Counter(own)
        assert {life.client_id for life in bench.gateway.open_lives} == {o.client_id for o in shop.open_of()}
        assert bench.gateway.account.base == shop.coins
        assert bench.gateway.account.quote == shop.cash
        assert sorted(bench.written_fills(own=False)) == sorted(
            fill.id for fill in shop.ledger if fill.intent_id not in shop.own
        )
        submitted = [about for door, about in shop.asked if door.startswith("submit")]
        assert len(set(submitted)) == len(submitted)

    def orderly(self):
        """The end of an order is told once, after all of its executions."""
        for session in self.sessions:
            ended = set()
            for event in session.news:
                one = event.fill.intent_id if isinstance(event, OrderFilled) else None
                over = event.complete if isinstance(event, OrderFilled) else True
                if one is None:
                    order = getattr(event, "order", None)
                    one = order.client_id if order is not None else event.intent_id
                    over = order is None or not order.is_open
                life = session.gateway.lives.get(one)
                by_amount = life is None or life.ordered is None
                assert by_amount or one not in ended
                if over:
                    ended.add(one)


@settings(max_examples=400)
@given(st.data(), st.lists(st.sampled_from(STEPS), min_size=5, max_size=60))
def test_the_books_are_the_truth_whatever_was_told(data, steps):
    history = History(data.draw)
    history.step(data.draw(st.sampled_from(STEPS[:2])))
    for step in steps:
        history.step(step)
    history.end()
    history.orderly()


@settings(max_examples=100)
@given(st.data())
def test_what_was_journaled_at_any_moment_leads_to_the_same_end(data):
    """A crash between any two records: the session that goes on from there finds out the rest."""
    history = History(data.draw)
    bench, shop = history.bench, history.shop
    cut = data.draw(st.integers(2, 40))
    bench.journal.lost_after = cut
    entry = bench.buy()
    bench.submit(entry)
    if entry.id in shop.orders:
        shop.buy_whole(entry.id, part=data.draw(st.sampled_from([1, Decimal("0.3")])))
        bench.hear_wire()
        pair = bench.pair(bench.position)
        bench.submit(pair)
        shop.execute(pair.below.id, MARKET.round_quantity(pair.below.quantity / 2), 90)
        bench.compare()
        bench.cancel(pair.above.id, pair.below.id)
        sale = bench.sell(bench.position)
        bench.submit(sale)
        shop.execute(sale.id, sale.quantity)
        bench.hear_wire()
    bench.journal.full, bench.journal.lost_after = False, None  # what waited in memory is lost with the process
    before = Counter(bench.written_fills())
    assert set(before.values()) <= {1}
    again = bench.restart()
    for _ in range(4):
        again.clock.advance(DEADLINE)
        again.compare()
    own = Counter(fill.id for fill in shop.ledger)
    assert again.compare().agrees
    assert Counter(again.written_fills()) == own
    assert again.position == shop.position
    assert again.gateway.open_lives == []
    assert JournalView.of(bench.journal).opened_orders == []
