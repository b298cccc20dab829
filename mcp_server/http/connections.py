"""Connections under deadlines.

aiohttp waits for ever for the rest of a request's head, and for a reader that stopped reading. So a gate stands between
the transport and aiohttp's own protocol: it passes everything on and notes when what was last heard or read. One task
looks at all gates twice a second, which costs a request two assignments and no timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from mcp_server.limits import Limits
from mcp_server.security.refusals import Refusals

SWEEP_SECONDS = 0.5
GRACE_SECONDS = 1.0


class Gate(asyncio.Protocol):
    """One connection.

    Parameters
    ----------
    inner
        aiohttp's protocol for it.
    connections
        All of them.

    Attributes
    ----------
    waiting_since
        When the head of a request began to arrive (loop time); None when none does.
    stalled_since
        When the peer stopped reading what is sent; None when it reads.
    proven
        Whether it has shown a right token.
    on_resume
        Called when the peer reads again.
    """

    __slots__ = (
        "_busy",
        "_connections",
        "_inner",
        "_refused",
        "on_resume",
        "opened",
        "proven",
        "stalled_since",
        "transport",
        "waiting_since",
    )

    def __init__(self, inner: asyncio.Protocol, connections: Connections) -> None:
        self._inner = inner
        self._connections = connections
        self._busy = False
        self._refused = False
        self.transport: asyncio.Transport | None = None
        self.opened = 0.0
        self.waiting_since: float | None = None
        self.stalled_since: float | None = None
        self.proven = False
        self.on_resume: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or hang up where there are too many."""
        self.transport = cast("asyncio.Transport", transport)
        self.opened = self.waiting_since = self._connections.time()
        if not self._connections.admit(self):
            self._refused = True
            self.transport.abort()
            return
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        if not self._refused:
            self._connections.forget(self)
            self._inner.connection_lost(exc)
        self.on_resume = None

    def data_received(self, data: bytes) -> None:
        """Pass it on; the first bytes of a request start its deadline."""
        if not self._busy and self.waiting_since is None:
            self.waiting_since = self._connections.time()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        """Note that the peer does not read."""
        self.stalled_since = self._connections.time()
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Note that it reads again."""
        self.stalled_since = None
        self._inner.resume_writing()
        if self.on_resume is not None:
            self.on_resume()

    def begin(self) -> None:
        """Note that the head of a request is complete."""
        self._busy = True
        self.waiting_since = None

    def end(self) -> None:
        """Note that the request has its answer."""
        self._busy = False

    def prove(self) -> None:
        """Note that it has shown a right token."""
        if not self.proven:
            self.proven = True
            self._connections.prove(self)

    def abort(self) -> None:
        """Hang up at once."""
        if self.transport is not None:
            self.transport.abort()

    @property
    def address(self) -> str:
        """Of the peer, without its port."""
        peer = self.transport.get_extra_info("peername") if self.transport is not None else None
        return str(peer[0]) if isinstance(peer, tuple) and peer else "unknown"


class Connections:
    """All connections of a server.

    Parameters
    ----------
    limits
        How many, and for how long.
    refusals
        Where those that were cut off are noted.
    time
        The loop's clock in seconds.
    """

    def __init__(self, limits: Limits, refusals: Refusals, time: Callable[[], float]) -> None:
        self._limits = limits
        self._refusals = refusals
        self.time = time
        self._all: set[Gate] = set()
        self._strangers: dict[Gate, None] = {}  # in the order in which they came

    def __len__(self) -> int:
        return len(self._all)

    def admit(self, gate: Gate) -> bool:
        """Take a connection in; where it is full, a stranger has to go, or else the newcomer.

        Returns
        -------
        bool
            Whether it may stay.
        """
        oldest = next(iter(self._strangers), None)
        if len(self._all) >= self._limits.connections:
            if oldest is None:
                self._refusals.add("connections", gate.address, "too many connections")
                return False
            self._cut(oldest, "connections", "too many connections: the oldest one without a token went")
        elif (
            oldest is not None
            and len(self._strangers) >= self._limits.strangers
            and self.time() - oldest.opened >= GRACE_SECONDS
        ):
            self._cut(oldest, "connections", "too many connections without a token: the oldest went")
        self._all.add(gate)
        self._strangers[gate] = None
        return True

    def prove(self, gate: Gate) -> None:
        """Note that it is no stranger any more."""
        self._strangers.pop(gate, None)

    def forget(self, gate: Gate) -> None:
        """Note that it has ended."""
        self._all.discard(gate)
        self._strangers.pop(gate, None)

    def sweep(self) -> None:
        """Hang up on whoever takes too long to ask, or to read."""
        now = self.time()
        for gate in tuple(self._all):
            if gate.waiting_since is not None and now - gate.waiting_since > self._limits.header_seconds:
                self._cut(gate, "slow", f"no whole request within {self._limits.header_seconds:g} s")
            elif gate.stalled_since is not None and now - gate.stalled_since > self._limits.socket_slow_seconds:
                self._cut(gate, "slow", f"read nothing for {self._limits.socket_slow_seconds:g} s")

    async def watch(self) -> None:
        """Sweep twice a second, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep()
            self._refusals.flush()

    def abort_all(self) -> None:
        """Hang up on everybody: the server stops."""
        for gate in tuple(self._all):
            gate.abort()

    def _cut(self, gate: Gate, reason: str, text: str) -> None:
        self._refusals.add(reason, gate.address, text)
        self.forget(gate)
        gate.abort()
