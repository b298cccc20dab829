"""A bot of this process, as the server sees it."""

from __future__ import annotations

import time
from collections.abc import Callable

from cryptobot.control.fresh import fresh_of
from cryptobot.control.metrics import metrics
from cryptobot.control.price_server.columns import KEPT
from cryptobot.control.price_server.watch import BotWatch
from cryptobot.strategy.base import Strategy
from cryptobot.trading.actions import Notice
from cryptobot.trading.bot import Bot
from mcp_server.events import Event


class LocalWatch(BotWatch):
    """Keeps a copy of a bot of this process.

    Parameters
    ----------
    bot
        Which.
    now
        The present, nanoseconds since 1970-01-01 UTC.
    """

    def __init__(self, bot: Bot, now: Callable[[], int] = time.time_ns) -> None:
        self._own = bot
        super().__init__(bot, bot.status(), now)
        self.look()

    def look(self) -> list[Event]:
        """Take in what is new, and return it."""
        if self.sequence == self.have.sequence:
            return []
        with self.lock:
            return self.take(*fresh_of(self._own, self.have, KEPT))

    def renew(self) -> None:
        """Do nothing: the next look sees it."""

    def note(self, text: str) -> None:
        """Write it into the bot's log and journal, from where its alerts take it."""
        self._own.session.tell(Notice("warning", text))

    def metrics(self) -> str:
        """Return its figures in Prometheus' text format."""
        return metrics(self._own)

    @property
    def strategy(self) -> Strategy:
        """Its strategy with the present parameters."""
        return self._own.strategy

    @property
    def sequence(self) -> int:
        """The number of the newest thing that has happened to it."""
        return self._own.session.sequence
