"""The keeper: doubts resolved, books compared and silence noticed, whether or not anything happens."""

from __future__ import annotations

import asyncio
import itertools
import threading

import pytest

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import AuthError, OrderUnknown, TransientError
from cryptobot.core.events import BarClosed, ConnectionChanged
from cryptobot.core.limits import Limits
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Mode
from cryptobot.trading.hands import Hands
from cryptobot.trading.keeper import Keeper
from cryptobot.trading.opening import Plan, open_desk
from cryptobot.trading.recorder import Recorder
from tests.unit.trading.shop import DEADLINE, START, SYMBOL, Moody, Shop


class House:
    """A desk, its hands and its keeper, on a shop."""

    def __init__(self, told, make_bar, limits=None, *, mode=Mode.TESTNET, shop=None, journal=None):
        self.make_bar = make_bar
        self.shop = shop or Shop(SimulatedClock(START), mode=mode)
        self.clock = self.shop.clock
        self.journal = journal or Moody()
        self.notices = []
        self.halted = []
        self.recorder = Recorder(self.journal, self.clock, self.notices.append)
        plan = Plan(self.shop, SYMBOL, Timeframe(60), FractionOfEquity(0.1), limits or Limits(), "bot")
        self.desk = asyncio.run(open_desk(plan, told, self.recorder, self.clock, self.notices.append))
        self.engine, self.gateway = self.desk.engine, self.desk.gateway
        self.hands = Hands(
            self.desk,
            self.recorder,
            threading.RLock(),
            tell=self.notices.append,
            changed=lambda bar: None,
            halt=self.halted.append,
            keeps_bars=True,
        )
        self.keeper = Keeper(self.desk, self.clock, asyncio.Lock(), self.hands, self.notices.append)
        self.bars = 0

    def compare(self):
        asyncio.run(self.keeper.compare())

    def look(self, seconds=1):
        for _ in range(seconds):
            self.clock.advance(1)
            asyncio.run(self.keeper.look())

    def hear(self, event):
        async def feed():
            self.keeper.before(event, failing=self.recorder.failing is not None)
            for news in self.gateway.take(event):
                await self.hands.feed(news)

        asyncio.run(feed())

    def bar(self, word="-", price=100, *, late=False):
        self.bars += 1
        self.hear(BarClosed(self.make_bar(self.bars - 1, price, word), late))

    def hear_wire(self):
        told, self.shop.wire = self.shop.wire, []
        for event in told:
            self.hear(event)

    def gone(self):
        """Lose the connection, and have it back."""
        self.hear(ConnectionChanged(up=False, time=self.clock.now(), reason="silent"))

    def back(self):
        self.hear(ConnectionChanged(up=True, time=self.clock.now(), reason="back"))

    def asked(self, door="balances"):
        return [asked for asked, _ in self.shop.asked].count(door)

    def topics(self):
        return [notice.topic for notice in self.notices if not isinstance(notice, str | None)]

    def texts(self):
        return " ".join(notice.text for notice in self.notices if not isinstance(notice, str | None))


@pytest.fixture
def make_house(told, make_bar):
    return lambda *args, **options: House(told, make_bar, *args, **options)


@pytest.fixture
def house(make_house):
    house = make_house()
    house.compare()
    house.clock.advance(60)
    asyncio.run(house.keeper.look())
    house.notices.clear()
    return house


def test_nothing_is_bought_before_the_first_comparison(make_house):
    house = make_house()
    assert house.keeper.hold is not None
    house.bar("b")
    assert house.shop.orders == {}
    assert "not been compared yet" in house.engine.refused[0].reason
    house.compare()
    assert house.keeper.hold is None
    house.bar("b")
    assert len(house.shop.orders) == 1


def test_everything_is_compared_every_minute(house):
    asked = house.asked()
    house.look(59)
    assert house.asked() == asked
    house.look(1)
    assert house.asked() == asked + 1
    house.look(60)
    assert house.asked() == asked + 2


def test_while_something_is_unknown_everything_is_compared_every_second(house):
    house.shop.fault("submit", OrderUnknown("timeout"))
    house.bar("b")
    assert house.gateway.blocked is not None
    asked = house.asked()
    house.look(5)
    assert house.asked() == asked + 5
    house.bar("b")
    assert len(house.engine.intents) == 1
    house.look(int(DEADLINE))
    assert house.gateway.blocked is None
    assert house.topics().count("unknown_order") == house.topics().count("resolved") == 1
    house.bar("b")
    assert len(house.engine.intents) == 2


