"""The bot's log in the panel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from cryptobot.notebook.needs import asset

if TYPE_CHECKING:
    from cryptobot.trading.log import LogLine

MAX_LINES = 200
MAX_CHARACTERS = 1000
LEVELS = ("debug", "info", "warning", "error")


class LogView(anywidget.AnyWidget):
    """The newest 200 lines, coloured and named by level; the page sets them as text, never as HTML."""

    _esm = asset("log.js")
    lines: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self._known: list[LogLine] = []
        self._next = 0

    def show(self, lines: Sequence[LogLine]) -> None:
        """Show the newest of these lines, oldest first; what the page already has it keeps.

        Parameters
        ----------
        lines
            The bot's log, oldest first.
        """
        newest = list(lines[-MAX_LINES:])
        if newest == self._known:
            return
        kept = _overlap(self._known, newest)
        rows = self.lines[len(self.lines) - kept :] if kept else []
        for line in newest[kept:]:
            moment = datetime.fromtimestamp(line.time, UTC).strftime("%H:%M:%S")
            level = line.level if line.level in LEVELS else "info"
            rows = [*rows, [self._next, moment, level, str(line.text)[:MAX_CHARACTERS]]]
            self._next += 1
        self._known = newest
        self.lines = rows


def _overlap(old: list[LogLine], new: list[LogLine]) -> int:
    """Return how many lines at the end of `old` are the lines at the beginning of `new`."""
    if not old or not new:
        return 0
    for start in range(len(old)):
        tail = old[start:]
        if tail == new[: len(tail)]:
            return len(tail)
    return 0
