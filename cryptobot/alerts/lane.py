"""One channel's way from the source to people: what was told is marked, what was not is tried again."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from cryptobot.alerts import words
from cryptobot.alerts.alert import Alert, Message
from cryptobot.alerts.channel import AlertChannel
from cryptobot.alerts.clean import clean
from cryptobot.alerts.errors import AlertError
from cryptobot.alerts.outbox import Outbox
from cryptobot.alerts.source import AlertSource
from cryptobot.alerts.status import ChannelState, ChannelStatus
from cryptobot.core.clock import Clock
from cryptobot.core.errors import CryptobotError
from cryptobot.core.logs import logger

_LOG: Final = logger("cryptobot.alerts")
_AT_ONCE: Final = 500  # alerts that are read before something is told
_LATER: Final = 300.0
_LONGEST: Final = 60.0
_LATE: Final = 120 * 1_000_000_000
_OPEN: Final = -1


@dataclass(slots=True)
class _Health:
    told: int = 0
    dropped: int = 0
    failures: int = 0
    trouble: str = ""
    since: int | None = None


class Lane:
    """Tells one channel what the source holds, in order, at least once, and as a rule once.

    After each message the source keeps how far the channel was told. When the lane is left in order, it keeps that,
    too; when it was not, for example after a crash, what was not marked may have been told, and is told as a repeat.

    Parameters
    ----------
    name
        The source keeps its marks under this name.
    channel, source, clock
        What is told, from where, and the time.
    """

    def __init__(self, name: str, channel: AlertChannel, source: AlertSource, clock: Clock) -> None:
        self.name = name
        self._channel = channel
        self._source = source
        self._clock = clock
        self._outbox = Outbox(channel.delivery)
        self._health = _Health()
        self._hand: Message | None = None
        self._read = self._marked = self._urgent = self._tried = self._repeat_until = 0
        self._thread: int | None = None
        self._thread_order = ""
        self._summary_at = 0
        self._state: ChannelState = "stopped"
        self._lock = threading.Lock()  # over marks and what `status` reads; never held while something is sent
        self._abandoned = False

    def begin(self) -> None:
        """Find out how far the channel was told. A channel that is new is told what comes from now on."""
        newest = self._source.newest
        marked = self._source.cursor(self.name)
        left = self._source.cursor(f"{self.name}.left")
        self._marked = newest if marked is None else min(marked, newest)
        if left is not None:
            self._repeat_until = newest if left == _OPEN else left
        self._read = self._tried = self._marked
        self._urgent = min(max(self._marked, self._source.cursor(f"{self.name}.urgent") or 0), newest)
        self._thread = self._source.cursor(f"{self.name}.thread") or None
        summary = self._source.cursor(f"{self.name}.summary")
        self._summary_at = self._clock.now() if summary is None else summary
        self._keep("", self._marked)
        self._keep(".left", _OPEN)
        if summary is None:
            self._keep(".summary", self._summary_at)
        self._state = "ok"

    def step(self) -> float | None:
        """Read what is new and tell the next message, if it is time.

        Returns
        -------
        float or None
            Seconds until there may be more to do; None: when something new is there.
        """
        try:
            more = self._pull()
        except Exception as error:  # noqa: BLE001 - a lane that dies of it would tell nobody anything any more
            self._fail(AlertError(f"The alerts cannot be read: {type(error).__name__}: {error}"))
            return _LONGEST
        now = self._clock.monotonic()
        if self._hand is None and not self._outbox.ready(now, self._clock.now()):
            return 0.0 if more else self._outbox.wait(now)
        wait = self._channel.pace.wait(now)
        if wait > 0:
            return 0.0 if more else wait
        if self._hand is None:
            with self._lock:
                self._hand = self._outbox.next(now, self._clock.now())
        if self._hand is not None:
            self._tell(self._hand)
        return 0.0

    def ask(self, alert: Alert) -> None:
        """Let something be told that is not in the source; may be called from any thread."""
        with self._lock:
            self._outbox.ask(alert)

    def finish(self) -> None:
        """Hold nothing back any more: the end comes."""
        with self._lock:
            self._outbox.finish()

    def leave(self) -> None:
        """Keep how far the channel was told: the lane ends in order."""
        with self._lock:
            self._state = "stopped"
            if not self._abandoned:
                self._mark()
                self._keep(".left", max(self._tried, self._marked))

    def abandon(self) -> None:
        """Keep nothing any more: the source is about to be closed, while a message is still on its way."""
        with self._lock:
            self._abandoned = True
            self._state = "stopped"

    def status(self) -> ChannelStatus:
        """Return how the channel gets on; may be called from any thread."""
        with self._lock:
            health = self._health
            waiting = self._outbox.count + _weight(self._hand)
            state: ChannelState = self._state
            if state == "ok" and (health.trouble or waiting):
                state = "failing" if health.trouble else "waiting"
            return ChannelStatus(self.name, state, waiting, health.told, health.dropped, health.trouble, health.since)

    def _pull(self) -> bool:
        """Read what is new, a stretch at a time; say whether there is more."""
        now, count = self._clock.monotonic(), 0
        for alert in islice(self._source.alerts(self._read), _AT_ONCE):
            count += 1
            with self._lock:
                self._read = alert.number
                if alert.level != "info" and alert.number <= self._urgent:
                    continue  # told before the last end, while something less urgent had to wait
                self._outbox.take(replace(alert, repeat=alert.number <= self._repeat_until), now)
        due = self._channel.delivery.summary_due(self._clock.now())
        if due is not None and due > self._summary_at:
            since, self._summary_at = self._summary_at, due
            self._keep(".summary", due)
            summary = self._source.summary(since, due)
            if summary is not None:
                self.ask(summary)
        return count == _AT_ONCE

    def _tell(self, message: Message) -> None:
        if isinstance(message, Alert):
            message = replace(message, thread=self._thread_of(message))
        happened = message.time if isinstance(message, Alert) else message.last
        message = replace(message, late=self._clock.now() - happened > _LATE)
        try:
            mark = self._channel.send(message)
        except AlertError as error:
            self._refused(message, error)
        except Exception as error:  # noqa: BLE001 - a channel of somebody else may raise anything; no text of it is trusted
            self._refused(
                message, AlertError(f"{self.name} is broken: send() raised {type(error).__name__}.", maybe_told=True)
            )
        else:
            with self._lock:
                self._hand = None
                self._tried = max(self._tried, message.number)
                self._health.told += 1
                self._well()
                self._mark()
            self._follow(message, mark)

    def _thread_of(self, alert: Alert) -> int | None:
        if alert.topic not in words.TRADE:
            return None
        new = alert.topic == "entry" and alert.facts.get("order", "") != self._thread_order
        return None if new else self._thread

    def _follow(self, message: Message, mark: int | None) -> None:
        """Remember under which message the trade goes on."""
        if not words.tells_of_trades(message):
            return
        before = self._thread
        if not isinstance(message, Alert) or words.ends_trade(message):  # what a digest tells may have been the end
            self._thread, self._thread_order = None, ""
        elif message.topic == "entry" and message.thread is None and mark is not None:
            self._thread, self._thread_order = mark, message.facts.get("order", "")
        if self._thread != before:
            self._keep(".thread", self._thread or 0)

    def _refused(self, message: Message, error: AlertError) -> None:
        now = self._clock.monotonic()
        with self._lock:
            if error.maybe_told:
                self._tried = max(self._tried, message.number)
                message = replace(message, repeat=True)
            self._hand = message
            if error.again == "never":
                self._hand = None
                self._health.dropped += 1
                self._mark()
        if error.again == "never":
            _LOG.warning("%s: a message was refused for good and is dropped: %s", self.name, error)
            return
        self._fail(error)
        doubled = min(_LONGEST, 2.0 ** min(self._health.failures, 10))
        wait = _LATER if error.again == "later" else doubled
        self._channel.pace.hold(now, wait if error.retry_after is None else max(1.0, error.retry_after))

    def _fail(self, error: AlertError) -> None:
        said = clean(error, 400, one_line=True)
        with self._lock:
            health = self._health
            news = health.trouble != said
            health.failures += 1
            health.trouble = said
            health.since = self._clock.now() if health.since is None else health.since
        if news:
            _LOG.warning("%s: %s", self.name, said)

    def _well(self) -> None:
        if self._health.trouble:
            _LOG.info("%s: messages are taken again.", self.name)
        self._health.trouble, self._health.since, self._health.failures = "", None, 0

    def _mark(self) -> None:
        if self._hand is not None:
            return
        settled, urgent = self._outbox.settled, self._outbox.settled_urgent
        if settled > self._marked:
            self._marked = settled
            self._keep("", settled)
        if urgent > max(settled, self._urgent):
            self._urgent = urgent
            self._keep(".urgent", urgent)

    def _keep(self, what: str, number: int) -> None:
        """Keep a mark; without it something may be told twice, which is no reason to tell nothing."""
        if self._abandoned:
            return
        try:
            self._source.done(f"{self.name}{what}", number)
        except CryptobotError as error:
            _LOG.warning("%s: how far it was told could not be kept: %s", self.name, clean(error, 300, one_line=True))


def _weight(message: Message | None) -> int:
    return 0 if message is None else 1 if isinstance(message, Alert) else message.count
