"""What is kept on disk: room for it, the bots' processes, journals and logs, the store of bars."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from cryptobot.control import state_file
from cryptobot.control.checkup.finding import Finding
from cryptobot.control.folders import Folders
from cryptobot.control.journal_place import known_journal
from cryptobot.core.file_lock import is_free
from cryptobot.core.text import count

_LEAST: Final = 1_000_000_000
# Checking a journal reads all of it.
_LARGE: Final = 200_000_000
_PARTS: Final = 2_000


def files(folders: Folders) -> list[Finding]:
    """Look at the data directory and what lies in it."""
    return [_disk(folders.root), *_private(folders), *_bots(folders), *_journals(folders), _store(folders.root)]


def _disk(root: Path) -> Finding:
    advice = "Make it writable, or name another folder in the environment variable CRYPTOBOT_DATA_DIRECTORY."
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root) as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(root).free
    except OSError as error:
        return Finding("disk", "bad", f"{root}: {error.strerror}", advice)
    seen = f"{root}: {free / 1e9:,.1f} GB free"
    if free < _LEAST:
        return Finding("disk", "bad", seen, "Make room: a bot whose journal cannot be written buys nothing more.")
    return Finding("disk", "ok", seen)


def _private(folders: Folders) -> list[Finding]:
    if sys.platform == "win32" or not folders.bots.is_dir():
        return []
    open_to_others = [path for path in (folders.bots, *folders.bots.glob("*.json")) if path.stat().st_mode & 0o077]
    if not open_to_others:
        return []
    advice = f"chmod -R go-rwx {folders.bots}; then launch anew the bots that run, for their tokens may have been read."
    return [Finding("tokens", "bad", f"others may read {open_to_others[0]}", advice)]


def _bots(folders: Folders) -> list[Finding]:
    found = []
    for name in folders.names(state_file.ENDING):
        if is_free(folders.of(name, "lock")):
            advice = f"It goes on from its journal: launch it again, and look at its log first: cryptobot logs {name}."
            found.append(Finding(f"bot {name}", "missing", "its process has ended without saying so", advice))
        else:
            found.append(Finding(f"bot {name}", "ok", "its process is there"))
    return found


def _journals(folders: Folders) -> list[Finding]:
    from cryptobot.trading.journal.sqlite import SqliteJournal

    paths = {path.stem: path for path in (folders.root / "journals").glob("*.sqlite")}
    for name in folders.names("journal.json"):
        elsewhere = known_journal(folders, name)
        if elsewhere is not None:
            paths[name] = elsewhere
    found = []
    for name, path in sorted(paths.items()):
        size = path.stat().st_size if path.is_file() else 0
        if size > _LARGE:
            advice = f"It grows with every bar. Check it: cryptobot journal check {path}. --new-journal begins another."
            found.append(Finding(f"journal {name}", "ok", f"{size / 1e6:,.0f} MB, not read here", advice))
            continue
        health = SqliteJournal.check(path)
        if health.ok:
            found.append(Finding(f"journal {name}", "ok", f"{count(health.good, 'record')}, {size / 1e6:,.1f} MB"))
        else:
            state = "missing" if health.usable else "bad"
            found.append(Finding(f"journal {name}", state, health.text, f"See: cryptobot journal check {path}."))  # type: ignore[arg-type]
    return found or [Finding("journals", "ok", "none yet")]


def _store(root: Path) -> Finding:
    """Look at the files of bars: their newest ones are read whole."""
    from cryptobot.core.errors import CryptobotError
    from cryptobot.core.timeframe import Timeframe
    from cryptobot.market.store.layout import SeriesName
    from cryptobot.market.store.part import decode

    folder = root / "bars"
    parts = sorted(folder.glob("*/*/*/*.parquet"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in parts[:_PARTS]:
        exchange, market, timeframe = path.relative_to(folder).parts[:3]
        try:
            decode(
                path.read_bytes(), SeriesName(exchange, market.replace("-", "/"), Timeframe.parse(timeframe)), str(path)
            )
        except (CryptobotError, OSError, ValueError) as error:
            return Finding(
                "store", "bad", f"{path}: {error}", "Remove the file; `cryptobot download` fetches it again."
            )
    seen = f"{len(parts):,} files of bars in {folder}" if parts else "no bars stored yet"
    return Finding("store", "ok", seen)
