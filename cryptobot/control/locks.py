"""One process a bot's name, and one bot an account: locks that the system lets go of however their process ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO, Final, Self

from cryptobot.core.errors import ConfigError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Far behind the text, because on Windows nobody can read a byte that is locked.
_BYTE: Final = 1 << 20
# Who looks whether a lock is free holds it for a moment; nobody is refused for that.
_TRIES: Final = 10
_PAUSE: Final = 0.02


class TakenError(ConfigError):
    """Another process holds the lock."""


class ProcessLock:
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
        try:
            self._file: IO[bytes] = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        except OSError as error:
            raise ConfigError(f"{path}: cannot be written: {error.strerror}. Make its folder writable.") from error
        for left in reversed(range(_TRIES)):
            if _take(self._file):
                break
            if left:
                time.sleep(_PAUSE)
        else:
            holder = _read(self._file)
            self._file.close()
            raise TakenError(refusal.format(holder=holder))
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{owner}, process {os.getpid()}".encode())
        self._file.flush()

    def release(self) -> None:
        """Let go; may be called twice."""
        if not self._file.closed:
            _drop(self._file)
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


def is_free(path: Path) -> bool:
    """Whether no process holds a lock."""
    try:
        with path.open("r+b") as file:
            free = _take(file)
            if free:
                _drop(file)
            return free
    except FileNotFoundError:
        return True


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(200).decode("utf-8", "replace").strip() or "another process"


def _take(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            file.seek(_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _drop(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)
