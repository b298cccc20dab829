"""All bots in one table: those that come, those that go, and the panel of the chosen one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

import cryptobot as cb
from cryptobot.control.gone import BotGoneError
from cryptobot.notebook.overview import Overview
from cryptobot.notebook.panel import ControlPanel


@pytest.fixture
def bots() -> Iterator[list[Any]]:
    found: list[Any] = [
        cb.Bot(cb.MovingAverageCrossover(), exchange=cb.PracticeExchange(seed=1), name="second"),
        cb.Bot(cb.RsiReversal(), exchange=cb.PracticeExchange(seed=2), name="first"),
    ]
    yield found
    for bot in found:
        if isinstance(bot, cb.Bot):
            ControlPanel(bot).close()


@pytest.fixture
def overview(bots: list[Any]) -> Iterator[Overview]:
    made = Overview(lambda: bots, ControlPanel)
    yield made
    made.close()


def names(overview: Overview) -> list[str]:
    return [row["id"] for row in overview.table.rows]


def test_it_lists_bots_and_opens_the_chosen_one(overview: Overview, bots: list[Any]) -> None:
    assert names(overview) == ["first", "second"]
    assert overview.panel is None
    overview.table.chosen = "second"
    assert overview.panel is ControlPanel(bots[0])
    assert overview.widget.children[1].children == (overview.panel.widget,)
    overview.open("first")
    assert overview.panel.bot is bots[1]
    overview.assert_healthy()


def test_bots_come_and_go(overview: Overview, bots: list[Any]) -> None:
    class Gone:
        name = "gone"

        def status(self) -> None:
            raise BotGoneError("gone: it has ended.")

    bots.append(Gone())
    overview.refresh()
    assert names(overview) == ["first", "second"]
    bots[:] = bots[:1]
    overview.refresh()
    assert names(overview) == ["second"]
    overview.assert_healthy()


def test_without_a_bot_the_panel_is_the_list_of_running_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = cb.Bot(cb.BuyAndHold(), exchange=cb.PracticeExchange(seed=4), name="running-one")
    bot.start()
    try:
        made = ControlPanel()
        try:
            assert isinstance(made, Overview)
            assert "running-one" in names(made)
        finally:
            made.close()
    finally:
        bot.stop()


def test_its_errors_are_raised(overview: Overview, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode() -> None:
        raise ValueError("bad list")

    monkeypatch.setattr(overview, "refresh", explode)
    monkeypatch.setattr(overview._frames, "ready", lambda: True)
    overview.tick()
    with pytest.raises(cb.CryptobotError, match="bad list"):
        overview.assert_healthy()


def test_all_are_stopped_at_once_after_a_question(overview: Overview, bots: list[Any]) -> None:
    buttons, strip = overview.all.buttons, overview.all.confirmation
    assert buttons["Stop all"].disabled  # none of them runs
    for bot in bots:
        bot.start()
    try:
        overview.refresh()
        buttons["Stop all"].click()
        assert strip.asked
        assert "2 bots: first, second." in strip.text.values["text"]["note"]
        strip.no.click()
        overview.settle()
        assert {bot.status().state for bot in bots} == {"running"}
        buttons["Stop all"].click()
        strip.yes.click()
        overview.settle()
        assert {bot.status().state for bot in bots} == {"stopped"}
        overview.refresh()
        assert buttons["Stop all"].disabled
        overview.assert_healthy()
    finally:
        for bot in bots:
            bot.stop()


def test_one_that_fails_keeps_none_of_the_others(
    overview: Overview, bots: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(timeout: float = 10.0) -> None:
        raise cb.ConfigError("first has not stopped.")

    monkeypatch.setattr(bots[1], "stop", hang)
    bots[0].start()
    try:
        overview.refresh()
        overview.all.buttons["Shut down all"].click()
        overview.all.confirmation.yes.click()
        overview.settle()
        assert bots[0].status().state == "stopped"
        with pytest.raises(cb.CryptobotError, match="first has not stopped"):
            overview.assert_healthy()
    finally:
        bots[0].stop()


def test_real_money_wants_a_typed_word(overview: Overview, bots: list[Any]) -> None:
    live = replace(bots[0].status(), mode=cb.Mode.LIVE, quantity=Decimal(1), open_orders=2)
    overview.all.follow([live])
    overview.all.buttons["Shut down all"].click()
    strip = overview.all.confirmation
    assert "1 position and 2 orders stay open." in strip.text.values["text"]["note"]
    assert strip.yes.disabled
    strip.typed.value = "shut down all"
    assert not strip.yes.disabled
    strip.no.click()
