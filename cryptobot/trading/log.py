"""A bot's newest log lines, for the panel and the reader; each also goes to Python's logging."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptobot.core.clock import Clock
from cryptobot.core.logs import Line, logger
from cryptobot.core.secrecy import redact
from cryptobot.core.text import clean
from cryptobot.trading.actions import Level

_LEVELS: Final = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_KEPT: Final = 2_000
_LONGEST: Final = 8_000
# Up to here all of a line is looked at in one piece.
_SHORT: Final = 300


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
    facts
        What it is about by name: the order's client id, for example.
    """

    time: float
    level: Level
    text: str
    facts: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        clock = logging.Formatter.converter(self.time)
        return f"{clock.tm_hour:02d}:{clock.tm_min:02d}:{clock.tm_sec:02d} {self.level.upper():7} {self.text}"


class LogBook:
    """The newest 2,000 lines, without secrets; may be used from any thread.

    Parameters
    ----------
    name
        Of the bot: lines go to the logger ``cryptobot.bot.<name>``.
    clock
        For the time of a line.
    **about
        What every line is about, for the log's file: market and mode.
    """

    def __init__(self, name: str, clock: Clock, **about: str) -> None:
        self._lines: deque[LogLine] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self._clock = clock
        self._about = {"bot": name, **about}
        self._logger = logger(f"cryptobot.bot.{name}")

    def add(self, level: Level, text: str, facts: Mapping[str, str] | None = None) -> None:
        """Add a line.

        Parameters
        ----------
        level, text
            See `LogLine`.
        facts
            What it is about, in figures.
        """
        safe = dict(facts or {})
        whole = " ".join((text, *safe.values()))
        if len(whole) > _SHORT or not whole.isprintable() or redact(whole) != whole:
            safe = {name: clean(redact(value), 300, one_line=True) for name, value in safe.items()}
            text = clean(redact(text), _LONGEST)
        line = LogLine(self._clock.now() / 1e9, level, text, safe)
        with self._lock:
            self._lines.append(line)
        number = _LEVELS[level]
        if self._logger.isEnabledFor(number):
            self._logger.handle(Line(self._logger.name, number, text, {**self._about, **safe}))

    def lines(self, n: int | None = None) -> list[LogLine]:
        """Return the newest n lines, or all that are kept, oldest first."""
        with self._lock:
            lines = list(self._lines)
        return lines if n is None else lines[max(0, len(lines) - n) :]
