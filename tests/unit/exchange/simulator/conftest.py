"""Simulated exchanges that end with their test."""

from __future__ import annotations

import pytest

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.money import Market
from cryptobot.exchange.simulator.gate import Gate
from cryptobot.exchange.simulator.server import Simulator
from tests.unit.exchange.simulator.helpers import START, Desk, frame, make_world


@pytest.fixture
def desk():
    """Make a desk of bars; by default six of them around 100, stepped by hand."""

    def make(bars=None, **options):
        bars = frame(100, 102, 99, 101, 105, 100) if bars is None else bars
        options.setdefault("market", Market("BTC/USDT", "0.01", "0.00001", "5"))
        clock = options.setdefault("clock", SimulatedClock(START * 1_000_000_000))
        world = make_world(bars, **options)
        return Desk(world, Gate(world), clock)

    return make


@pytest.fixture
def simulator():
    """Start simulators; all are stopped at the end."""
    running = []

    def make(bars=None, **options):
        options.setdefault("speed", "manual")
        options.setdefault("history", 0)
        if bars is None and "practice" not in options:
            bars = frame(100, 102, 99, 101, 105, 100)
        made = Simulator(bars, **options).start()
        running.append(made)
        return made

    yield make
    for one in running:
        one.stop()
