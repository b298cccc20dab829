"""Bots in processes of their own: found by their state files, and asked what is new."""

from __future__ import annotations

import asyncio
from typing import Final

from cryptobot.control import state_file
from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.folders import Folders
from cryptobot.control.price_server.launched import LaunchedWatch
from cryptobot.control.price_server.reader import LOGGER
from cryptobot.control.price_server.roster import Roster
from cryptobot.core.errors import CryptobotError

# A question takes a bot's process half a millisecond.
_ASK_SECONDS: Final = 0.25
_FIND_SECONDS: Final = 1.0


class Following:
    """Keeps the copies of launched bots up to date, each by a task of its own; runs on the reader's loop.

    Parameters
    ----------
    roster
        Where they are shown.
    find
        Whether bots that nobody named are shown, too, as soon as they are launched.
    """

    def __init__(self, roster: Roster, *, find: bool) -> None:
        self._roster = roster
        self._find = find

    async def begin(self) -> None:
        """Find those that run."""
        await self._found()

    async def keep(self) -> None:
        """Follow them, until cancelled."""
        tasks: dict[LaunchedWatch, asyncio.Task[None]] = {}
        try:
            while True:
                for watch in self._roster.watches:
                    if isinstance(watch, LaunchedWatch) and watch not in tasks:
                        tasks[watch] = asyncio.create_task(_follow(watch))
                await asyncio.sleep(_FIND_SECONDS)
                await self._found()
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    async def end(self) -> None:
        """Do nothing: each question had a connection of its own."""

    async def _found(self) -> None:
        if self._find:
            self._roster.add(await asyncio.to_thread(self._look))

    def _look(self) -> list[LaunchedWatch]:
        folders = Folders.find()
        known = {watch.bot.name for watch in self._roster.watches if isinstance(watch, LaunchedWatch)}
        watches = []
        for name in folders.names(state_file.ENDING):
            if name in known:
                continue
            try:
                watches.append(LaunchedWatch(AttachedBot(name, folders)))
            except CryptobotError as error:  # killed, and left its state file behind; or of another version
                LOGGER.debug("%s is not shown: %s", name, error)
        return watches


async def _follow(watch: LaunchedWatch) -> None:
    while True:
        await asyncio.sleep(_ASK_SECONDS)
        try:
            await asyncio.to_thread(watch.renew)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next question may go well
            LOGGER.error("asking %s failed", watch.bot.name, exc_info=error)
