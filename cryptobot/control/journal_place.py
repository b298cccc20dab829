"""The journal of a bot's process: found again at every start, and missed when it is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptobot.control.folders import Folders, read_private, write_private
from cryptobot.core.clock import Clock
from cryptobot.core.errors import ConfigError, JournalError
from cryptobot.core.timeframe import Timeframe
from cryptobot.exchange.protocol import Exchange
from cryptobot.trading.journal import JournalHeader, SqliteJournal, StateChange
from cryptobot.trading.journal.lock import WriterLock
from cryptobot.trading.journal.pruning import KEPT_BARS
from cryptobot.trading.journal.record import Kind

if TYPE_CHECKING:
    from cryptobot.control.config import BotConfig

_MEMORY = "journal.json"
# What a start writes before it has reached the exchange: a journal of nothing else knows of no order and of no decision.
_BEFORE_TRADING: Final[frozenset[Kind]] = frozenset(("opened", "gate", "state", "notice"))

# Also of bars of seconds: a live gate asks for days on paper, and counts them by the bars that journals hold.
_KEPT_DAYS: Final = 14


def journal_path(config: BotConfig, folders: Folders) -> Path:
    """Return where a bot's journal lies."""
    return folders.journal(config.name) if config.journal is None else Path(config.journal)


def known_journal(folders: Folders, name: str) -> Path | None:
    """Return where the journal of a bot lay when it ran last; None if it never ran."""
    content = read_private(folders.of(name, _MEMORY))
    try:
        return None if content is None else Path(json.loads(content)["journal"])
    except (ValueError, TypeError, KeyError):
        return None


def open_journal(
    config: BotConfig, folders: Folders, exchange: Exchange, account: str, clock: Clock, *, new: bool
) -> SqliteJournal:
    """Open a bot's journal for writing, or make it if the bot never had one.

    One that no start has come to trading with is set aside when the bot is another now, with a misspelt market mended,
    for example.

    Parameters
    ----------
    config, folders
        Whose, and where.
    exchange
        What it trades on.
    account
        Fingerprint of the account.
    clock
        For the time of a new one.
    new
        Set the old one aside and begin anew.

    Raises
    ------
    JournalError
        If it is missed, cannot be trusted, or is that of another bot, market or account.
    ConfigError
        If no market or interval is named, or a live bot is to forget.
    """
    path = journal_path(config, folders)
    symbol, timeframe = config.symbol or exchange.symbol, config.timeframe or exchange.timeframe
    if symbol is None or timeframe is None:
        what = "symbol" if symbol is None else "timeframe"
        example = "BTC/USDT" if symbol is None else "1m"
        raise ConfigError(f"{what}: none is given, and {exchange.name} has many. Name one, for example {example!r}.")
    if new:
        if config.mode == "live":
            raise ConfigError(
                "new_journal: a bot with real money does not forget its orders. Put the journal back, or give the bot "
                "another name and an account that holds nothing of the old one."
            )
        _set_aside(path)
        folders.of(config.name, _MEMORY).unlink(missing_ok=True)
    else:
        _miss(path, folders, config.name)
    header = JournalHeader(
        bot=config.name,
        exchange=exchange.name,
        account=account,
        mode=exchange.mode,
        symbol=symbol,
        timeframe=str(Timeframe.parse(timeframe)),
        opened=clock.now(),
    )
    if path.is_file() and _is_idle_of_another(path, header):
        _set_aside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise JournalError(
            f"journal {path}: its folder cannot be made: {error.strerror}. Name another path."
        ) from error
    keep = config.keep_made() or max(KEPT_BARS, _KEPT_DAYS * 86_400 // Timeframe.parse(timeframe).seconds)
    journal = SqliteJournal(path, create=header, keep_bars=None if keep == "all" else keep)
    write_private(folders.of(config.name, _MEMORY), json.dumps({"journal": str(path)}).encode())
    return journal


def _miss(path: Path, folders: Folders, name: str) -> None:
    before = known_journal(folders, name)
    if before is None or path.exists():
        return
    moved = f" It lay at {before}; name that path again." if before != path and before.exists() else ""
    raise JournalError(
        f"journal {path}: it is missing, and {name} has traded before: without it nobody knows its orders and its position."
        f"{moved} Put it back (its -wal file belongs to it), or look at the account yourself and begin anew: "
        "new_journal=True, or --new-journal."
    )


def _is_idle_of_another(path: Path, header: JournalHeader) -> bool:
    try:
        with SqliteJournal(path, read_only=True) as journal:
            return bool(journal.header.differences(header)) and all(
                record.kind in _BEFORE_TRADING and record.content != StateChange("running")
                for record in journal.records()
            )
    except JournalError:
        return False  # whatever is wrong with it is told where it is opened


def _set_aside(path: Path) -> None:
    if not path.exists():
        return
    lock = WriterLock(path)  # nobody writes it meanwhile
    try:
        number = 1
        while (kept := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
            number += 1
        for ending in ("-wal", "-shm", ""):
            part = path.with_name(path.name + ending)
            if part.exists():
                part.rename(kept.with_name(kept.name + ending))
    finally:
        lock.release()
