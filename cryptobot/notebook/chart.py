"""The one small interface behind which a chart is drawn, and where charts are found by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from cryptobot.core.registry import Registry
from cryptobot.notebook.numbers import Units

if TYPE_CHECKING:
    from cryptobot.trading.tape import TapeWindow

Move = Literal["earlier", "later", "closer", "wider"]


@dataclass(frozen=True, slots=True)
class Trip:
    """One round trip, for the chart.

    Attributes
    ----------
    entered, left
        Nanoseconds since 1970-01-01 UTC; `left` is None while it is open.
    pnl
        After fees, in the quote currency.
    """

    entered: int
    left: int | None
    pnl: float


@dataclass(frozen=True, slots=True)
class PriceLine:
    """A level across the price pane.

    Attributes
    ----------
    kind
        ``"entry"``, ``"stop"``, ``"target"``, ``"last"`` or ``"live"``.
    price
        In the quote currency.
    """

    kind: str
    price: float


@dataclass(frozen=True, slots=True)
class About:
    """What a chart says besides the bars.

    Attributes
    ----------
    units
        How the numbers of the market are written.
    levels
        Horizontal lines to draw for a feature: its name and the values.
    lines
        Levels across the price pane: entry, stop, target, live price.
    trips
        Round trips within the bars, oldest first.
    peak
        The highest equity before the bars, or None: where the drawdown is counted from.
    """

    units: Units = field(default_factory=lambda: Units("", ""))
    levels: Mapping[str, Sequence[float]] = field(default_factory=dict)
    lines: Sequence[PriceLine] = ()
    trips: Sequence[Trip] = ()
    peak: float | None = None


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
    measuring
        Whether dragging measures a difference in price and time instead of panning.
    parts
        Names of the panes that can be hidden, from top to bottom.
    reach
        How many of the newest bars the user can see by panning and zooming now: whoever owns the chart shows so many.
    on_interaction
        Called, on whatever thread the message arrives, when the user has panned, zoomed or moved the mouse: whoever
        owns the chart then calls :meth:`redraw` on its own thread.
    """

    widget: Any
    follow: bool
    crosshair: bool
    measuring: bool
    on_interaction: Callable[[], None]

    @property
    def parts(self) -> Sequence[str]:
        """Names of the panes that can be hidden."""

    @property
    def reach(self) -> int:
        """How many bars the user can see now."""

    def describe(self, about: About) -> None:
        """Say what belongs to the bars that are shown next."""

    def show(self, tape: TapeWindow, *, thorough: bool = True) -> None:
        """Show the newest bars. What is sent to the page stays bounded however long the tape is.

        Parameters
        ----------
        tape
            Bars of a bot, with features, equity and fills.
        thorough
            Whether to draw everything; otherwise only the price, and the rest is due within a second.
        """

    def redraw(self) -> None:
        """Answer to the user's last panning, zooming or pointing."""

    def move(self, how: Move) -> None:
        """Pan or zoom by a step, as the keyboard does."""

    def go_to(self, trip: Trip) -> None:
        """Bring a round trip into sight and mark it."""

    def show_part(self, name: str, shown: bool) -> None:
        """Show or hide one of the `parts`."""


def _built_in() -> list[str]:
    return ["cryptobot.notebook.bqplot_chart"]


charts: Final[Registry[Callable[[], Chart]]] = Registry("chart", "cryptobot.charts", _built_in)
