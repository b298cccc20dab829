"""The end of a bot's process: a bounded time to finish in, and word of what stays open."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from cryptobot.control.threads import on_thread
from cryptobot.core.errors import CryptobotError
from cryptobot.trading.bot import Bot
from cryptobot.trading.status import BotStatus
from cryptobot.trading.status_words import left_open

DRAIN: Final = 10.0
"""Seconds that a bot has to end in once its process is told to."""
_PATIENCE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a process ended.

    Attributes
    ----------
    name
        Of the bot.
    status
        The bot's last status; None where the bot did not answer any more.
    drained
        Whether the bot came to its end in time.
    """

    name: str
    status: BotStatus | None
    drained: bool

    @property
    def open(self) -> tuple[str, ...]:
        """What stays open, in words."""
        return () if self.status is None else left_open(self.status)

    @property
    def ok(self) -> bool:
        """Whether it ended as it should: in time, and not by a fault."""
        return self.drained and self.status is not None and self.status.state != "halted"

    @property
    def text(self) -> str:
        """All of it in a sentence or two."""
        late = "" if self.drained else f" It had not come to its end within {DRAIN:g} s."
        if self.status is None:
            return f"{self.name} does not answer.{late} Look at its orders and its position at the exchange."
        left = f"Still open: {'; '.join(self.open)}." if self.open else "Nothing is open."
        reason = f" ({self.status.reason.removesuffix('.')})" if self.status.reason else ""
        return f"{self.name} is {self.status.state}{reason}.{late} {left}"


async def drained(bot: Bot) -> Ending:
    """Stop a bot, wait for it as long as that is allowed, and say what it leaves.

    Parameters
    ----------
    bot
        Running or not.
    """
    in_time, status = True, None
    try:
        # A strategy that hangs keeps the bot's lock, and then even asking it to stop does not return.
        await asyncio.wait_for(on_thread(bot.stop, DRAIN), DRAIN + _PATIENCE)
    except (TimeoutError, CryptobotError):
        in_time = False
    try:
        status = await asyncio.wait_for(on_thread(bot.status), _PATIENCE)
    except TimeoutError:
        in_time = False
    ending = Ending(bot.name, status, in_time)
    if status is not None:
        bot.log("info" if in_time else "error", ending.text)
    return ending
