"""Where alerts come from: something that keeps them in order, and remembers who was told how far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from cryptobot.alerts.alert import Alert


class AlertSource(Protocol):
    """A journal, seen as alerts. Every method may be called from any thread."""

    @property
    def newest(self) -> int:
        """The highest number there is, of whatever."""

    def alerts(self, after: int) -> Iterable[Alert]:
        """Yield the alerts whose number is above ``after``, oldest first."""

    def summary(self, since: int, until: int) -> Alert | None:
        """Return a summary of what happened between two times, nanoseconds since 1970-01-01 UTC; None for nothing."""

    def cursor(self, name: str) -> int | None:
        """Return what was last kept under a name by `done`, or None."""

    def done(self, name: str, number: int) -> None:
        """Keep a number under a name; it may be lost in a crash unless `flush` follows."""

    def flush(self) -> None:
        """Make safe what `done` kept."""
