"""The ground that the simulation stands on: time, death, and a network that does what the schedule says."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.loop import Killed, Life, LifeClock, VirtualClock, VirtualLoop


@pytest.fixture
def loop():
    made = VirtualLoop()
    yield made
    made.close()


def test_a_year_of_sleep_takes_no_time_and_ends_on_the_second(loop):
    async def sleep():
        await asyncio.sleep(365 * 86_400)
        return loop.time()

    assert loop.run_until_complete(sleep()) == 365 * 86_400


def test_things_happen_in_the_order_of_their_times(loop):
    said = []

    async def sleeper(seconds):
        await asyncio.sleep(seconds)
        said.append(seconds)

    async def main():
        await asyncio.gather(*(sleeper(seconds) for seconds in (3, 1, 2, 1.5)))

    loop.run_until_complete(main())
    assert said == [1, 1.5, 2, 3]


def test_timeouts_are_of_its_time(loop):
    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 10)
        return loop.time()

    assert loop.run_until_complete(main()) == 10


def test_a_standstill_is_an_error(loop):
    async def main():
        await loop.create_future()

    with pytest.raises(AssertionError, match="standstill"):
        loop.run_until_complete(main())


def test_a_thread_is_no_thread(loop):
    async def main():
        return await asyncio.to_thread(lambda: 7)

    assert loop.run_until_complete(main()) == 7


def test_nothing_opens_for_the_dead(loop):
    async def main():
        life = Life(1)
        true = VirtualClock(loop, 100)
        clock = LifeClock(true, life)
        life.point("one")
        assert clock.now() == 100
        true.off = -7
        assert (clock.now(), true.true) == (93, 100)
        asleep = asyncio.ensure_future(clock.sleep(5))
        await asyncio.sleep(1)
        life.die()
        for door in (clock.now, clock.monotonic, lambda: life.point("two")):
            with pytest.raises(Killed):
                door()
        with pytest.raises(Killed):
            await asleep
        assert life.killed.done()
        assert life.labels == ["one"]

    loop.run_until_complete(main())


def test_a_life_ends_at_the_place_that_was_said(loop):
    async def main():
        told = []
        life = Life(1, die_at=2, on_death=lambda: told.append("dead"))
        life.point("one")
        with pytest.raises(Killed):
            life.point("two")
        assert (life.labels, told) == (["one", "two"], ["dead"])

    loop.run_until_complete(main())
