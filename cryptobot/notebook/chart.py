"""The one small interface behind which a chart is drawn, and where charts are found by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from cryptobot.core.registry import Registry

if TYPE_CHECKING:
    from cryptobot.notebook.numbers import Units
    from cryptobot.trading.tape import TapeWindow


class Chart(Protocol):
    """A live chart of a bot.

    A chart is one class in one file, registered by ``@charts.register("name")`` or offered by another package in the
    entry-point group ``cryptobot.charts``. It is made without arguments, and used by one thread at a time.

    Attributes
    ----------
    widget
        The ipywidget that shows it.
    follow
        Whether the window moves with the newest bar. Panning ends it; setting it to True takes it up again.
    crosshair
        Whether the mouse shows a crosshair and the prices of the bar under it.
    on_interaction
        Called, on whatever thread the message arrives, when the user has panned, zoomed or moved the mouse: whoever
        owns the chart then calls :meth:`redraw` on its own thread.
    """

    widget: Any
    follow: bool
    crosshair: bool
    on_interaction: Callable[[], None]

    def describe(self, units: Units, levels: Mapping[str, float], entry: float | None) -> None:
        """Say how numbers are written, which levels belong to which feature, and at what price the position began.

        Parameters
        ----------
        units
            Currencies and digits of the market.
        levels
            A horizontal line to draw for a feature: its name and the value.
        entry
            Entry price of the open position, or None.
        """

    def show(self, tape: TapeWindow) -> None:
        """Show the newest bars. What is sent to the page stays bounded however long the tape is."""

    def redraw(self) -> None:
        """Answer to the user's last panning, zooming or pointing."""


def _built_in() -> list[str]:
    return ["cryptobot.notebook.bqplot_chart"]


charts: Final[Registry[Callable[[], Chart]]] = Registry("chart", "cryptobot.charts", _built_in)
