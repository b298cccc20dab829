"""A desk with its hands and its keeper, on a shop: a whole bot but for its thread, moved step by step."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.events import BarClosed, ConnectionChanged
from cryptobot.core.limits import Limits
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Mode
from cryptobot.trading.hands import Hands
from cryptobot.trading.keeper import Keeper
from cryptobot.trading.opening import Plan, open_desk
from cryptobot.trading.recorder import Recorder
from tests.unit.trading.shop import MINUTE, START, SYMBOL, Moody, Shop

WORDS = {"-": 0.0, "b": 1.0, "s": 2.0}
# So many turns of the loop are enough for everything that waits for nothing but its turn.
TURNS = 20


class House:
    """One life of a bot.

    Parameters
    ----------
    strategy
        Its class: one that obeys a bar's volume.
    limits, shop, journal
        What it trades by, where, and what it remembers.
    """

    def __init__(self, strategy, limits=None, *, mode=Mode.TESTNET, shop=None, journal=None):
        self.shop = shop or Shop(SimulatedClock(START), mode=mode)
        self.clock = self.shop.clock
        self.journal = journal or Moody()
        self.notices = []
        self.halted = []
        self.bars = 0
        self.loop = asyncio.new_event_loop()
        self.recorder = Recorder(self.journal, self.clock, self.notices.append)
        plan = Plan(self.shop, SYMBOL, Timeframe(60), FractionOfEquity(0.1), limits or Limits(), "bot")
        self.desk = self.run(open_desk(plan, strategy, self.recorder, self.clock, self.notices.append))
        self.engine, self.gateway = self.desk.engine, self.desk.gateway
        self.turn = asyncio.Lock()
        self.hands = Hands(
            self.desk,
            self.recorder,
            threading.RLock(),
            tell=self.notices.append,
            changed=lambda bar: None,
            halt=self.halted.append,
            keeps_bars=True,
        )
        self.keeper = Keeper(self.desk, self.clock, self.turn, self.hands, self.notices.append)

    def run(self, doing):
        return self.loop.run_until_complete(doing)

    def close(self):
        self.loop.close()

    def compare(self):
        self.run(self.keeper.compare())

    def look(self, *steps):
        """Let the keeper work while the clock moves by so many seconds at a time."""

        async def live():
            task = asyncio.create_task(self.keeper.run())
            await turns()
            for seconds in steps:
                self.clock.advance(seconds)
                await turns()
            if not task.done():
                task.cancel()
            with suppress(asyncio.CancelledError):
                await task

        async def turns():
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self.run(live())

    def wait(self, seconds):
        self.look(*[1] * seconds)

    def hear(self, event):
        """Take an event of the stream, as the runner does."""

        async def feed():
            async with self.turn:
                self.keeper.before(event, failing=self.recorder.failing is not None)
                for news in self.gateway.take(event):
                    await self.hands.feed(news)

        self.run(feed())

    def bar(self, word="-", *, late=False):
        self.bars += 1
        time = START + (self.bars - 1) * MINUTE
        self.hear(BarClosed(Bar(time, 100.0, 100.0, 100.0, 100.0, WORDS[word]), late))

    def hear_wire(self):
        told, self.shop.wire = self.shop.wire, []
        for event in told:
            self.hear(event)

    def gone(self):
        self.hear(ConnectionChanged(up=False, time=self.clock.now(), reason="silent"))

    def back(self):
        self.hear(ConnectionChanged(up=True, time=self.clock.now(), reason="back"))

    def carry_out(self, actions):
        """Do what a person wants, as the runner does."""

        async def do():
            async with self.turn:
                await self.hands.carry_out(actions)

        self.run(do())

    def asked(self, door="balances"):
        return [asked for asked, _ in self.shop.asked].count(door)

    def topics(self):
        return [notice.topic for notice in self.notices if not isinstance(notice, str | None)]

    def texts(self):
        return " ".join(notice.text for notice in self.notices if not isinstance(notice, str | None))
