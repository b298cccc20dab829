"""What may be done to bots. Every deed stands in the bot's own log, and in its journal what it changes there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.price_server.failures import answered
from cryptobot.control.price_server.roster import Roster
from cryptobot.control.price_server.watch import BotWatch
from cryptobot.core.errors import CryptobotError
from cryptobot.core.types import Mode
from cryptobot.strategy.catalogue import get_strategy
from cryptobot.trading.status_words import left_open
from mcp_server.errors import BackendError, NotAllowed
from mcp_server.models.bot import BotStatus

# The server asks for a person's consent and for a token before it comes here; this holds whatever it asks.
_STARTABLE: Final = (Mode.PRACTICE, Mode.PAPER)


class Control:
    """What the server does to bots; see `mcp_server.backend.ControlBackend`.

    Parameters
    ----------
    roster
        Which bots there are.
    look
        Takes in at once what has changed; called on another thread than the server's.
    """

    def __init__(self, roster: Roster, look: Callable[[], None]) -> None:
        self._controlled = roster
        self._look_now = look

    async def start_bot(self, bot: str | None) -> BotStatus:
        """Start a practice or paper bot."""
        watch = self._startable(bot)
        return await self._do(watch, "Start asked for over the price server.", watch.bot.start)

    async def stop_bot(self, bot: str | None) -> BotStatus:
        """Stop a bot, whatever its mode."""
        watch = self._controlled.find(bot)
        return await self._do(watch, "Stop asked for over the price server.", watch.bot.stop)

    async def set_strategy(self, bot: str | None, strategy: str, parameters: dict[str, Any]) -> BotStatus:
        """Give a stopped practice or paper bot another strategy; its position and books stay."""
        watch = self._startable(bot)
        with answered():
            chosen = get_strategy(strategy, **parameters)

        def change() -> None:
            if watch.bot.status().state in ("starting", "running", "stopping"):
                raise BackendError(f"{watch.bot.name} runs. Stop it first.")
            watch.bot.set_strategy(chosen)

        return await self._do(watch, f"{chosen!r} asked for over the price server.", change)

    async def stop_all(self) -> Sequence[str]:
        """Stop every bot; return what stays open."""
        return await asyncio.to_thread(self._stop_all)

    async def panel(self, bot: str | None) -> Sequence[str]:
        """Return ways to open the control panel."""
        found = self._controlled.find(bot).bot
        if isinstance(found, AttachedBot):
            return [f"cryptobot dashboard {found.name}", f"in a notebook: cb.ControlPanel(cb.attach({found.name!r}))"]
        return [f"in the notebook where {found.name} runs: cb.ControlPanel(bot)", "cryptobot lab"]

    def _startable(self, bot: str | None) -> BotWatch:
        watch = self._controlled.find(bot)
        mode = watch.status.mode
        if mode not in _STARTABLE:
            raise NotAllowed(
                f"{watch.bot.name} is in mode {mode}: over the price server only {' and '.join(_STARTABLE)} bots are "
                "started and changed. Do it yourself in the notebook or the shell."
            )
        return watch

    async def _do(self, watch: BotWatch, words: str, deed: Callable[[], object]) -> BotStatus:
        def act() -> None:
            watch.bot.log("info", words)
            try:
                deed()
            finally:
                watch.renew()
                self._look_now()

        with answered():
            await asyncio.to_thread(act)
        return watch.answer

    def _stop_all(self) -> list[str]:
        left = []
        for watch in self._controlled.watches:
            bot = watch.bot
            try:
                bot.log("info", "Stop asked for over the price server.")
                bot.stop()
                status = bot.status()
            except CryptobotError as error:
                left.append(str(error))
                status = watch.status
            left += [f"{bot.name}: {what}" for what in left_open(status)]
            watch.renew()
        self._look_now()
        return left
