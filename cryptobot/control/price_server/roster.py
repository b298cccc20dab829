"""Which bots are shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from cryptobot.control.price_server.watch import BotWatch
from cryptobot.core.errors import ConfigError
from cryptobot.core.types import Mode
from cryptobot.trading.bot import Bot
from mcp_server.errors import BackendError, Unavailable, UnknownName

# Where two bots know a market, the price of the one nearer to real money counts.
_TRUST = list(Mode)


class Roster:
    """The bots that are shown: those that were given, or whichever run in this process, also once they have stopped.

    Parameters
    ----------
    given
        Bots of different names, or None for those that run.
    running
        Returns those that run.
    """

    def __init__(self, given: Sequence[Bot] | None, running: Callable[[], Sequence[Bot]]) -> None:
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
        self._add(given or ())

    @property
    def watches(self) -> Sequence[BotWatch]:
        """One a bot, those nearer to real money first."""
        return self._watches

    def refresh(self) -> None:
        """Take in bots that have been started since."""
        if self._running is not None:
            self._add(self._running())

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
            raise Unavailable("There is no bot here. Start one in the notebook: cb.Bot(...).start().")
        if name is None:
            raise BackendError(f"There are {len(names)} bots. Name one of them: {', '.join(sorted(names))}.")
        raise UnknownName("bot", name, names)

    def _find(self, name: str | None) -> BotWatch | None:
        watches = self._watches
        if name is None:
            return watches[0] if len(watches) == 1 else None
        return next((watch for watch in watches if watch.bot.name == name), None)

    def _add(self, bots: Sequence[Bot]) -> None:
        if all(any(watch.bot is bot for watch in self._watches) for bot in bots):
            return
        with self._lock:
            known = {watch.bot.name: watch for watch in self._watches}
            for bot in bots:
                if bot.name not in known or known[bot.name].bot is not bot:
                    known[bot.name] = BotWatch(bot)
            self._watches = tuple(
                sorted(known.values(), key=lambda watch: (-_TRUST.index(watch.bot.exchange.mode), watch.bot.name))
            )
