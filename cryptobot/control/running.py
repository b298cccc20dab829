"""All bots at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from cryptobot.core.errors import CryptobotError
from cryptobot.trading.bot import Bot, running_bots

if TYPE_CHECKING:
    from cryptobot.control.ending import Ending

__all__ = ["SERVERS", "running_bots", "shutdown", "stop_all"]

#: The price servers of this process that run.
SERVERS: Final[WeakSet[Any]] = WeakSet()


def stop_all(timeout: float = 10.0) -> list[Bot]:
    """Stop every running bot of this process cleanly.

    Parameters
    ----------
    timeout
        Seconds to wait for each.

    Returns
    -------
    list of Bot
        The bots that were stopped.

    Raises
    ------
    CryptobotError
        If some have not stopped in time; the others have been stopped.
    """
    bots = running_bots()
    _end_all(partial(bot.stop, timeout) for bot in bots)
    return bots


def shutdown(timeout: float = 20.0) -> list[Ending]:
    """Stop every bot of this process, end the process of every launched one, and stop the price servers of this process.

    What rests on an exchange stays there, so that positions stay protected.

    Parameters
    ----------
    timeout
        Seconds to wait for each.

    Returns
    -------
    list of Ending
        How each bot ended and what it leaves open, in words: its ``text``.

    Raises
    ------
    CryptobotError
        If some have not ended in time; the others have.

    Examples
    --------
    ::

        for ending in cb.shutdown():
            print(ending.text)
    """
    from cryptobot.control.attach import launched_bots
    from cryptobot.control.attached_bot import AttachedBot
    from cryptobot.control.ending import Ending

    endings: list[Ending] = []

    def end(bot: Bot | AttachedBot) -> None:
        if not isinstance(bot, AttachedBot):
            bot.stop(timeout)
            endings.append(Ending(bot.name, bot.status(), drained=True))
            return
        try:
            endings.append(bot.shut_down(timeout))
        except CryptobotError:
            if bot.process is not None:  # else it has ended by itself meanwhile
                raise

    bots: list[Bot | AttachedBot] = [*running_bots(), *launched_bots()]
    _end_all([*(partial(end, bot) for bot in bots), *(partial(server.stop, timeout) for server in SERVERS)])
    return endings


def _end_all(ends: Iterable[Callable[[], object]]) -> None:
    """Call each, and raise what went wrong of all of them: one that does not end keeps no other from ending."""
    problems: list[str] = []
    for end in ends:
        try:
            end()
        except (CryptobotError, TimeoutError) as error:
            problems.append(str(error))
    if problems:
        raise CryptobotError(" ".join(problems))
