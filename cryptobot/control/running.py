"""All bots of this process at once."""

from __future__ import annotations

from cryptobot.core.errors import CryptobotError
from cryptobot.trading.bot import Bot, running_bots

__all__ = ["running_bots", "stop_all"]


def stop_all(timeout: float = 10.0) -> list[Bot]:
    """Stop every running bot cleanly.

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
    problems: list[str] = []
    for bot in bots:
        try:
            bot.stop(timeout)
        except CryptobotError as error:
            problems.append(str(error))
    if problems:
        raise CryptobotError(" ".join(problems))
    return bots
