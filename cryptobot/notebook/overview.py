"""All running bots in one table, and the panel of the chosen one below it."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import ipywidgets

from cryptobot.control.gone import BotGoneError
from cryptobot.core.errors import CryptobotError
from cryptobot.core.types import Mode
from cryptobot.notebook.all_at_once import SHUT_DOWN, AllAtOnce
from cryptobot.notebook.commands import Commands
from cryptobot.notebook.frames import Frames
from cryptobot.notebook.health import Health
from cryptobot.notebook.numbers import Units, signed, tone_of
from cryptobot.notebook.refresh import RefreshLoop
from cryptobot.notebook.status_words import state
from cryptobot.notebook.tables import Cell, Table
from cryptobot.notebook.weakly import weakly

if TYPE_CHECKING:
    from cryptobot.control.handle import BotHandle
    from cryptobot.trading.status import BotStatus

EVERY: Final = 1.0  # seconds between two looks
COLUMNS: Final = (
    ("Bot", "left"),
    ("Mode", "left"),
    ("State", "left"),
    ("Market", "left"),
    ("Strategy", "left"),
    ("Position", "left"),
    ("Equity", "right"),
    ("Today", "right"),
    ("Return", "right"),
)
_TONES: Final = {"running": "up", "halted": "down", "reducing": "warn"}


class Overview:
    """What ``cb.ControlPanel()`` shows: every bot of this process and every bot in a process of its own.

    Choosing one opens its panel below. The table follows bots that come and go.

    Parameters
    ----------
    find
        Returns the bots.
    open_panel
        Makes the panel of one.

    Attributes
    ----------
    all
        What is done with all of them at once.
    """

    def __init__(self, find: Callable[[], Sequence[BotHandle]], open_panel: Callable[[BotHandle], Any]) -> None:
        self._find, self._open_panel = find, open_panel
        self._lock = threading.RLock()
        self._health = Health(_nowhere)
        self._bots: dict[str, BotHandle] = {}
        self._panel: Any = None
        self._looked_at = float("-inf")
        self._frames = Frames(time.monotonic, weakly(self._wake), weakly(self._page_failed))
        self.table = Table(
            "Running bots", COLUMNS, "No bot is running. Start one: cb.Bot(...).start(), or cb.launch(...).",
            "Open its panel",
        )  # fmt: skip
        self.table.observe(weakly(self._chosen), "chosen")
        self._place = ipywidgets.VBox([])
        self._place.add_class("cb-place")
        self._commands = Commands(weakly(self._failed), weakly(self._wake))
        self.all = AllAtOnce(weakly(self._do_to_all))
        title = ipywidgets.Label("Bots")
        title.add_class("cb-overview-title")
        head = ipywidgets.HBox([title, self._frames, *self.all.buttons.values()])
        head.add_class("cb-overview-head")
        inner = ipywidgets.VBox([head, self.all.confirmation.widget, self.table])
        for style in ("cb-panel", "cb-overview"):
            inner.add_class(style)
        self.widget = ipywidgets.VBox([inner, self._place])
        self.widget.add_class("cb-bots")
        self._loop = RefreshLoop(self, 1 / EVERY)
        self._end = weakref.finalize(self, _release, self._loop, self._commands)
        self._end.atexit = False
        self.refresh()
        self._loop.start()

    @property
    def bots(self) -> list[BotHandle]:
        """The bots in the table."""
        return list(self._bots.values())

    @property
    def panel(self) -> Any:
        """The panel that is open, or None."""
        return self._panel

    @property
    def errors(self) -> list[str]:
        """What went wrong, here or in the open panel, oldest first."""
        return [*self._health.errors, *(self._panel.errors if self._panel is not None else [])]

    def assert_healthy(self) -> None:
        """Raise the first error, if there was one; see `ControlPanel.assert_healthy`."""
        self._health.check()
        if self._panel is not None:
            self._panel.assert_healthy()

    def open(self, name: str) -> Any:
        """Open the panel of a bot below the table; the one that was open goes.

        Parameters
        ----------
        name
            Of the bot.

        Returns
        -------
        ControlPanel
            Its panel.
        """
        with self._lock:
            self._panel = self._open_panel(self._bots[name])
            self._place.children = [self._panel.widget]
            self.table.chosen = name
            return self._panel

    def refresh(self) -> None:
        """Look for bots now."""
        with self._lock:
            known = self._bots
            found = {bot.name: known.get(bot.name, bot) for bot in self._find()}
            rows: list[tuple[str, list[Cell]]] = []
            seen: list[BotStatus] = []
            self._bots = {}
            for name, bot in sorted(found.items()):
                try:
                    status = bot.status()
                except BotGoneError:
                    continue  # it has ended since it was found
                seen.append(status)
                rows.append((name, row(status)))
                self._bots[name] = bot
            self.table.fill(rows)
            self.all.follow(seen)

    def settle(self, timeout: float = 30.0) -> None:
        """Wait until what was clicked is carried out; see `ControlPanel.settle`."""
        if not self._commands.settle(timeout):
            waiting = ", ".join(self._commands.pending)
            raise CryptobotError(
                f"ControlPanel: {waiting} is still under way after {timeout:g} s. Look at the bots' logs."
            )

    def close(self) -> None:
        """Take it off the page and end its thread; bots and panels go on. Idempotent."""
        self._end()
        self._loop.close(timeout=5)
        self.widget.close()

    def tick(self) -> None:
        """Look for bots if somebody sees it, and show that the kernel lives."""
        try:
            if self._frames.ready():
                self.refresh()
                self._frames.beat()
            elif self._frames.beat_due():
                self._frames.beat()
        except Exception as error:  # noqa: BLE001 - kept and raised by assert_healthy: never swallowed
            self._health.note("overview", error)

    def _chosen(self, change: Any) -> None:
        with self._lock:
            if change.new in self._bots:
                self.open(str(change.new))

    def _do_to_all(self, deed: str) -> None:
        """Stop every bot, or end every process; each by itself, so that one that fails keeps none of the others."""
        with self._lock:
            bots = list(self._bots.values())
        for bot in bots:
            end = end_of_process(bot) if deed == SHUT_DOWN else None
            self._commands.put(f"{deed}: {bot.name}", end or bot.stop)

    def _failed(self, name: str, error: Exception) -> None:
        if not isinstance(error, BotGoneError):  # it has ended already, which is what was asked for
            self._health.note(name, error)

    def _wake(self) -> None:
        """Pages that speak change nothing before the next look."""

    def _page_failed(self, text: str) -> None:
        self._health.note("page", text)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.widget._repr_mimebundle_(include=include, exclude=exclude)

    def __repr__(self) -> str:
        return f"<ControlPanel of {len(self._bots)} running bots>"


def row(status: BotStatus) -> list[Cell]:
    """Write one bot as text and tone, column by column.

    Parameters
    ----------
    status
        The bot's status.
    """
    units = Units.of(status.symbol, status.price)
    word, tone, _ = state(status)
    gain = 100 * (status.equity / status.initial_equity - 1) if status.initial_equity else status.equity
    held = f"{units.quantity(status.quantity)} {units.base}" if status.quantity else "flat"
    return [
        (status.name, ""),
        (str(status.mode).upper(), "down" if status.mode is Mode.LIVE else ""),
        (word, _TONES.get(tone, "")),
        (f"{status.symbol} {status.timeframe}", ""),
        (status.strategy, ""),
        (held, "" if status.quantity else "dim", float(status.quantity)),
        (f"{units.money(status.equity)} {units.quote}", "", float(status.equity)),
        (units.signed_money(status.day_pnl), tone_of(status.day_pnl), float(status.day_pnl)),
        (f"{signed(gain, 2)} %", tone_of(gain), float(gain)),
    ]


def end_of_process(bot: BotHandle) -> Callable[[], object] | None:
    """Return what ends the process of an attached bot, or None for a bot in this process, which is never ended."""
    from cryptobot.control.attached_bot import AttachedBot

    return bot.shut_down if isinstance(bot, AttachedBot) else None


def _release(loop: RefreshLoop, commands: Commands) -> None:
    """End the threads of an overview that was closed or forgotten."""
    loop.close()
    commands.close()


def all_bots() -> list[BotHandle]:
    """Return the running bots of this process, and those in processes of their own."""
    from cryptobot.control.attach import launched_bots
    from cryptobot.control.running import running_bots

    return [*launched_bots(), *running_bots()]


def _nowhere(_level: str, _text: str) -> None:
    """Write to no log: an overview has no bot, and its errors are in `errors`."""
