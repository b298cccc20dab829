"""Many alerts kept as little: how often what was told, and a few of them whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cryptobot.alerts.alert import LEVELS, Alert, Digest, Level, Tally

_KINDS: Final = 12
_NEWEST: Final = 2


class Fold:
    """Counts alerts in bounded memory, however many there are.

    Parameters
    ----------
    storm
        Whether it stands for more than can be told one by one, of whatever kind.

    Attributes
    ----------
    count
        How many were added.
    first_number, last_number
        The lowest and the highest of their numbers.

    Examples
    --------
    >>> fold = Fold()
    >>> for number in (1, 2):
    ...     fold.add(Alert(0, "info", "note", "Note", "hello", number=number))
    >>> fold.digest().tallies
    (Tally(level='info', title='Note', count=2),)
    """

    def __init__(self, *, storm: bool = False) -> None:
        self.storm = storm
        self.count = 0
        self.first_number = self.last_number = 0
        self._counts: dict[tuple[Level, str], int] = {}
        self._first: dict[Level, Alert] = {}
        self._newest: dict[Level, list[Alert]] = {}
        self._times: list[int] = []
        self._repeat = False

    def add(self, alert: Alert) -> None:
        """Add an alert."""
        self._note(alert.number, alert.number)
        self.count += 1
        key = (alert.level, alert.title)
        if key not in self._counts and len(self._counts) >= _KINDS:
            key = (alert.level, "others")
        self._counts[key] = self._counts.get(key, 0) + 1
        self._sample(alert)
        self._repeat = self._repeat or alert.repeat

    def absorb(self, other: Fold) -> None:
        """Add everything of another one."""
        self._note(other.first_number, other.last_number)
        self.count += other.count
        for key, count in other._counts.items():
            kept = key if key in self._counts or len(self._counts) < _KINDS else (key[0], "others")
            self._counts[kept] = self._counts.get(kept, 0) + count
        for alert in other._samples():
            self._sample(alert)
        self._times = [min(self._times[0], other._times[0]), max(self._times[1], other._times[1])]
        self._repeat = self._repeat or other._repeat

    def only(self) -> Alert | None:
        """Return the alert if it is a single one."""
        return next(iter(self._first.values())) if self.count == 1 else None

    def digest(self) -> Digest:
        """Return it as a message."""
        samples = self._samples()
        order = sorted(self._counts.items(), key=lambda item: (-LEVELS.index(item[0][0]), -item[1], item[0][1]))
        newest = samples[-1]
        return Digest(
            first=self._times[0],
            last=self._times[1],
            tallies=tuple(Tally(level, title, count) for (level, title), count in order),
            samples=tuple(samples),
            bot=newest.bot,
            mode=newest.mode,
            market=newest.market,
            number=self.last_number,
            repeat=self._repeat,
        )

    def _note(self, first: int, last: int) -> None:
        self.first_number = min(self.first_number or first, first)
        self.last_number = max(self.last_number, last)

    def _sample(self, alert: Alert) -> None:
        self._times = [min([*self._times[:1], alert.time]), max([*self._times[1:], alert.time])]
        small = replace(alert, facts={}, equity=(), thread=None)
        kept = self._first.setdefault(alert.level, small if self.count > 1 else alert)
        if kept.number != alert.number:
            newest = self._newest.setdefault(alert.level, [])
            newest.append(small)
            del newest[:-_NEWEST]

    def _samples(self) -> list[Alert]:
        found = [*self._first.values(), *(alert for newest in self._newest.values() for alert in newest)]
        return sorted(found, key=lambda alert: (alert.time, alert.number))
