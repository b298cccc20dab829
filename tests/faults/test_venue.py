"""The simulated exchange and the way there: each fault does what it is called, and without faults nothing goes wrong."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from random import Random

import pytest

from cryptobot.core.errors import OrderNotFound, OrderNotSent, OrderRejected, OrderUnknown, TransientError
from cryptobot.core.events import BarClosed, ConnectionChanged, OrderChanged, OrderFilled
from cryptobot.core.order_types import OrderType
from cryptobot.core.orders import OrderStatus
from cryptobot.core.types import Intent, OcoIntent, Side
from tests.faults import market, schedule
from tests.faults.loop import Life, VirtualClock, VirtualLoop
from tests.faults.market import PAST, START, STEP, SYMBOL, TIMEFRAME
from tests.faults.network import PATIENCE, RECV_WINDOW, Network
from tests.faults.schedule import Fault, Schedule
from tests.faults.truth import CASH, HIDDEN, THIN, Truth
from tests.faults.venue import Venue


class Ground:
    """An exchange, a way there with these faults from its first second to its 60th, and a connection."""

    def __init__(self, *kinds, size=0.5, seed=1):
        faults = tuple(Fault(kind, 1.0, 60.0, size) for kind in kinds)
        self.plan = Schedule(seed, faults, None, None, 1.0, "quote", collar=False)
        self.loop = VirtualLoop()
        self.clock = VirtualClock(self.loop, START)
        self.played = market.draw(Random("bars"), PAST + 30, 0, self.plan.jumps())
        self.truth = Truth(self.loop, self.clock, self.played, self.plan)
        self.network = Network(self.loop, self.plan)
        self.sent, self.unsure, self.events = [], [], []
        self.venue = None

    def run(self, main, *, at=2.0):
        async def begin():
            life = Life(1)
            self.venue = Venue(self.truth, self.network, life, sending=self.sent.append, unsure=self.unsure.append)
            self.truth.on_events = self.venue.happened
            await self.venue.connect()
            await self.venue.history(SYMBOL, TIMEFRAME, 3)
            for number in range(1, 25):
                self.loop.call_at(number * 5 + 0.05, self.venue.bars_closed)
            for seconds, up, why in self.network.connection():
                self.loop.call_at(seconds, self.venue.connection, up, why, 0)
            listening = asyncio.ensure_future(self.listen())
            await asyncio.sleep(at - self.loop.time())
            found = await main(self.venue)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            return found

        try:
            return self.loop.run_until_complete(begin())
        finally:
            self.loop.close()

    async def listen(self):
        async for event in self.venue.stream(SYMBOL, TIMEFRAME):
            self.events.append((self.loop.time(), event))

    def told(self, kind):
        return [event for _, event in self.events if isinstance(event, kind)]


def buy(name="b-1", amount="1000", **changes):
    return Intent(name, START, SYMBOL, Side.BUY, quote_amount=Decimal(amount), **changes)


def sell(quantity, name="s-1", **changes):
    return Intent(name, START, SYMBOL, Side.SELL, quantity=quantity, **changes)


# -- without faults


def test_bars_come_once_in_order_and_as_they_were_drawn():
    ground = Ground()

    async def main(venue):
        past = await venue.history(SYMBOL, TIMEFRAME, 3)
        await asyncio.sleep(60)
        return past

    past = ground.run(main)
    drawn = [played.bar for played in ground.played]
    assert past == drawn[PAST - 3 : PAST]
    assert [event.bar for event in ground.told(BarClosed)] == drawn[PAST : PAST + 12]
    assert not any(event.late for event in ground.told(BarClosed))
    for bar in drawn:
        assert bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high


def test_a_market_order_fills_at_the_present_price_and_is_told():
    ground = Ground()

    async def main(venue):
        order = await venue.submit(buy())
        await asyncio.sleep(2)
        return order, await venue.order(SYMBOL, "b-1"), await venue.fills(SYMBOL), await venue.balances()

    order, asked, [fill], balances = ground.run(main)
    # Two seconds into the first bar the price stands at the second part of its way; slippage is 5 basis points.
    at = ground.played[PAST].way[1]
    assert fill.price == (at * Decimal("1.0005")).quantize(Decimal("0.01"), rounding="ROUND_CEILING")
    assert order == asked
    assert order.status is OrderStatus.FILLED
    assert [event.fill for event in ground.told(OrderFilled)] == [fill]
    assert balances["USDT"].free == CASH - fill.price * fill.quantity - fill.fee
    assert ground.truth.position() == fill.quantity == balances["BTC"].total - ground.truth.foreign_base
    assert ground.sent == [buy()]


def test_a_stop_rests_and_is_cancelled_with_its_pair():
    ground = Ground()

    async def main(venue):
        await venue.submit(buy())
        [fill] = await venue.fills(SYMBOL)
        above = sell(fill.quantity, "up", type=OrderType.LIMIT_MAKER, price=Decimal(150))
        below = sell(fill.quantity, "down", type=OrderType.STOP_LOSS, stop_price=Decimal(50))
        placed = await venue.submit_oco(OcoIntent("pair", above, below))
        opened = await venue.open_orders(SYMBOL)
        gone = await venue.cancel(SYMBOL, "up")
        again = await venue.cancel(SYMBOL, "up")
        await asyncio.sleep(1)
        return placed, opened, gone, again, await venue.open_orders(SYMBOL)

    placed, opened, gone, again, left = ground.run(main)
    assert {order.client_id for order in placed} == {order.client_id for order in opened} == {"up", "down"}
    assert gone.status is again.status is OrderStatus.CANCELLED
    assert left == []
    ended = {event.order.client_id for event in ground.told(OrderChanged) if not event.order.is_open}
    assert ended == {"up", "down"}


def test_a_refusal_names_its_rule_and_trades_nothing():
    ground = Ground()

    async def main(venue):
        with pytest.raises(OrderRejected) as refused:
            await venue.submit(buy(amount="1"))
        return refused.value

    assert ground.run(main).rule == "NOTIONAL"
    assert ground.truth.core.fills(SYMBOL) == []
    assert ground.truth.own == set()


def test_whose_an_execution_is_a_new_connection_does_not_know_before_it_asks():
    ground = Ground()

    async def main(venue):
        await venue.submit(buy())
        other = Venue(ground.truth, ground.network, Life(2), sending=print, unsure=print)
        before = [fill.intent_id for fill in await other.fills(SYMBOL)]
        await other.order(SYMBOL, "b-1")
        return before, [fill.intent_id for fill in await other.fills(SYMBOL)]

    assert ground.run(main) == ([""], ["b-1"])


# -- on the way


def outcomes(kind, tries=40, size=0.5):
    """Send one order in each of so many worlds; count what the bot is told against what is true."""
    found = {}
    for seed in range(tries):
        ground = Ground(kind, seed=seed, size=size)

        async def main(venue):
            began = venue._network._loop.time()
            try:
                await venue.submit(buy())
                said = "taken"
            except (OrderUnknown, OrderNotSent) as error:
                said = type(error).__name__
            waited = venue._network._loop.time() - began
            await asyncio.sleep(30)
            return said, waited

        said, waited = ground.run(main)
        assert waited <= PATIENCE
        assert (said == "OrderUnknown") is (ground.unsure == ["b-1"])
        key = (said, "b-1" in ground.truth.own)
        found[key] = found.get(key, 0) + 1
    return found


TAKEN, NEVER = ("taken", True), ("OrderNotSent", False)
LOST, DONE = ("OrderUnknown", False), ("OrderUnknown", True)


@pytest.mark.parametrize(
    ("kind", "possible"),
    [
        ("request_lost", {TAKEN, LOST}),
        ("answer_lost", {TAKEN, DONE}),
        ("server_error", {TAKEN, LOST, DONE}),
        ("not_reached", {TAKEN, NEVER}),
        ("rate_limited", {TAKEN, NEVER}),
        ("partition", {LOST}),
        ("slow", {TAKEN, LOST, DONE, NEVER}),
        ("hidden", {TAKEN}),
    ],
)
def test_what_is_said_of_an_order_and_what_is_true(kind, possible):
    assert set(outcomes(kind, size=1.0)) == possible


def test_nothing_is_executed_after_its_window():
    for seed in range(60):
        ground = Ground("slow", seed=seed, size=1.0)

        async def main(venue):
            began = venue._truth.now()
            try:
                await venue.submit(buy())
            except (OrderUnknown, OrderNotSent):
                await asyncio.sleep(40)
            return [fill.time - began for fill in venue._truth.own_fills()]

        assert all(late <= RECV_WINDOW * 1e9 for late in ground.run(main))


def test_an_order_hides_from_questions_for_a_while_and_no_longer():
    ground = Ground("hidden", size=1.0)

    async def main(venue):
        await venue.submit(buy())
        with pytest.raises(OrderNotFound):
            await venue.order(SYMBOL, "b-1")
        assert await venue.fills(SYMBOL) == []
        assert await venue.open_orders(SYMBOL) == []
        with pytest.raises(OrderNotFound):
            await venue.cancel(SYMBOL, "b-1")
        await asyncio.sleep(HIDDEN)
        assert venue.capabilities.order_deadline > RECV_WINDOW + HIDDEN
        return await venue.order(SYMBOL, "b-1"), await venue.fills(SYMBOL)

    order, fills = ground.run(main)
    assert order.status is OrderStatus.FILLED
    assert len(fills) == 1


def test_questions_fail_as_what_may_be_asked_again():
    ground = Ground("partition")

    async def main(venue):
        for question in (venue.balances, venue.now, lambda: venue.open_orders(SYMBOL)):
            with pytest.raises(TransientError) as failed:
                await question()
            assert not isinstance(failed.value, OrderUnknown)

    ground.run(main)


# -- the stream


def test_a_cut_is_told_and_the_bars_come_after_it_the_old_ones_late():
    ground = Ground("partition")

    async def main(venue):
        await asyncio.sleep(70)

    ground.run(main)
    bars = ground.told(BarClosed)
    assert [event.bar.time for event in bars] == [START + number * STEP for number in range(len(bars))]
    assert sum(event.late for event in bars) == 11
    assert [event.up for event in ground.told(ConnectionChanged)] == [False, True]


@pytest.mark.parametrize(("kind", "expected"), [("events_dropped", {0, 1}), ("events_twice", {1, 2})])
def test_messages_get_lost_or_come_twice(kind, expected):
    seen = set()
    for seed in range(20):
        ground = Ground(kind, seed=seed)

        async def main(venue):
            await venue.submit(buy())
            await asyncio.sleep(3)

        ground.run(main)
        seen.add(len(ground.told(OrderFilled)))
    assert seen == expected


def test_messages_come_in_another_order():
    orders = set()
    for seed in range(20):
        ground = Ground("events_late", "thin", seed=seed)

        async def main(venue):
            await venue.submit(
                Intent("b-1", START, SYMBOL, Side.BUY, quantity=3 * THIN, type=OrderType.LIMIT, price=Decimal(200))
            )
            await asyncio.sleep(30)

        ground.run(main)
        told = [event.fill.id for event in ground.told(OrderFilled)]
        assert sorted(told) == [fill.id for fill in ground.truth.own_fills()]
        assert len(told) == 3
        orders.add(tuple(told))
    assert len(orders) > 1


def test_bars_get_lost_and_come_twice():
    ground = Ground("bars_missing")

    async def main(venue):
        await asyncio.sleep(70)

    ground.run(main)
    assert ground.told(BarClosed)[0].bar.time >= START + 11 * STEP
    ground = Ground("bars_twice")
    ground.run(main)
    times = [event.bar.time for event in ground.told(BarClosed)]
    assert len(set(times)) < len(times)
    assert times != sorted(times)


# -- the market and its people


def test_a_thin_market_fills_in_parts():
    ground = Ground("thin")

    async def main(venue):
        return await venue.submit(buy(amount="9000"))

    order = ground.run(main)
    assert (order.status, order.filled_quantity) == (OrderStatus.EXPIRED, THIN)


def test_a_closed_market_takes_nothing_and_lets_cancels_pass():
    ground = Ground()

    async def main(venue):
        await venue.submit(
            Intent("b-1", START, SYMBOL, Side.BUY, quantity=Decimal(1), type=OrderType.LIMIT, price=Decimal(50))
        )
        ground.truth._closings = [Fault("market_closed", 0, 60, 0.5)]
        ground.truth.open_or_close()
        with pytest.raises(OrderRejected) as refused:
            await venue.submit(buy("b-2"))
        return refused.value.rule, (await venue.cancel(SYMBOL, "b-1")).status

    assert ground.run(main) == ("MARKET_CLOSED", OrderStatus.CANCELLED)


def test_people_beside_the_bot_leave_its_own_ledger_alone():
    ground = Ground()

    async def main(venue):
        truth = ground.truth
        order = await venue.submit(buy())
        for size in (0.9, 0.9, 0.1, 0.1):
            truth.trade(Fault("foreign_trade", 0, 0, size))
        truth.rest()
        truth.withdraw(Fault("foreign_withdrawal", 0, 0, 0.1))
        assert not truth.robbed
        assert truth.position() == order.filled_quantity
        assert truth.core.balances["BTC"].total == truth.position() + truth.foreign_base
        assert len(truth.core.fills(SYMBOL)) > len(truth.own_fills()) == 1
        assert len(truth.core.open_orders(SYMBOL)) == 1
        assert truth.own_open() == []
        truth.withdraw(Fault("foreign_withdrawal", 0, 0, 0.9))
        assert truth.robbed

    ground.run(main)


def test_every_schedule_has_five_kinds_of_faults_and_every_kind_is_drawn():
    plans = [schedule.draw(seed) for seed in range(400)]
    assert min(len(plan.kinds) for plan in plans) >= 5
    assert set().union(*(plan.kinds for plan in plans)) == set(schedule.KINDS)
    assert plans[7] == schedule.draw(7) != schedule.draw(8)
    for plan in plans:
        assert all(0 < fault.start <= fault.end <= schedule.TROUBLE for fault in plan.faults)
