"""Clocks."""

from __future__ import annotations

import asyncio
import time

import pytest

from cryptobot.core.clock import SimulatedClock, SystemClock
from cryptobot.core.errors import ConfigError


def test_the_simulated_clock_stands_until_it_is_moved():
    clock = SimulatedClock(1_000)
    assert (clock.now(), clock.monotonic()) == (1_000, 0.0)
    clock.advance(2.5)
    assert (clock.now(), clock.monotonic()) == (1_000 + 2_500_000_000, 2.5)
    clock.advance(0)
    with pytest.raises(ConfigError, match="seconds: -1 would turn the clock back"):
        clock.advance(-1)


def test_sleepers_wake_in_the_order_of_their_time_and_only_then():
    async def run():
        clock, woken = SimulatedClock(), []

        async def sleeper(name, seconds):
            await clock.sleep(seconds)
            woken.append(name)

        tasks = [asyncio.create_task(sleeper(*one)) for one in [("c", 3), ("a", 1), ("b", 2), ("a2", 1), ("late", 9)]]
        await asyncio.sleep(0)
        clock.advance(0.999)
        await asyncio.sleep(0)
        assert woken == []
        clock.advance(5)
        await asyncio.gather(*tasks[:-1])
        assert woken == ["a", "a2", "b", "c"]
        tasks[-1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        clock.advance(10)  # a cancelled sleeper does no harm

    asyncio.run(asyncio.wait_for(run(), 10))


@pytest.mark.parametrize("seconds", [0, -1])
def test_nothing_to_wait_for_is_not_waited_for(seconds):
    async def run():
        await SimulatedClock().sleep(seconds)

    asyncio.run(asyncio.wait_for(run(), 10))


def test_the_system_clock_is_the_computers():
    clock = SystemClock()
    before = time.time_ns()
    assert before <= clock.now() <= time.time_ns()
    assert clock.monotonic() <= clock.monotonic()
    asyncio.run(clock.sleep(0))
