"""Which names this server answers to and which pages may ask it.

A page anywhere on the web can make a browser send requests to 127.0.0.1, and by rebinding its own name can even read
the answers. Both show in headers that a page cannot forge: `Host` and `Origin`.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from mcp_server.errors import StartError

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")


class Places:
    """The allow-lists of hosts and origins.

    Parameters
    ----------
    port
        Of the server: a local name counts with this port only.
    scheme
        ``"http"`` or ``"https"``.
    hosts
        Further names, as they stand in the ``Host`` header, for example ``"bot.example.org"`` behind a proxy.
    origins
        Further pages that may ask, for example ``"http://localhost:8888"``.

    Raises
    ------
    StartError
        If a host or an origin is not written as one.
    """

    __slots__ = ("_hosts", "_listed", "_own")

    def __init__(self, port: int, scheme: str, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        extra = [_host(host) for host in hosts]
        self._hosts = frozenset([f"{name}:{port}" for name in LOCAL_NAMES] + extra)
        self._own = frozenset(
            f"{kind}://{host}" for host in self._hosts for kind in {scheme, *(["https"] if extra else [])}
        )
        self._listed = frozenset(_origin(origin) for origin in origins)

    def host_allowed(self, host: str | None) -> bool:
        """Whether the server answers to this ``Host`` header."""
        return host is not None and host.lower() in self._hosts

    def origin_allowed(self, origin: str | None) -> bool:
        """Whether a request with this ``Origin`` header may be answered: none, our own page, or a listed one."""
        return origin is None or origin in self._listed or origin in self._own

    def shared_with(self, origin: str | None) -> bool:
        """Whether a page of this origin may read answers across origins."""
        return origin is not None and origin in self._listed


def _host(host: str) -> str:
    parts = urlsplit(f"//{host}")
    if not parts.hostname or parts.netloc != host or parts.username is not None or "*" in host:
        raise StartError(
            f"hosts: {host!r} is not a host. Write it as in the Host header: 'bot.example.org' or 'name:8443'."
        )
    return host.lower()


def _origin(origin: str) -> str:
    parts = urlsplit(origin)
    whole = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme not in ("http", "https") or not parts.hostname or origin != whole or "*" in origin:
        raise StartError(f"origins: {origin!r} is not an origin. Write it as 'http://localhost:8888', without a path.")
    return origin
