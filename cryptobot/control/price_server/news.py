"""Who is told what happens."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from mcp_server.events import Event, Listener, Unsubscribe


class News:
    """Listeners of one backend; may be used from any thread.

    Parameters
    ----------
    on_first, on_last
        Called when the first listener has come and when the last one has gone.
    """

    def __init__(self, on_first: Callable[[], None], on_last: Callable[[], None]) -> None:
        self._on_first = on_first
        self._on_last = on_last
        self._lock = threading.Lock()
        self._listeners: dict[object, Listener] = {}

    def subscribe(self, listener: Listener) -> Unsubscribe:
        """Call the listener with every event from now on."""
        key = object()
        with self._lock:
            first = not self._listeners
            self._listeners = {**self._listeners, key: listener}
        if first:
            self._on_first()

        def unsubscribe() -> None:
            with self._lock:
                known = key in self._listeners
                self._listeners = {other: kept for other, kept in self._listeners.items() if other is not key}
                last = known and not self._listeners
            if last:
                self._on_last()

        return unsubscribe

    def tell(self, events: Iterable[Event]) -> None:
        """Pass events on."""
        listeners = self._listeners.values()  # replaced as a whole, never changed
        for event in events:
            for listener in listeners:
                listener(event)
