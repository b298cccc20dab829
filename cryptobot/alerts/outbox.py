"""What waits to be told: which is next, which are told as one, and which are not told again. It does no I/O."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptobot.alerts.alert import LEVELS, Alert, Level, Message
from cryptobot.alerts.delivery import Delivery
from cryptobot.alerts.fold import Fold
from cryptobot.alerts.words import TRADE

_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_MOST_KINDS: Final = 200  # of alerts whose repeats are counted at one time
_MOST_ASKED: Final = 20
_LOOK_AGAIN: Final = 60.0  # at the quiet hours' end, and after the computer slept

_Key = tuple[Level, str, str]


@dataclass(slots=True)
class _Told:
    """An alert that was told, and those like it since."""

    at: float
    since: Fold = field(default_factory=Fold)


class Outbox:
    """The alerts of one channel that wait, in bounded memory.

    - Critical alerts come first, then whatever happened first; in quiet hours nothing of level info.
    - When more than `Delivery.most_waiting` of one level wait, everything that may be told becomes one digest.
    - An alert like one that was told within `Delivery.same_within` seconds is counted, and told with the others like
      it when that time is over. Alike means: the same words, whatever the figures; for critical alerts, the same text.
      Executions are never alike.

    Parameters
    ----------
    delivery
        How the channel wants to be told.
    """

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self._hours = delivery.hours()
        self._least = LEVELS.index(delivery.level)
        self._lines: dict[Level, list[Alert | Fold]] = {level: [] for level in LEVELS}
        self._told: dict[_Key, _Told] = {}
        self._asked: deque[Alert] = deque(maxlen=_MOST_ASKED)
        self._taken = 0
        self._ending = False

    @property
    def count(self) -> int:
        """How many alerts wait, those included that are only counted."""
        lines = sum(_count(item) for line in self._lines.values() for item in line)
        return lines + sum(told.since.count for told in self._told.values()) + len(self._asked)

    @property
    def settled(self) -> int:
        """The highest number up to which nothing waits."""
        waiting = [_first(item) for line in self._lines.values() for item in line]
        waiting += [told.since.first_number for told in self._told.values() if told.since.count]
        return min(waiting) - 1 if waiting else self._taken

    @property
    def settled_urgent(self) -> int:
        """The same for warnings and critical alerts alone: alerts of level info may wait a whole night."""
        waiting = [_first(item) for level, line in self._lines.items() for item in line if level != "info"]
        waiting += [
            told.since.first_number for key, told in self._told.items() if told.since.count and key[0] != "info"
        ]
        return min(waiting) - 1 if waiting else self._taken

    def take(self, alert: Alert, now: float) -> None:
        """Let an alert wait its turn.

        Parameters
        ----------
        alert
            With a number above all before it.
        now
            Of a clock that never jumps back, in seconds.
        """
        self._taken = max(self._taken, alert.number)
        if LEVELS.index(alert.level) < self._least:
            return
        if alert.topic not in TRADE and self._delivery.same_within > 0 and not self._ending:
            key = _key(alert)
            self._open(now, [key])
            told = self._told.get(key)
            if told is not None:
                told.since.add(alert)
                return
            if len(self._told) >= _MOST_KINDS:
                oldest = next(iter(self._told))
                self._let_out(oldest, self._told.pop(oldest).since)
            self._told[key] = _Told(now)
        self._wait(alert.level, alert)

    def ask(self, alert: Alert) -> None:
        """Let something be told that stands in no journal, whatever the hour; of many the newest."""
        self._asked.append(alert)

    def next(self, now: float, time: int) -> Message | None:
        """Take out what is to be told now.

        Parameters
        ----------
        now
            Of a clock that never jumps back, in seconds.
        time
            Nanoseconds since 1970-01-01 UTC.
        """
        self._open(now)
        allowed = self._allowed(time)
        if "critical" in allowed:
            line: Level = "critical"
        elif self._asked:
            return self._asked.popleft()
        elif allowed:
            line = min(allowed, key=lambda level: _first(self._lines[level][0]))
        else:
            return None
        item = self._lines[line].pop(0)
        if isinstance(item, Alert):
            return item
        if item.storm:
            for level in allowed:
                for other in self._lines[level]:
                    _put(item, other)
                self._lines[level].clear()
        return item.digest()

    def ready(self, now: float, time: int) -> bool:
        """Say whether `next` would return something."""
        self._open(now)
        return bool(self._allowed(time) or self._asked)

    def wait(self, now: float) -> float | None:
        """Return in how many seconds it is worth while to look again; None when nothing waits."""
        soonest = [
            max(0.0, told.at + self._delivery.same_within - now) for told in self._told.values() if told.since.count
        ]
        soonest += [_LOOK_AGAIN] * (any(self._lines.values()) or self._delivery.summary is not None)
        return min(soonest, default=None)

    def finish(self) -> None:
        """Hold back nothing any more that was only counted: it is the end."""
        self._ending = True
        told, self._told = self._told, {}
        for key, each in told.items():
            self._let_out(key, each.since)

    def _open(self, now: float, keys: Iterable[_Key] | None = None) -> None:
        """Let out what was counted long enough, and forget what was told long ago; of these keys, or of all."""
        for key in list(self._told if keys is None else keys):
            told = self._told.get(key)
            if told is None or now - told.at < self._delivery.same_within:
                continue
            since = self._told.pop(key).since
            if since.count:
                self._let_out(key, since)
                self._told[key] = _Told(now)  # they are told now: further ones are counted again

    def _let_out(self, key: _Key, since: Fold) -> None:
        if since.count:
            only = since.only()
            self._wait(key[0], since if only is None else only)

    def _wait(self, level: Level, item: Alert | Fold) -> None:
        line = self._lines[level]
        line.append(item)
        if len(line) > self._delivery.most_waiting:
            fold = Fold(storm=True)
            for each in line:
                _put(fold, each)
            self._lines[level] = [fold]

    def _allowed(self, time: int) -> list[Level]:
        quiet = self._hours is not None and self._hours.holds(time)
        return [level for level, line in self._lines.items() if line and not (quiet and level == "info")]


def _key(alert: Alert) -> _Key:
    text = alert.text if alert.level == "critical" else _NUMBER.sub("#", alert.text)
    return alert.level, alert.topic, text


def _first(item: Alert | Fold) -> int:
    return item.number if isinstance(item, Alert) else item.first_number


def _count(item: Alert | Fold) -> int:
    return 1 if isinstance(item, Alert) else item.count


def _put(fold: Fold, item: Alert | Fold) -> None:
    if isinstance(item, Alert):
        fold.add(item)
    else:
        fold.absorb(item)
