"""Indicators that the user has added to a chart: what is looked at, and never traded on."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from cryptobot.core.bars import COLUMNS
from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed
from cryptobot.core.types import Bar
from cryptobot.notebook.window import Floats
from cryptobot.strategy.feature import Feature
from cryptobot.strategy.live import Stepped

if TYPE_CHECKING:
    from cryptobot.trading.tape import TapeWindow

MOST: Final = 6  # indicators beside those of the strategy: the price would have no room beside more panes
ROWS: Final = 5_000  # newest bars that they are computed for: some 20 ms of work for each, once


class Study:
    """Steps one feature over the bars of a chart as a bot steps its own; each bar once, however often it is drawn.

    It begins with the first of the bars that are looked at: a feature whose memory never ends, such as an RSI, differs in
    its last digits from one that has run for years.

    Parameters
    ----------
    feature
        Which.
    """

    def __init__(self, feature: Feature) -> None:
        self._feature = feature
        self._begin()

    def _begin(self) -> None:
        self._stepped = Stepped([self._feature], 0.0)
        self._times: list[int] = []
        self._values: list[float] = []

    def over(self, tape: TapeWindow) -> Floats:
        """Return its value at each bar of a tape, NaN where it has none.

        Parameters
        ----------
        tape
            Bars of a bot, not empty.
        """
        self._take(tape)
        places = np.searchsorted(tape.time, self._times)
        first = bisect_left(self._times, int(tape.time[0]))
        column = np.full(len(tape.time), np.nan)
        column[places[first:]] = self._values[first:]
        return column

    def _take(self, tape: TapeWindow) -> None:
        """Step the bars that are new; all of them where the tape goes further back or does not join on."""
        times = tape.time
        start = max(0, len(times) - ROWS)
        if self._times:
            last = int(np.searchsorted(times, self._times[-1]))
            joins = last < len(times) and int(times[last]) == self._times[-1]
            if joins and self._times[0] <= int(times[start]):
                start = last + 1
            else:
                self._begin()
        slot = self._stepped.slots[self._feature]
        rows = [getattr(tape, name)[start:].tolist() for name in COLUMNS]
        for time, *prices in zip(times[start:].tolist(), *rows, strict=True):
            self._values.append(self._stepped.update(Bar(time, *prices))[slot])
            self._times.append(time)
        if len(self._times) > 2 * ROWS:
            del self._times[:-ROWS], self._values[:-ROWS]


class Studies:
    """The indicators that the user has added, by name.

    Parameters
    ----------
    on_error
        Called with the name of an indicator and what it raised: it is shown no more.
    """

    def __init__(self, on_error: Callable[[str, Exception], object]) -> None:
        self._on_error = on_error
        self._guard = threading.Lock()
        self._studies: dict[str, Study] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What is looked at, for example ``RSI(14)``, in the order they were added."""
        return tuple(self._studies)

    def add(self, feature: Feature) -> str:
        """Look at a feature too, and return its name.

        Raises
        ------
        ConfigError
            If it is none, or there are many already.
        """
        if not isinstance(feature, Feature):
            made = f" Make one: {feature.__name__}()." if isinstance(feature, type) else ""
            raise ConfigError(f"indicator: {feature!r} is none.{made} Allowed: a feature such as cb.RSI(14).")
        name = label(feature)
        with self._guard:
            if name not in self._studies and len(self._studies) >= MOST:
                shown = ", ".join(self._studies)
                raise ConfigError(
                    f"indicator: {MOST} are shown already ({shown}). Remove one: panel.remove_indicator(name)."
                )
            self._studies = {**self._studies, name: self._studies.get(name) or Study(feature)}
        return name

    def remove(self, name: str) -> None:
        """Look at an indicator no more.

        Raises
        ------
        ConfigError
            If there is none of this name.
        """
        with self._guard:
            if name not in self._studies:
                known = self.names
                raise ConfigError(
                    f"indicator: `{name}` is not shown.{closest(name, known)} Shown: {listed(known) or 'none'}."
                )
            self._studies = {known: study for known, study in self._studies.items() if known != name}

    def added(self, tape: TapeWindow) -> TapeWindow:
        """Return a tape with the indicators among its features.

        Parameters
        ----------
        tape
            Bars of a bot.
        """
        studies = self._studies
        if not studies or not len(tape.time):
            return tape
        features = dict(tape.features)
        for name, study in studies.items():
            try:
                features[name] = study.over(tape)
            except Exception as error:  # noqa: BLE001 - one of the user's own: told, and the chart goes on without it
                self.remove(name)
                self._on_error(name, error)
        return replace(tape, features=features)


def label(feature: Feature) -> str:
    """Return what a feature is called in a chart.

    Examples
    --------
    >>> from cryptobot.strategy.indicators import RSI, SMA
    >>> label(RSI(14)), label(SMA(10, of="volume")), label(SMA(10, of=RSI(14)))
    ('RSI(14)', 'SMA(10, volume)', 'SMA(10, RSI(14))')
    """
    told = [f"{value:g}" for value in feature.params.values()]
    if feature.sources != feature.inputs:
        told += [label(source) if isinstance(source, Feature) else source for source in feature.sources]
    return f"{type(feature).__name__}({', '.join(told)})"
