"""Tells every channel what the source holds, each on a thread of its own: nothing waits for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Final

from cryptobot.alerts.alert import Alert
from cryptobot.alerts.channel import AlertChannel
from cryptobot.alerts.lane import Lane
from cryptobot.alerts.source import AlertSource
from cryptobot.alerts.status import ChannelStatus
from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError

_REST: Final = 0.05  # seconds between two looks at the source, so that what comes together is read together
_LONGEST: Final = 60.0


class Dispatcher:
    """Tells channels what a source holds.

    Parameters
    ----------
    channels
        Who is told.
    source
        Where alerts come from.
    clock
        Where the time comes from.

    Raises
    ------
    ConfigError
        If something given is not a channel.

    Notes
    -----
    Between `start` and `close` each channel has a daemon thread. Whoever writes to the source calls `nudge` afterwards;
    it returns at once, whatever the channels do.
    """

    def __init__(self, channels: Sequence[AlertChannel], source: AlertSource, *, clock: Clock | None = None) -> None:
        for channel in channels:
            if isinstance(channel, type) or not isinstance(channel, AlertChannel):
                raise ConfigError(
                    f"alerts: {channel!r} is not an alert channel. Give for example cb.SlackAlerts.from_env() or "
                    "cb.LogAlerts()."
                )
        self._channels = list(channels)
        self._source = source
        self._clock = clock or SystemClock()
        self._lanes = self._make()
        self._workers: list[_Worker] = []

    def start(self) -> None:
        """Begin to tell; does nothing when it runs already.

        Raises
        ------
        CryptobotError
            If the source cannot be read.
        """
        if self._workers:
            return
        self._lanes = self._make()
        for lane in self._lanes:
            lane.begin()
        if self._lanes:
            self._source.flush()
        self._workers = [_Worker(lane) for lane in self._lanes]
        for worker in self._workers:
            worker.thread.start()

    def nudge(self) -> None:
        """Say that the source holds something new; takes a microsecond."""
        for worker in self._workers:
            if not worker.wake.is_set():
                worker.wake.set()

    def tell(self, alert: Alert) -> None:
        """Tell what the source cannot hold, for example that the disk is full. It does not survive a crash.

        It is told by every channel whatever its level, also in quiet hours; of many that wait, the newest 20.
        """
        for lane in self._lanes:
            lane.ask(alert)
        self.nudge()

    def close(self, timeout: float = 3.0) -> bool:
        """Tell what can be told in this time, and end. What is left is told after the next start.

        Parameters
        ----------
        timeout
            Seconds.

        Returns
        -------
        bool
            Whether every channel was left in order; the source may be closed either way.
        """
        workers, self._workers = self._workers, []
        end = time.monotonic() + timeout
        for worker in workers:
            worker.end(end)
        for worker in workers:
            worker.thread.join(max(0.0, end - time.monotonic()))
        late = [worker for worker in workers if worker.thread.is_alive()]
        for worker in late:
            worker.lane.abandon()
        return not late

    def status(self) -> list[ChannelStatus]:
        """Return how each channel gets on; may be called from any thread."""
        return [lane.status() for lane in self._lanes]

    def __repr__(self) -> str:
        return f"Dispatcher({', '.join(map(str, self.status())) or 'no channels'})"

    def _make(self) -> list[Lane]:
        """Make the lanes; the second of a name is its second in the source, too."""
        seen: dict[str, int] = {}
        lanes = []
        for channel in self._channels:
            seen[channel.name] = seen.get(channel.name, 0) + 1
            name = channel.name if seen[channel.name] == 1 else f"{channel.name}_{seen[channel.name]}"
            lanes.append(Lane(name, channel, self._source, self._clock))
        return lanes


class _Worker:
    """A lane's thread."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.wake = threading.Event()
        self._ending = threading.Event()
        self._end = 0.0
        self.thread = threading.Thread(target=self._run, name=f"cryptobot-alerts-{lane.name}", daemon=True)

    def end(self, at: float) -> None:
        """Tell until then what can be told."""
        self._end = at
        self._ending.set()
        self.wake.set()

    def _run(self) -> None:
        finished = False
        while True:
            if self._ending.is_set() and not finished:
                self.lane.finish()
                finished = True
            wait = self.lane.step()
            if finished and (wait is None or time.monotonic() + wait >= self._end):
                break
            if wait is None or wait > 0:
                self.wake.wait(_LONGEST if wait is None else min(wait, _LONGEST))
                self.wake.clear()
            self._ending.wait(_REST)
        self.lane.leave()
