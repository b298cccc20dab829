"""One text of the panel and what it means."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """What stands in one place.

    Attributes
    ----------
    text
        The value, in words or digits.
    tone
        What it means, for the style sheet: ``"up"``, ``"down"``, a mode, a state ….
    note
        A second, smaller line.
    title
        Shown when the mouse rests on it.
    """

    text: str
    tone: str = ""
    note: str = ""
    title: str = ""
