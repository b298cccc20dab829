"""Bots that have traded, and the library's backend that shows them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request

import pytest

import cryptobot as cb
from cryptobot.control.price_server.backend import LibraryBackend
from cryptobot.control.price_server.server import PriceServer
from cryptobot.control.price_server.subject import Subject


@pytest.fixture
def make_bot():
    """Return a function that makes a bot; it is stopped after the test."""
    made = []

    def make(exchange=None, strategy=None, **options):
        strategy = strategy or cb.MovingAverageCrossover(fast=3, slow=8)
        made.append(cb.Bot(strategy, exchange=exchange or cb.PracticeExchange(speed=600), **options))
        return made[-1]

    yield make
    for bot in made:
        bot.stop(30)


@pytest.fixture
def bot(make_bot):
    """A bot that has traded 1,500 recorded bars to their end."""
    market = cb.Market("BTC/USDT", tick_size="0.01", lot_size="0.00001", min_notional="5")
    made = make_bot(cb.ReplayExchange(cb.practice_bars(2_000, seed=5), history=500, market=market))
    made.run()
    assert made.status().trades > 100
    return made


@pytest.fixture
def make_backend():
    """Return a function that opens a backend on something; it is closed after the test."""
    made = []

    def make(what=None, symbols=None):
        made.append(LibraryBackend(Subject.of(what, symbols)))
        made[-1].open()
        return made[-1]

    yield make
    for backend in made:
        backend.close()


@pytest.fixture
def backend(make_backend, bot):
    return make_backend(bot)


@pytest.fixture
def make_server(tmp_path):
    """Return a function that starts a server on something; it is stopped after the test."""
    made = []

    def make(what=None, **options):
        made.append(PriceServer(what, **{"port": 0, "state_directory": tmp_path / "servers", **options}))
        return made[-1].start()

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def ask():
    """Return a function that asks a server and returns status and content."""

    def send(server, path, content=None, token=None):
        body = None if content is None else json.dumps(content).encode()
        headers = {"Authorization": f"Bearer {token or server.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(server.url + path, data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    return send


@pytest.fixture
def of():
    """Run a coroutine to its end."""
    return asyncio.run


@pytest.fixture
def eventually():
    """Return a function that waits until something holds, and fails after twenty seconds."""

    def wait(holds):
        end = time.monotonic() + 20
        pause = threading.Event()
        while not holds():
            assert time.monotonic() < end, "it did not come to hold within twenty seconds"
            pause.wait(0.01)

    return wait
