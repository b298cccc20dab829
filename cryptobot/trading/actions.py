"""What the engine asks the outside world to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cryptobot.core.trading_state import TradingState
from cryptobot.core.types import Intent, OcoIntent

Level = Literal["debug", "info", "warning", "error"]

Topic = Literal[
    "note",
    "entry",
    "exit",
    "stop_loss",
    "take_profit",
    "started",
    "stopped",
    "halted",
    "killed",
    "cleared",
    "flattened",
    "unknown_order",
    "resolved",
    "unprotected",
    "protected",
    "stale_feed",
    "limit",
    "connection",
    "external",
    "reconciliation",
    "parameters",
    "refused",
    "rejected",
    "journal",
]


@dataclass(frozen=True, slots=True)
class Submit:
    """Write the intent, or the pair, into the journal, then send it."""

    intent: Intent | OcoIntent


@dataclass(frozen=True, slots=True)
class Cancel:
    """Cancel orders of the bot, and look how they ended.

    Attributes
    ----------
    client_ids
        Of the orders; the legs of a pair are named both.
    """

    client_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Tell people.

    Attributes
    ----------
    level
        ``"info"`` for what happened, ``"warning"`` for what needs a look, ``"error"`` for what stops trading.
    text
        One sentence or two.
    topic
        What it is about.
    facts
        The figures in it by name, for those who lay them out: market, price, quantity, pnl, return, order, why.
    """

    level: Level
    text: str
    topic: Topic = "note"
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetTradingState:
    """Write down what may be traded from here on.

    Attributes
    ----------
    state
        What may be done.
    reason
        Why, in words.
    by
        Who wanted it so: the name of a limit, ``"user"``, ….
    flatten
        Whether the position is to be sold first, over a restart, too.
    """

    state: TradingState
    reason: str = ""
    by: str = ""
    flatten: bool = False


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop trading for this reason; what is open stays open."""

    reason: str


Action = Submit | Cancel | Notice | SetTradingState | Halt
