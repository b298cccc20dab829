"""Telling how far a sweep is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Final

from cryptobot.backtest.words import duration
from cryptobot.core.errors import ConfigError

_PATIENCE: Final = 2.0  # seconds before a bar is worth looking at
_OFTEN: Final = 0.25


class Progress:
    """Counts what is done and tells it: to a function, or as a bar on the screen.

    Parameters
    ----------
    total
        How many parameter sets there are.
    tell
        None shows a bar where somebody looks (a terminal or a notebook) and the sweep takes long, True always, False
        never; or a function that gets how many are done, how many there are and the seconds left.
    what
        What the bar is called.
    """

    def __init__(self, total: int, tell: bool | Callable[[int, int, float], None] | None, what: str = "Sweep") -> None:
        if not (tell is None or isinstance(tell, bool) or callable(tell)):
            raise ConfigError(
                f"progress: {tell!r} is not allowed. Give True, False, None (a bar when it takes long), or a function of "
                "(done, total, seconds left)."
            )
        self.total, self.done, self._what = total, 0, what
        self._tell = tell
        self._started = self._told_at = time.monotonic()
        self._bar: Any = None
        self._task: Any = None

    @property
    def seconds_left(self) -> float:
        """How long it will take at the pace until now."""
        if not self.done:
            return float("inf")
        return (time.monotonic() - self._started) / self.done * (self.total - self.done)

    def add(self, many: int) -> None:
        """Count parameter sets that are done."""
        self.done += many
        if callable(self._tell):
            self._tell(self.done, self.total, self.seconds_left)
            return
        now = time.monotonic()
        if self._tell is False or now - self._told_at < _OFTEN:
            return
        if self._bar is None:
            if self._tell is None and not (now - self._started > _PATIENCE and _watched()):
                return
            self._open()
        self._told_at = now
        self._show()

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(
            TextColumn(self._what),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f}, {task.fields[left]}"),
            console=Console(stderr=True),
            transient=True,
            auto_refresh=False,  # no thread of its own
        )
        self._bar.start()
        self._task = self._bar.add_task("sweep", total=self.total, left="")

    def _show(self) -> None:
        left = f"{duration(self.seconds_left)} left" if self.done else "begun"
        self._bar.update(self._task, completed=self.done, left=left, refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._show()
            self._bar.stop()
            self._bar = None


def _watched() -> bool:
    """Tell whether somebody looks: a terminal, or a notebook's cell."""
    shell = sys.modules.get("IPython")
    return sys.stderr.isatty() or (shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell")
