"""What a bot had to tell people, as a table in the panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cryptobot.notebook.tables import MAX_ROWS, Cell, Table

if TYPE_CHECKING:
    from cryptobot.trading.actions import Notice

_TONES = {"warning": "warn", "error": "down"}
MAX_CHARACTERS = 500


class NoticesTable(Table):
    """What the bot told people, newest first; at most 100 on the page."""

    def __init__(self) -> None:
        super().__init__(
            "Notices, newest first",
            [("Level", "left"), ("About", "left"), ("What", "left"), ("Figures", "left")],
            "No notices yet. Entries, exits, limits and everything that needs a look appear here.",
        )

    def show(self, notices: Sequence[Notice]) -> None:
        """Show the newest notices.

        Parameters
        ----------
        notices
            As `bot.notices()` returns them, oldest first.
        """
        newest = list(notices[-MAX_ROWS:])[::-1]
        self.fill((str(len(notices) - index), _row(notice)) for index, notice in enumerate(newest))


def _row(notice: Notice) -> list[Cell]:
    tone = _TONES.get(notice.level, "")
    facts = " · ".join(f"{name} {value}" for name, value in notice.facts.items())
    return [
        (f"▲ {notice.level}" if tone else notice.level, tone),
        (notice.topic.replace("_", " "), ""),
        (notice.text[:MAX_CHARACTERS], ""),
        (facts[:MAX_CHARACTERS], "dim"),
    ]
