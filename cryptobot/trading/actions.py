"""What the engine asks the outside world to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cryptobot.core.types import Intent

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Submit:
    """Write the intent into the journal, then send it."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Notice:
    """Tell people.

    Attributes
    ----------
    level
        ``"info"`` for what happened, ``"warning"`` for what needs a look, ``"error"`` for what stops trading.
    text
        One sentence or two.
    """

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Halt:
    """Stop trading for this reason; what is open stays open."""

    reason: str


Action = Submit | Notice | Halt
