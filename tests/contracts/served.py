"""A bot of this process behind the door that a bot's own process has: for what is not about processes."""

from __future__ import annotations

import asyncio
import os
import threading

from cryptobot.control import state_file
from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.doing import actions_of
from cryptobot.control.folders import Folders
from cryptobot.control.metrics import metrics
from cryptobot.control.reading import Reading
from cryptobot.control.server import ControlServer
from cryptobot.control.state_file import ProcessState
from cryptobot.core.file_lock import FileLock


class Served:
    """Serves a bot until it is closed."""

    def __init__(self, bot, folder, *, name=None):
        self.bot, self.folders = bot, Folders(folder)
        self.folders.make(bot.name)
        self.lock = FileLock(self.folders.of(bot.name, "lock"))
        assert self.lock.take()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="served")
        self.thread.start()
        token = state_file.new_token()
        self.server = ControlServer(
            token,
            lambda: {"name": name or bot.name, "mode": bot.mode, "identity": {}, "state": bot.session.state},
            lambda: bot.session.sequence,
            Reading(bot).answers,
            actions_of(bot, lambda: None),
            lambda: metrics(bot),
        )
        port = self.run(self.server.start())
        self.state = ProcessState(bot.name, bot.mode, os.getpid(), port, token, 1, "", "0")
        state_file.write(self.folders, self.state)

    @property
    def handle(self):
        return AttachedBot(self.bot.name, self.folders)

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def close(self):
        state_file.remove(self.folders, self.state)
        self.run(self.server.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(30)
        self.loop.close()
        self.lock.release()
