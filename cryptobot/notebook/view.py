"""What part of the history a chart's window shows, and how the user moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptobot.notebook.window import MILLI, Ints, step_of

if TYPE_CHECKING:
    from cryptobot.notebook.chart import Move
    from cryptobot.notebook.scales import UtcScale

SPAN: Final = 180  # bars in the window at first
AHEAD: Final = 4  # bars of room right of the newest
REACH: Final = 2000  # bars that can be panned to at first; four times as many whenever the user comes to their end
FURTHEST: Final = 1_000_000


class View:
    """The window of a chart: it follows the newest bar, or stays where the user has moved it.

    Parameters
    ----------
    scale
        The scale that the user's panning and zooming sets.

    Attributes
    ----------
    follow
        Whether it moves with the newest bar.
    reach
        How many of the newest bars can be seen by panning and zooming now.
    """

    def __init__(self, scale: UtcScale) -> None:
        self._scale = scale
        self._span = float(SPAN)
        self._shown: tuple[float, float] | None = None
        self._wanted: tuple[float, float] | None = None
        self.follow = True
        self.reach = REACH

    @property
    def window(self) -> tuple[float, float]:
        """What is shown, milliseconds since 1970-01-01 UTC."""
        window = self._scale.get_window() or (0.0, 1.0)
        self._shown = window
        return window

    @property
    def moved(self) -> bool:
        """Whether the user has moved it since it was last drawn."""
        return self._scale.get_window() != self._shown

    def place(self, time: Ints) -> None:
        """Put the window where it belongs among these bars.

        Parameters
        ----------
        time
            Open times of the bars, nanoseconds since 1970-01-01 UTC, not empty.
        """
        found = self._wanted is None or len(time) < self.reach or self._wanted[0] * MILLI >= time[0]
        if self._wanted is not None and not self.follow:
            self._scale.set_window(*self._wanted)
        if self.follow or self._scale.get_window() is None:
            self._wanted = None
            self._to_newest(time)
        else:
            self._keep_inside(time)
        if found:
            self._wanted = None

    def step(self, how: Move, time: Ints) -> None:
        """Pan by a quarter of the window, or zoom by a third around its middle.

        Parameters
        ----------
        how
            What to do.
        time
            Open times of the bars.
        """
        low, high = self._scale.get_window() or (0.0, 1.0)
        span = high - low
        if how in ("closer", "wider"):
            change = span * (-0.25 if how == "closer" else 1 / 3)
            # What follows keeps its newest bar; what stays keeps its middle.
            low, high = (low - change, high) if self.follow else (low - change / 2, high + change / 2)
        else:
            self.follow = False
            away = 0.25 * span * (-1 if how == "earlier" else 1)
            low, high = low + away, high + away
        self._scale.set_window(low, high)
        self.place(time)

    def centre(self, first: int, last: int, time: Ints) -> None:
        """Show a stretch of time with as much before and after it, and stay there.

        Parameters
        ----------
        first, last
            Nanoseconds since 1970-01-01 UTC.
        time
            Open times of the bars.
        """
        self.follow = False
        step = step_of(time)
        room = max((last - first) / MILLI, 30 * step)
        self._wanted = (first / MILLI - room, last / MILLI + room)
        self._shown = None

    def _to_newest(self, time: Ints) -> None:
        """Move the window to the newest bar, keeping the user's zoom."""
        step = step_of(time)
        window = self._scale.get_window()
        if window is not None and self._shown is not None:
            self._span = max(10.0, (window[1] - window[0]) / step - AHEAD)
        newest = int(time[-1]) // MILLI
        self._scale.set_window(newest - self._span * step, newest + AHEAD * step)
        self.reach = max(REACH, int(1.5 * self._span)) if self.reach > REACH else self.reach
        self._reach_back(time)

    def _keep_inside(self, time: Ints) -> None:
        """Let the user neither zoom out beyond the bars nor pan away from them, nor zoom in on less than 10 bars."""
        window = self._scale.get_window()
        if window is None:
            return
        step = step_of(time)
        first, last = int(time[0]) // MILLI, int(time[-1]) // MILLI
        widest = max(last - first, SPAN * step) + AHEAD * step
        span = min(max(window[1] - window[0], 10 * step), widest)
        middle = (window[0] + window[1]) / 2
        low = min(max(middle - span / 2, first - 0.5 * span), last - 0.5 * span)
        if span == widest:
            low = last + AHEAD * step - span
        if abs(low - window[0]) > step / 2 or abs(low + span - window[1]) > step / 2:
            self._scale.set_window(low, low + span)
        self._reach_back(time)

    def _reach_back(self, time: Ints) -> None:
        """Ask for more bars when the window comes to the first of those that were given."""
        window = self._wanted or self._scale.get_window()
        if window is not None and len(time) >= self.reach and window[0] < int(time[0]) // MILLI:
            self.reach = min(FURTHEST, 4 * self.reach)