def test_an_unknown_order_holds_back_what_is_new(house):
    house.shop.fault("submit", OrderUnknown("timeout"), after=True)
    house.bar("b")
    house.bar("b")
    assert house.engine.blocked == house.gateway.blocked is not None


def test_a_lost_connection_holds_back_until_everything_was_compared(house):
    house.gone()
    assert not house.keeper.connected
    house.bar("b")
    assert "the connection to the exchange is lost (silent)" in house.engine.refused[-1].reason
    house.look(61)  # comparing does not bring it back
    assert house.keeper.hold is not None
    house.back()
    assert house.keeper.connected
    assert house.keeper.hold is not None
    house.bar("b")
    assert house.shop.orders == {}
    asked = house.asked()
    house.look(1)  # at once
    assert house.asked() == asked + 1
    assert house.keeper.hold is None
    house.bar("b")
    assert len(house.shop.orders) == 1
    assert house.topics().count("connection") == 2


def test_a_comparison_that_fails_is_tried_again_ever_more_rarely_and_holds_back(house):
    house.shop.fault("now", TransientError("down"), times=1000)
    house.keeper.request("why not")
    asked, times = house.asked("now"), []
    for second in range(200):
        house.look(1)
        if house.asked("now") > asked:
            asked = house.asked("now")
            times.append(second)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert gaps[:5] == [1, 2, 4, 8, 16]
    assert gaps[5:] == [30] * len(gaps[5:])
    assert house.keeper.hold == "why not"
    assert house.topics().count("connection") == 1
    house.shop._faults.clear()
    house.look(31)
    assert house.keeper.hold is None
    house.shop.fault("now", TransientError("down"), times=1000)
    house.keeper.request("again")
    asked = house.asked("now")
    house.look(2)
    assert house.asked("now") == asked + 2  # soon again: a success forgets the failures


def test_a_periodic_comparison_that_fails_holds_back_too(house):
    house.shop.fault("fills", TransientError("down"))
    house.look(60)
    assert "could not be compared (down)" in house.keeper.hold
    house.bar("b")
    assert house.shop.orders == {}
    house.look(2)
    assert house.keeper.hold is None


def test_what_cannot_be_compared_is_told_in_time(house):
    house.shop.fault("submit", OrderUnknown("timeout"))
    house.bar("b")
    house.notices.clear()
    house.shop.fault("now", TransientError("down"), times=1000)
    house.look(10)
    assert house.topics() == ["connection"]
    assert "could not be compared for" in house.texts()
    house.look(100)
    assert house.topics().count("connection") == 1
    house.shop._faults.clear()
    house.look(40)
    house.notices.clear()
    house.shop.fault("now", TransientError("down"), times=1000)
    house.look(200)
    assert house.topics().count("connection") == 1  # told anew


def test_without_anything_waiting_there_is_time(house):
    house.shop.fault("now", TransientError("down"), times=1000)
    house.keeper.request("again")
    house.look(25)
    assert house.topics() == []
    house.look(20)
    assert house.topics() == ["connection"]


def test_keys_that_are_no_longer_taken_are_raised(house):
    house.shop.fault("balances", AuthError("revoked"))
    with pytest.raises(AuthError):
        house.look(60)


def test_what_is_found_is_carried_out(house):
    house.bar("b")
    [order] = house.shop.open_of()
    house.shop.buy_whole(order.client_id)
    house.shop.wire.clear()
    house.look(60)
    assert house.engine.portfolio.quantity == house.shop.position > 0


def test_coins_that_are_gone_halt_the_trading(house):
    house.bar("b")
    [order] = house.shop.open_of()
    house.shop.buy_whole(order.client_id)
    house.hear_wire()
    house.shop.coins -= 3
    house.look(62)
    assert str(house.engine.gate.state) == "halted"
    assert "reconciliation" in house.topics()
    [change] = house.journal.contents("trading_state")
    assert (change.state, change.by) == ("halted", "reconciliation")
    house.bar("s")
    assert house.shop.open_of() == []


def test_a_withdrawal_only_reduces(house):
    house.shop.cash -= 500
    house.look(62)
    assert str(house.engine.gate.state) == "reducing"
    assert house.topics().count("reconciliation") == 1
    house.look(100)
    assert house.topics().count("reconciliation") == 1
    house.bar("b")
    assert house.shop.orders == {}


