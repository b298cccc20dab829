"""From the backend's threads to the server's loop: bounded, woken once for a batch, newest price wins."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable

from mcp_server.events import Event, PriceChanged, StatusChanged

KEPT = 10_000


class Pump:
    """Takes events on any thread and hands them on in the loop.

    Prices of one market that arrive before the loop gets to them become one, and so do states of one bot: only the newest
    counts. Bars and trades are all kept, up to 10,000.

    Parameters
    ----------
    loop
        The server's.
    deliver
        Called in the loop with each event.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[Event], None]) -> None:
        self._loop = loop
        self._deliver = deliver
        self._lock = threading.Lock()
        self._latest: dict[str, Event] = {}
        self._rest: deque[Event] = deque(maxlen=KEPT)
        self._awake = False
        self._closed = False

    def put(self, event: Event) -> None:
        """Take an event; returns at once."""
        with self._lock:
            if self._closed:
                return
            if isinstance(event, PriceChanged):
                self._latest[f"price {event.tick.symbol}"] = event
            elif isinstance(event, StatusChanged):
                self._latest[f"status {event.status.bot}"] = event
            else:
                self._rest.append(event)
            if self._awake:
                return
            self._awake = True
            # Under the lock, so that close() cannot come between: a closed loop would raise in the backend's thread.
            self._loop.call_soon_threadsafe(self._drain)

    def close(self) -> None:
        """Take no more."""
        with self._lock:
            self._closed = True
            self._latest.clear()
            self._rest.clear()

    def _drain(self) -> None:
        with self._lock:
            self._awake = False
            events = [*self._rest, *self._latest.values()]
            self._latest.clear()
            self._rest.clear()
        for event in events:
            self._deliver(event)
