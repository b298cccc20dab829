"""A disk that loses what was not synced, fills up and fails on command: for tests, as `SimulatedClock` is for time.

Fault model: one machine whose disk keeps what was synced. Of what was written after the last sync each sector of 512
bytes is kept or lost by itself, so that a later write may survive an earlier one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, cast

import apsw

_SECTOR: Final = 512
_NUMBERS: Final = itertools.count(1)


@dataclass(slots=True)
class _Content:
    """A file: what is certain, what a reader sees, and the steps between the two."""

    certain: bytearray = field(default_factory=bytearray)
    seen: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, bytes | None]] = field(default_factory=list)  # offset and data; None cuts the file there
    made: bool = False  # its name is certain
    locks: dict[int, int] = field(default_factory=dict)


class SimulatedDisk(apsw.VFS):
    """Files in memory, for `SqliteJournal(path, vfs=disk.vfs)`.

    Attributes
    ----------
    vfs
        The name that SQLite knows it by.
    changes
        How many writes, syncs and cuts there were.

    Examples
    --------
    >>> disk = SimulatedDisk()
    >>> connection = apsw.Connection("file", vfs=disk.vfs)
    >>> _ = connection.execute("CREATE TABLE t(x)")
    >>> disk.cut_power(Random(1))
    >>> disk.sizes()["file"]
    8192
    """

    def __init__(self) -> None:
        self.vfs = f"simulated-disk-{next(_NUMBERS)}"
        self.changes = 0
        self._files: dict[str, _Content] = {}
        self._gone: dict[str, _Content] = {}
        self._life = 0
        self._fault: tuple[int, int, Callable[[], Exception]] | None = None
        self._syncs = True
        super().__init__(name=self.vfs, base="")

    # -- for the test

    def kill(self) -> None:
        """End the process: what was written stays, and whoever has a file open can do no more."""
        self._life += 1
        for content in self._files.values():
            content.locks.clear()

    def cut_power(self, chance: Random) -> None:
        """End the machine: of what was not synced, chance decides sector by sector."""
        self.kill()
        for name, gone in self._gone.items():
            if chance.random() < 0.5:
                self._files.setdefault(name, gone)
        self._gone.clear()
        for name, content in list(self._files.items()):
            if not content.made and chance.random() < 0.5:
                del self._files[name]
                continue
            share = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
            for offset, data in content.since:
                _apply_some(content.certain, offset, data, lambda share=share: chance.random() < share)  # type: ignore[misc]
            content.seen = bytearray(content.certain)
            content.since.clear()
            content.made = True

    def fail(self, error: Callable[[], Exception], *, after: int = 0, times: int = 1_000_000) -> None:
        """Let changes fail, after so many more, so often; ``times`` until `heal` by default."""
        self._fault = (self.changes + after, times, error)

    def heal(self) -> None:
        """Let nothing fail any more."""
        self._fault = None

    def ignore_syncs(self) -> None:
        """Become a disk that says it has synced and has not."""
        self._syncs = False

    def sizes(self) -> dict[str, int]:
        """Return how many bytes each file has."""
        return {name: len(content.seen) for name, content in sorted(self._files.items())}

    def read(self, name: str) -> bytes:
        """Return a file's bytes."""
        return bytes(self._files[name].seen)

    def replace(self, name: str, data: bytes | None) -> None:
        """Put other bytes into a file, or remove it."""
        if data is None:
            self._files.pop(name, None)
        else:
            self._files[name] = _Content(bytearray(data), bytearray(data), made=True)

    def close(self) -> None:
        """Let SQLite forget the disk."""
        self.unregister()

    # -- for SQLite

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        """Open a file."""
        path = name if isinstance(name, str) else name.filename() if name is not None else f"temporary-{next(_NUMBERS)}"
        if path not in self._files:
            if not flags[0] & apsw.SQLITE_OPEN_CREATE:
                raise apsw.CantOpenError(f"no file {path}")
            self._files[path] = _Content()
        flags[1] = flags[0]
        return cast("apsw.VFSFile", _Handle(self, self._files[path]))  # SQLite needs its methods only

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        """Say whether a file is there."""
        return pathname in self._files

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        """Remove a file; without ``syncdir`` it may come back when the power is cut."""
        self.count(self._life)
        gone = self._files.pop(filename, None)
        if syncdir:
            self.sync_names()
        elif gone is not None:
            self._gone[filename] = gone

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        """Return the name: there are no folders."""
        return name

    def count(self, life: int) -> None:
        """Count a change; raise if the process is dead or the disk is to fail."""
        self.require_alive(life)
        self.changes += 1
        if self._fault is not None:
            first, times, error = self._fault
            if first < self.changes <= first + times:
                raise error()

    def require_alive(self, life: int) -> None:
        """Raise if the process that asks is dead."""
        if life != self._life:
            raise apsw.IOError("the process is dead")

    def sync_names(self) -> None:
        """Make sure of the folder: SQLite syncs it with the first sync of a new file."""
        self._gone.clear()
        for content in self._files.values():
            content.made = True

    @property
    def life(self) -> int:
        """Which process it is."""
        return self._life

    @property
    def syncs(self) -> bool:
        """Whether it keeps what it says it keeps."""
        return self._syncs


class _Handle:
    """An open file."""

    def __init__(self, disk: SimulatedDisk, content: _Content) -> None:
        self._disk, self._content, self._life = disk, content, disk.life

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._disk.require_alive(self._life)
        return bytes(self._content.seen[offset : offset + amount])

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        self._disk.count(self._life)
        data = bytes(data)
        _apply(self._content.seen, offset, data)
        self._content.since.append((offset, data))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.count(self._life)
        _apply(self._content.seen, size, None)
        self._content.since.append((size, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.count(self._life)
        if not self._disk.syncs:
            return
        for offset, data in self._content.since:
            _apply(self._content.certain, offset, data)
        self._content.since.clear()
        if not self._content.made:
            self._disk.sync_names()

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._content.seen)

    def xLock(self, level: int) -> None:  # noqa: N802
        self._disk.require_alive(self._life)
        others = max((held for owner, held in self._content.locks.items() if owner != id(self)), default=0)
        shared, reserved, exclusive = apsw.SQLITE_LOCK_SHARED, apsw.SQLITE_LOCK_RESERVED, apsw.SQLITE_LOCK_EXCLUSIVE
        if (
            (level == shared and others > reserved)
            or (level == reserved and others >= reserved)
            or (level == exclusive and others >= shared)
        ):
            raise apsw.BusyError("another has it")
        self._content.locks[id(self)] = max(level, self._content.locks.get(id(self), 0))

    def xUnlock(self, level: int) -> None:  # noqa: N802
        self._content.locks[id(self)] = level

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return any(held >= apsw.SQLITE_LOCK_RESERVED for held in self._content.locks.values())

    def xFileControl(self, op: int, pointer: int) -> bool:  # noqa: N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return _SECTOR

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xClose(self) -> None:  # noqa: N802
        if self._life == self._disk.life:
            self._content.locks.pop(id(self), None)


def _apply(target: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del target[offset:]
        return
    if len(target) < offset:
        target.extend(bytes(offset - len(target)))
    target[offset : offset + len(data)] = data


def _apply_some(target: bytearray, offset: int, data: bytes | None, kept: Callable[[], bool]) -> None:
    """Apply a write sector by sector, as far as each is kept."""
    if data is None:
        if kept():
            _apply(target, offset, None)
        return
    start = 0
    while start < len(data):
        end = min(len(data), start + _SECTOR - (offset + start) % _SECTOR)
        if kept():
            _apply(target, offset + start, data[start:end])
        start = end
