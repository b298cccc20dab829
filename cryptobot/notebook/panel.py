"""The control panel: watch and steer a bot from a notebook."""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from cryptobot.core.errors import ConfigError, CryptobotError
from cryptobot.notebook.needs import require_lab

require_lab()

from cryptobot.control.gone import BotGoneError  # noqa: E402 - what follows needs the packages looked for above
from cryptobot.notebook.chart import charts  # noqa: E402
from cryptobot.notebook.commands import Commands  # noqa: E402
from cryptobot.notebook.frames import Frames  # noqa: E402
from cryptobot.notebook.health import Health  # noqa: E402
from cryptobot.notebook.layout import Layout  # noqa: E402
from cryptobot.notebook.live_price import LivePrice  # noqa: E402
from cryptobot.notebook.overview import Overview, all_bots, end_of_process  # noqa: E402
from cryptobot.notebook.refresh import RefreshLoop  # noqa: E402
from cryptobot.notebook.steering import Steering  # noqa: E402
from cryptobot.notebook.strategy_card import StrategyCard  # noqa: E402
from cryptobot.notebook.studies import Studies  # noqa: E402
from cryptobot.notebook.updater import Updater  # noqa: E402
from cryptobot.notebook.weakly import weakly  # noqa: E402
from cryptobot.strategy.feature import INDICATORS  # noqa: E402

if TYPE_CHECKING:
    from cryptobot.control.handle import BotHandle
    from cryptobot.notebook.chart import Chart, Move
    from cryptobot.strategy.base import Strategy
    from cryptobot.strategy.feature import Feature

_HOME: Final = "_control_panel"  # where a bot keeps its panel: both live as long as the bot does

_BUSY: Final = "The bot goes on, Stop waits for the cell"


