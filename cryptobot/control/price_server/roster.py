"""Which bots are shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.handle import BotHandle
from cryptobot.control.price_server.launched import LaunchedWatch
from cryptobot.control.price_server.local import LocalWatch
from cryptobot.control.price_server.watch import BotWatch
from cryptobot.core.errors import ConfigError
from cryptobot.core.types import Mode
from cryptobot.trading.bot import Bot
from mcp_server.errors import BackendError, Unavailable, UnknownName

_TRUST: Final = list(Mode)


class Roster:
    """The bots that are shown: those that were given, or whichever run, also once they have stopped.

    Parameters
    ----------
    given
        Bots of different names, or None for those that run.
    running
        Returns those that run in this process.
    """

    def __init__(self, given: Sequence[Bot | AttachedBot] | None, running: Callable[[], Sequence[Bot]]) -> None:
        names = [bot.name for bot in given or ()]
        for name in names:
            if names.count(name) > 1:
                raise ConfigError(
                    f"PriceServer: {names.count(name)} bots are called {name}. Give each a name of its own: "
                    "cb.Bot(..., name='second')."
                )
        self._running = running if given is None else None
        self._lock = threading.Lock()
        self._watches: tuple[BotWatch, ...] = ()
        self._show(given or ())

    @property
    def watches(self) -> Sequence[BotWatch]:
        """One a bot, those nearer to real money first."""
        return self._watches

    def refresh(self) -> None:
        """Take in bots that have been started since."""
        if self._running is not None:
            self._show(self._running())

    def add(self, watches: Iterable[BotWatch]) -> None:
        """Show further bots."""
        with self._lock:
            known = {watch.bot.name: watch for watch in self._watches}
            known |= {watch.bot.name: watch for watch in watches if _replaces(watch.bot, known.get(watch.bot.name))}
            self._watches = tuple(
                sorted(known.values(), key=lambda watch: (-_TRUST.index(watch.status.mode), watch.bot.name))
            )

    def find(self, name: str | None) -> BotWatch:
        """Return a bot by its name, or the only one.

        Raises
        ------
        UnknownName
            If there is none of this name.
        BackendError
            If there are several and none was named.
        Unavailable
            If there is none at all.
        """
        found = self._find(name)
        if found is None:
            self.refresh()
            found = self._find(name)
        if found is not None:
            return found
        names = [watch.bot.name for watch in self._watches]
        if not names:
            raise Unavailable("There is no bot here. Start one: cb.Bot(...).start(), or cb.launch(...).")
        if name is None:
            raise BackendError(f"There are {len(names)} bots. Name one of them: {', '.join(sorted(names))}.")
        raise UnknownName("bot", name, names)

    def _find(self, name: str | None) -> BotWatch | None:
        watches = self._watches
        if name is None:
            return watches[0] if len(watches) == 1 else None
        return next((watch for watch in watches if watch.bot.name == name), None)

    def _show(self, bots: Sequence[Bot | AttachedBot]) -> None:
        known = {watch.bot.name: watch for watch in self._watches}
        new = [bot for bot in bots if _replaces(bot, known.get(bot.name))]
        if new:
            self.add([LaunchedWatch(bot) if isinstance(bot, AttachedBot) else LocalWatch(bot) for bot in new])


def _replaces(bot: BotHandle, shown: BotWatch | None) -> bool:
    """Whether a bot is shown in the place of one of the same name.

    In one process it is the newer one; of one here and one in a process of its own it is the one nearer to real money.
    """
    if shown is None:
        return True
    if isinstance(bot, AttachedBot) is isinstance(shown.bot, AttachedBot):
        return shown.bot is not bot
    return _TRUST.index(Mode(bot.mode)) > _TRUST.index(shown.status.mode)