# -- time


def test_a_sleep_is_noticed_and_everything_compared(house):
    house.bar("-")
    asked = house.asked()
    house.clock.advance(15.5)
    house.bar("b")  # the bar itself comes first
    assert house.shop.orders == {}
    assert "stale_feed" in house.topics()
    assert "as if this computer had slept" in house.engine.refused[-1].reason
    house.look(1)
    assert house.asked() == asked + 1
    assert house.keeper.hold is None
    assert house.topics().count("stale_feed") == 1


def test_fifteen_seconds_are_no_sleep(house):
    house.clock.advance(15)
    asyncio.run(house.keeper.look())
    assert house.notices == []


def test_practice_never_sleeps(make_house):
    house = make_house(mode=Mode.PRACTICE)
    house.compare()
    house.clock.advance(10_000)
    asyncio.run(house.keeper.look())
    assert "stale_feed" not in house.topics()
    house.shop.fault("now", TransientError("down"))
    house.compare()
    assert house.keeper.hold is None


def test_silence_is_told_once_until_bars_come_again(house):
    house.bar("-")
    house.look(195)
    assert "stale_feed" not in house.topics()
    house.look(1)
    assert house.topics().count("stale_feed") == 1
    assert "No bar has closed for 196 s; bars are of 1m" in house.texts()
    house.look(300)
    assert house.topics().count("stale_feed") == 1
    house.bars += 10
    house.bar("-")
    house.look(200)
    assert house.texts().count("No bar has closed") == 2


def test_the_engine_knows_how_old_a_bar_is_by_the_exchanges_clock(make_house):
    house = make_house(Limits(max_bar_age=10, max_clock_skew=5))
    house.shop.ahead = 3 * 10**9
    house.compare()
    assert house.keeper.skew == 3
    house.clock.advance(60 + 4)
    asyncio.run(house.keeper.look())
    house.bar("-")
    assert house.engine.bar_age == pytest.approx(7)
    assert house.engine.clock_skew == 3
    house.shop.ahead = -7 * 10**9
    house.compare()
    house.bars = 5
    house.bar("b")
    assert house.engine.clock_skew == 7
    assert house.engine.refused[-1].rule == "max_clock_skew"


def test_a_stale_bar_buys_nothing(make_house):
    house = make_house(Limits(max_bar_age=10))
    house.compare()
    house.clock.advance(60 + 11)
    asyncio.run(house.keeper.look())
    house.bar("b")
    assert house.engine.refused[-1].rule == "max_bar_age"


def test_without_limits_on_time_nothing_is_measured(house):
    house.shop.ahead = 10**12
    house.compare()
    house.bar("-")
    assert (house.engine.bar_age, house.engine.clock_skew) == (0.0, 0.0)


def test_a_full_disk_buys_nothing(house):
    house.journal.full = True
    house.bar("b")  # nobody knows yet that it is full
    assert house.engine.refused[-1].rule in ("JOURNAL", "blocked")
    house.bar("b")
    assert house.engine.refused[-1].reason == "the journal cannot be written"
    assert house.shop.orders == {}
    house.journal.full = False
    house.bar("-")
    house.recorder.flush()
    house.bar("b")
    assert len(house.shop.orders) == 1


# -- protection, whatever else happens


def test_a_position_is_protected_although_no_bar_comes(make_house):
    house = make_house(Limits(stop_loss=0.05))
    house.compare()
    house.bar("b")
    [entry] = house.shop.open_of()
    house.shop.fault("submit", OrderUnknown("timeout"))
    house.shop.buy_whole(entry.client_id)
    house.hear_wire()
    assert house.shop.open_of() == []
    house.look(int(DEADLINE) + 5)
    [stop] = house.shop.open_of()
    assert stop.quantity == house.shop.position
    assert house.engine.exits.protected
    assert house.shop.sins == []


def test_the_keeper_works_until_it_is_cancelled(make_house):
    async def live(house):
        task = asyncio.create_task(house.keeper.run())
        for _ in range(3):
            await asyncio.sleep(0)
            house.clock.advance(1)
            for _ in range(50):
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    house = make_house()
    asyncio.run(live(house))
    assert house.keeper.hold is None
    assert house.asked() >= 1