class ControlPanel:
    """Watch and steer one bot; shows itself when it is the last line of a cell. Without a bot it lists all that run.

    A bot has one panel: asking again returns the same one, so re-running a cell or opening a second browser shows the
    same panel. The page says STALE by itself when the kernel is gone.

    Parameters
    ----------
    bot
        What to watch and steer: `cb.Bot`, or a bot in a process of its own. None lists all running bots to choose from.
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
    ``cb.ControlPanel(bot)`` as the last line of a cell, or just ``bot``. ``cb.ControlPanel()`` lists all running bots.
    """

    def __new__(cls, bot: BotHandle | None = None, **_: Any) -> Any:
        """Return the bot's panel if it has one that is not closed; without a bot, a list of all that run."""
        if bot is None:
            return Overview(all_bots, ControlPanel)
        known = vars(bot).get(_HOME)
        if isinstance(known, cls) and not known.closed:
            return known
        return super().__new__(cls)

    def __init__(self, bot: BotHandle | None = None, *, refresh: float = 4.0, chart: str = "bqplot") -> None:
        if not 0 < refresh <= 8:
            raise ConfigError(f"ControlPanel: `refresh` is {refresh!r}. Allowed: above 0 and at most 8 a second.")
        if bot is None:  # then __new__ has made an Overview, which Python does not initialise here
            return
        if vars(bot).get(_HOME) is self:
            self._loop.rate = refresh
            return
        self.bot: Final = bot
        self._lock = threading.RLock()
        self._health = Health(bot.log)
        self._commands = Commands(weakly(self._command_failed), weakly(self._wake))
        self._chart: Chart = charts.get(chart)()
        self._chart.on_interaction = weakly(self._interacted)
        self._framed_at = float("-inf")
        self._touched = threading.Event()
        self._later: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        ending = end_of_process(bot)
        frames = Frames(
            time.monotonic,
            weakly(self._heard),
            weakly(self._page_failed),
            busy=_BUSY if ending is None else f"To stop it now: cryptobot stop {bot.name}",
        )
        card = StrategyCard(bot.strategy, weakly(self._apply_parameters), weakly(self._apply_strategy))
        self._steering = Steering(bot, self._commands, ending)
        self._layout = Layout(frames, self._chart, card, self._steering.buttons, self._steering.confirmation)
        live, self._studies = LivePrice(weakly(self._price_failed)), Studies(weakly(self._indicator_failed))
        self._updater = Updater(bot, self._layout, self._steering, self._commands, self._health, live, self._studies)
        self._connect()
        self._loop = RefreshLoop(self, refresh)
        self._end = weakref.finalize(self, _release, self._loop, self._commands, live, self._layout)
        self._end.atexit = False
        self.refresh()
        vars(bot)[_HOME] = self
        self._loop.start()

    def _connect(self) -> None:
        """Connect the chart's switches and the trades; their callbacks only enqueue."""
        tools = self._layout.tools
        for switch in (tools.follow, tools.crosshair, tools.measure):
            switch.observe(weakly(self._switched), "value")
        for switch in tools.parts.values():
            switch.observe(weakly(self._part_switched), "value")
        for button in tools.moves.values():
            button.on_click(weakly(self._moved))
        tools.indicators.on_add, tools.indicators.on_remove = weakly(self._add_named), weakly(self.remove_indicator)
        self._layout.trades.observe(weakly(self._trade_chosen), "chosen")

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

    def add_indicator(self, feature: Feature) -> str:
        """Show an indicator in the chart; the bot does not trade on it.

        Parameters
        ----------
        feature
            For example ``cb.RSI(21)``, or one of your own.

        Returns
        -------
        str
            Its name in the chart, for example ``"RSI(21)"``.

        Raises
        ------
        ConfigError
            If it is no indicator, or six are shown already.
        """
        name = self._studies.add(feature)
        self._show_indicators()
        return name

    def remove_indicator(self, name: str) -> None:
        """Show an indicator no more.

        Parameters
        ----------
        name
            As `add_indicator` returned it.

        Raises
        ------
        ConfigError
            If there is none of this name.
        """
        self._studies.remove(name)
        self._show_indicators()

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
            self._updater.forget()
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

    def _apply_parameters(self, changes: Mapping[str, Any]) -> None:
        named = ", ".join(f"{name} = {value}" for name, value in changes.items())
        self._ask_if_live("Apply", f"From the next bar's close on it trades with {named}.", "set_parameters",
                          lambda: self.bot.set_parameters(**changes))  # fmt: skip

    def _apply_strategy(self, strategy: Strategy) -> None:
        self._ask_if_live("Use it", f"From the next bar's close on {strategy!r} decides; the position stays as it is.",
                          "set_strategy", lambda: self.bot.set_strategy(strategy))  # fmt: skip

    def _ask_if_live(self, title: str, text: str, name: str, change: Callable[[], object]) -> None:
        """Carry out a change, after a typed word where real money is at stake."""

        def put(_ticked: bool = False) -> None:
            self._commands.put(name, lambda: self._change(change))
            self._wake()

        if self._steering.is_live:
            self._steering.confirmation.ask(title, text, put, word=title.upper())
        else:
            put()

    def _switched(self, _change: object) -> None:
        tools = self._layout.tools
        self._chart.follow = tools.follow.value
        self._chart.crosshair = tools.crosshair.value
        self._chart.measuring = tools.measure.value
        self._interacted()

    def _part_switched(self, change: Any) -> None:
        name, shown = change.owner.description, bool(change.new)
        self._soon(lambda: self._chart.show_part(name, shown))

    def _moved(self, button: Any) -> None:
        how: Move = next(how for how, known in self._layout.tools.moves.items() if known is button)
        self._soon(lambda: self._chart.move(how))

    def _trade_chosen(self, change: Any) -> None:
        name = str(change.new)
        self._soon(lambda: self._go_to(name))

    def _add_named(self, name: str) -> None:
        try:
            self.add_indicator(INDICATORS.get(name)())
        except ConfigError as error:  # one that cannot be made without arguments
            self._indicator_failed(name, error)

    def _indicator_failed(self, name: str, error: Exception) -> None:
        self._health.note(f"indicator {name}", error)
        self._show_indicators()

    def _price_failed(self, error: Exception) -> None:
        self._health.note("price server", error)

    def _show_indicators(self) -> None:
        self._layout.tools.indicators.show(self._studies.names)
        self._interacted()

    def _go_to(self, name: str) -> None:
        trip = self._updater.trip_of(name)
        if trip is not None:
            self._chart.go_to(trip)

    def _soon(self, action: Callable[[], object]) -> None:
        """Let the panel's own thread do something to the chart."""
        self._later.put(action)
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

    def _change(self, change: Callable[[], object]) -> None:
        try:
            change()
        except ConfigError as error:  # the user's own mistake: said beside the fields
            with self._lock:
                self._layout.card.refuse(str(error))
        else:
            with self._lock:
                self._layout.card.wait()

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
                frames.lost = ""
            except BotGoneError as error:  # the page says STALE, whatever it shows
                frames.lost = str(error)
                if frames.beat_due():
                    frames.beat()
            except Exception as error:  # noqa: BLE001 - kept, logged and raised by assert_healthy: never swallowed
                self._health.note("refresh", error)

    def _update(self, now: float) -> bool:
        """Do what the user has asked of the chart, then set the widgets that have news; return whether there was any."""
        touched = self._touched.is_set()
        self._touched.clear()
        while not self._later.empty():
            self._later.get()()
        return self._updater.update(now, touched=touched)


def _release(loop: RefreshLoop, commands: Commands, live: LivePrice, layout: Layout) -> None:
    """End the threads and close the widgets of a panel that was closed or forgotten."""
    loop.close()
    commands.close()
    live.close()
    layout.close()
