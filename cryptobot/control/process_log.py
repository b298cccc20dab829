"""The log of a bot's process: a file of JSON lines that does not grow without bound."""

from __future__ import annotations

import contextlib
import json
import logging
import queue
from collections.abc import Iterator
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from cryptobot.core.logs import JsonLines, listening

_BYTES: Final = 5_000_000
_FILES: Final = 3
# Lines that the disk has not taken yet; of more, the newest are left out, and counted.
_WAITING: Final = 10_000
# Enough for the longest line there is.
_LINE: Final = 100_000


@contextlib.contextmanager
def write_log(path: Path) -> Iterator[None]:
    """Write what the library logs to a file, until the end of the block.

    Parameters
    ----------
    path
        The file. Beside it lie up to three older ones of 5 MB.
    """
    file = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8", delay=True)
    file.setFormatter(JsonLines())
    aside = _Aside()
    writer = QueueListener(aside.queue, file)
    writer.start()
    try:
        with listening(aside, JsonLines(), logging.DEBUG):
            yield
    finally:
        writer.stop()
        if aside.lost:
            file.handle(_lost(aside.lost))
        file.close()


class _Aside(QueueHandler):
    """Hands lines to a thread of its own, so that no disk holds a bar up."""

    def __init__(self) -> None:
        super().__init__(queue.Queue(_WAITING))
        self.lost = 0

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Leave a line as it is: its own logger has made it fit to be shown."""
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Take a line, if there is room."""
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.lost += 1


def _lost(lines: int) -> logging.LogRecord:
    text = f"{lines:,} lines were left out of this file, because the disk did not take them in time."
    return logging.LogRecord("cryptobot", logging.WARNING, __file__, 0, text, None, None)


def tail(path: Path, n: int) -> list[dict[str, Any]]:
    """Return the newest n entries of a log, oldest first; none where there is no log.

    The files that were set aside are read, too, as far as they are needed.
    """
    found: list[dict[str, Any]] = []
    for file in (path, *(path.with_name(f"{path.name}.{number}") for number in range(1, _FILES + 1))):
        if len(found) >= n:
            break
        found = [*_entries(file, n - len(found)), *found]
    return found


def _entries(path: Path, n: int) -> list[dict[str, Any]]:
    size = 500 * (n + 1) + _LINE
    try:
        with path.open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - size))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    entries = []
    for line in lines[1:] if end > size else lines:  # the first one may have been cut
        with contextlib.suppress(ValueError):  # a line that a crash left half-written
            entry = json.loads(line)
            entries += [entry] if isinstance(entry, dict) else []
    return entries[len(entries) - min(n, len(entries)) :]
