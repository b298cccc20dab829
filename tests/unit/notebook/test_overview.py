"""All bots in one table: those that come, those that go, and the panel of the chosen one."""

from __future__ import annotations

from collections.abc import Iterator
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
