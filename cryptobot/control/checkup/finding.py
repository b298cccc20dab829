"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What was looked at.
    state
        ``"ok"``; ``"missing"`` when something optional is not there or could be better; ``"bad"`` when it must be mended.
    seen
        What was found, without secrets.
    advice
        How to mend it, or an empty text.
    """

    name: str
    state: Literal["ok", "missing", "bad"]
    seen: str
    advice: str = ""
