"""One writer at a time, also among processes and on every platform."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from cryptobot.core.errors import ConfigError

_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.25

# The system lets go of either lock when its process ends, however it ends: no lock is ever left behind.
if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _give(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _give(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


@contextlib.contextmanager
def locked(folder: Path, *, seconds: float = 60.0) -> Iterator[None]:
    """Hold a folder's lock; threads of one process exclude each other, too.

    Parameters
    ----------
    folder
        An existing folder; the lock is its file ``.lock``, which stays.
    seconds
        How long to wait for another writer. Writers hold it for one file only.

    Raises
    ------
    ConfigError
        If another writer keeps it longer than that.
    """
    with (folder / ".lock").open("a+b") as file:
        deadline, pause = time.monotonic() + seconds, _PAUSE
        while not _take(file):
            if time.monotonic() >= deadline:
                raise ConfigError(
                    f"{folder}: another process has been writing here for more than {seconds:g} s. Wait for it or end "
                    "it, then try again; what is stored is safe."
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        try:
            yield
        finally:
            _give(file)
