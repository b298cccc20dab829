"""One pane of a chart: a figure with scales of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import bqplot
import ipywidgets
import numpy as np

from cryptobot.notebook.scales import UtcScale
from cryptobot.notebook.window import decimals_of, fitted, round_ticks, time_ticks

RIGHT = 76  # px for the labels of the vertical axes
TIME_AXIS = 22  # px for the labels of the horizontal axis
HALF_LETTER = 0.035  # of the room for a label of twelve letters, which is as wide as it gets
LEGEND = 24  # px at the top of a pane that stay free for its legend
# Marks never set a domain: each would make the pane draw itself again. Colours are names of the style sheet, so that
# they follow Jupyter's theme.
KEEP = {"x": True, "y": True}


class Pane:
    """A figure, its marks and its two scales.

    Parameters
    ----------
    title
        What the pane shows, for its legend and for screen readers.
    height
        In pixels.
    ticks
        About how many labels the vertical axis has.
    factor, unit
        How values are written: multiplied by the factor, followed by the unit.
    """

    def __init__(self, title: str, height: int, *, ticks: int = 2, factor: float = 1.0, unit: str = "") -> None:
        self.title = title
        self.height = self.natural = height
        self.factor = factor
        self.unit = unit
        self.digits = 0
        self._ticks = ticks
        self.bottom = 0
        self.x = UtcScale(allow_padding=False)
        self.y = bqplot.LinearScale(allow_padding=False)
        grid = {"grid_lines": "solid", "grid_color": "var(--cb-grid)", "color": "var(--cb-grid)"}
        self._times = bqplot.Axis(scale=self.x, tick_values=np.empty(0), **grid)
        self._values = bqplot.Axis(scale=self.y, side="right", tick_values=np.empty(0), **grid)
        self.figure = bqplot.Figure(
            axes=[self._times, self._values],
            fig_margin={"top": 0, "bottom": 0, "left": 0, "right": RIGHT},
            padding_x=0,
            padding_y=0,
            animation_duration=0,
            display_toolbar=False,
            background_style={"fill": "var(--cb-plot)"},
            layout=ipywidgets.Layout(width="100%", height=f"{height}px"),
        )
        self.figure.add_class("cb-pane")

    @property
    def scales(self) -> dict[str, Any]:
        """The scales, as a mark takes them."""
        return {"x": self.x, "y": self.y}

    def resize(self, height: int, *, times: bool) -> None:
        """Set the height, and whether the pane carries the labels of the horizontal axis."""
        bottom = TIME_AXIS if times else 0
        if (height, bottom) == (self.height, self.bottom):
            return
        self.height, self.bottom = height, bottom
        self.figure.layout.height = f"{height}px"
        self.figure.fig_margin = {"top": 0, "bottom": bottom, "left": 0, "right": RIGHT}

    def set_window(self, low: float, high: float, ticks: int = 10) -> None:
        """Show the time from `low` to `high`, milliseconds since 1970-01-01 UTC."""
        self.x.set_window(low, high)
        moments, pattern = time_ticks(low, high, ticks)
        letters = len(datetime(2024, 1, 1, tzinfo=UTC).strftime(pattern))
        edge = HALF_LETTER * letters * (high - low) / ticks  # a label at the very edge would be cut
        inside = [moment for moment in moments if low + edge <= moment <= high - edge]
        _set_ticks(self._times, np.array(inside, dtype="datetime64[ms]"), pattern)

    def set_range(self, low: float, high: float, *, ceiling: float | None = None) -> None:
        """Show values from `low` to `high` below the legend, with a few round ones labelled.

        Parameters
        ----------
        low, high
            The range.
        ceiling
            The highest value that is labelled, where what is above it cannot be.
        """
        inner = self.height - self.bottom
        high += (high - low) * LEGEND / max(1, inner - LEGEND)
        if (self.y.min, self.y.max) != (low, high):
            with self.y.hold_sync():
                self.y.min, self.y.max = low, high
        # A label at the very edge would be cut in two by the pane's border; without any, bqplot would choose ten.
        edge = 8 / inner * (high - low) * self.factor
        bottom, top = low * self.factor + edge, high * self.factor - edge
        if ceiling is not None:
            top = min(top, ceiling * self.factor)
        counts = (self._ticks, self._ticks + 1, 2 * self._ticks, 4 * self._ticks, 8 * self._ticks)
        ticks = next((found for count in counts if (found := round_ticks(bottom, top, count))), [(bottom + top) / 2])
        digits = decimals_of(ticks)
        self.digits = max(self.digits, digits) if self.digits - digits == 1 else digits
        labels = np.array(ticks) / self.factor
        pattern = f",.{self.digits}%" if self.unit == " %" else f",.{self.digits}f"
        _set_ticks(self._values, labels, pattern)

    def fit(self, *series: np.ndarray[Any, Any] | Sequence[float], margin: float = 0.12) -> None:
        """Fit the vertical axis to everything finite in some series."""
        values = np.concatenate([np.ravel(np.asarray(part, float)) for part in series])
        values = values[np.isfinite(values)]
        if len(values):
            self.set_range(*fitted(float(values.min()), float(values.max()), margin))


def _set_ticks(axis: Any, values: np.ndarray[Any, Any], pattern: str) -> None:
    """Set the ticks of an axis, the format in a message before: bqplot writes new ticks in the format it has then."""
    if axis.tick_format != pattern:
        axis.tick_format = pattern
    if not np.array_equal(values, axis.tick_values):
        axis.tick_values = values
