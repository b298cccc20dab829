"""What a bot's process can be asked to do."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from cryptobot.control.strategy_source import unpacked
from cryptobot.core.errors import ConfigError
from cryptobot.strategy.digest import strategy_digest
from cryptobot.trading.bot import Bot


def actions_of(bot: Bot, end: Callable[[], Any]) -> Mapping[str, Callable[..., Any]]:
    """Return what can be done with a bot, by name.

    Parameters
    ----------
    bot
        The bot.
    end
        Ends the process, and returns how it ended.
    """

    def set_strategy(packed: str) -> None:
        strategy = unpacked(base64.b64decode(packed))
        if bot.mode == "live" and strategy_digest(type(strategy)) != strategy_digest(type(bot.strategy)):
            raise ConfigError(
                f"strategy: {bot.name} trades real money with code whose file was written down when it started. Change its "
                "parameters, set_parameters(...), or shut it down and launch it with another file."
            )
        bot.set_strategy(strategy)

    return {
        "start": lambda: _nothing(bot.start()),
        "stop": lambda timeout=10.0: _nothing(bot.stop(timeout)),
        "log": bot.log,
        "set_parameters": lambda changes: _nothing(bot.set_parameters(**changes)),
        "set_strategy": set_strategy,
        "kill": bot.kill,
        "flatten": bot.flatten,
        "clear": bot.clear,
        "shut_down": end,
    }


def _nothing(_done: object) -> None:
    """Answer nothing: the handle asks for the state anew."""
