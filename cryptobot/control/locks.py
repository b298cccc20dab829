"""One process a bot's name, and one bot an account."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from cryptobot.core.errors import ConfigError
from cryptobot.core.file_lock import FileLock


class TakenError(ConfigError):
    """Another process holds the lock."""


class ProcessLock(FileLock):
    """Held from making it until `release`, or until the process ends.

    Parameters
    ----------
    path
        The lock's file; it stays, and means nothing by itself.
    owner
        For whom, in words that the one who is refused understands.
    refusal
        What to tell whoever comes second: what is taken, and what to do. ``{holder}`` becomes the one who holds it.

    Raises
    ------
    TakenError
        If another process, or another lock object of this one, holds it.
    ConfigError
        If the file cannot be written.
    """

    def __init__(self, path: Path, owner: str, refusal: str) -> None:
        super().__init__(path, owner)
        try:
            taken = self.take()
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written: {error.strerror}. Make its folder writable.") from error
        if not taken:
            raise TakenError(refusal.format(holder=self.holder))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
