"""What was refused: logged and told to whoever listens, without flooding and without secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from mcp_server.words import one_line

LOGGER = logging.getLogger("mcp_server.security")
LOGGER.addHandler(logging.NullHandler())

EVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A kind of attempt that was refused.

    Attributes
    ----------
    reason
        One word: ``"host"``, ``"origin"``, ``"token"``, ``"lockout"``, ``"control"``, ``"rate"``, ``"slow"`` …
    text
        In words, on one line, without secrets.
    address
        Where it came from.
    count
        How often since it was last told.
    """

    reason: str
    text: str
    address: str
    count: int


class Refusals:
    """Counts refused attempts and tells of each kind at once, then at most once a minute with the count.

    Parameters
    ----------
    now
        A monotonic clock in seconds.
    listener
        Called on the server's thread; for alerts.
    """

    def __init__(self, now: Callable[[], float], listener: Callable[[Refusal], None] | None = None) -> None:
        self._now = now
        self._listener = listener
        self._told: dict[str, float] = {}
        self._waiting: dict[str, Refusal] = {}
        self.counts: dict[str, int] = {}

    def add(self, reason: str, address: str, text: str) -> None:
        """Note an attempt.

        Parameters
        ----------
        reason
            One of a few words.
        address
            Where it came from.
        text
            What was tried; may hold text from outside.
        """
        self.counts[reason] = self.counts.get(reason, 0) + 1
        before = self._waiting.get(reason)
        refusal = Refusal(reason, one_line(text), address, 1 + (before.count if before else 0))
        if self._now() - self._told.get(reason, float("-inf")) < EVERY_SECONDS:
            self._waiting[reason] = refusal
        else:
            self._tell(refusal)

    def flush(self) -> None:
        """Tell what has waited for a minute, or all of it when the server stops listening for more."""
        for reason, refusal in list(self._waiting.items()):
            if self._now() - self._told[reason] >= EVERY_SECONDS:
                self._tell(refusal)

    def logger(self) -> logging.Logger:
        """Return a logger for aiohttp that counts requests which are no HTTP, instead of writing a traceback of each."""

        def keep(record: logging.LogRecord) -> bool:
            error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
            if type(error).__module__ != "aiohttp.http_exceptions":
                return True
            self.add("malformed", "a peer", str(error))
            return False

        # Of this server alone, because its filter knows where to count: not one of the named loggers that all share.
        made = logging.Logger("mcp_server.http")  # noqa: LOG001
        made.parent = LOGGER
        made.addFilter(keep)
        return made

    def _tell(self, refusal: Refusal) -> None:
        self._told[refusal.reason] = self._now()
        self._waiting.pop(refusal.reason, None)
        times = f" ({refusal.count} times)" if refusal.count > 1 else ""
        LOGGER.warning("refused %s from %s%s: %s", refusal.reason, refusal.address, times, refusal.text)
        if self._listener is not None:
            try:
                self._listener(refusal)
            except Exception:
                LOGGER.exception("on_refused raised; the refusal above was not passed on")
