"""The price server: REST, WebSocket and the Model Context Protocol on this machine, safe by default.

A leaf beside cryptobot that knows nothing of it: it asks a `Backend`. Names load on first use, so that importing the
package costs nothing.

Examples
--------
>>> from mcp_server import Limits
>>> Limits().backtests
2
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_server.backend import Backend
    from mcp_server.client.asynchronous import AsyncPriceClient
    from mcp_server.client.synchronous import PriceClient
    from mcp_server.limits import Limits
    from mcp_server.memory import MemoryBackend
    from mcp_server.server import PriceServer

_HOMES = {
    "AsyncPriceClient": "mcp_server.client.asynchronous",
    "Backend": "mcp_server.backend",
    "Limits": "mcp_server.limits",
    "MemoryBackend": "mcp_server.memory",
    "PriceClient": "mcp_server.client.synchronous",
    "PriceServer": "mcp_server.server",
}

__all__ = ["AsyncPriceClient", "Backend", "Limits", "MemoryBackend", "PriceClient", "PriceServer"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'mcp_server' has no attribute {name!r}. It has: {', '.join(__all__)}.")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
