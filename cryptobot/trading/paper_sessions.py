"""How long a strategy has traded on paper, by its journals, for the live gate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptobot.backtest.words import duration
from cryptobot.core.errors import CryptobotError
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Mode
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.digest import strategy_digest
from cryptobot.trading.journal.contents import BarSeen, JournalHeader, ParametersSet, Terms
from cryptobot.trading.journal.record import Journal
from cryptobot.trading.journal.sqlite import SqliteJournal

_MODES: Final = (Mode.PAPER, Mode.TESTNET)
_SECOND: Final = 10**9
_GONE: Final = " Old bars that a journal has let go of are not counted."


@dataclass(frozen=True, slots=True)
class _Wanted:
    strategy: Strategy
    code: str
    exchange: str
    symbol: str
    timeframe: Timeframe


def paper_session_of(
    places: Sequence[Path],
    seconds: float,
    *,
    strategy: Strategy,
    exchange: str,
    symbol: str,
    timeframe: Timeframe,
) -> tuple[bool, str]:
    """Say whether one journal tells of a paper session that was long enough.

    What counts is the time that the bot has watched the market with these very terms: from bar to bar by its own clock,
    and never more than a bar's length for a bar, so that neither a pause nor a market played fast makes it longer.

    Parameters
    ----------
    places
        Journals, and folders of them.
    seconds
        How long it must have been.
    strategy, exchange, symbol, timeframe
        The terms.

    Returns
    -------
    tuple of bool and str
        Whether it is there, and what was found or what to do.
    """
    wanted = _Wanted(strategy, strategy_digest(type(strategy)), exchange, symbol, timeframe)
    longest, where, whole = 0.0, None, True
    unreadable: list[str] = []
    for path in _files(places):
        try:
            with SqliteJournal(path, read_only=True) as journal:
                watched = _watched(journal, wanted)
                whole = whole and (journal.forgotten is None or not _is_of(journal.header, wanted))
        except CryptobotError as error:
            unreadable.append(f" {path.name} is left out: {error}")
            continue
        if watched > longest:
            longest, where = watched, path
    if where is not None and longest >= seconds:
        return True, f"{duration(longest)} on paper ({where})"
    seen = f"only {duration(longest)} of it were on paper so far ({where})" if where is not None else "none is there"
    return False, (
        f"of {strategy!r} on {symbol} {timeframe} at {exchange}, {duration(seconds)} on paper are asked for, and {seen}. "
        f"Let it trade there in mode paper or testnet, with a journal on disk: cryptobot run.{'' if whole else _GONE}{''.join(unreadable)}"
    )


def _files(places: Iterable[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for place in places:
        found.update(dict.fromkeys(sorted(place.glob("*.sqlite")) if place.is_dir() else [place]))
    return list(found)


def _watched(journal: Journal, wanted: _Wanted) -> float:
    if not _is_of(journal.header, wanted):
        return 0.0
    params, step = wanted.strategy.params, wanted.timeframe.nanoseconds
    name, given, code = "", {}, ""
    total, before = 0, None
    for record in journal.records(kinds=("parameters", "terms", "bar")):
        content = record.content
        if isinstance(content, ParametersSet):
            name, given = content.strategy, dict(content.params)
        elif isinstance(content, Terms):
            code, before = content.code, record.time
        elif isinstance(content, BarSeen):
            same = (name, given, code) == (wanted.strategy.name, params, wanted.code)
            if same and before is not None:
                total += min(max(0, record.time - before), step)
            before = record.time
    return total / _SECOND


def _is_of(header: JournalHeader | None, wanted: _Wanted) -> bool:
    return (
        header is not None
        and header.mode in _MODES
        and header.exchange in (wanted.exchange, f"{wanted.exchange} on paper")
        and (header.symbol, header.timeframe) == (wanted.symbol, str(wanted.timeframe))
    )
