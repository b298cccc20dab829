"""Asking a process that an older version launched: it says so, and what to do."""

from __future__ import annotations

import pytest

import cryptobot as cb
from cryptobot.control.folders import Folders
from cryptobot.control.price_server.launched import LaunchedWatch
from cryptobot.core.errors import CryptobotError
from tests.contracts import served as door
from tests.contracts.served import Served

OLDER = r"mine: it was launched by an older version of cryptobot \(0\), which does not know `{}` yet. Stop it and launch it again: .*`cryptobot stop mine`"


@pytest.fixture
def older(tmp_path, monkeypatch):
    """A bot's process of a version that knew less."""
    reading, actions = door.Reading, door.actions_of

    class Reading(reading):
        def __init__(self, bot):
            super().__init__(bot)
            self.answers = {name: answer for name, answer in self.answers.items() if name != "fresh"}
            self.answers["explanation"] = lambda: bot.explain()  # noqa: PLW0108 - takes no time yet

    def without_clear(bot, end):
        return {name: action for name, action in actions(bot, end).items() if name != "clear"}

    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.setattr(door, "Reading", Reading)
    monkeypatch.setattr(door, "actions_of", without_clear)
    made = Served(cb.Bot(cb.BuyAndHold(), exchange=cb.PracticeExchange(), name="mine"), Folders.find().root)
    yield made.handle
    made.close()


def test_what_it_does_not_know_is_said_with_what_to_do(older):
    assert older.status().state == "new"
    assert older.explain().text
    with pytest.raises(CryptobotError, match=OLDER.format("clear")):
        older.clear()
    with pytest.raises(CryptobotError, match=OLDER.format("explanation")):
        older.explain("2026-03-01 14:05")


def test_its_own_errors_stay_as_they_are(older):
    with pytest.raises(cb.ConfigError, match="has no parameter `fsat`"):
        older.set_parameters(fsat=3)


def test_the_price_server_says_so_too(older):
    shown = LaunchedWatch(older).answer
    assert shown.state == "unknown"
    assert "launched by an older version" in shown.reason


def test_the_command_line_says_so_below_its_table(older, monkeypatch, capsys):
    import sys

    from cryptobot.cli import main
    from cryptobot.control.attached_bot import AttachedBot

    def status(bot):
        return bot._client.ask("fresh")

    monkeypatch.setattr(AttachedBot, "status", status)
    monkeypatch.setattr(sys, "argv", ["cryptobot", "status"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = " ".join(capsys.readouterr().out.split())
    assert not ended.value.code
    assert "mine not known" in said
    assert said.endswith("Stop it and launch it again: `cryptobot stop mine`, then `cryptobot run`.")
