"""A lock among processes, which the operating system lets go of when its holder ends, however it ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO, Final

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Far behind the text, because on Windows nobody can read a byte that is locked.
_BYTE: Final = 1 << 20
# A process that ends lets go within moments, and who looks whether a lock is free holds it for one: neither is a holder.
_MOMENTS: Final = 0.2
_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.25


class FileLock:
    """A file that one holder at a time may lock; threads and further objects of one process exclude each other, too.

    Parameters
    ----------
    path
        The lock's file, in a folder that exists; it stays, and means nothing by itself.
    owner
        For whom it is held, in words that whoever comes second understands; the process's number is added.

    Attributes
    ----------
    holder
        Who held it when `take` failed, such as ``"process 4711"``.
    """

    def __init__(self, path: Path, owner: str = "") -> None:
        self._path = path
        self._text = f"{owner}, process {os.getpid()}" if owner else f"process {os.getpid()}"
        self._file: IO[bytes] | None = None
        self.holder = ""

    def take(self, seconds: float = _MOMENTS) -> bool:
        """Hold it from now on, and say whether that succeeded.

        Parameters
        ----------
        seconds
            How long to wait for another holder.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        file = self._path.open("a+b")
        try:
            taken = _taken(file, seconds)
            if taken:
                file.truncate(0)
                file.write(self._text.encode())
                file.flush()
            else:
                file.seek(0)
                self.holder = file.read(200).decode("utf-8", "replace").strip() or "another process"
        except BaseException:
            file.close()
            raise
        if taken:
            self._file = file
        else:
            file.close()
        return taken

    def release(self) -> None:
        """Let go; may be called twice."""
        if self._file is not None:
            _drop(self._file)
            self._file.close()
            self._file = None


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock of a file; one that is not there is free."""
    try:
        with path.open("r+b") as file:
            free = _try(file)
            if free:
                _drop(file)
            return free
    except FileNotFoundError:
        return True


def _taken(file: IO[bytes], seconds: float) -> bool:
    deadline, pause = time.monotonic() + seconds, _PAUSE
    while not _try(file):
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    return True


def _try(file: IO[bytes]) -> bool:
    try:
        if sys.platform == "win32":
            file.seek(_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # it is held; anything else is a fault of the file system
        return False
    return True


def _drop(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        file.seek(_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)
