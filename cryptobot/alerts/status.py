"""How a channel gets on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ChannelState = Literal["ok", "waiting", "failing", "stopped"]


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """How a channel gets on.

    Attributes
    ----------
    name
        Of the channel.
    state
        ``"waiting"``: something waits its turn; ``"failing"``: the last message was not taken; ``"stopped"``: nothing
        is told.
    waiting
        How many alerts wait.
    told
        How many messages were taken since the start.
    dropped
        How many were refused for good.
    trouble
        What went wrong last and what to do, without secrets; ``""`` while all is well.
    since
        When it began to go wrong, nanoseconds since 1970-01-01 UTC, or None.
    """

    name: str
    state: ChannelState
    waiting: int
    told: int
    dropped: int
    trouble: str = ""
    since: int | None = None

    def __str__(self) -> str:
        if self.state == "failing":
            return f"{self.name}: {self.waiting:,} waiting, and tried again by itself. {self.trouble}"
        waiting = f", {self.waiting:,} waiting" if self.waiting else ""
        return f"{self.name}: {self.state}, {self.told:,} told{waiting}"
