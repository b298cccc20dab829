"""What must be written down before it is done, and everything that happened since."""

from __future__ import annotations

from cryptobot.trading.journal.contents import (
    BalanceChanged,
    BarSeen,
    BookedFill,
    Cursor,
    Forgotten,
    JournalHeader,
    Outcome,
    OutcomeKind,
    ParametersSet,
    RiskMark,
    SessionStarted,
    StateChange,
    Terms,
    TradingStateChange,
)
from cryptobot.trading.journal.health import HealthState, JournalHealth
from cryptobot.trading.journal.memory import MemoryJournal
from cryptobot.trading.journal.record import KINDS, Journal, Kind, Record
from cryptobot.trading.journal.sqlite import SqliteJournal
from cryptobot.trading.journal.view import JournalView

__all__ = [
    "KINDS",
    "BalanceChanged",
    "BarSeen",
    "BookedFill",
    "Cursor",
    "Forgotten",
    "HealthState",
    "Journal",
    "JournalHeader",
    "JournalHealth",
    "JournalView",
    "Kind",
    "MemoryJournal",
    "Outcome",
    "OutcomeKind",
    "ParametersSet",
    "Record",
    "RiskMark",
    "SessionStarted",
    "SqliteJournal",
    "StateChange",
    "Terms",
    "TradingStateChange",
]
