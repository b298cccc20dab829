"""Taking hold of bots that run in processes of their own."""

from __future__ import annotations

from cryptobot.control import state_file
from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.folders import Folders, checked_name
from cryptobot.control.gone import BotGoneError
from cryptobot.core.suggest import closest, listed


def attach(name: str | None = None) -> AttachedBot:
    """Take hold of a bot that runs in a process of its own, from any notebook or script.

    Parameters
    ----------
    name
        Of the bot; None takes the only one that runs.

    Raises
    ------
    BotGoneError
        If no such bot runs; the message names those that do.

    Examples
    --------
    ::

        bot = cb.attach("btc-trend")
        bot.status(); bot.stop()
    """
    if name is not None:
        bot = AttachedBot(checked_name(name))
        try:
            bot.about()
        except BotGoneError as error:
            others = [other.name for other in launched_bots(but=name)]
            also = f"{closest(name, others)} Running: {listed(others)}." if others else ""
            raise BotGoneError(f"{error}{also}") from None
        return bot
    found = launched_bots()
    if len(found) == 1:
        return found[0]
    if not found:
        raise BotGoneError(
            "attach: no bot runs in a process of its own. Launch one: cb.launch(...), or `cryptobot run`."
        )
    raise BotGoneError(f"attach: {len(found)} bots run. Name one: {listed(bot.name for bot in found)}.")


def launched_bots(*, but: str = "") -> list[AttachedBot]:
    """Return a handle to every bot of this user whose process answers, by name.

    Parameters
    ----------
    but
        One that is not asked.
    """
    folders = Folders.find()
    bots = [AttachedBot(name, folders) for name in folders.names(state_file.ENDING) if name != but]
    return [bot for bot in bots if bot.alive]
