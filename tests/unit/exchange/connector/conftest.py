"""Real ccxt against the simulated exchange: the way that real orders take, with nothing left out but the internet."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from decimal import Decimal
from urllib.parse import parse_qsl

import numpy as np
import pandas as pd
import pytest
from aiohttp import web

from cryptobot.core.clock import SystemClock
from cryptobot.core.events import BarClosed
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Intent, Side
from cryptobot.exchange.connector.exchange import CcxtExchange
from cryptobot.exchange.simulator.server import Simulator

SYMBOL = "BTC/USDT"
MINUTE = Timeframe(60)
START = 1_700_000_040
WAIT = 20.0


class QuickClock:
    """A clock that runs a hundred times as fast as the computer's."""

    def __init__(self):
        self._clock = SystemClock()
        self.now = self._clock.now

    def monotonic(self):
        return self._clock.monotonic() * 100

    async def sleep(self, seconds):
        await asyncio.sleep(seconds / 100)


def frame(*prices):
    opened = np.array(prices, dtype=float)
    closed = np.append(opened[1:], opened[-1])
    index = pd.to_datetime(START + 60 * np.arange(len(opened)), unit="s", utc=True).rename("time")
    columns = {
        "open": opened,
        "high": np.maximum(opened, closed) + 1,
        "low": np.minimum(opened, closed) - 1,
        "close": closed,
        "volume": np.full(len(opened), 10.0),
    }
    return pd.DataFrame(columns, index=index)


def intent(name="o-1", side="buy", *, amount=None, quantity=None, price=None, stop=None, kind="market", **rest):
    numbers = [None if n is None else Decimal(str(n)) for n in (amount, quantity, price, stop)]
    return Intent(
        name, 0, SYMBOL, Side(side), numbers[0], numbers[1], "", OrderType(kind), numbers[2], numbers[3], **rest
    )


@pytest.fixture
def simulator():
    """Start simulators; all are stopped at the end."""
    running = []

    def make(bars=None, **options):
        options.setdefault("speed", "manual")
        options.setdefault("history", 2)
        options.setdefault("market", Market(SYMBOL, "0.01", "0.00001", "5"))
        options.setdefault("balances", {"USDT": 10_000, "BTC": 1})
        if bars is None and "practice" not in options:
            bars = frame(100, 101, 100, 102, 99, 101, 105, 100, 103, 104, 102, 101)
        running.append(Simulator(bars, **options).start())
        return running[-1]

    yield make
    for one in running:
        one.stop()


@pytest.fixture
def sim(simulator):
    return simulator()


@pytest.fixture
def kit():
    """What tests of the connector need, by name."""
    return Kit


def connected(sim, **options):
    """Return an exchange object for a simulator; not connected yet."""
    options.setdefault("api_key", sim.api_key)
    options.setdefault("secret", sim.secret)
    return CcxtExchange("binance", endpoint=sim.endpoint, **options)


def using(sim, work, **options):
    """Connect, do the work, close; return what the work returned."""

    async def whole():
        exchange = connected(sim, **options)
        await exchange.connect()
        try:
            return await asyncio.wait_for(work(exchange), WAIT)
        finally:
            await exchange.close()

    return asyncio.run(whole())


def posts(sim):
    """Orders that reached the exchange, executed or not."""
    return [seen for seen in sim.requests if seen.method == "POST" and "order" in seen.path.lower()]


class Reader:
    """Reads a stream in the background, so that the market can be stepped meanwhile."""

    def __init__(self, exchange, sim, timeframe=MINUTE):
        self.exchange = exchange
        self.sim = sim
        self.timeframe = timeframe
        self.events = []
        self._more = asyncio.Event()
        self._task = None

    async def __aenter__(self):
        await self.exchange.history(SYMBOL, self.timeframe, 1)  # from here on the stream misses nothing
        self._task = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self):
        async with aclosing(self.exchange.stream(SYMBOL, self.timeframe)) as stream:
            async for event in stream:
                self.events.append(event)
                self._more.set()

    async def until(self, wanted):
        """Wait until `wanted(events)` is true and return it."""
        while not (found := wanted(self.events)):
            if self._task.done():
                self._task.result()
                raise AssertionError(f"the stream ended: {self.events}")
            self._more.clear()
            waiter = asyncio.create_task(self._more.wait())
            await asyncio.wait({waiter, self._task}, timeout=WAIT, return_when=asyncio.FIRST_COMPLETED)
            waiter.cancel()
        return found

    async def listening(self):
        """Wait until the order stream is subscribed and waited for."""
        raw = self.exchange._connection.exchange
        while not any(f"orders:{SYMBOL}" in c.futures for c in raw.clients.values()):  # noqa: ASYNC110 - ccxt tells nobody
            await asyncio.sleep(0.01)

    async def bar(self):
        """Let a candle close and return its bar."""
        before = len(self.bars)
        await asyncio.to_thread(self.sim.step)
        await self.until(lambda _: len(self.bars) > before)
        return self.bars[-1]

    @property
    def bars(self):
        return [event.bar for event in self.events if isinstance(event, BarClosed)]

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


class Stub:
    """A server on this machine that answers what a test says, for exchanges that nobody simulates.

    `answers` holds JSON, a status with JSON, or a function of the request's parameters, by path.
    """

    def __init__(self, answers):
        self.answers = answers
        self.seen = []
        self._runner = None

    async def __aenter__(self):
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.endpoint = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _answer(self, request):
        text = await request.text()
        if request.content_type == "application/json" and text:
            params = json.loads(text)
        else:
            params = dict(parse_qsl(text)) | {
                name: request.query.getall(name) if name.endswith("s") else request.query[name]
                for name in request.query
            }
        self.seen.append((request.path, params, dict(request.headers)))
        found = self.answers.get(request.path)
        if callable(found):
            found = found(params)
        if found is None:
            return web.json_response({"error": f"no answer for {request.path}"}, status=404)
        status, found = found if isinstance(found, tuple) else (200, found)
        return web.json_response(found, status=status)

    def sent(self, path):
        """Return the parameters of every request to a path."""
        return [params for seen, params, _ in self.seen if seen == path]


class Kit:
    """See the functions above."""

    Stub = Stub

    SYMBOL = SYMBOL
    MINUTE = MINUTE
    WAIT = WAIT
    QuickClock = QuickClock
    Reader = Reader
    connected = staticmethod(connected)
    frame = staticmethod(frame)
    intent = staticmethod(intent)
    posts = staticmethod(posts)
    using = staticmethod(using)
