"""Where running servers are written down, so that clients on this machine find them: address and read token.

One file a server, readable by its owner only and replaced in one step. A file that a killed process left behind does no
harm: whoever reads it asks the server before believing it, and the next server of this user sweeps it away.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from mcp_server.errors import StartError

DIRECTORY = "CRYPTOBOT_SERVER_DIRECTORY"
"""Environment variable that names the folder of the state files."""


@dataclass(frozen=True, slots=True)
class ServerState:
    """A running server.

    Attributes
    ----------
    url
        Such as ``"http://127.0.0.1:8808"``.
    token
        To read with.
    pid
        Of its process.
    name
        Of its backend.
    started
        Nanoseconds since 1970-01-01 UTC.
    """

    url: str
    token: str = field(repr=False)
    pid: int
    name: str
    started: int


def usual() -> Path:
    """Return the folder of the state files where nobody names another one."""
    return Path.home() / ".cryptobot" / "servers"


def directory(given: Path | str | None = None) -> Path:
    """Return the folder of the state files: the given one, the environment's, or one in the user's home."""
    if given is not None:
        return Path(given).expanduser()
    named = os.environ.get(DIRECTORY)
    return Path(named).expanduser() if named else usual()


def write(folder: Path, state: ServerState, port: int) -> Path:
    """Write a state file in one step, for its owner's eyes only.

    Raises
    ------
    StartError
        If the folder cannot be written.
    """
    path = folder / f"server-{state.pid}-{port}.json"
    fresh = folder / f".{path.name}.{secrets.token_hex(4)}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(state), file)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StartError(
            f"The state file cannot be written in {folder}: {error.strerror}. Make the folder writable, or name another "
            f"one: PriceServer(..., state_directory=...) or the environment variable {DIRECTORY}."
        ) from error
    return path


def remove(path: Path) -> None:
    """Remove a state file; one that is gone already is no fault."""
    with contextlib.suppress(OSError):
        path.unlink()


def read(path: Path) -> ServerState | None:
    """Read a state file; None if it is none, or if others could have read or written it."""
    try:
        if sys.platform != "win32":
            about = path.stat()
            if about.st_uid != os.getuid() or about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                return None
        found = json.loads(path.read_text("utf-8"))
        state = ServerState(
            url=str(found["url"]),
            token=str(found["token"]),
            pid=int(found["pid"]),
            name=str(found["name"]),
            started=int(found["started"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state


def found(folder: Path) -> list[tuple[Path, ServerState]]:
    """Return the state files of a folder, newest server first."""
    states = ((path, read(path)) for path in sorted(folder.glob("server-*.json")))
    known = [(path, state) for path, state in states if state is not None]
    return sorted(known, key=lambda item: item[1].started, reverse=True)


def sweep(folder: Path) -> None:
    """Remove the files of processes that are gone."""
    for path, state in found(folder):
        if not _alive(state.pid):
            remove(path)


def _alive(pid: int) -> bool:
    if sys.platform == "win32":
        return True  # asking would need a signal, which ends a process there; clients find out by asking the server
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
