"""What the panel needs of a bot: a local bot and an attached one offer the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.trading.explanation import Explanation
    from cryptobot.trading.log import LogLine
    from cryptobot.trading.status import BotStatus
    from cryptobot.trading.tape import TapeWindow


class BotHandle(Protocol):
    """A bot as its faces see it. Reading costs it nothing but a copy of its newest state."""

    @property
    def strategy(self) -> Any:
        """The strategy; its type declares the parameters."""

    def start(self) -> object:
        """Begin to trade."""

    def stop(self) -> object:
        """Stop trading; waits for the end."""

    def set_parameters(self, **changes: Any) -> object:
        """Change parameters at the next bar's close."""

    def status(self) -> BotStatus:
        """Return where the bot stands."""

    def tape(self, n: int) -> TapeWindow:
        """Return the newest n bars and what belongs to them."""

    def logs(self, n: int | None = None) -> Sequence[LogLine]:
        """Return the newest lines of the log, oldest first."""

    def log(self, level: str, text: str) -> object:
        """Add a line to the log."""

    def trades(self, n: int | None = None) -> pd.DataFrame:
        """Return the newest n round trips, one a row."""

    def explain(self) -> Explanation:
        """Say why the last bar did or did not trade."""
