"""The journal that a bot was given: whether it is one, and its own."""

from __future__ import annotations

from cryptobot.core.errors import ConfigError
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Mode
from cryptobot.trading.journal.memory import MemoryJournal
from cryptobot.trading.journal.record import Journal


def fitting_journal(journal: Journal | None, symbol: str, timeframe: Timeframe, mode: Mode) -> Journal:
    """Return a bot's journal: the one that was given, or one in memory.

    Raises
    ------
    ConfigError
        If it is no journal, or says of itself that it is of another market, interval or mode.
    """
    if journal is None:
        return MemoryJournal()
    if not hasattr(journal, "append") or isinstance(journal, list):
        raise ConfigError(
            f"journal: {journal!r} is none. Give cb.SqliteJournal(path), with create=cb.JournalHeader(...) where it is to "
            "be made; or launch the bot, cb.launch('bot.toml'): it then makes its journal itself."
        )
    header = journal.header
    if header is None:
        return journal
    seen, wanted = (header.symbol, header.timeframe, str(header.mode)), (symbol, str(timeframe), str(mode))
    if seen != wanted:
        raise ConfigError(
            f"journal: it is one of {' '.join(seen[:2])} in mode {seen[2]}, and this bot trades {' '.join(wanted[:2])} in mode "
            f"{wanted[2]}. Give each bot a journal of its own."
        )
    return journal
