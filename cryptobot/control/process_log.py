"""The log of a bot's process: a file of JSON lines that does not grow without bound."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
from collections import deque
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Final

from cryptobot.core.logs import JsonLines, listening

_BYTES: Final = 5_000_000
_FILES: Final = 3
# Seconds until a line is written.
_SOON: Final = 0.05
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
    file = _File(path, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8", delay=True)
    file.setFormatter(JsonLines())
    aside = _Aside(file)
    aside.start()
    try:
        with listening(aside, JsonLines(), logging.DEBUG):
            yield
    finally:
        aside.finish()


class _File(RotatingFileHandler):
    """Counts what a full or failing disk does not take: the bot's own words about that disk are what people must read."""

    lost = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that `logging` calls
        """Leave a line out and begin anew with the next one."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)
            return
        self.lost += 1
        stream, self.stream = self.stream, None  # it is opened again by the next line
        if stream is not None:
            with contextlib.suppress(OSError):  # it holds the rest of that line, which nobody will take
                stream.close()


class _Aside(logging.Handler):
    """Puts lines aside for a thread that writes them, so that no disk holds a bar up; nobody is woken for a line."""

    def __init__(self, file: _File) -> None:
        super().__init__()
        self._file = file
        self._lines: deque[logging.LogRecord] = deque()
        self._lost = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cryptobot-log", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a line; a queue needs no lock."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line, if there is room; its own logger has made it fit to be shown."""
        if len(self._lines) < _WAITING:
            self._lines.append(record)
        else:
            self._lost += 1

    def finish(self) -> None:
        """Write what waits, and let go of the file."""
        self._end.set()
        self._thread.join()
        if lost := self._lost + self._file.lost:
            self._file.handle(_lost(lost))
        self._file.close()

    def _run(self) -> None:
        over = False
        while not over:
            over = self._end.wait(_SOON)
            while self._lines:
                self._file.handle(self._lines.popleft())


def _lost(lines: int) -> logging.LogRecord:
    were = "1 line was" if lines == 1 else f"{lines:,} lines were"
    text = f"{were} left out of this file, because the disk did not take them, or not in time."
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
