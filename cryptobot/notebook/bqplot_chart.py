"""The chart drawn with bqplot: price, volume, one pane for each further feature, equity."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import bqplot
import ipywidgets
import numpy as np
from bqplot.interacts import PanZoom

from cryptobot.core.types import Side
from cryptobot.notebook import legends, marks
from cryptobot.notebook.chart import charts
from cryptobot.notebook.numbers import Units
from cryptobot.notebook.overlay import Overlay
from cryptobot.notebook.pane import KEEP, RIGHT, TIME_AXIS, Pane
from cryptobot.notebook.window import MILLI, Candles, candles, on_price_scale, step_of

if TYPE_CHECKING:
    from cryptobot.core.types import Fill
    from cryptobot.trading.tape import TapeWindow

HEIGHT: Final = 560  # px of all panes together: nothing on the page moves when the strategy's panes appear
SMALL: Final = 84  # px of a pane below the price
LEAST_PRICE: Final = 240  # px the price pane keeps, however many panes there are
SPAN: Final = 180  # bars in the window at first
AHEAD: Final = 4  # bars of room right of the newest

_UP, _DOWN = "var(--cb-up)", "var(--cb-down)"


@charts.register("bqplot")
class BqplotChart:
    """Candles with everything the strategy sees, in panes that move together.

    Every pane has a horizontal scale of its own, linked here: marks on one shared scale would redraw all panes with
    each update. At most 250 candles and as many points a line are on the page, however long the tape.
    """

    def __init__(self) -> None:
        self.on_interaction: Callable[[], None] = lambda: None
        self.follow = True
        self._units = Units("", "")
        self._levels: dict[str, float] = {}
        self._entry: float | None = None
        self._tape: TapeWindow | None = None
        self._drawn: Candles | None = None
        self._span = float(SPAN)
        self._thread = 0
        self._kinds: dict[str, bool] = {}
        self._lines: list[str] = []
        self._groups: dict[str, list[str]] = {}
        self._markers: dict[Side, tuple[Any, ...]] = {}
        self._build()

    def _build(self) -> None:
        """Make the panes that every strategy has."""
        self._price = Pane("Price", HEIGHT, ticks=7)
        self._volume = Pane("Volume", SMALL)
        self._equity = Pane("Equity", SMALL)
        self._features: dict[str, tuple[Pane, Any]] = {}
        nothing, wide = np.empty(0, dtype="datetime64[ms]"), np.empty((0, 4))
        candle = {"marker": "candle", "colors": [_UP, _DOWN], "stroke": "var(--cb-wick)", "preserve_domain": KEEP}
        self._candle = bqplot.OHLC(
            x=nothing, y=wide, format="ohlc", stroke_width=1, scales=self._price.scales, **candle
        )
        # Volume as candles from zero: they are as wide as the candles above, and take their colours.
        self._bars = bqplot.OHLC(
            x=nothing, y=wide[:, :2], format="oc", stroke_width=0, scales=self._volume.scales, **candle
        )
        self._averages = marks.lines(self._price, 1.6)
        self._worth = marks.lines(self._equity, 1.5)
        self._worth.fill, self._worth.fill_colors, self._worth.fill_opacities = "bottom", ["var(--cb-equity)"], [0.12]
        self._triangles = {
            Side.BUY: marks.triangles(self._price, "triangle-up", "var(--cb-buy)"),
            Side.SELL: marks.triangles(self._price, "triangle-down", "var(--cb-sell)"),
        }
        self._price.figure.marks = [self._candle, self._averages, *self._triangles.values()]
        self._volume.figure.marks = [self._bars]
        self._equity.figure.marks = [self._worth]
        self._price.figure.interaction = PanZoom(scales={"x": [self._price.x], "y": []})
        self._price.x.observe(self._panned, ["min", "max"])
        self._overlay = Overlay(self._pointed)
        self._overlay.add_class("cb-overlay-host")
        self._overlay.view = {"notice": "No bars yet. Press Start: the chart fills with the market's history."}
        self.widget = ipywidgets.VBox([self._overlay])
        for style in ("cb-chart", "cb-waiting"):
            self.widget.add_class(style)
        self._lay_out()

    @property
    def crosshair(self) -> bool:
        """Whether the mouse shows a crosshair and the prices of the bar under it."""
        return bool(self._overlay.crosshair)

    @crosshair.setter
    def crosshair(self, on: bool) -> None:
        self._overlay.crosshair = on

    @property
    def panes(self) -> list[Pane]:
        """The panes from top to bottom."""
        return [self._price, self._volume, *(pane for pane, _ in self._features.values()), self._equity]

    @property
    def drawn(self) -> Candles | None:
        """What is on the page now."""
        return self._drawn

    def describe(self, units: Units, levels: Mapping[str, float], entry: float | None) -> None:
        """See :meth:`cryptobot.notebook.chart.Chart.describe`."""
        self._units, self._levels, self._entry = units, dict(levels), entry

    def show(self, tape: TapeWindow) -> None:
        """See :meth:`cryptobot.notebook.chart.Chart.show`."""
        self._thread = threading.get_ident()
        try:
            self._tape = tape
            if len(tape.time):
                self.widget.remove_class("cb-waiting")
                self._arrange(tape)
                if self.follow:
                    self._to_newest(tape)
                else:
                    self._keep_inside(tape)
                self._draw(tape)
        finally:
            self._thread = 0

    def redraw(self) -> None:
        """See :meth:`cryptobot.notebook.chart.Chart.redraw`."""
        asked, pointed = self._overlay.take_pointed()
        if self._tape is not None and len(self._tape.time):
            if self.follow or self._price.x.get_window() != self._shown_window:
                self.show(self._tape)
            if asked and self._drawn is not None and len(self._drawn):
                index = self._drawn.at(pointed) if pointed is not None else None
                self._overlay.hover = (
                    {} if index is None else {"time": pointed, "panes": self._legend(self._drawn, index)}
                )

    # Where and what ---------------------------------------------------------------------------------------------------

    def _pointed(self) -> None:
        """Pass on that the mouse points at another bar."""
        self.on_interaction()

    def _panned(self, _change: object) -> None:
        """Note that the user moved the window (the chart's own moves come from the thread that draws)."""
        if threading.get_ident() != self._thread:
            self.follow = False
            self.on_interaction()

    _shown_window: tuple[float, float] | None = None

    def _to_newest(self, tape: TapeWindow) -> None:
        """Move the window to the newest bar, keeping the user's zoom."""
        step = step_of(tape.time)
        window = self._price.x.get_window()
        if window is not None and self._shown_window is not None:
            self._span = max(10.0, (window[1] - window[0]) / step - AHEAD)
        newest = int(tape.time[-1]) // MILLI
        self._price.x.set_window(newest - self._span * step, newest + AHEAD * step)

    def _keep_inside(self, tape: TapeWindow) -> None:
        """Let the user neither zoom out beyond the bars nor pan away from them, nor zoom in on less than 10 bars."""
        window = self._price.x.get_window()
        if window is None:
            return
        step = step_of(tape.time)
        first, last = int(tape.time[0]) // MILLI, int(tape.time[-1]) // MILLI
        widest = max(last - first, SPAN * step) + AHEAD * step
        span = min(max(window[1] - window[0], 10 * step), widest)
        middle = (window[0] + window[1]) / 2
        low = min(max(middle - span / 2, first - 0.5 * span), last - 0.5 * span)
        if span == widest:
            low = last + AHEAD * step - span
        if abs(low - window[0]) > step / 2 or abs(low + span - window[1]) > step / 2:
            self._price.x.set_window(low, low + span)

    def _arrange(self, tape: TapeWindow) -> None:
        """Sort the features into the price pane and panes of their own, as soon as they have values."""
        for name, values in tape.features.items():
            if name not in self._kinds:
                kind = on_price_scale(np.asarray(values, float), np.asarray(tape.close))
                if kind is not None:
                    self._kinds[name] = kind
        lines = [name for name in tape.features if self._kinds.get(name)]
        groups: dict[str, list[str]] = {}
        for name in tape.features:
            if self._kinds.get(name) is False:
                groups.setdefault(name.partition("_")[0], []).append(name)
        if (lines, groups) == (self._lines, self._groups):
            return
        self._lines, self._groups = lines, groups
        for group, names in groups.items():
            if group not in self._features:
                percent = all(legends.is_fraction(name) for name in names)
                pane = Pane(legends.words(group), SMALL, factor=100 if percent else 1, unit=" %" if percent else "")
                mark = marks.lines(pane, 1.4)
                pane.figure.marks = [mark]
                self._features[group] = (pane, mark)
        self._features = {group: kept for group, kept in self._features.items() if group in groups}
        self._lay_out()

    def _lay_out(self) -> None:
        """Give every pane its height: the price pane takes what the others leave."""
        panes = self.panes
        below = len(panes) - 1
        self._price.resize(max(LEAST_PRICE, HEIGHT - TIME_AXIS - SMALL * below), times=False)
        for pane in panes[1:-1]:
            pane.resize(SMALL, times=False)
        panes[-1].resize(SMALL + TIME_AXIS, times=True)
        children = [*(pane.figure for pane in panes), self._overlay]
        if list(self.widget.children) != children:
            self.widget.children = children

    # Drawing ----------------------------------------------------------------------------------------------------------

    def _draw(self, tape: TapeWindow) -> None:
        """Send what is in the window to the page."""
        window = self._price.x.get_window()
        if window is None:
            return
        low, high = window
        self._shown_window = window
        drawn = candles(tape, low, high)
        part = drawn.inside(low, high)
        self._drawn = drawn
        times = drawn.time.astype("datetime64[ms]")
        for pane in self.panes:
            pane.set_window(low, high)
        self._draw_price(drawn, part, times, tape.fills)
        rising = drawn.prices[:, 3] >= drawn.prices[:, 0]
        zero = np.zeros(len(drawn))
        marks.set_data(self._bars, times, np.where(rising, [zero, drawn.volume], [drawn.volume, zero]).T)
        top = drawn.volume[part].max(initial=0.0)
        self._volume.set_range(0.0, float(top) or 1.0)
        for group, (pane, mark) in self._features.items():
            names = self._groups[group]
            rows = [drawn.features[name] for name in names]
            levels = [self._levels[name] for name in names if name in self._levels]
            colours = marks.colours(len(rows), 2)
            straight = [np.full(len(drawn), level) for level in levels]
            marks.set_lines(mark, times, [*rows, *straight], [*colours, *("var(--cb-level)" for _ in levels)])
            pane.fit(*(row[part] for row in rows), levels)
        marks.set_lines(self._worth, times, [drawn.equity], ["var(--cb-equity)"])
        self._equity.fit(drawn.equity[part], margin=0.12)
        self._describe_view(tape, drawn, part, window)

    def _draw_price(self, drawn: Candles, part: slice, times: Any, fills: Iterable[Fill]) -> None:
        """Draw candles, averages and markers, with the price axis fitted to the window."""
        marks.set_data(self._candle, times, drawn.prices)
        averages = [drawn.features[name] for name in self._lines]
        marks.set_lines(self._averages, times, averages, marks.colours(len(averages), 0))
        seen = drawn.prices[part]
        if len(seen):
            self._price.fit(seen[:, 1], seen[:, 2], *(row[part] for row in averages), margin=0.09)
        room = 0.045 * ((self._price.y.max or 0) - (self._price.y.min or 0))
        places: dict[Side, dict[int, float]] = {Side.BUY: {}, Side.SELL: {}}
        for fill in fills:
            if len(drawn) and fill.time // MILLI >= drawn.time[0]:
                index = drawn.at(fill.time / MILLI)
                away = drawn.prices[index, 2] - room if fill.side is Side.BUY else drawn.prices[index, 1] + room
                places[Side(fill.side)][int(drawn.time[index])] = float(away)
        for side, mark in self._triangles.items():
            found = tuple(places[side].items())
            if found != self._markers.get(side):
                self._markers[side] = found
                moments = np.array([time for time, _ in found], dtype="datetime64[ms]")
                marks.set_data(mark, moments, np.array([price for _, price in found]))

    def _describe_view(self, tape: TapeWindow, drawn: Candles, part: slice, window: tuple[float, float]) -> None:
        """Tell the overlay the domains, the legends and the tags."""
        last = float(tape.close[-1])
        newest = int(tape.time[-1]) // MILLI
        legend = self._legend(drawn, max(0, min(part.stop, len(drawn)) - 1)) if len(drawn) else []
        self._overlay.view = {
            "x": list(window),
            "right": RIGHT,
            "step": drawn.step,
            "anchor": newest - newest % drawn.step if drawn.bars_each > 1 else newest,
            "first": int(drawn.time[0]) if len(drawn) else newest,
            "panes": [
                {
                    "title": pane.title,
                    "y": [pane.y.min or 0.0, pane.y.max or 1.0],
                    "top": 0,
                    "bottom": pane.bottom,
                    "digits": self._units.price_digits if pane is self._price else pane.digits + 1,
                    "factor": pane.factor,
                    "unit": pane.unit,
                    "legend": legend[index] if legend else [],
                }
                for index, pane in enumerate(self.panes)
            ],
            "lines": legends.tags(last, last >= float(tape.open[-1]), self._entry, self._units),
            "notice": "" if part.stop > part.start else "No bars in this window. Press Follow live to go back.",
        }

    def _legend(self, drawn: Candles, index: int) -> list[list[legends.Entry]]:
        """Write the legend of every pane for one candle."""
        return [
            legends.price_legend(drawn, index, self._units, self._lines),
            legends.volume_legend(drawn, index, self._units),
            *(
                legends.feature_legend(drawn, index, self._groups[group], self._levels, pane.unit == " %")
                for group, (pane, _) in self._features.items()
            ),
            legends.equity_legend(drawn, index, self._units),
        ]
