"""The chart drawn with bqplot: price, volume, one pane for each further feature, equity, drawdown, results."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import ipywidgets
import numpy as np
from bqplot.interacts import PanZoom

from cryptobot.notebook import legends
from cryptobot.notebook.chart import About, Move, Trip, charts
from cryptobot.notebook.lower_panes import (
    DrawdownPane,
    EquityPane,
    FeaturePane,
    LowerPane,
    ResultsPane,
    Scene,
    VolumePane,
)
from cryptobot.notebook.overlay import Overlay
from cryptobot.notebook.pane import RIGHT, TIME_AXIS, Pane
from cryptobot.notebook.price_pane import PricePane
from cryptobot.notebook.view import View
from cryptobot.notebook.window import MILLI, Candles, candles, on_price_scale

if TYPE_CHECKING:
    from cryptobot.trading.tape import TapeWindow

HEIGHT: Final = 640  # px of all panes together: nothing on the page moves when the strategy's panes appear
LEAST_PRICE: Final = 240  # px the price pane keeps, however many panes there are


@charts.register("bqplot")
class BqplotChart:
    """Candles with everything the strategy sees, in panes that move together.

    Every pane has a horizontal scale of its own, linked here: marks on one shared scale would redraw all panes with
    each update. At most 250 candles and as many points a line are on the page, however long the tape. The panes below
    the price follow it within a second, and at once when the user moves the window.
    """

    parts: Sequence[str] = ("Volume", "Features", "Equity", "Drawdown", "PnL per trade")

    def __init__(self) -> None:
        self.on_interaction: Callable[[], None] = lambda: None
        self._about = About()
        self._tape: TapeWindow | None = None
        self._scene: Scene | None = None
        self._thread = 0
        self._kinds: dict[str, bool] = {}
        self._groups: dict[str, list[str]] = {}
        self._features: dict[str, FeaturePane] = {}
        self._hidden: set[str] = set()
        self._marked: Trip | None = None
        self._width = 0
        self._price = PricePane(HEIGHT)
        self._volume, self._equity, self._drawdown, self._results = (
            VolumePane(),
            EquityPane(),
            DrawdownPane(),
            ResultsPane(),
        )
        self._price.pane.figure.interaction = PanZoom(scales={"x": [self._price.pane.x], "y": []})
        self._price.pane.x.observe(self._panned, ["min", "max"])
        self._view = View(self._price.pane.x)
        self._overlay = Overlay(self._pointed)
        self._overlay.add_class("cb-overlay-host")
        self._overlay.view = {"notice": "No bars yet. Press Start: the chart fills with the market's history."}
        self.widget = ipywidgets.VBox([self._overlay])
        for style in ("cb-chart", "cb-waiting"):
            self.widget.add_class(style)
        self._lay_out()

    # What the panel sets and asks for ---------------------------------------------------------------------------------

    @property
    def follow(self) -> bool:
        """Whether the window moves with the newest bar."""
        return self._view.follow

    @follow.setter
    def follow(self, on: bool) -> None:
        self._view.follow = on
        if on:
            self._marked = None

    @property
    def reach(self) -> int:
        """How many of the newest bars can be seen by panning and zooming now; grows as the user goes back."""
        return self._view.reach

    @property
    def crosshair(self) -> bool:
        """Whether the mouse shows a crosshair and the prices of the bar under it."""
        return bool(self._overlay.crosshair)

    @crosshair.setter
    def crosshair(self, on: bool) -> None:
        self._overlay.crosshair = on

    @property
    def measuring(self) -> bool:
        """Whether dragging measures instead of panning."""
        return bool(self._overlay.measuring)

    @measuring.setter
    def measuring(self, on: bool) -> None:
        self._overlay.measuring = on

    @property
    def panes(self) -> list[Pane]:
        """The panes from top to bottom."""
        return [self._price.pane, *(lower.pane for lower in self._lower)]

    @property
    def drawn(self) -> Candles | None:
        """What is on the page now."""
        return None if self._scene is None else self._scene.drawn

    @property
    def _lower(self) -> list[LowerPane]:
        by_part: dict[str, list[LowerPane]] = {
            "Volume": [self._volume],
            "Features": [*self._features.values()],
            "Equity": [self._equity],
            "Drawdown": [self._drawdown],
            "PnL per trade": [self._results],
        }
        return [pane for part in self.parts if part not in self._hidden for pane in by_part[part]]

    def describe(self, about: About) -> None:
        """See :meth:`cryptobot.notebook.chart.Chart.describe`."""
        self._about = about

    def show(self, tape: TapeWindow, *, thorough: bool = True) -> None:
        """See :meth:`cryptobot.notebook.chart.Chart.show`."""
        self._thread = threading.get_ident()
        try:
            self._tape = tape
            if len(tape.time):
                self.widget.remove_class("cb-waiting")
                thorough = self._arrange(tape) or thorough
                self._view.place(tape.time)
                self._draw(tape, thorough=thorough)
        finally:
            self._thread = 0

    def redraw(self) -> None:
        """See :meth:`cryptobot.notebook.chart.Chart.redraw`."""
        asked, pointed = self._overlay.take_pointed()
        for key in self._overlay.take_keys():
            self.move(key)
        if self._tape is None or not len(self._tape.time):
            return
        if self.follow or self._view.moved or self._overlay.width != self._width:
            self._width = self._overlay.width
            self.show(self._tape)
        if asked and self._scene is not None and len(self._scene.drawn):
            index = self._scene.drawn.at(pointed) if pointed is not None else None
            self._overlay.hover = {} if index is None else {"time": pointed, "panes": self._legend(self._scene, index)}

    def move(self, how: Move) -> None:
        """See :meth:`cryptobot.notebook.chart.Chart.move`."""
        if self._tape is not None and len(self._tape.time):
            self._thread = threading.get_ident()
            try:
                self._view.step(how, self._tape.time)
            finally:
                self._thread = 0

    def go_to(self, trip: Trip) -> None:
        """See :meth:`cryptobot.notebook.chart.Chart.go_to`."""
        if self._tape is not None and len(self._tape.time):
            self._thread = threading.get_ident()
            try:
                self._marked = trip
                self._view.centre(trip.entered, trip.left or int(self._tape.time[-1]), self._tape.time)
            finally:
                self._thread = 0

    def show_part(self, name: str, shown: bool) -> None:
        """See :meth:`cryptobot.notebook.chart.Chart.show_part`."""
        (self._hidden.discard if shown else self._hidden.add)(name)
        self._lay_out()
        if self._tape is not None:
            self.show(self._tape)

    # Where and what ---------------------------------------------------------------------------------------------------

    def _pointed(self) -> None:
        """Pass on that the mouse points at another bar, or that a key was pressed."""
        self.on_interaction()

    def _panned(self, _change: object) -> None:
        """Note that the user moved the window (the chart's own moves come from the thread that draws)."""
        if threading.get_ident() != self._thread:
            self._view.follow = False
            self.on_interaction()

    def _arrange(self, tape: TapeWindow) -> bool:
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
        if (lines, groups) == (self._price.lines, self._groups):
            return False
        self._price.lines, self._groups = lines, groups
        self._features = {
            group: kept if (kept := self._features.get(group)) and kept.names == names else FeaturePane(group, names)
            for group, names in groups.items()
        }
        self._lay_out()
        return True

    def _lay_out(self) -> None:
        """Give every pane its height: the price pane takes what the others leave."""
        price, *others = self.panes
        below = sum(pane.natural for pane in others) + TIME_AXIS * bool(others)
        price.resize(max(LEAST_PRICE, HEIGHT - below), times=not others)
        for pane in others:
            last = pane is others[-1]
            pane.resize(pane.natural + TIME_AXIS * last, times=last)
        children = [*(pane.figure for pane in self.panes), self._overlay]
        if list(self.widget.children) != children:
            self.widget.children = children

    # Drawing ----------------------------------------------------------------------------------------------------------

    def _draw(self, tape: TapeWindow, *, thorough: bool) -> None:
        """Send what is in the window to the page."""
        low, high = self._view.window
        drawn = candles(tape, low, high)
        times = drawn.time.astype("datetime64[ms]")
        scene = self._scene = Scene(tape, drawn, drawn.inside(low, high), times, self._about)
        ticks = max(2, min(10, self._overlay.width // 95))
        self._price.pane.set_window(low, high, ticks)
        self._price.draw(scene)
        if thorough:
            for lower in self._lower:
                lower.pane.set_window(low, high, ticks)
                lower.draw(scene)
        self._describe_view(scene, (low, high))

    def _describe_view(self, scene: Scene, window: tuple[float, float]) -> None:
        """Tell the overlay the domains, the legends and the tags."""
        tape, drawn, part, units = scene.tape, scene.drawn, scene.part, scene.about.units
        last = float(tape.close[-1])
        newest = int(tape.time[-1]) // MILLI
        legend = self._legend(scene, max(0, min(part.stop, len(drawn)) - 1)) if len(drawn) else []
        trip = self._marked
        self._overlay.view = {
            "x": list(window),
            "right": RIGHT,
            "step": drawn.step,
            "bar": drawn.step // drawn.bars_each,
            "quote": units.quote,
            "anchor": newest - newest % drawn.step if drawn.bars_each > 1 else newest,
            "first": int(drawn.time[0]) if len(drawn) else newest,
            "band": [] if trip is None else [trip.entered // MILLI, (trip.left or int(tape.time[-1])) // MILLI],
            "panes": [
                {
                    "title": pane.title,
                    "y": [pane.y.min or 0.0, pane.y.max or 1.0],
                    "top": 0,
                    "bottom": pane.bottom,
                    "digits": units.price_digits if index == 0 else pane.digits + 1,
                    "factor": pane.factor,
                    "unit": pane.unit,
                    "legend": legend[index] if legend else [],
                }
                for index, pane in enumerate(self.panes)
            ],
            "lines": legends.tags(last, last >= float(tape.open[-1]), scene.about.lines, units),
            "notice": "" if part.stop > part.start else "No bars in this window. Press Follow live to go back.",
        }

    def _legend(self, scene: Scene, index: int) -> list[list[legends.Entry]]:
        """Write the legend of every pane for one candle."""
        return [self._price.legend(scene, index), *(lower.legend(scene, index) for lower in self._lower)]
