"""The bars of one market and interval on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.logs import logger
from cryptobot.core.types import Bar
from cryptobot.market.store import atomic
from cryptobot.market.store.layout import Period, SeriesName
from cryptobot.market.store.lock import locked
from cryptobot.market.store.part import DamagedError, Part, decode, encode
from cryptobot.market.store.spans import Span, without

_log = logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """What the store has of a stretch of time.

    Attributes
    ----------
    part
        The bars.
    missing
        Stretches about which nothing is known yet.
    damaged
        Files that cannot be trusted; what they held is missing.
    """

    part: Part
    missing: list[Span]
    damaged: list[Path]


class Series:
    """Bars of one exchange, market and interval, in files of a day, a month or a year.

    Any number of processes may read and write at once. A file is only ever replaced whole, under a lock, by one that
    holds all of the old one's bars: killing a writer, at any moment, loses at most what it was just adding.

    Parameters
    ----------
    directory
        The store's folder.
    name
        Which bars.
    """

    def __init__(self, directory: Path, name: SeriesName) -> None:
        self.name = name
        self.folder = directory / name.folder

    def scan(self, span: Span) -> Stored:
        """Read and verify what is there of a stretch of time.

        Raises
        ------
        ConfigError
            If a file is not of these bars, or a newer version wrote it.
        """
        parts, damaged = [], []
        for period in self._periods():
            if period.start < span.end and period.end > span.start:
                try:
                    part = self._read(period)
                except DamagedError:
                    damaged.append(self.folder / period.file)
                else:
                    parts += [] if part is None else [part]
        part = Part.joined(parts)
        return Stored(part.within(span), without(span, part.covered), damaged)

    def add(self, bars: Sequence[Bar], span: Span) -> None:
        """Write bars down, to stay.

        Parameters
        ----------
        bars
            Closed bars that open within ``span``.
        span
            The stretch of time in which these are all the bars there are. What is known of it from before stays.

        Raises
        ------
        ConfigError
            If the folder cannot be written to, or holds what is not to be overwritten.
        """
        outside = [bar for bar in bars if not span.start <= bar.time < span.end]
        if outside:
            raise DataError(f"{self.name}: {len(outside)} bars lie outside of the stretch they are said to fill.")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for period, part in self._divided(bars, span):
                self._merge(period, part)
        except OSError as error:
            raise ConfigError(
                f"{self.folder}: bars cannot be written there ({error.strerror or error}). Free some space or mend the "
                "rights of the folder, or choose another directory; what was stored before is safe."
            ) from error

    def _divided(self, bars: Sequence[Bar], span: Span) -> list[tuple[Period, Part]]:
        """Return what each file is to be told."""
        if not bars:
            # That there is nothing is kept in the file before; without one it is asked for again another day.
            periods = self._periods()
            before = [period for period in periods if period.start <= span.start][-1:]
            free = without(span, [(period.start, period.end) for period in periods if period not in before])
            return [(period, Part.of([], free)) for period in before]
        groups: dict[Period, list[Bar]] = {}
        period = Period.of(span.start, self.name.timeframe)
        for bar in sorted(bars):
            if bar.time >= period.end:
                period = Period.of(bar.time, self.name.timeframe)
            groups.setdefault(period, []).append(bar)
        claims = _claims(list(groups), span)
        return [
            (period, Part.of(group, [claim])) for (period, group), claim in zip(groups.items(), claims, strict=True)
        ]

    def _merge(self, period: Period, fresh: Part) -> None:
        path = self.folder / period.file
        with locked(self.folder):
            atomic.sweep(self.folder)
            try:
                old = self._read(period)
            except DamagedError as error:
                _log.warning("%s It is replaced.", error)
                old = None
            atomic.write(path, encode(fresh if old is None else Part.joined([old, fresh]), self.name))

    def _read(self, period: Period) -> Part | None:
        path = self.folder / period.file
        content = atomic.read(path)
        return None if content is None else decode(content, self.name, str(path))

    def _periods(self) -> list[Period]:
        if not self.folder.is_dir():
            return []
        found = (Period.named(path.name) for path in self.folder.iterdir())
        return sorted(period for period in found if period is not None)


def columns_of(part: Part, name: SeriesName) -> BarColumns:
    """Return stored bars as columns."""
    values = dict(zip(COLUMNS, part.columns, strict=True))
    return BarColumns.unchecked(part.time, values, name.timeframe)


def _claims(periods: list[Period], span: Span) -> list[Span]:
    """Divide a stretch among the files that have bars of it.

    A file speaks for its own period and for empty ones around it, never for a period that another file has bars of:
    when that file is lost, its time must count as unknown.
    """
    edges = [span.start, *(period.end for period in periods[:-1]), span.end]
    return [Span(start, end) for start, end in pairwise(edges)]
