"""What a process is asked to do: each thing once, however often it is asked under the same id."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed

_KEPT: Final = 512
# So many at once: a kill never waits behind a stop.
_AT_ONCE: Final = 16


class Commands:
    """Carries out commands on threads and remembers what came of the newest 512.

    Parameters
    ----------
    actions
        What there is to do, by name. An action may block.
    """

    def __init__(self, actions: Mapping[str, Callable[..., Any]]) -> None:
        self._actions = actions
        self._threads = ThreadPoolExecutor(_AT_ONCE, "cryptobot-command")
        self._known: OrderedDict[str, tuple[str, Any, asyncio.Future[Any]]] = OrderedDict()

    def ask(self, name: str, command_id: str, arguments: Mapping[str, Any]) -> asyncio.Future[Any]:
        """Begin a command, or return the one that was begun under this id.

        Raises
        ------
        ConfigError
            If there is no such command, or the id was used for another.
        """
        action = self._actions.get(name)
        if action is None:
            raise ConfigError(
                f"command `{name}` is unknown.{closest(name, self._actions)} Known: {listed(self._actions)}."
            )
        known = self._known.get(command_id)
        if known is not None:
            if known[:2] != (name, arguments):
                raise ConfigError(f"command id {command_id!r} was used for another command. Make a new id for each.")
            return known[2]
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, lambda: action(**arguments))
        # Who asked may have gone; what went wrong is then read by whoever asks again, and is no fault of the loop.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._known[command_id] = (name, arguments, future)
        while len(self._known) > _KEPT and next(iter(self._known.values()))[2].done():
            self._known.popitem(last=False)
        return future

    def close(self) -> None:
        """Begin nothing more; what is under way goes on."""
        self._threads.shutdown(wait=False, cancel_futures=True)
