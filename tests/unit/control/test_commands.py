"""Commands: each once, whoever asks and however often."""

from __future__ import annotations

import asyncio
import threading

import pytest

from cryptobot.control.commands import Commands
from cryptobot.core.errors import ConfigError


class Counted:
    """An action that can be held, and counts how often it was begun."""

    def __init__(self):
        self.begun, self.open = 0, threading.Event()

    def __call__(self, **arguments):
        self.begun += 1
        assert self.open.wait(30)
        if arguments.get("fail"):
            raise ConfigError("it failed")
        return arguments


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 30))


def test_the_same_id_is_the_same_command_while_it_runs_and_after():
    action = Counted()

    async def ask():
        commands = Commands({"do": action})
        first = commands.ask("do", "1", {"a": 1})
        second = commands.ask("do", "1", {"a": 1})
        action.open.set()
        answers = [await first, await second, await commands.ask("do", "1", {"a": 1})]
        other = await commands.ask("do", "2", {"a": 1})
        commands.close()
        return answers, other

    answers, other = run(ask())
    assert answers == [{"a": 1}] * 3
    assert other == {"a": 1}
    assert action.begun == 2


def test_what_failed_stays_failed_under_its_id():
    action = Counted()
    action.open.set()

    async def ask():
        commands = Commands({"do": action})
        for _ in range(2):
            with pytest.raises(ConfigError, match="it failed"):
                await commands.ask("do", "1", {"fail": True})
        commands.close()

    run(ask())
    assert action.begun == 1


@pytest.mark.parametrize(
    ("name", "command_id", "arguments", "words"),
    [
        ("od", "2", {}, "command `od` is unknown.* Known: `do`"),
        ("do", "1", {"a": 2}, "was used for another command"),
        ("also", "1", {"a": 1}, "was used for another command"),
    ],
)
def test_what_makes_no_sense_is_refused(name, command_id, arguments, words):
    action = Counted()
    action.open.set()

    async def ask():
        commands = Commands({"do": action, "also": action})
        await commands.ask("do", "1", {"a": 1})
        with pytest.raises(ConfigError, match=words):
            commands.ask(name, command_id, arguments)
        commands.close()

    run(ask())
    assert action.begun == 1


def test_a_kill_does_not_wait_behind_stops():
    stop, kill = Counted(), Counted()
    kill.open.set()

    async def ask():
        commands = Commands({"stop": stop, "kill": kill})
        stops = [commands.ask("stop", f"s{n}", {}) for n in range(8)]
        await commands.ask("kill", "k", {})
        assert not any(waiting.done() for waiting in stops)
        stop.open.set()
        await asyncio.gather(*stops)
        commands.close()

    run(ask())
    assert (stop.begun, kill.begun) == (8, 1)


def test_memory_of_what_was_done_is_bounded():
    action = Counted()
    action.open.set()

    async def ask():
        commands = Commands({"do": action})
        for n in range(600):
            await commands.ask("do", str(n), {})
        commands.close()
        return len(commands._known)

    assert run(ask()) <= 513
