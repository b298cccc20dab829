"""Which journal is meant."""

from __future__ import annotations

from pathlib import Path

from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed


def journal_of(given: str) -> Path:
    """Return the file that is meant: a path, or the name of a bot that has a journal.

    Raises
    ------
    ConfigError
        If it is neither; the message names the closest.
    """
    from cryptobot.control.folders import Folders, checked_name
    from cryptobot.control.journal_place import known_journal

    path = Path(given).expanduser()
    if path.is_file():
        return path
    folders = Folders.find()
    folder = folders.root / "journals"
    known = sorted({one.stem for one in folder.glob("*.sqlite")} | set(folders.names("journal.json")))
    if given in known:
        elsewhere = known_journal(folders, checked_name(given))
        return elsewhere if elsewhere is not None and elsewhere.is_file() else folder / f"{given}.sqlite"
    have = f" There are {listed(known)} in {folder}." if known else f" There is none in {folder} either."
    raise ConfigError(f"journal: {given!r} is neither a file nor a bot with a journal.{closest(given, known)}{have}")
