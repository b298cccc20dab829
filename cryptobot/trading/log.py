"""A bot's newest log lines, for the panel and the reader; each also goes to Python's logging."""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

from cryptobot.core.clock import Clock
from cryptobot.trading.actions import Level

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_KEPT: Final = 2_000

# Without a handler Python prints warnings to the terminal, from a worker's thread into whatever cell runs just then.
logging.getLogger("cryptobot").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a bot's log.

    Attributes
    ----------
    time
        Seconds since 1970-01-01 UTC.
    level
        ``"debug"``, ``"info"``, ``"warning"`` or ``"error"``.
    text
        What happened.
    """

    time: float
    level: Level
    text: str

    def __str__(self) -> str:
        clock = logging.Formatter.converter(self.time)
        return f"{clock.tm_hour:02d}:{clock.tm_min:02d}:{clock.tm_sec:02d} {self.level.upper():7} {self.text}"


class LogBook:
    """The newest 2,000 lines; may be used from any thread.

    Parameters
    ----------
    name
        Of the bot: lines go to the logger ``cryptobot.bot.<name>``.
    clock
        For the time of a line.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self._lines: deque[LogLine] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self._clock = clock
        self._logger = logging.getLogger(f"cryptobot.bot.{name}")

    def add(self, level: Level, text: str) -> None:
        """Add a line."""
        line = LogLine(self._clock.now() / 1e9, level, text)
        with self._lock:
            self._lines.append(line)
        self._logger.log(_LEVELS[level], text)

    def lines(self, n: int | None = None) -> list[LogLine]:
        """Return the newest n lines, or all that are kept, oldest first."""
        with self._lock:
            lines = list(self._lines)
        return lines if n is None else lines[max(0, len(lines) - n) :]
