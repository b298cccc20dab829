"""The widgets of a control panel and how they are put together."""

from __future__ import annotations

from typing import Any

import ipywidgets

from cryptobot.notebook import status_words
from cryptobot.notebook.chart import Chart
from cryptobot.notebook.frames import Frames
from cryptobot.notebook.logview import LogView
from cryptobot.notebook.parameters import ParametersForm
from cryptobot.notebook.readout import Readout
from cryptobot.notebook.tables import TradesTable


class Layout:
    """Every widget of a panel.

    Parameters
    ----------
    frames
        The pulse, which also brings the style sheet.
    chart
        The chart.
    form
        The form with the strategy's parameters.

    Attributes
    ----------
    start, stop
        The two buttons.
    follow, crosshair
        The chart's switches.
    root
        The widget to show.
    """

    def __init__(self, frames: Frames, chart: Chart, form: ParametersForm) -> None:
        self.frames, self.chart, self.form = frames, chart, form
        self.header = Readout("header", status_words.HEADER)
        self.figures = Readout("figures", status_words.FIGURES)
        self.decision = Readout("decision", [("decision", "Last decision")])
        self.account = Readout("account", status_words.ACCOUNT)
        self.account.add_class("cb-card")
        self.trades = TradesTable()
        self.log = LogView()
        self.start = _button("Start", "play", "cb-start", "Start the bot: it connects, loads history and trades")
        self.stop = _button("Stop", "stop", "cb-stop", "Stop the bot: it decides and sends nothing more")
        self.follow = _switch("Follow live", "forward", chart.follow, "Keep the newest bar in sight")
        self.crosshair = _switch(
            "Crosshair", "crosshairs", chart.crosshair, "Show the prices of the bar under the mouse"
        )
        hint = ipywidgets.Label("▲ bought  ▼ sold · drag to pan, wheel to zoom")
        hint.add_class("cb-hint")
        top = _box(ipywidgets.HBox, "cb-top", self.header, frames, self.start, self.stop)
        tools = _box(ipywidgets.HBox, "cb-tools", self.follow, self.crosshair, hint)
        self.decision.add_class("cb-card")
        main = _box(
            ipywidgets.HBox, "cb-main",
            _box(ipywidgets.VBox, "cb-chart-column", tools, chart.widget),
            _box(ipywidgets.VBox, "cb-side", form.widget, self.decision, self.account),
        )  # fmt: skip
        self.tabs = ipywidgets.Tab(children=[self.trades, self.log], titles=["Trades", "Log"])
        self.tabs.add_class("cb-tabs")
        self.root = _box(ipywidgets.VBox, "cb-panel", top, self.figures, main, self.tabs)

    def close(self) -> None:
        """Close every widget with its marks, scales, layouts and styles: ipywidgets keeps what is not closed."""
        for widget in _with_parts(self.root, {}).values():
            widget.close()


def _with_parts(value: Any, found: dict[int, Any]) -> dict[int, Any]:
    """Return all widgets that are reached from a value, by identity."""
    if isinstance(value, ipywidgets.Widget):
        if id(value) not in found:
            found[id(value)] = value
            for part in value.trait_values().values():
                _with_parts(part, found)
    elif isinstance(value, list | tuple):
        for part in value:
            _with_parts(part, found)
    elif isinstance(value, dict):
        _with_parts(list(value.values()), found)
    return found


def _box(kind: Any, style: str, *children: Any) -> Any:
    box = kind(list(children))
    box.add_class(style)
    return box


def _button(text: str, icon: str, style: str, tooltip: str) -> Any:
    button = ipywidgets.Button(description=text, icon=icon, tooltip=tooltip)
    button.add_class("cb-button")
    button.add_class(style)
    return button


def _switch(text: str, icon: str, on: bool, tooltip: str) -> Any:
    switch = ipywidgets.ToggleButton(value=on, description=text, icon=icon, tooltip=tooltip)
    switch.add_class("cb-switch")
    return switch
