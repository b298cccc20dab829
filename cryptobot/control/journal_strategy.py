"""The strategy that traded, made again from what a journal says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from cryptobot.control.strategy_source import load_strategy
from cryptobot.strategy.catalogue import STRATEGIES
from cryptobot.trading.journal import ParametersSet, SqliteJournal
from cryptobot.trading.past import Maker, maker_of


def maker_for(journal: Path, given: str | None = None) -> Maker:
    """Return what makes the strategies that a bot traded with.

    Parameters
    ----------
    journal
        The journal's file.
    given
        ``"file.py:Class"`` or a registered name, where the journal does not tell; None takes a registered strategy, or
        the file that the bot's process ran, if it has not been changed since.

    Raises
    ------
    ConfigError
        If it cannot be made; the message says what to give.
    """
    if given is not None:
        if ":" in given:
            return maker_of(_class_in(given))
        return maker_of(STRATEGIES.get(given))

    def make(wanted: ParametersSet) -> Any:
        if wanted.strategy in STRATEGIES.names():
            return maker_of()(wanted)
        file = _code(journal, wanted.strategy)
        return maker_of(None if file is None else _class_in(file, wanted))(wanted)

    return make


def _class_in(place: str, wanted: ParametersSet | None = None) -> Any:
    return type(load_strategy(place, {} if wanted is None else wanted.params).strategy)


def _code(journal: Path, strategy: str) -> str | None:
    """Return ``"file.py:Class"`` of code that the bot's process wrote down, if the file is still the same."""
    found: dict[str, Any] = {}
    with SqliteJournal(journal, read_only=True) as opened:
        for record in opened.records(kinds=["gate"]):
            if record.content.get("item") == "strategy_code" and record.content.get("strategy") == strategy:
                found = record.content
    if not found.get("file"):
        return None
    try:
        digest = hashlib.sha256(Path(found["file"]).read_bytes()).hexdigest()
    except OSError:
        return None
    return f"{found['file']}:{strategy}" if digest == found.get("sha256") else None
