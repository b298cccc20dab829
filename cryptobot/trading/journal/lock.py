"""One writer a journal."""

from __future__ import annotations

from pathlib import Path

from cryptobot.core.errors import JournalError
from cryptobot.core.file_lock import FileLock


def lock_of(journal: Path) -> Path:
    """Return where the lock of a journal lies: beside it."""
    return journal.with_name(journal.name + ".lock")


class WriterLock(FileLock):
    """Held by the one process that writes, from making it until `release`, or until the process ends.

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
        super().__init__(lock_of(journal))
        try:
            taken = self.take()
        except OSError as error:
            raise JournalError(
                f"journal {journal}: cannot be written: {error}. Give a folder that exists and may be written."
            ) from error
        if not taken:
            raise JournalError(
                f"journal {journal}: {self.holder} writes it already, and one writer is all it may have. Use the bot "
                "that runs there, or stop it first."
            )
