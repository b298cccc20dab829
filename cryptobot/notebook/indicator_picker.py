"""Where the user adds indicators to the chart, and takes them away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import ipywidgets

from cryptobot.notebook.closing import close_all
from cryptobot.notebook.studies import MOST
from cryptobot.notebook.weakly import weakly
from cryptobot.strategy.feature import INDICATORS

_ASK: Final = "+ Indicator"
_TIP: Final = "Show an indicator in the chart, with its usual parameters. In code: panel.add_indicator(cb.RSI(21))"
_FULL: Final = f"{MOST} are shown, and the price needs room, too. Take one away first"


class IndicatorPicker:
    """A list of the registered indicators, the user's own among them, and a button for each that is shown.

    Attributes
    ----------
    picker
        The list; choosing from it adds one.
    buttons
        By name; a click takes the indicator away.
    on_add, on_remove
        Called with the name of an indicator.
    """

    def __init__(self) -> None:
        self.on_add: Callable[[str], None] = lambda _name: None
        self.on_remove: Callable[[str], None] = lambda _name: None
        self.picker = ipywidgets.Dropdown(
            options=[(_ASK, ""), *((name.replace("_", " "), name) for name in INDICATORS.names())],
            value="",
            tooltip=_TIP,
        )
        self.picker.add_class("cb-indicators")
        self.picker.observe(weakly(self._picked), "value")
        self.buttons: dict[str, Any] = {}
        self.widget = ipywidgets.HBox([self.picker])
        self.widget.add_class("cb-studies")

    def show(self, names: Sequence[str]) -> None:
        """Offer to take these away."""
        for name in [name for name in self.buttons if name not in names]:
            close_all(self.buttons.pop(name))
        for name in names:
            if name not in self.buttons:
                button = ipywidgets.Button(description=name, icon="times", tooltip=f"Show {name} no more")
                button.add_class("cb-button")
                button.add_class("cb-study")
                button.on_click(weakly(self._clicked))
                self.buttons[name] = button
        self.picker.disabled = len(names) >= MOST
        self.picker.tooltip = _FULL if self.picker.disabled else _TIP
        self.widget.children = [self.picker, *self.buttons.values()]

    def _picked(self, change: Any) -> None:
        if change.new:
            self.picker.value = ""  # it is a menu: what was chosen stands in the buttons
            self.on_add(str(change.new))

    def _clicked(self, button: Any) -> None:
        self.on_remove(str(button.description))
