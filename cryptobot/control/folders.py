"""Where the processes of bots keep what they must find again."""

from __future__ import annotations

import os
import re
import secrets
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptobot.core.errors import ConfigError
from cryptobot.core.settings import Settings

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def checked_name(name: str) -> str:
    """Return a bot's name that can be a file's, too.

    Raises
    ------
    ConfigError
        If it cannot.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"name: {name!r} is not allowed. Give up to 64 letters, digits, `.`, `-` and `_`, beginning with a letter or "
            "digit, for example 'btc-trend'."
        )
    return name


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of this user's bots.

    Attributes
    ----------
    root
        The library's data directory.
    """

    root: Path

    @classmethod
    def find(cls) -> Self:
        """Return those that the settings name."""
        return cls(Settings.load().data_directory.absolute())

    @property
    def bots(self) -> Path:
        """State files, locks and what was launched: for their owner only."""
        return self.root / "bots"

    def journal(self, name: str) -> Path:
        """Return where a bot's journal lies unless its configuration says otherwise."""
        return self.root / "journals" / f"{name}.sqlite"

    def log(self, name: str) -> Path:
        """Return where the log of a bot's process lies."""
        return self.root / "logs" / f"{name}.jsonl"

    def of(self, name: str, ending: str) -> Path:
        """Return one of a bot's files in `bots`."""
        return self.bots / f"{checked_name(name)}.{ending}"

    def names(self, ending: str) -> list[str]:
        """Return the bots that have such a file, sorted."""
        return sorted(path.name.removesuffix(f".{ending}") for path in self.bots.glob(f"*.{ending}"))

    def make(self, name: str) -> None:
        """Make the folders that a bot's process writes to.

        Raises
        ------
        ConfigError
            If they cannot be made.
        """
        try:
            self.bots.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (self.journal(name), self.log(name)):
                path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{self.root}: cannot be written: {error.strerror}. Make it writable, or name another folder in the "
                "environment variable CRYPTOBOT_DATA_DIRECTORY."
            ) from error


def write_private(path: Path, content: bytes) -> None:
    """Write a file in one step, for its owner's eyes only.

    Raises
    ------
    ConfigError
        If it cannot be written.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}. Make its folder writable.") from error


def read_private(path: Path) -> bytes | None:
    """Return what a file holds; None if it is not there, or if others could have read or written it."""
    try:
        with path.open("rb") as file:
            if sys.platform != "win32":
                about = os.fstat(file.fileno())
                if about.st_uid != os.getuid() or about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                    return None
            return file.read()
    except OSError:
        return None
