"""The panes below the price: volume, features, equity, drawdown, and the result of each trade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import bqplot
import numpy as np

from cryptobot.notebook import legends, marks
from cryptobot.notebook.chart import About
from cryptobot.notebook.pane import Pane
from cryptobot.notebook.window import MILLI, Candles

if TYPE_CHECKING:
    from cryptobot.trading.tape import TapeWindow

SMALL = 72  # px of most panes below the price
FLAT = 58  # px of those that need little


@dataclass(frozen=True, slots=True)
class Scene:
    """What all panes draw.

    Attributes
    ----------
    tape
        The bars.
    drawn
        The candles made of them.
    part
        Which candles are in the window.
    times
        The candles' times, as bqplot takes them.
    about
        What belongs to the bars.
    """

    tape: TapeWindow
    drawn: Candles
    part: slice
    times: Any
    about: About


class LowerPane(Protocol):
    """One pane below the price.

    Attributes
    ----------
    pane
        The figure.
    """

    pane: Pane

    def draw(self, scene: Scene) -> None:
        """Send what is in the window to the page."""

    def legend(self, scene: Scene, index: int) -> list[legends.Entry]:
        """Write what it shows at one candle."""


class VolumePane:
    """Volume as candles from zero: they are as wide as the candles above, and take their colours."""

    def __init__(self) -> None:
        self.pane = Pane("Volume", FLAT)
        self._bars = marks.bars_from_zero(self.pane)

    def draw(self, scene: Scene) -> None:
        """See :class:`LowerPane`."""
        drawn = scene.drawn
        rising = drawn.prices[:, 3] >= drawn.prices[:, 0]
        zero = np.zeros(len(drawn))
        marks.set_data(self._bars, scene.times, np.where(rising, [zero, drawn.volume], [drawn.volume, zero]).T)
        self.pane.set_range(0.0, float(drawn.volume[scene.part].max(initial=0.0)) or 1.0)

    def legend(self, scene: Scene, index: int) -> list[legends.Entry]:
        """See :class:`LowerPane`."""
        return legends.volume_legend(scene.drawn, index, scene.about.units)


class FeaturePane:
    """Features that belong together by name, with their thresholds.

    Parameters
    ----------
    group
        The name they share.
    names
        The features.
    """

    def __init__(self, group: str, names: Sequence[str]) -> None:
        self.names = list(names)
        percent = all(legends.is_fraction(name) for name in names)
        self.pane = Pane(legends.words(group), SMALL, factor=100 if percent else 1, unit=" %" if percent else "")
        self._mark = marks.lines(self.pane, 1.4)
        self.pane.figure.marks = [self._mark]

    def draw(self, scene: Scene) -> None:
        """See :class:`LowerPane`."""
        drawn, about = scene.drawn, scene.about
        rows = [drawn.features[name] for name in self.names]
        levels = [level for name in self.names for level in about.levels.get(name, ())]
        straight = [np.full(len(drawn), level) for level in levels]
        colours = [*marks.colours(len(rows), 2), *("var(--cb-level)" for _ in levels)]
        marks.set_lines(self._mark, scene.times, [*rows, *straight], colours)
        self.pane.fit(*(row[scene.part] for row in rows), levels)

    def legend(self, scene: Scene, index: int) -> list[legends.Entry]:
        """See :class:`LowerPane`."""
        return legends.feature_legend(
            scene.drawn, index, self.names, scene.about.levels, percent=self.pane.unit == " %"
        )


class EquityPane:
    """The worth of money and position at each close."""

    def __init__(self) -> None:
        self.pane = Pane("Equity", SMALL)
        self._mark = marks.area(self.pane, "var(--cb-equity)", "bottom")

    def draw(self, scene: Scene) -> None:
        """See :class:`LowerPane`."""
        marks.set_lines(self._mark, scene.times, [scene.drawn.equity], ["var(--cb-equity)"])
        self.pane.fit(scene.drawn.equity[scene.part], margin=0.12)

    def legend(self, scene: Scene, index: int) -> list[legends.Entry]:
        """See :class:`LowerPane`."""
        return legends.equity_legend(scene.drawn, index, scene.about.units)


class DrawdownPane:
    """How far the equity is under its highest so far, in each candle its worst."""

    def __init__(self) -> None:
        self.pane = Pane("Drawdown", FLAT, factor=100, unit=" %")
        self._mark = marks.area(self.pane, "var(--cb-down)", "top")
        self._values: Any = np.empty(0)

    def draw(self, scene: Scene) -> None:
        """See :class:`LowerPane`."""
        equity = np.asarray(scene.tape.equity, float)
        known = np.where(np.isfinite(equity), equity, -np.inf)
        peaks = np.maximum.accumulate(np.r_[scene.about.peak or -np.inf, known])[1:]
        with np.errstate(invalid="ignore"):
            under = np.where(np.isfinite(equity) & (peaks > 0), equity / peaks - 1, np.nan)
        self._values = scene.drawn.least(under)
        marks.set_lines(self._mark, scene.times, [self._values], ["var(--cb-down)"])
        seen = self._values[scene.part]
        lowest = float(np.min(seen[np.isfinite(seen)], initial=0.0))
        self.pane.set_range(1.15 * lowest or -0.01, 0.0, ceiling=0.0)

    def legend(self, scene: Scene, index: int) -> list[legends.Entry]:
        """See :class:`LowerPane`."""
        value = float(self._values[index]) if index < len(self._values) else float("nan")
        return legends.drawdown_legend(value)


class ResultsPane:
    """What each round trip has brought, where it ended; the open one where it stands."""

    def __init__(self) -> None:
        self.pane = Pane("PnL per trade", FLAT, ticks=1)
        self._bars = marks.bars_from_zero(self.pane)
        self._dots = bqplot.Scatter(
            x=np.empty(0, dtype="datetime64[ms]"), y=np.empty(0), marker="circle", default_size=26, stroke_width=0,
            scales=self.pane.scales, preserve_domain={"x": True, "y": True}, colors=["var(--cb-dim)"],
        )  # fmt: skip
        self.pane.figure.marks = [self._bars, self._dots]
        self._values: Any = np.empty(0)
        self._ended: Any = np.empty(0, dtype=np.int64)

    def draw(self, scene: Scene) -> None:
        """See :class:`LowerPane`."""
        drawn = scene.drawn
        newest = int(scene.tape.time[-1])
        # One that has ended since the newest close counts there.
        left = (newest if trip.left is None else min(trip.left, newest) for trip in scene.about.trips)
        ends = np.array([time // MILLI for time in left], np.int64)
        results = np.array([trip.pnl for trip in scene.about.trips], float)
        self._values = drawn.summed(ends, results)
        self._ended = drawn.summed(ends, np.ones(len(results)))
        shown = np.flatnonzero(self._ended)
        zero = np.zeros(len(drawn))
        marks.set_data(self._bars, scene.times, np.column_stack([zero, self._values]))
        tones = ["var(--cb-up)" if value >= 0 else "var(--cb-down)" for value in self._values[shown]]
        marks.set_data(self._dots, scene.times[shown], self._values[shown], tones or None)
        seen = self._values[scene.part]
        widest = 1.35 * float(np.abs(seen).max(initial=0.0)) or 1.0
        self.pane.set_range(
            -widest if (seen < 0).any() else -0.25 * widest, widest if (seen > 0).any() else 0.25 * widest
        )

    def legend(self, scene: Scene, index: int) -> list[legends.Entry]:
        """See :class:`LowerPane`."""
        if index >= len(self._values) or not self._ended[index]:
            last = np.flatnonzero(self._ended[: index + 1])
            return legends.result_legend(
                float(self._values[last[-1]]) if len(last) else None, scene.about.units, here=False
            )
        return legends.result_legend(float(self._values[index]), scene.about.units, here=True)
