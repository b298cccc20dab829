"""Where a journal lies: its file and its log, read as plain bytes without disturbing them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from cryptobot.trading.journal.layout import PAGE, Mark

# A write-ahead log is 32 bytes and then frames: 24 bytes (page, size of the file if this frame commits, two salts, two
# checksums) and a page. https://sqlite.org/fileformat2.html#walformat
_HEAD: Final = 32
_FRAME: Final = 24 + PAGE


@dataclass(frozen=True, slots=True)
class Place:
    """A journal's file and its log.

    Attributes
    ----------
    path
        The file.
    vfs
        Name of SQLite's file system that it lies in; None is the ordinary one.
    """

    path: Path
    vfs: str | None = None

    @property
    def name(self) -> str:
        """What SQLite calls the file."""
        return str(self.path)

    def size(self, *, log: bool = False) -> int | None:
        """Return how many bytes the file (or its log) has; None if it does not exist."""
        file = self._open(log)
        if file is None:
            return None
        try:
            return file.xFileSize()
        finally:
            file.xClose()

    def raw(self, first: int, length: int, *, log: bool = False) -> bytes:
        """Return so many bytes from a place on, fewer where the file ends."""
        file = self._open(log)
        if file is None:
            return b""
        try:
            length = max(0, min(length, file.xFileSize() - first))
            return file.xRead(length, first) if length else b""
        finally:
            file.xClose()

    def clear(self) -> None:
        """Cut the file to nothing, for a journal whose making was cut short."""
        file = apsw.VFSFile(self.vfs or "", self.name, [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READWRITE, 0])
        try:
            file.xTruncate(0)
            file.xSync(apsw.SQLITE_SYNC_NORMAL)
        finally:
            file.xClose()

    def lost_reach(self) -> int:
        """Return the highest record number that a whole transaction in the log reached, whether SQLite takes it or not.

        SQLite takes the log up to the first frame that is not as it was written, and drops the rest without a word.
        """
        return max((mark.number for mark in self._logged()), default=0)

    def anywhere(self) -> list[Mark]:
        """Return every mark in the file and in its log: what a damaged journal is known to have reached."""
        found = list(self._logged())
        size = self.size() or 0
        for start in range(0, size, PAGE * 256):
            found += Mark.all_in(self.raw(start, PAGE * 256))
        return found

    def _logged(self) -> Iterator[Mark]:
        size = self.size(log=True) or 0
        log = self.raw(0, size, log=True)
        waiting: list[tuple[bytes, Mark]] = []
        for start in range(_HEAD, size - _FRAME + 1, _FRAME):
            commits, salts = log[start + 4 : start + 8] != bytes(4), log[start + 8 : start + 16]
            waiting += [(salts, mark) for mark in Mark.all_in(log[start + 24 : start + _FRAME])]
            if commits:
                yield from (mark for written, mark in waiting if written == salts)
                waiting.clear()

    def set_aside(self) -> Path | None:
        """Copy the file and its log under another name; None where the file system is not the ordinary one."""
        if self.vfs is not None:
            return None
        number = 1
        while (copy := self.path.with_name(f"{self.path.stem}.damaged-{number}{self.path.suffix}")).exists():
            number += 1
        shutil.copy2(self.path, copy)
        log = self.path.with_name(self.path.name + "-wal")
        if log.exists():
            shutil.copy2(log, copy.with_name(copy.name + "-wal"))
        return copy

    def _open(self, log: bool) -> apsw.VFSFile | None:
        # Through SQLite: closing a file that was opened otherwise would let go of the locks that SQLite has on it.
        name = self.name + "-wal" if log else self.name
        try:
            return apsw.VFSFile(self.vfs or "", name, [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READONLY, 0])
        except apsw.CantOpenError:
            return None
