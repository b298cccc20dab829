"""One writer a journal: a lock that the operating system lets go of when its process ends, however it ends."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO, Final

from cryptobot.core.errors import JournalError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# Far behind the text, because on Windows nobody can read a byte that is locked.
_BYTE: Final = 1 << 20
# A process that ends lets go within moments; a bot that is started anew right then need not be refused.
_TRIES: Final = 10
_PAUSE: Final = 0.02


class WriterLock:
    """Held by the one process that writes.

    Parameters
    ----------
    journal
        The journal's file; the lock is a file of its own beside it.

    Raises
    ------
    JournalError
        If another process, or another journal object of this one, holds it; or the folder cannot be written.
    """

    def __init__(self, journal: Path) -> None:
        path = journal.with_name(journal.name + ".lock")
        try:
            self._file: IO[bytes] = path.open("a+b")
        except OSError as error:
            raise JournalError(
                f"journal {journal}: cannot be written: {error}. Give a folder that exists and may be written."
            ) from error
        for left in reversed(range(_TRIES)):
            if _take(self._file):
                break
            if left:
                time.sleep(_PAUSE)
        else:
            holder = _read(self._file)
            self._file.close()
            raise JournalError(
                f"journal {journal}: process {holder} writes it already, and one writer is all it may have. Use the bot "
                "that runs there, or stop it first."
            )
        self._file.seek(0)
        self._file.truncate()
        self._file.write(str(os.getpid()).encode())
        self._file.flush()

    def release(self) -> None:
        """Let go; may be called twice."""
        if not self._file.closed:
            _drop(self._file)
            self._file.close()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(20).decode("ascii", "replace").strip() or "another"


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
