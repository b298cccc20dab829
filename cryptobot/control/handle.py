"""What whoever holds a bot can do with it, wherever it runs: in this process or in one of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from cryptobot.strategy.base import Strategy
from cryptobot.trading.explanation import Explanation
from cryptobot.trading.log import LogLine
from cryptobot.trading.snapshot import BotSnapshot
from cryptobot.trading.status import BotStatus
from cryptobot.trading.tape import TapeWindow

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.trading.actions import Notice


class BotHandle(Protocol):
    """A bot as its faces see it: `cb.Bot` and `AttachedBot` are both one, and pass the same tests.

    Reading costs the bot nothing but a copy of its newest state. What is asked of it has been done, or refused by an
    error, when a method returns.

    Attributes
    ----------
    name
        Of the bot.
    """

    name: str

    @property
    def mode(self) -> str:
        """Where its orders go, for example ``"practice"``."""

    @property
    def strategy(self) -> Strategy:
        """The strategy with its present parameters."""

    def start(self) -> object:
        """Start trading, or go on after a stop; does nothing when it trades already."""

    def stop(self, timeout: float = 10.0) -> object:
        """Stop trading: finish what is being done, then say what stays open."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has stopped, halted or run out of bars; return whether it has."""

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait for something to become true of the bot; return whether it did."""

    def status(self) -> BotStatus:
        """Return where it stands."""

    def logs(self, n: int | None = None) -> Sequence[LogLine]:
        """Return the newest n log lines (None: all that are kept), oldest first."""

    def log(self, level: str, text: str) -> object:
        """Add a line to the log."""

    def notices(self, n: int | None = None) -> Sequence[Notice]:
        """Return the newest n notices to people (None: all that are kept), oldest first."""

    def trades(self, n: int | None = None) -> pd.DataFrame:
        """Return the newest n round trips (None: all), one a row."""

    def open_orders(self) -> pd.DataFrame:
        """Return its own open orders, one a row."""

    def explain(self, at: Any = None) -> Explanation:
        """Say why the last bar, or that of another moment, did or did not trade."""

    def tape(self, n: int | None = 250) -> TapeWindow:
        """Return the newest n bars (None: all that are kept) and what belongs to them."""

    def snapshot(self, bars: int | None = 250, trades: int | None = 100) -> BotSnapshot:
        """Return status, newest bars, last decision, newest trades and open orders, all of one and the same moment."""

    def bars(self) -> pd.DataFrame:
        """Return the bars it has seen."""

    def set_parameters(self, **changes: Any) -> Strategy:
        """Trade with changed parameters from the next bar's close on; return the changed strategy."""

    def set_strategy(self, strategy: Strategy) -> Strategy:
        """Trade with another strategy from the next bar's close on."""

    def kill(self, *, flatten: bool = False, reason: str = "killed by the user", by: str = "user") -> BotStatus:
        """Cancel its orders, sell the position if asked to, and trade no more until a person clears it."""

    def flatten(self, reason: str = "flattened by the user") -> BotStatus:
        """Sell the position at the market, and only reduce from then on."""

    def clear(self, reason: str = "cleared by the user") -> BotStatus:
        """Let it trade again after a kill or a limit."""
