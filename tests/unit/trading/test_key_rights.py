"""What the key may do is looked at again while a bot trades: a right that it must not have ends the session at once."""

from __future__ import annotations

import threading

import pytest

import cryptobot as cb
from cryptobot.alerts.channel import AlertChannel
from cryptobot.exchange.simulator.faults import Fault
from cryptobot.trading import keeper

PATIENCE = 60
STRATEGY = cb.MovingAverageCrossover(5, 20)


class Hearing(AlertChannel):
    name = "hearing"

    def __init__(self):
        super().__init__(seconds_between=0.0)
        self.heard = []
        self.critical = threading.Event()

    def send(self, message):
        self.heard.append(message)
        if message.level == "critical":
            self.critical.set()


@pytest.fixture
def simulator():
    with cb.Simulator(practice=7, speed=600) as running:
        yield running


@pytest.fixture
def watched(simulator, monkeypatch):
    """A bot whose key is looked at ten times a second instead of every hour, and a person who hears of it."""
    monkeypatch.setattr(keeper, "_RIGHTS", 0.1)
    person = Hearing()
    exchange = cb.CcxtExchange(
        "binance",
        mode="testnet",
        endpoint=simulator.endpoint,
        api_key=simulator.api_key,
        secret=simulator.secret,
    )
    bot = cb.Bot(STRATEGY, exchange=exchange, symbol="BTC/USDT", timeframe="1m", name="watched", alerts=[person])
    bot.start()
    yield bot, person
    bot.stop(PATIENCE)


def asked(simulator):
    return sum("apiRestrictions" in request.path for request in simulator.requests)


@pytest.mark.parametrize("right", ["enableWithdrawals", "permitsUniversalTransfer"])
def test_a_key_that_may_suddenly_move_money_halts_the_bot_and_a_person_hears_of_it(simulator, watched, right):
    bot, person = watched
    assert bot.wait_until(lambda: asked(simulator) >= 3, PATIENCE)
    assert bot.status().state == "running"
    simulator.faults.add(Fault("rights", values={right: True}))
    assert bot.wait(PATIENCE)
    assert bot.status().state == "halted"
    assert "A bot never needs that" in bot.status().reason
    orders = len(simulator.ledger.orders)
    assert person.critical.wait(PATIENCE)
    [told] = [message for message in person.heard if message.level == "critical"]
    assert told.topic == "halted"
    assert "delete this one" in told.text
    assert len(simulator.ledger.orders) == orders


def test_a_question_without_an_answer_halts_nothing(simulator, watched):
    bot, person = watched
    simulator.faults.add(Fault("http", path="apiRestrictions", status=503, text="<html>", times=5))
    before = asked(simulator)
    assert bot.wait_until(lambda: asked(simulator) >= before + 8, PATIENCE)
    assert bot.status().state == "running"
    assert any("rights could not be looked at" in line.text for line in bot.logs())
    assert not person.critical.is_set()
