"""Where a bot's process is written down, so that every notebook and script of its user finds it."""

from __future__ import annotations

import contextlib
import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from cryptobot.control.folders import Folders, read_private, write_private
from cryptobot.core import errors
from cryptobot.core.errors import CryptobotError
from cryptobot.core.secrecy import keep_secret

ENDING: Final = "state.json"


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A bot's process, as it wrote itself down. Whether it still lives is asked over HTTP, never told by this.

    Attributes
    ----------
    name, mode
        Of the bot.
    pid, port
        Of the process; it listens on 127.0.0.1.
    token
        To ask it anything with.
    started
        Nanoseconds since 1970-01-01 UTC.
    launch
        Which launch made it, or an empty text.
    library
        Version of cryptobot that it runs.
    """

    name: str
    mode: str
    pid: int
    port: int
    token: str = field(repr=False)
    started: int
    launch: str
    library: str


def new_token() -> str:
    """Return a token of 256 random bits."""
    token = secrets.token_urlsafe(32)
    keep_secret(token)
    return token


def write(folders: Folders, state: ProcessState) -> Path:
    """Write a state file in one step, for its owner's eyes only."""
    path = folders.of(state.name, ENDING)
    write_private(path, json.dumps(asdict(state)).encode())
    return path


def read(folders: Folders, name: str) -> ProcessState | None:
    """Return what a bot's process wrote down; None if there is nothing, or others could have written it."""
    content = read_private(folders.of(name, ENDING))
    try:
        return None if content is None else ProcessState(**json.loads(content))
    except (ValueError, TypeError):
        return None


def remove(folders: Folders, state: ProcessState) -> None:
    """Remove a process's own state file; that of a later one stays."""
    if read(folders, state.name) == state:
        with contextlib.suppress(OSError):
            folders.of(state.name, ENDING).unlink()


def write_failure(folders: Folders, name: str, launch: str, error: CryptobotError) -> None:
    """Leave word, for whoever launched it, of why a process could not start."""
    told = {"kind": type(error).__name__, "text": str(error)}
    write_private(folders.of(name, f"{launch}.failed.json"), json.dumps(told).encode())


def take_failure(folders: Folders, name: str, launch: str) -> CryptobotError | None:
    """Return why a process could not start, if it left word, and remove the word."""
    path = folders.of(name, f"{launch}.failed.json")
    content = read_private(path)
    if content is None:
        return None
    with contextlib.suppress(OSError):
        path.unlink()
    told = json.loads(content)
    return error_of(told["kind"], told["text"])


def error_of(kind: str, text: str) -> CryptobotError:
    """Return an error as another process raised it: one of `cryptobot.core.errors`, or their root."""
    from cryptobot.control.gone import BotGoneError
    from cryptobot.control.locks import TakenError

    known = {cls.__name__: cls for cls in (TakenError, BotGoneError)}
    cls = known.get(kind) or getattr(errors, kind, None)
    if not (isinstance(cls, type) and issubclass(cls, CryptobotError)):
        cls = CryptobotError
    return cls(text)
