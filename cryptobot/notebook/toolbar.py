"""The switches over a chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from cryptobot.notebook.indicator_picker import IndicatorPicker

if TYPE_CHECKING:
    from cryptobot.notebook.chart import Chart, Move

_MOVES: Final[tuple[tuple[Move, str, str], ...]] = (
    ("earlier", "chevron-left", "Earlier (arrow left)"),
    ("later", "chevron-right", "Later (arrow right)"),
    ("wider", "search-minus", "Show more bars (minus)"),
    ("closer", "search-plus", "Show fewer bars (plus)"),
)


class Toolbar:
    """Follow, crosshair, measure; which panes are shown; panning and zooming without a mouse.

    Parameters
    ----------
    chart
        What is switched.

    Attributes
    ----------
    follow, crosshair, measure
        Switches of the mouse and the window.
    parts
        A switch for each pane that can be hidden, by its name.
    indicators
        Where the user adds indicators.
    moves
        A button for each way to move the window.
    """

    def __init__(self, chart: Chart) -> None:
        self.follow = _switch("Follow live", "forward", chart.follow, "Keep the newest bar in sight")
        self.crosshair = _switch(
            "Crosshair", "crosshairs", chart.crosshair, "Show the prices of the bar under the mouse"
        )
        self.measure = _switch(
            "Measure", "arrows-alt", chart.measuring, "Drag over the chart to measure (or drag with the Shift key held)"
        )
        self.parts = {name: _switch(name, "", True, f"Show the pane: {name}") for name in chart.parts}
        for switch in self.parts.values():
            switch.add_class("cb-part")
        self.moves: dict[Move, Any] = {}
        for how, icon, tooltip in _MOVES:
            button = ipywidgets.Button(icon=icon, tooltip=tooltip)
            button.add_class("cb-button")
            button.add_class("cb-move")
            self.moves[how] = button
        hint = ipywidgets.Label("▲ bought  ▼ sold")
        hint.add_class("cb-hint")
        parts, moves = _group("cb-parts", self.parts), _group("cb-moves", self.moves)
        self.indicators = IndicatorPicker()
        self.widget = ipywidgets.HBox(
            [self.follow, self.crosshair, self.measure, moves, parts, self.indicators.widget, hint]
        )
        self.widget.add_class("cb-tools")


def _group(style: str, widgets: Any) -> Any:
    box = ipywidgets.HBox(list(widgets.values()))
    box.add_class(style)
    return box


def _switch(text: str, icon: str, on: bool, tooltip: str) -> Any:
    switch = ipywidgets.ToggleButton(value=on, description=text, icon=icon, tooltip=tooltip)
    switch.add_class("cb-switch")
    return switch
