"""Stopping every bot of the process at once."""

from __future__ import annotations

import math
import threading

import pytest

import cryptobot as cb
from cryptobot.core.errors import ConfigError, CryptobotError


@pytest.fixture
def bots():
    made = [
        cb.Bot(cb.MovingAverageCrossover(), exchange=cb.PracticeExchange(seed, speed=math.inf), name=f"bot-{seed}")
        for seed in (3, 1, 2)
    ]
    yield made
    for bot in made:
        del bot.stop  # what a test put over it
        bot.stop(30)


@pytest.fixture
def stoppable(bots):
    for bot in bots:
        bot.stop = bot.stop  # so that the fixture can always take it off again
    return bots


def test_stop_all_stops_every_running_bot(stoppable):
    for bot in stoppable:
        bot.start()
    assert [bot.name for bot in cb.running_bots()] == ["bot-1", "bot-2", "bot-3"]
    stopped = cb.stop_all(30)
    assert sorted(bot.name for bot in stopped) == ["bot-1", "bot-2", "bot-3"]
    assert {bot.status().state for bot in stoppable} == {"stopped"}
    assert cb.running_bots() == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("cryptobot-bot-")]


def test_stop_all_without_bots_does_nothing(stoppable):
    assert cb.stop_all() == []


def test_one_that_does_not_stop_keeps_no_other_from_stopping(stoppable):
    for bot in stoppable:
        bot.start()
    stubborn = cb.running_bots()[0]

    def refuses(timeout=10.0):
        raise ConfigError(f"{stubborn.name} has not stopped within {timeout:g} s.")

    stubborn.stop = refuses
    with pytest.raises(CryptobotError, match="bot-1 has not stopped within 5 s"):
        cb.stop_all(5)
    assert [bot.name for bot in cb.running_bots()] == ["bot-1"]
