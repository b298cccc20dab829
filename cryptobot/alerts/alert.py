"""What people are told: one alert, or a digest of many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

Level = Literal["info", "warning", "critical"]
LEVELS: Final[tuple[Level, ...]] = get_args(Level)  # from what is good to know to what needs a person now


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that people are told.

    Attributes
    ----------
    time
        When it happened, nanoseconds since 1970-01-01 UTC.
    level
        ``"info"`` for what happened, ``"warning"`` for what needs a look, ``"critical"`` for what stops trading.
    topic
        What it is about, such as ``"entry"``, ``"exit"``, ``"halted"`` or ``"summary"``.
    title
        A few words.
    text
        One sentence or two; where something is wrong, also what to do next.
    facts
        Figures by their names, in the order in which they are shown.
    bot, mode, market
        Who trades what, and how far that is real money.
    number
        Its place in the source; 0 for what stands in none.
    equity
        What a picture is drawn of, oldest first; empty for no picture.
    repeat
        Whether it may have been told before: after a crash, or when a channel did not say that it took it.
    late
        Whether it is told long after it happened.
    thread
        The mark of the message that it belongs under, as the channel gave it; None stands alone.
    """

    time: int
    level: Level
    topic: str
    title: str
    text: str
    facts: Mapping[str, str] = field(default_factory=dict)
    bot: str = ""
    mode: str = ""
    market: str = ""
    number: int = 0
    equity: tuple[float, ...] = ()
    repeat: bool = False
    late: bool = False
    thread: int | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something was told in a digest.

    Attributes
    ----------
    level, title
        What was told.
    count
        How often.
    """

    level: Level
    title: str
    count: int


@dataclass(frozen=True, slots=True)
class Digest:
    """Many alerts as one message.

    Attributes
    ----------
    first, last
        When the first and the last of them happened, nanoseconds since 1970-01-01 UTC.
    tallies
        What they were and how often, the most serious first.
    samples
        Some of them whole: the first and the newest of each level, oldest first.
    bot, mode, market
        As for an `Alert`.
    number
        The highest of their numbers.
    repeat, late
        Whether some of them may have been told before, and whether the last is told long after it happened.
    """

    first: int
    last: int
    tallies: tuple[Tally, ...]
    samples: tuple[Alert, ...]
    bot: str = ""
    mode: str = ""
    market: str = ""
    number: int = 0
    repeat: bool = False
    late: bool = False

    @property
    def count(self) -> int:
        """How many alerts it stands for."""
        return sum(tally.count for tally in self.tallies)

    @property
    def level(self) -> Level:
        """The most serious level in it."""
        return max((tally.level for tally in self.tallies), key=LEVELS.index, default="info")


Message = Alert | Digest
