"""One writer at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from cryptobot.core.errors import ConfigError
from cryptobot.core.file_lock import FileLock


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
    lock = FileLock(folder / ".lock")
    if not lock.take(seconds):
        raise ConfigError(
            f"{folder}: {lock.holder} has been writing here for more than {seconds:g} s. Wait for it or end it, then try "
            "again; what is stored is safe."
        )
    try:
        yield
    finally:
        lock.release()
