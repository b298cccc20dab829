"""The kill switch from outside: it works on a bot that runs and on one that does not."""

from __future__ import annotations

from dataclasses import dataclass

from cryptobot.control.attach import attach
from cryptobot.control.folders import Folders, checked_name
from cryptobot.control.gone import BotGoneError
from cryptobot.control.journal_place import known_journal
from cryptobot.core.clock import SystemClock
from cryptobot.core.file_lock import is_free
from cryptobot.core.trading_state import TradingState
from cryptobot.trading.journal import JournalView, SqliteJournal, TradingStateChange
from cryptobot.trading.status_words import left_open


@dataclass(frozen=True, slots=True)
class Killed:
    """What a kill has left.

    Attributes
    ----------
    running
        Whether the bot's process was there to cancel its orders.
    open
        What stays open, in words.
    text
        All of it for people.
    """

    running: bool
    open: tuple[str, ...]
    text: str


def kill_bot(name: str, *, flatten: bool = False, reason: str = "killed by the user") -> Killed:
    """Cancel a bot's orders and let it send none until a person clears it.

    Parameters
    ----------
    name
        Of the bot.
    flatten
        Also sell its position at the market.
    reason
        For the journal.

    Raises
    ------
    BotGoneError
        If there never was such a bot, or its process hangs.
    JournalError
        If it does not run and its journal cannot be written.
    """
    folders = Folders.find()
    try:
        bot = attach(checked_name(name))
    except BotGoneError:
        if known_journal(folders, name) is None or not is_free(folders.of(name, "lock")):
            raise
        return _journaled(folders, name, reason, flatten=flatten)
    status = bot.kill(flatten=flatten, reason=reason)
    left = left_open(status)
    return Killed(
        running=True,
        open=left,
        text=f"{name} is {status.trading_state}: it sends no order until a person clears it: `cryptobot clear {name}`. "
        + (f"Still open: {'; '.join(left)}." if left else "Nothing is open."),
    )


def _journaled(folders: Folders, name: str, reason: str, *, flatten: bool) -> Killed:
    """Write it down for the next start: without a process nobody can reach the exchange."""
    path = known_journal(folders, name)
    if path is None:
        raise BotGoneError(f"{name}: there never was a bot of this name.")
    with SqliteJournal(path) as journal:
        change = TradingStateChange(TradingState.HALTED.value, reason, "user")
        journal.append(SystemClock().now(), "trading_state", change)
        orders = [life.intent.id for life in JournalView.of(journal, bars=False).opened_orders]
    left = (f"{len(orders)} order{'s' if len(orders) > 1 else ''} that may rest on the exchange",) if orders else ()
    sold = " Its position was not sold, either." if flatten else ""
    return Killed(
        running=False,
        open=left,
        text=f"{name} does not run. Its journal says from now on that it is halted; once started, it cancels its orders and sends "
        f"none until a person clears it: `cryptobot clear {name}`. Until then nothing is cancelled on the exchange{': ' + left[0] if left else ''}.{sold}",
    )
