"""Finding the server that runs on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_server import state_file
from mcp_server.errors import NotRunning
from mcp_server.words import closest, listed

if TYPE_CHECKING:
    import aiohttp

HOW = "Start one: `cryptobot serve` in a shell, or `cb.PriceServer(bot).start()` in the notebook."


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and what opens it.

    Attributes
    ----------
    url
        Such as ``"http://127.0.0.1:8808"``.
    token
        Read or control token.
    """

    url: str
    token: str = field(repr=False)


async def find(session: aiohttp.ClientSession, folder: Path, name: str | None = None) -> Address:
    """Return the newest server of this user that answers.

    Parameters
    ----------
    session
        To ask with.
    folder
        Of the state files.
    name
        Of its backend; None takes any.

    Raises
    ------
    NotRunning
        If there is none; with the way to start one.
    """
    known = state_file.found(folder)
    fitting = [state for _, state in known if name is None or state.name == name]
    if known and not fitting:
        names = sorted({state.name for _, state in known})
        raise NotRunning(f"No server is called `{name}`.{closest(str(name), names)} Running: {listed(names)}.")
    for state in fitting:
        if await answers(session, state.url):
            return Address(state.url, state.token)
    raise NotRunning(f"No price server runs for this user (looked in {folder}). {HOW}")


async def answers(session: aiohttp.ClientSession, url: str) -> bool:
    """Whether a price server answers there. No token is sent: another program may have taken its port."""
    try:
        async with session.get(f"{url}/health", allow_redirects=False) as answer:
            found = await answer.json()
    except (TimeoutError, OSError, ValueError):
        return False
    except Exception as error:
        import aiohttp  # noqa: PLC0415 - the package must import without it

        if isinstance(error, aiohttp.ClientError):
            return False
        raise
    return isinstance(found, dict) and found.get("service") == "cryptobot price server"
