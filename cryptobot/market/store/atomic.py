"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")

_ENDING: Final = ".tmp"
_PATIENCE: Final = 10.0


def write(path: Path, content: bytes) -> None:
    """Put a file in the place of another in one step: readers see the old one or the new one, never a part.

    Raises
    ------
    OSError
        If it cannot be written; then the old one stays.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_ENDING}")
    try:
        with fresh.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the new name on an empty file
        _replace(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def sweep(folder: Path) -> None:
    """Remove what writers left behind that were killed; nobody else may be writing in the folder."""
    for orphan in folder.glob(f".*{_ENDING}"):
        orphan.unlink(missing_ok=True)


def read(path: Path) -> bytes | None:
    """Return a file's content, or None if there is no such file."""
    return _patiently(lambda: _content(path))


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _replace(fresh: Path, path: Path) -> None:
    _patiently(lambda: fresh.replace(path))


def _patiently(work: Callable[[], T]) -> T:
    """Do it again for a while if the file is in use, which only Windows knows."""
    deadline = time.monotonic() + (_PATIENCE if sys.platform == "win32" else 0.0)
    while True:
        try:
            return work()
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


def _sync(folder: Path) -> None:
    """Have the new name itself written to disk, where folders can be opened for that (not on Windows)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
