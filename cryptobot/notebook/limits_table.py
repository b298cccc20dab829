"""The limits of a bot, and how much of each is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptobot.notebook.limit_words import CLOSE, FULL, amount, used, words
from cryptobot.notebook.numbers import Units, fixed
from cryptobot.notebook.tables import Cell, Table

if TYPE_CHECKING:
    from cryptobot.trading.status import BotStatus


class LimitsTable(Table):
    """One row a limit that is set."""

    def __init__(self) -> None:
        super().__init__(
            "Limits of this bot",
            [("Limit", "left"), ("Set at", "right"), ("Used now", "right"), ("", "left")],
            "No limits are set. Give the bot some: cb.Bot(..., limits=cb.Limits(max_daily_loss=200)).",
        )

    def show(self, status: BotStatus, units: Units) -> None:
        """Show the limits of a bot and how much of each is used.

        Parameters
        ----------
        status
            The bot's status.
        units
            How this market's numbers are written.
        """
        shares = {entry.name: entry.share for entry in used(status)}
        self.fill([(name, _row(name, value, shares.get(name), units)) for name, value in status.limits.items()])


def _row(name: str, value: str, share: float | None, units: Units) -> list[Cell]:
    tone = "" if share is None or share < CLOSE else "warn" if share < FULL else "down"
    word = "" if not tone else "▲ close to it" if tone == "warn" else "▲ reached"
    return [
        (words(name), ""),
        (amount(name, value, units), ""),
        ("–" if share is None else f"{fixed(100 * share, 0)} %", tone, -1.0 if share is None else share),
        (word, tone),
    ]
