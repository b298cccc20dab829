"""The buttons: what is offered, what is said before it is done, and what a click does to a bot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

import cryptobot as cb
from cryptobot.core.types import Mode
from cryptobot.notebook.action_words import ACTIONS, asks, consequence, possible, word_to_type
from cryptobot.notebook.commands import Commands
from cryptobot.notebook.panel import ControlPanel
from cryptobot.notebook.steering import Steering
from cryptobot.trading.status import BotStatus

Open = Callable[..., ControlPanel]
PATIENCE = 30.0


@pytest.fixture
def status(finished_bot: cb.Bot) -> BotStatus:
    """A running bot that holds something."""
    return replace(finished_bot.status(), state="running", quantity=Decimal("0.5"), open_orders=2)


def test_only_what_can_be_done_is_offered(status: BotStatus) -> None:
    assert possible(status, attached=False) == {"stop", "flatten", "kill"}
    assert possible(status, attached=True) == {"stop", "flatten", "kill", "shut_down"}
    assert possible(replace(status, quantity=Decimal(0)), attached=False) == {"stop", "kill"}
    assert possible(replace(status, trading_state="halted"), attached=False) == {"stop", "flatten", "clear"}
    assert possible(replace(status, trading_state="reducing"), attached=False) == {"stop", "flatten", "kill", "clear"}
    assert possible(replace(status, state="stopped"), attached=False) == {"start", "kill"}


def test_every_action_says_what_it_will_do(status: BotStatus) -> None:
    texts = [consequence(action.name, status) for action in ACTIONS]
    assert all(text.startswith("It ") and text.endswith(".") for text in texts)
    assert len(set(texts)) == len(ACTIONS)
    assert "2 open orders" in consequence("kill", status)
    assert "0.5 BASE stays held" in consequence("stop", status)
    assert "stop is cancelled" in consequence("kill", replace(status, protected=True))


def test_real_money_asks_for_a_typed_word(status: BotStatus) -> None:
    live = replace(status, mode=Mode.LIVE)
    for action in ACTIONS:
        assert asks(action.name, live)
        assert word_to_type(action.name, live) == action.label.upper()
        assert word_to_type(action.name, status) == ""
    assert not asks("start", status)
    assert not asks("stop", status)
    assert asks("kill", status)


class Recorder:
    """A bot that writes down what it is asked to do."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def start(self) -> None:
        self.asked.append("start")

    def stop(self) -> None:
        self.asked.append("stop")

    def flatten(self) -> None:
        self.asked.append("flatten")

    def clear(self) -> None:
        self.asked.append("clear")

    def kill(self, *, flatten: bool) -> None:
        self.asked.append(("kill", flatten))


@pytest.fixture
def commands() -> Any:
    errors: list[Any] = []
    made = Commands(lambda *error: errors.append(error), lambda: None)
    yield made
    made.close()
    assert errors == []


def test_nothing_is_done_before_the_word_is_typed(status: BotStatus, commands: Commands) -> None:
    bot = Recorder()
    steering = Steering(bot, commands)  # type: ignore[arg-type] # the part of a handle that is used here
    steering.follow(replace(status, mode=Mode.LIVE))
    confirmation = steering.confirmation
    steering.buttons["kill"].click()
    assert confirmation.asked
    assert confirmation.yes.disabled
    confirmation.yes.click()
    confirmation.typed.value = "KIL"
    confirmation.yes.click()
    assert commands.settle(PATIENCE)
    assert bot.asked == []
    confirmation.typed.value = " kill "
    confirmation.option.value = True
    confirmation.yes.click()
    assert commands.settle(PATIENCE)
    assert bot.asked == [("kill", True)]
    assert not confirmation.asked
    steering.buttons["stop"].click()
    confirmation.no.click()
    assert commands.settle(PATIENCE)
    assert bot.asked == [("kill", True)]


def test_the_end_of_a_process_is_offered_only_where_there_is_one(status: BotStatus, commands: Commands) -> None:
    bot, ended = Recorder(), []
    assert "shut_down" not in Steering(bot, commands).buttons  # type: ignore[arg-type]
    steering = Steering(bot, commands, lambda: ended.append(True))  # type: ignore[arg-type]
    steering.follow(status)
    steering.buttons["shut_down"].click()
    assert ended == []
    steering.confirmation.yes.click()
    assert commands.settle(PATIENCE)
    assert ended == [True]


def test_kill_and_clear_by_click(practice_bot: cb.Bot, open_panel: Open) -> None:
    panel = open_panel(practice_bot)
    layout = panel.layout
    layout.start.click()
    panel.settle()
    panel.refresh()
    layout.buttons["kill"].click()
    assert layout.confirmation.asked
    layout.confirmation.yes.click()
    panel.settle(PATIENCE)
    panel.refresh()
    assert practice_bot.status().trading_state == "halted"
    assert layout.header.text("state") == "HALTED"
    assert "Killed by the user" in layout.header.text("reason")
    assert layout.buttons["kill"].disabled
    layout.buttons["clear"].click()
    layout.confirmation.yes.click()
    panel.settle(PATIENCE)
    panel.refresh()
    assert practice_bot.status().trading_state == "active"
    assert layout.header.text("state") == "RUNNING"
    panel.assert_healthy()


def test_flatten_by_click_sells_what_is_held(open_panel: Open) -> None:
    bot = cb.Bot(cb.BuyAndHold(), exchange=cb.PracticeExchange(seed=3, speed=3000), name="flatten-me")
    panel = open_panel(bot)
    try:
        panel.layout.start.click()
        panel.settle()
        assert bot.wait_until(lambda: bool(bot.status().quantity), PATIENCE)
        panel.refresh()
        panel.layout.buttons["flatten"].click()
        panel.layout.confirmation.yes.click()
        panel.settle(PATIENCE)
        assert bot.wait_until(lambda: not bot.status().quantity, PATIENCE)
        panel.refresh()
        assert panel.layout.header.text("state") == "REDUCING"
        panel.assert_healthy()
    finally:
        bot.stop()
