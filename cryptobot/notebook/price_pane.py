"""The pane of the price: candles, averages, and triangles where the bot has traded."""

from __future__ import annotations

from typing import Any

import numpy as np

from cryptobot.core.types import Side
from cryptobot.notebook import legends, marks
from cryptobot.notebook.lower_panes import Scene
from cryptobot.notebook.pane import Pane
from cryptobot.notebook.window import MILLI


class PricePane:
    """Candles with everything that lives on the price scale.

    Parameters
    ----------
    height
        In pixels.

    Attributes
    ----------
    pane
        The figure.
    lines
        Names of the features that are drawn over the candles.
    """

    def __init__(self, height: int) -> None:
        self.pane = Pane("Price", height, ticks=7)
        self.lines: list[str] = []
        self._markers: dict[Side, tuple[Any, ...]] = {}
        self._candle = marks.candles(self.pane, "ohlc", 1, 4)
        self._averages = marks.lines(self.pane, 1.6)
        self._triangles = {
            Side.BUY: marks.triangles(self.pane, "triangle-up", "var(--cb-buy)"),
            Side.SELL: marks.triangles(self.pane, "triangle-down", "var(--cb-sell)"),
        }
        self.pane.figure.marks = [self._candle, self._averages, *self._triangles.values()]

    def draw(self, scene: Scene) -> None:
        """Draw candles, averages and markers, with the price axis fitted to the window."""
        drawn, part = scene.drawn, scene.part
        marks.set_data(self._candle, scene.times, drawn.prices)
        averages = [drawn.features[name] for name in self.lines]
        marks.set_lines(self._averages, scene.times, averages, marks.colours(len(averages), 0))
        seen = drawn.prices[part]
        if len(seen):
            self.pane.fit(seen[:, 1], seen[:, 2], *(row[part] for row in averages), margin=0.09)
        self._draw_fills(scene)

    def _draw_fills(self, scene: Scene) -> None:
        """Put a triangle below the candle of a buy and above that of a sell, a little away from it.

        What was filled since the newest close stands where the next candle will, at its own price.
        """
        drawn = scene.drawn
        room = 0.045 * ((self.pane.y.max or 0) - (self.pane.y.min or 0))
        places: dict[Side, dict[int, float]] = {Side.BUY: {}, Side.SELL: {}}
        end = int(drawn.time[-1]) + drawn.step if len(drawn) else 0
        for fill in scene.tape.fills:
            side, moment = Side(fill.side), fill.time // MILLI
            away = -room if side is Side.BUY else room
            if len(drawn) and drawn.time[0] <= moment < end:
                index = drawn.at(fill.time / MILLI)
                edge = drawn.prices[index, 2 if side is Side.BUY else 1]
                places[side][int(drawn.time[index])] = float(edge) + away
            elif len(drawn) and moment >= end and drawn.stop == len(scene.tape.time):
                places[side][end] = float(fill.price) + away
        for side, mark in self._triangles.items():
            found = tuple(places[side].items())
            if found != self._markers.get(side):
                self._markers[side] = found
                moments = np.array([time for time, _ in found], dtype="datetime64[ms]")
                marks.set_data(mark, moments, np.array([price for _, price in found]))

    def legend(self, scene: Scene, index: int) -> list[legends.Entry]:
        """Write the prices of one candle and the values of the averages there."""
        return legends.price_legend(scene.drawn, index, scene.about.units, self.lines)
