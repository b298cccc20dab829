"""A whole desk, from bars to orders, while everything goes wrong: never too much, and in the end all that is due.

Engine, exits, gateway, reconciler, hands and keeper are the real ones; the exchange is a shop whose every step
Hypothesis decides, with a ledger of its own. The shop itself writes down what no bot may ever do: send twice, buy
twice, sell more than is held.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import OrderNotSent, OrderRejected, OrderUnknown, TransientError
from cryptobot.core.events import BarClosed, ConnectionChanged
from cryptobot.core.limits import Limits
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Side
from cryptobot.strategy.base import Strategy
from cryptobot.trading.hands import Hands
from cryptobot.trading.journal import JournalView
from cryptobot.trading.keeper import Keeper
from cryptobot.trading.opening import Plan, open_desk
from cryptobot.trading.recorder import Recorder
from tests.unit.trading.shop import DEADLINE, MARKET, MINUTE, START, SYMBOL, Moody, Shop

WISHES = {
    "nothing": Limits(),
    "a stop": Limits(stop_loss=0.05),
    "a pair": Limits(stop_loss=0.05, take_profit=0.1),
    "a collar and a pair": Limits(price_collar=0.02, stop_loss=0.05, take_profit=0.1),
}


class Obeys(Strategy):
    """Buys on a volume of 1, sells on 2."""

    def should_buy(self, x):
        return x.volume == 1.0

    def should_sell(self, x):
        return x.volume == 2.0


class DeskMachine(RuleBasedStateMachine):
    """Rules are what may happen; the invariants hold after each of them."""

    @initialize(wish=st.sampled_from(sorted(WISHES)))
    def open(self, wish):
        self.limits = WISHES[wish]
        self.shop = Shop(SimulatedClock(START))
        self.journal = Moody()
        self.bars = 0
        self.told = []
        self.halted = []
        self.heard_of = Counter()
        self.closed = False
        self.begin()

    def begin(self):
        self.notices = []
        self.recorder = Recorder(self.journal, self.shop.clock, lambda reason: None)
        plan = Plan(self.shop, SYMBOL, Timeframe(60), FractionOfEquity(0.1), self.limits, "bot")
        self.desk = asyncio.run(open_desk(plan, Obeys, self.recorder, self.shop.clock, self.notices.append))
        self.hands = Hands(
            self.desk,
            self.recorder,
            threading.RLock(),
            tell=self.notices.append,
            changed=lambda bar: None,
            halt=self.halted.append,
            keeps_bars=True,
        )
        self.keeper = Keeper(self.desk, self.shop.clock, asyncio.Lock(), self.hands, self.notices.append)
        self.run(self.keeper.compare())

    def run(self, doing):
        asyncio.run(doing)

    def hear(self, event):
        async def feed():
            self.keeper.before(event, failing=self.recorder.failing is not None)
            for news in self.desk.gateway.take(event):
                await self.hands.feed(news)

        self.run(feed())

    def look(self, seconds):
        for _ in range(seconds):
            self.shop.clock.advance(1)
            self.run(self.keeper.look())

    # -- what may happen

    @rule(word=st.sampled_from([0.0, 1.0, 1.0, 2.0]), late=st.sampled_from([False, False, False, True]))
    def bar(self, word, late):
        self.bars += 1
        before = len(self.shop.asked)
        reasons = [self.desk.gateway.blocked, self.keeper.hold, self.recorder.failing]
        self.hear(BarClosed(Bar(START + self.bars * MINUTE, 100.0, 100.0, 100.0, 100.0, word), late))
        bought = [
            about
            for door, about in self.shop.asked[before:]
            if door == "submit" and about in self.shop.orders and self.shop.orders[about].side is Side.BUY
        ]
        assert not bought or (reasons == [None] * 3 and not late)

    @rule(seconds=st.sampled_from([1, 1, 2, 5, 12]))
    def wait(self, seconds):
        self.look(seconds)

    @rule(door=st.sampled_from(["submit", "submit_oco", "cancel"]), after=st.booleans())
    def lose_an_answer(self, door, after):
        self.shop.fault(door, OrderUnknown("timeout"), after=after)

    @rule(
        door=st.sampled_from(["submit", "submit_oco"]), sent=st.booleans(), rule=st.sampled_from(["", "WOULD_TRIGGER"])
    )
    def refuse(self, door, sent, rule):
        error = OrderRejected("no") if sent else OrderNotSent("no route")
        if sent:
            error.rule = rule
        self.shop.fault(door, error)

    @rule(door=st.sampled_from(["now", "open_orders", "order", "fills", "balances"]), times=st.integers(1, 5))
    def answer_no_question(self, door, times):
        self.shop.fault(door, TransientError("down"), times=times)

    @precondition(lambda self: self.shop.open_of())
    @rule(data=st.data(), part=st.sampled_from([1, 1, Decimal("0.4")]))
    def execute(self, data, part):
        order = data.draw(st.sampled_from(self.shop.open_of()))
        if order.side is Side.BUY:
            self.shop.buy_whole(order.client_id, part=part)
        else:
            quantity = MARKET.round_quantity((order.quantity - order.filled_quantity) * part)
            if quantity:
                self.shop.execute(order.client_id, quantity)

    @precondition(lambda self: self.shop.open_of())
    @rule(data=st.data())
    def end(self, data):
        self.shop.end(data.draw(st.sampled_from(self.shop.open_of())).client_id)

    @precondition(lambda self: self.shop.wire)
    @rule(data=st.data(), again=st.booleans())
    def tell(self, data, again):
        number = data.draw(st.integers(0, len(self.shop.wire) - 1))
        self.hear(self.shop.wire[number])
        if not again:
            del self.shop.wire[number : number + 1]

    @precondition(lambda self: self.shop.wire)
    @rule()
    def tell_in_order(self):
        told, self.shop.wire = self.shop.wire, []
        for event in told:
            self.hear(event)

    @rule()
    def forget(self):
        self.shop.wire.clear()

    @rule(up=st.booleans())
    def connection(self, up):
        self.hear(ConnectionChanged(up=up, time=self.shop.time, reason="seen"))

    @rule()
    def disk(self):
        self.journal.full = not self.journal.full

    @precondition(lambda self: not self.journal.full)
    @rule()
    def die(self):
        """Everything that is only in memory is gone, what the stream had to tell, too."""
        self.shop.wire.clear()
        self.shop._faults.clear()
        self.begin()

    @rule(flatten=st.booleans())
    def kill(self, flatten):
        engine = self.desk.engine
        self.run(self.hands.carry_out(engine.kill("enough", "user", self.shop.time, flatten=flatten)))

    @rule()
    def clear(self):
        engine = self.desk.engine
        self.run(self.hands.carry_out(engine.clear("go on", "user", self.shop.time)))

    # -- what always holds

    @invariant()
    def nothing_is_done_that_no_bot_may_do(self):
        assert self.shop.sins == []

    @invariant()
    def the_evidence_never_contradicts_itself(self):
        assert self.halted == []

    @invariant()
    def no_execution_is_written_twice(self):
        written = [booked.fill.id for booked in self.journal.contents("fill")]
        assert len(set(written)) == len(written)
        assert set(written) <= {fill.id for fill in self.shop.ledger}

    # -- when nothing goes wrong any more

    def teardown(self):
        if not hasattr(self, "shop"):
            return
        self.shop._faults.clear()
        self.journal.full = False
        self.recorder.flush()
        self.hear(ConnectionChanged(up=True, time=self.shop.time, reason="back"))
        # A minute until the next comparison finds what the stream lost, the deadline for what is unknown, and attempts
        # that have become rare.
        self.look(int(DEADLINE) + 60 + 35)
        for order in self.shop.open_of():
            if order.type == "market":
                quantity = order.quantity
                if quantity is None:
                    self.shop.buy_whole(order.client_id)
                else:
                    self.shop.execute(order.client_id, quantity - order.filled_quantity)
        for order in self.shop.open_of(Side.BUY):
            self.shop.end(order.client_id)
        self.look(130)
        self.the_bot_knows_what_is_true()
        self.the_position_is_covered_or_gone()
        self.nothing_is_done_that_no_bot_may_do()

    def the_bot_knows_what_is_true(self):
        shop, gateway, books = self.shop, self.desk.gateway, self.desk.engine.portfolio
        own = Counter(fill.id for fill in shop.ledger)
        written = Counter(booked.fill.id for booked in self.journal.contents("fill"))
        assert written == own
        assert gateway.blocked is None
        assert self.keeper.hold is None
        assert books.quantity + books.dust == shop.position
        assert books.cash == shop.cash
        assert {life.client_id for life in gateway.open_lives} == {order.client_id for order in shop.open_of()}
        view = JournalView.of(self.journal)
        assert {life.client_id for life in view.opened_orders} == {order.client_id for order in shop.open_of()}

    def the_position_is_covered_or_gone(self):
        engine, shop = self.desk.engine, self.shop
        selling = shop.open_of(Side.SELL)
        if engine.portfolio.is_flat:
            assert selling == []
        elif engine.exits.killed:
            assert all(order.type == "market" for order in selling)
        elif self.limits.stop_loss is not None and "market" not in [order.type for order in selling]:
            assert str(engine.gate.state) == "active"  # only a kill ends protection, and nothing else halts here
            assert {order.quantity - order.filled_quantity for order in selling} == {engine.portfolio.quantity}
            assert len(selling) == 1 + (self.limits.take_profit is not None)
            assert engine.exits.protected


TestDesks = DeskMachine.TestCase
TestDesks.settings = settings(max_examples=150, stateful_step_count=40)


@pytest.mark.parametrize("wish", WISHES)
def test_a_desk_to_which_nothing_happens_buys_protects_and_sells(wish):
    machine = DeskMachine()
    machine.open(wish)
    machine.bar(1.0, late=False)
    [entry] = machine.shop.open_of()
    machine.shop.buy_whole(entry.client_id)
    machine.tell_in_order()
    assert machine.shop.position == machine.desk.engine.portfolio.quantity > 0
    stops = len(machine.shop.open_of())
    assert stops == {"nothing": 0, "a stop": 1}.get(wish, 2)
    machine.bar(2.0, late=False)
    machine.tell_in_order()
    [sale] = machine.shop.open_of()
    machine.shop.execute(sale.client_id, sale.quantity)
    machine.tell_in_order()
    assert machine.shop.position == 0
    assert len(machine.desk.engine.portfolio.trades) == 1
    machine.teardown()
