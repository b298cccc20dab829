"""A bot in a process of its own, as the server sees it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.gone import BotGoneError
from cryptobot.control.price_server.watch import BotWatch
from cryptobot.core.errors import CryptobotError
from cryptobot.strategy.base import Strategy
from mcp_server.events import Event, StatusChanged
from mcp_server.models.bot import BotStatus as StatusAnswer

_UNTOLD: Final = 1_000
_NOTES: Final = 100


class LaunchedWatch(BotWatch):
    """Keeps a copy of a bot in a process of its own, which is asked on a thread that may wait.

    A process that is gone leaves its last copy, and the state ``"unknown"``; one that is launched anew under the same name
    is followed from its beginning.

    Parameters
    ----------
    bot
        Which; its process must be there.
    now
        The present, nanoseconds since 1970-01-01 UTC.
    """

    def __init__(self, bot: AttachedBot, now: Callable[[], int] = time.time_ns) -> None:
        self._attached = bot
        self._process = bot.process
        self._gone = ""
        self._untold: deque[Event] = deque(maxlen=_UNTOLD)
        self._notes: deque[str] = deque(maxlen=_NOTES)
        self._strategy: tuple[int, Strategy] | None = None
        super().__init__(bot, bot.status(), now)
        self.renew()

    def look(self) -> list[Event]:
        """Return what was new whenever the process was asked."""
        events = []
        while self._untold:
            events.append(self._untold.popleft())
        return events

    def renew(self) -> None:
        """Ask the process what is new; waits for its answer."""
        bot = self._attached
        with self.lock:
            try:
                process = bot.process
                if process is not None and process != self._process:
                    self._process, self._strategy = process, None
                    self.forget(bot.status())
                found = bot.fresh(self.have)
                was, self._gone = self._gone, ""
            except CryptobotError as error:
                self._lose(error)
                return
            news = [] if found is None else self.take(*found)
            self._untold.extend([*news, StatusChanged(self.answer)] if was else news)
        self._tell()

    def note(self, text: str) -> None:
        """Keep it for the bot's log, where it is written when the process is asked next."""
        self._notes.append(text)

    def metrics(self) -> str:
        """Return its figures in Prometheus' text format; none while its process does not answer."""
        try:
            return self._attached.metrics()
        except BotGoneError:
            return ""

    @property
    def answer(self) -> StatusAnswer:
        """Where it stands; unknown while its process does not answer."""
        answer = super().answer
        return answer.model_copy(update={"state": "unknown", "reason": self._gone}) if self._gone else answer

    @property
    def strategy(self) -> Strategy:
        """Its strategy with the present parameters."""
        changes = self.have.changes
        if self._strategy is None or self._strategy[0] != changes:
            self._strategy = changes, self._attached.strategy
        return self._strategy[1]

    @property
    def sequence(self) -> int:
        """The number of the newest thing that has been heard of it."""
        return self.have.sequence

    def _lose(self, error: CryptobotError) -> None:
        was, self._gone = self._gone, str(error)
        if not was:
            self._untold.append(StatusChanged(self.answer))

    def _tell(self) -> None:
        while self._notes:
            with suppress(CryptobotError):  # it stands in this process's log as well
                self._attached.log("warning", self._notes.popleft())
