"""The control panel: watch and steer a bot from a notebook."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from cryptobot.core.errors import ConfigError, CryptobotError
from cryptobot.notebook.needs import require_lab

require_lab()

from cryptobot.notebook import status_words  # noqa: E402 - these need the packages that were looked for above
from cryptobot.notebook.chart import charts  # noqa: E402
from cryptobot.notebook.commands import Commands  # noqa: E402
from cryptobot.notebook.frames import Frames  # noqa: E402
from cryptobot.notebook.health import Health  # noqa: E402
from cryptobot.notebook.layout import Layout  # noqa: E402
from cryptobot.notebook.logview import MAX_LINES  # noqa: E402
from cryptobot.notebook.numbers import Units  # noqa: E402
from cryptobot.notebook.parameters import ParametersForm  # noqa: E402
from cryptobot.notebook.readout import Said  # noqa: E402
from cryptobot.notebook.refresh import RefreshLoop  # noqa: E402
from cryptobot.notebook.tables import MAX_ROWS  # noqa: E402
from cryptobot.notebook.weakly import weakly  # noqa: E402

if TYPE_CHECKING:
    from cryptobot.notebook.handle import BotHandle
    from cryptobot.trading.status import BotStatus
    from cryptobot.trading.tape import TapeWindow

BARS: Final = 2000  # what can be panned to; the page gets at most 250 candles of it
SLOW_SECONDS: Final = 1.0  # log and tables change at most once a second
CAN_START: Final = ("new", "stopped", "finished", "halted")
CAN_STOP: Final = ("starting", "running")
_HOME: Final = "_control_panel"  # where a bot keeps its panel: both live as long as the bot does


class ControlPanel:
    """Start, stop, parameters, chart, trades and log of one bot; shows itself when it is the last line of a cell.

    A bot has one panel: asking again returns the same one, so re-running a cell or opening a second browser shows the
    same panel. The page says STALE by itself when the kernel is gone.

    Parameters
    ----------
    bot
        What to watch and steer.
    refresh
        Updates a second at most, above 0 and at most 8. A page that paints slower gets fewer.
    chart
        Name of the chart, see `cryptobot.notebook.chart`.

    Attributes
    ----------
    widget
        The ipywidget, to be put into a layout of your own.

    Raises
    ------
    ConfigError
        If `refresh` is out of bounds, `chart` is unknown, or the extra `lab` is not installed.

    Examples
    --------
    ``cb.ControlPanel(bot)`` as the last line of a cell, or just ``bot``.
    """

    def __new__(cls, bot: BotHandle, **_: Any) -> Self:
        """Return the bot's panel if it has one that is not closed."""
        known = vars(bot).get(_HOME)
        if isinstance(known, cls) and not known.closed:
            return known
        return super().__new__(cls)

    def __init__(self, bot: BotHandle, *, refresh: float = 4.0, chart: str = "bqplot") -> None:
        if not 0 < refresh <= 8:
            raise ConfigError(f"ControlPanel: `refresh` is {refresh!r}. Allowed: above 0 and at most 8 a second.")
        if vars(bot).get(_HOME) is self:
            self._loop.rate = refresh
            return
        self.bot: Final = bot
        self._lock = threading.RLock()
        self._health = Health(bot.log)
        self._commands = Commands(weakly(self._command_failed), weakly(self._wake))
        self._chart = charts.get(chart)()
        self._chart.on_interaction = weakly(self._interacted)
        self._status: BotStatus | None = None
        self._said: tuple[object, ...] = ()
        self._drawn_sequence = -1
        self._framed_at = self._slow_at = float("-inf")
        self._touched = threading.Event()
        frames = Frames(time.monotonic, weakly(self._heard), weakly(self._page_failed))
        strategy = bot.strategy
        form = ParametersForm(
            strategy.name, type(strategy).parameters(), bot.status().parameters, weakly(self._apply_parameters)
        )
        self._layout = Layout(frames, self._chart, form)
        self._connect()
        self._loop = RefreshLoop(self, refresh)
        self._end = weakref.finalize(self, _release, self._loop, self._commands, self._layout)
        self._end.atexit = False
        self.refresh()
        vars(bot)[_HOME] = self
        self._loop.start()

    def _connect(self) -> None:
        """Connect the buttons and switches; their callbacks only enqueue."""
        layout = self._layout
        layout.start.on_click(weakly(self._start))
        layout.stop.on_click(weakly(self._stop))
        layout.follow.observe(weakly(self._switched), "value")
        layout.crosshair.observe(weakly(self._switched), "value")

    # What a script or a test may use ----------------------------------------------------------------------------------

    @property
    def widget(self) -> Any:
        """The ipywidget that shows the panel."""
        return self._layout.root

    @property
    def layout(self) -> Layout:
        """The widgets by name: ``panel.layout.start.click()`` does what a click on Start does."""
        return self._layout

    @property
    def errors(self) -> list[str]:
        """What went wrong in the panel, in Python or in the page, oldest first."""
        return self._health.errors

    @property
    def closed(self) -> bool:
        """Whether the panel was closed."""
        return not self._end.alive

    @property
    def alive(self) -> bool:
        """Whether the thread that keeps the panel up to date runs."""
        return self._loop.alive

    def assert_healthy(self) -> None:
        """Raise the first error of the panel, if there was one: the last line of a notebook that is a test.

        Raises
        ------
        CryptobotError
            Naming the first error, in Python or in the page.
        """
        self._health.check()

    def settle(self, timeout: float = 10.0) -> None:
        """Wait until what was clicked is carried out.

        Parameters
        ----------
        timeout
            Seconds to wait at most.

        Raises
        ------
        CryptobotError
            If something is still being carried out then; the message names it.
        """
        if not self._commands.settle(timeout):
            waiting = ", ".join(self._commands.pending)
            raise CryptobotError(f"ControlPanel: {waiting} is still under way after {timeout:g} s. Look at bot.logs().")

    def refresh(self) -> None:
        """Bring every widget up to date now, whether a page looks or not."""
        with self._lock:
            self._slow_at = float("-inf")
            self._update(time.monotonic())

    def close(self) -> None:
        """Take the panel off the page and end its thread; the bot goes on. Idempotent."""
        vars(self.bot).pop(_HOME, None)
        self._end()
        self._loop.close(timeout=5)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.widget._repr_mimebundle_(include=include, exclude=exclude)

    def __repr__(self) -> str:
        status = self.bot.status()
        return f"<ControlPanel of {status.name}: {status.mode}, {status.state}{', closed' if self.closed else ''}>"

    # Callbacks: they come on the kernel's thread and only note what was asked for ---------------------------------------

    def _start(self, _button: object) -> None:
        self._commands.put("start", self.bot.start)
        self._wake()

    def _stop(self, _button: object) -> None:
        self._commands.put("stop", self.bot.stop)
        self._wake()

    def _apply_parameters(self, changes: Mapping[str, Any]) -> None:
        self._commands.put("set_parameters", lambda: self._set_parameters(dict(changes)))
        self._wake()

    def _switched(self, _change: object) -> None:
        self._chart.follow = self._layout.follow.value
        self._chart.crosshair = self._layout.crosshair.value
        self._interacted()

    def _interacted(self) -> None:
        self._touched.set()
        self._wake()

    def _heard(self) -> None:
        if self._touched.is_set():  # a page that has painted may get the answer to its user's last move
            self._wake()

    def _page_failed(self, text: str) -> None:
        self._health.note("page", text)
        self._wake()

    def _wake(self) -> None:
        self._loop.wake()

    # Commands: on their own thread --------------------------------------------------------------------------------------

    def _set_parameters(self, changes: dict[str, Any]) -> None:
        try:
            self.bot.set_parameters(**changes)
        except ConfigError as error:  # the user's own mistake: said beside the fields
            with self._lock:
                self._layout.form.refuse(str(error))
        else:
            with self._lock:
                self._layout.form.wait()

    def _command_failed(self, name: str, error: Exception) -> None:
        self._health.note(name, error)

    # Refreshing: on the panel's thread ----------------------------------------------------------------------------------

    def tick(self) -> None:
        """Send what is new, if somebody looks and has painted what came before; otherwise only a heartbeat."""
        with self._lock:
            frames = self._layout.frames
            try:
                now = time.monotonic()
                touched = self._touched.is_set()
                due = touched or now - self._framed_at >= 0.9 / self._loop.rate
                if due and frames.ready() and self._update(now):
                    self._framed_at = now
                    frames.beat()
                elif frames.beat_due():
                    frames.beat()
            except Exception as error:  # noqa: BLE001 - kept, logged and raised by assert_healthy: never swallowed
                self._health.note("refresh", error)

    def _update(self, now: float) -> bool:
        """Update the widgets that have news; return whether there was any."""
        status = self.bot.status()
        news = False
        if self._touched.is_set():
            self._touched.clear()
            self._chart.redraw()
            news = True
        if status.sequence != self._drawn_sequence:
            self._drawn_sequence = status.sequence
            self._draw(status, self.bot.tape(BARS))
            news = True
        said = (status, len(self.errors), tuple(self._commands.pending), self._chart.follow)
        if said != self._said:
            self._said = said
            self._say(status)
            news = True
        if now - self._slow_at >= SLOW_SECONDS:
            self._slow_at = now
            news = self._say_slowly(status) or news
        self._status = status
        return news

    def _draw(self, status: BotStatus, tape: TapeWindow) -> None:
        """Draw the newest bars, with the thresholds that belong to the strategy's features."""
        levels = {
            name: float(status.parameters[f"{name}_threshold"])
            for name in tape.features
            if f"{name}_threshold" in status.parameters
        }
        entry = float(status.entry_price) if status.entry_price is not None else None
        self._chart.describe(Units.of(status.symbol, status.price), levels, entry)
        self._chart.show(tape)

    def _say(self, status: BotStatus) -> None:
        """Update header, figures, buttons and form."""
        layout = self._layout
        layout.root.remove_class(f"cb-mode-{self._status.mode}") if self._status else None
        layout.root.add_class(f"cb-mode-{status.mode}")
        layout.header.say(status_words.header(status, len(self.errors)))
        layout.account.say(status_words.account(status, Units.of(status.symbol, status.price)))
        layout.figures.say(status_words.figures(status, Units.of(status.symbol, status.price)))
        pending = self._commands.pending
        layout.start.disabled = status.state not in CAN_START or "start" in pending
        layout.stop.disabled = status.state not in CAN_STOP or "stop" in pending
        layout.follow.value = self._chart.follow
        layout.form.follow(status.parameters)
        layout.decision.say(
            {"decision": Said(self.bot.explain().text if status.bars else "No bar yet, so no decision.")}
        )

    def _say_slowly(self, status: BotStatus) -> bool:
        """Update log and trades; return whether they have changed."""
        layout = self._layout
        before = layout.log.lines, layout.trades.rows
        layout.log.show(self.bot.logs(MAX_LINES))
        layout.trades.show(self.bot.trades(MAX_ROWS), Units.of(status.symbol, status.price))
        return (layout.log.lines, layout.trades.rows) != before


def _release(loop: RefreshLoop, commands: Commands, layout: Layout) -> None:
    """End the threads and close the widgets of a panel that was closed or forgotten."""
    loop.close()
    commands.close()
    layout.close()
