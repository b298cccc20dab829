"""A strategy that is told what to do, a clock that a test moves bar by bar, and bots that end with their test."""

from __future__ import annotations

import asyncio
import math
import threading

import numpy as np
import pandas as pd
import pytest

from cryptobot.core.types import Bar
from cryptobot.exchange.replay import ReplayExchange
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.param import param
from cryptobot.trading.bot import Bot

MINUTE = 60_000_000_000
START = 1_704_067_200_000_000_000  # 2024-01-01 00:00:00 UTC
PATIENCE = 30.0
WORDS = {"-": 0.0, "b": 1.0, "s": 2.0, "x": 3.0}


class Told(Strategy):
    """Obeys the bars' volume: 1 buys, 2 sells, 3 does both; `shift` moves the codes, to tell parameters apart."""

    shift = param(0, ge=0, le=10)

    def should_buy(self, x):
        return (x.volume == 1.0 + self.shift) | (x.volume == 3.0 + self.shift)

    def should_sell(self, x):
        return (x.volume == 2.0 + self.shift) | (x.volume == 3.0 + self.shift)


class StepClock:
    """Lets the exchange go on by as many bars as the test says, and tells when they have been handled."""

    def __init__(self):
        self._asked = threading.Condition()
        self._sleeper = None
        self._allowed = 0

    def now(self):
        return START

    def monotonic(self):
        return 0.0

    async def sleep(self, seconds):
        loop = asyncio.get_running_loop()
        with self._asked:
            if self._allowed > 0:
                self._allowed -= 1
                return
            mine = self._sleeper = (loop, loop.create_future())
            self._asked.notify_all()
        try:
            await mine[1]
        finally:
            with self._asked:
                if self._sleeper is mine:
                    self._sleeper = None

    def settle(self):
        """Wait until everything before the next bar has been handled."""
        with self._asked:
            assert self._asked.wait_for(lambda: self._sleeper is not None, PATIENCE), "the bot does not ask for a bar"

    def release(self, bars=math.inf):
        """Let so many bars come."""
        with self._asked:
            assert self._asked.wait_for(lambda: self._sleeper is not None, PATIENCE), "the bot does not ask for a bar"
            loop, future = self._sleeper
            self._sleeper = None
            self._allowed = bars - 1
        loop.call_soon_threadsafe(lambda: future.done() or future.set_result(None))

    def step(self, bars=1):
        """Let so many bars come, and wait until the last of them has been handled."""
        self.release(bars)
        self.settle()


class Faulty(ReplayExchange):
    """Raises at one of its doors."""

    def __init__(self, bars, door, error):
        super().__init__(bars, fee=0)
        self.door, self.error = door, error

    def fault(self, door):
        if door == self.door:
            raise self.error

    async def connect(self):
        self.fault("connect")

    async def close(self):
        await super().close()
        self.fault("close")

    async def balances(self):
        self.fault("balances")
        return await super().balances()

    async def history(self, symbol, timeframe, limit):
        self.fault("history")
        return await super().history(symbol, timeframe, limit)

    async def submit(self, intent):
        self.fault("submit")
        await super().submit(intent)

    async def stream(self, symbol, timeframe):
        count = 0
        async for event in super().stream(symbol, timeframe):
            yield event
            count += 1
            if count == 3:
                self.fault("stream")


def bar(number, price=100.0, word="-"):
    """Return one flat bar."""
    price = float(price)
    return Bar(START + number * MINUTE, price, price, price, price, WORDS.get(word, word))


def frame(words, prices=None):
    """Return bars with one word each: b buys, s sells, x both, - nothing. Prices are 100, 101, … unless given."""
    prices = [100.0 + n for n in range(len(words))] if prices is None else prices
    values = np.array(prices, dtype=float)
    index = pd.DatetimeIndex(START + MINUTE * np.arange(len(words)), tz="UTC", name="time")
    columns = dict.fromkeys(("open", "high", "low", "close"), values)
    return pd.DataFrame({**columns, "volume": [WORDS[word] for word in words]}, index=index)


@pytest.fixture
def told():
    return Told


@pytest.fixture
def faulty():
    return Faulty


@pytest.fixture
def step_clock():
    return StepClock


@pytest.fixture
def make_bar():
    return bar


@pytest.fixture
def make_frame():
    return frame


@pytest.fixture
def patience():
    return PATIENCE


@pytest.fixture
def make_bot():
    """Make bots; those that still run when the test ends are stopped, and must stop."""
    bots = []

    def make(strategy=None, exchange=None, words="-" * 10, **options):
        exchange = exchange or ReplayExchange(frame(words), fee=0)
        bots.append(Bot(strategy or Told(), exchange=exchange, **options))
        return bots[-1]

    yield make
    for each in bots:
        each.stop(PATIENCE)
        assert each.wait(PATIENCE)


@pytest.fixture
def stepped(make_bot):
    """Make a started bot and the clock that moves it bar by bar."""

    def make(words, strategy=None, prices=None, *, start=True, **options):
        clock = StepClock()
        exchange = ReplayExchange(frame(words, prices), fee=0, speed=1, clock=clock, **options)
        made = make_bot(strategy, exchange)
        if start:
            made.start()
        return made, clock

    return make
