"""Everybody who listens on `/ws`.

A message is written once and handed to every transport at once. Where the peer's buffer is full it waits in a queue of
its own that drops the oldest; a peer that reads nothing for a while is dropped by the sweep of connections.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from mcp_server.http.connections import Gate
from mcp_server.stream.frames import text_frame


class Peer:
    """One listener.

    Parameters
    ----------
    gate
        Its connection.
    transport
        What is written to.
    queue
        How many frames are kept while it does not read.
    symbols, kinds
        What it asked for; None is everything.

    Attributes
    ----------
    dropped
        How many frames it has missed.
    """

    __slots__ = ("_gate", "_held", "_queue", "_transport", "dropped", "kinds", "symbols")

    def __init__(
        self,
        gate: Gate,
        transport: asyncio.Transport,
        queue: int,
        symbols: frozenset[str] | None,
        kinds: frozenset[str] | None,
    ) -> None:
        self._gate = gate
        self._transport = transport
        self._queue: deque[bytes] = deque(maxlen=queue)
        self._held = True
        self.symbols = symbols
        self.kinds = kinds
        self.dropped = 0
        gate.on_resume = self.flush

    def begin(self, first: bytes) -> None:
        """Send the snapshot, then what has happened while it was made."""
        self._transport.write(first)
        self._held = False
        self.flush()

    def send(self, frame: bytes) -> None:
        """Send a frame now, or when the peer reads again."""
        if self._gate.stalled_since is None and not self._held:
            if not self._transport.is_closing():
                self._transport.write(frame)
            return
        if len(self._queue) == self._queue.maxlen:
            self.dropped += 1
        self._queue.append(frame)

    def flush(self) -> None:
        """Send what has waited, as far as the peer reads."""
        while self._queue and not self._held and self._gate.stalled_since is None and not self._transport.is_closing():
            self._transport.write(self._queue.popleft())

    def wants(self, kind: str, symbol: str) -> bool:
        """Whether it asked for this."""
        return (self.kinds is None or kind in self.kinds) and (self.symbols is None or symbol in self.symbols)


class Hub:
    """All listeners.

    Parameters
    ----------
    most
        How many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._everything: set[Peer] = set()
        self._choosy: set[Peer] = set()
        self.number = 0

    def __len__(self) -> int:
        return len(self._everything) + len(self._choosy)

    @property
    def full(self) -> bool:
        """Whether nobody else may listen."""
        return len(self) >= self._most

    def add(self, peer: Peer) -> None:
        """Let somebody listen."""
        self.place(peer)

    def place(self, peer: Peer) -> None:
        """Sort a peer anew after it changed what it asks for."""
        self.remove(peer)
        (self._everything if peer.symbols is None and peer.kinds is None else self._choosy).add(peer)

    def remove(self, peer: Peer) -> None:
        """Forget somebody."""
        self._everything.discard(peer)
        self._choosy.discard(peer)

    def send(self, kind: str, symbol: str, payload: bytes) -> None:
        """Send a message to all who asked for it."""
        frame = text_frame(payload)
        for peer in self._everything:
            peer.send(frame)
        for peer in self._choosy:
            if peer.wants(kind, symbol):
                peer.send(frame)

    def peers(self) -> Iterable[Peer]:
        """Return everybody who listens."""
        return (*self._everything, *self._choosy)
