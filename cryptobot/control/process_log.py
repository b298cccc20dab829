"""The log of a bot's process: a file that does not grow without bound."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

_BYTES: Final = 5_000_000
_FILES: Final = 3
_NAMES: Final = ("cryptobot", "mcp_server")


class _Lines(logging.Formatter):
    """One line an entry, with the time in UTC; a traceback follows it indented."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\n    ")


LINES: Final = _Lines("%(asctime)s.%(msecs)03d %(levelname)-7s %(message)s", "%Y-%m-%d %H:%M:%S")


@contextlib.contextmanager
def write_log(path: Path) -> Iterator[None]:
    """Write what the library logs to a file, until the end of the block.

    Parameters
    ----------
    path
        The file. Beside it lie up to three older ones of 5 MB.
    """
    handler = RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_FILES, encoding="utf-8", delay=True)
    with added(handler, logging.DEBUG):
        yield


@contextlib.contextmanager
def added(handler: logging.Handler, level: int) -> Iterator[None]:
    """Send what the library logs to a handler, too, until the end of the block."""
    handler.setFormatter(LINES)
    handler.setLevel(level)
    loggers = [logging.getLogger(name) for name in _NAMES]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        for logger, old in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(old)
        handler.close()


def tail(path: Path, n: int) -> list[str]:
    """Return the newest n lines of a log, oldest first; none where there is no log."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 500 * (n + 1)))
            return file.read().decode("utf-8", "replace").splitlines()[-n:] if n else []
    except OSError:
        return []
