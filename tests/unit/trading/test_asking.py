"""What a start asks an exchange for: a failure in passing is asked about again, and everything else is told at once."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import AuthError, TransientError
from cryptobot.trading.asking import asked
from tests.unit.trading.house import House
from tests.unit.trading.shop import Shop


def ask(*answers):
    """Ask a question that is answered so; return what comes of it, the seconds that passed, and what was told."""
    clock, told, left = SimulatedClock(), [], list(answers)

    async def question():
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def main():
        task = asyncio.create_task(asked(question, clock, told.append))
        for _ in range(100):
            for _ in range(5):
                await asyncio.sleep(0)
            if task.done():
                break
            clock.advance(0.1)
        passed = clock.monotonic()
        try:
            return await task, passed, told
        except Exception as error:  # noqa: BLE001 - it is what came of it
            return error, passed, told

    return asyncio.run(main())


def test_an_answer_is_an_answer():
    assert ask(7) == (7, 0, [])


def test_two_failures_in_passing_are_told_and_asked_about_again():
    answer, passed, told = ask(TransientError("The time: 504."), TransientError("The time: 502."), 7)
    assert (answer, passed) == (7, pytest.approx(2))
    assert [notice.text for notice in told] == [
        "The time: 504. It is asked again in 0.5 s.",
        "The time: 502. It is asked again in 1.5 s.",
    ]


def test_the_third_failure_is_the_answer():
    last = TransientError("down")
    answer, _, told = ask(TransientError("down"), TransientError("down"), last)
    assert answer is last
    assert len(told) == 2


def test_a_failure_that_does_not_pass_is_the_answer_at_once():
    answer, passed, told = ask(AuthError("wrong key"))
    assert isinstance(answer, AuthError)
    assert (passed, told) == (0, [])


@pytest.mark.parametrize("door", ["market", "now", "balances", "rules", "grid", "history"])
def test_every_question_of_a_start_is_asked_again(told, door):
    class Impatient(SimulatedClock):
        async def sleep(self, seconds):
            self.advance(seconds)

    shop, failing = Shop(Impatient()), Counter({door: 2})
    real = getattr(shop, door)

    async def fails(*args):
        if failing[door]:
            failing[door] -= 1
            raise TransientError(f"{door}: down.")
        return await real(*args)

    setattr(shop, door, fails)
    house = House(told, shop=shop)
    house.close()
    assert failing[door] == 0
    assert house.texts().count(f"{door}: down. It is asked again") == 2
