"""A bot that runs in a process of its own, held from here."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Self

from cryptobot.control import wire
from cryptobot.control.client import ProcessClient
from cryptobot.control.ending import Ending
from cryptobot.control.folders import Folders
from cryptobot.control.fresh import Fresh, Have, of_plain
from cryptobot.control.gone import BotGoneError
from cryptobot.control.reading import MOST_ROWS
from cryptobot.control.state_file import ProcessState
from cryptobot.control.strategy_source import pack, unpacked
from cryptobot.core.errors import ConfigError
from cryptobot.core.file_lock import is_free
from cryptobot.core.moment import moment
from cryptobot.core.money import ZERO
from cryptobot.core.text import count, written
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Trade
from cryptobot.strategy.base import Strategy
from cryptobot.trading.actions import Notice
from cryptobot.trading.display import DISPLAYS
from cryptobot.trading.explanation import Explanation
from cryptobot.trading.log import LogLine
from cryptobot.trading.snapshot import BotSnapshot
from cryptobot.trading.status import BotStatus
from cryptobot.trading.tape import TapeWindow

if TYPE_CHECKING:
    import pandas as pd

_TURN: Final = 10.0
_LOOK: Final = 0.02


class AttachedBot:
    """A handle to a bot's process; it offers what `cb.Bot` does, and several may hold the same bot.

    It is made by ``cb.launch`` and ``cb.attach``. Losing it changes nothing for the bot. What is read is what the process
    says at that moment, never what was asked of it.

    Parameters
    ----------
    name
        Of the bot.
    folders
        Where processes are written down; None takes those of the settings.

    Attributes
    ----------
    name
        Of the bot.
    """

    def __init__(self, name: str, folders: Folders | None = None) -> None:
        self.name = name
        self._folders = folders or Folders.find()
        self._client = ProcessClient(self._folders, name)
        self._mode: str | None = None

    @property
    def mode(self) -> str:
        """Where its orders go, for example ``"practice"``."""
        if self._mode is None:
            self._mode = str(self.about()["mode"])
        return self._mode

    @property
    def strategy(self) -> Strategy:
        """The strategy with its present parameters."""
        return unpacked(base64.b64decode(self._client.ask("strategy")))

    @property
    def alive(self) -> bool:
        """Whether its process answers."""
        try:
            self.about()
        except BotGoneError:
            return False
        return True

    @property
    def process(self) -> ProcessState | None:
        """What its process wrote down of itself; None once it has ended."""
        return self._client.find()

    def about(self, patience: float = 2.0) -> dict[str, Any]:
        """Return what its process tells of itself, without asking the bot.

        Parameters
        ----------
        patience
            Seconds to wait.

        Raises
        ------
        BotGoneError
            If it does not answer.
        """
        told = self._client.ask("about", patience=patience)
        if not isinstance(told, dict) or told.get("name") != self.name:
            raise BotGoneError(f"{self.name}: another program answers in its place. Launch it again.")
        return told

    def start(self) -> Self:
        """Start trading, or go on after a stop; see `Bot.start`."""
        self._client.tell("start", {})
        return self

    def stop(self, timeout: float = 10.0) -> Self:
        """Stop trading; the process stays, to be looked at and started again. See `Bot.stop` and `shut_down`."""
        self._client.tell("stop", {"timeout": timeout}, patience=timeout + _TURN)
        return self

    def shut_down(self, timeout: float = 20.0) -> Ending:
        """End the process: trading stops within ten seconds, and what rests on the exchange stays there.

        Parameters
        ----------
        timeout
            Seconds to wait for its end.

        Returns
        -------
        Ending
            What stays open, in words: its ``text``.

        Raises
        ------
        BotGoneError
            If it has not ended by then.
        """
        state = self._client.find()
        ending = wire.load(Ending, self._client.tell("shut_down", {}))
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._ended(state):
                return ending
            time.sleep(_LOOK)
        raise BotGoneError(
            f"{self.name}: its process has not ended within {timeout:g} s. Its id is "
            f"{'unknown' if state is None else state.pid}; its log is {self._folders.log(self.name)}."
        )

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has stopped, halted or run out of bars; see `Bot.wait`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            told = self._client.ask("status")
            if told["ended"]:
                return True
            left = _TURN if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return False
            self._news(told["status"]["sequence"], min(left, 0.2 if told["status"]["state"] != "running" else _TURN))

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait for something to become true of the bot.

        Parameters
        ----------
        condition
            Asked whenever something has happened; the bot goes on meanwhile.
        timeout
            Seconds.

        Returns
        -------
        bool
            Whether it became true.
        """
        deadline = time.monotonic() + timeout
        while True:
            sequence = self.status().sequence
            if condition():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._news(sequence, min(left, _TURN))

    def status(self) -> BotStatus:
        """Return where it stands."""
        return wire.load(BotStatus, self._client.ask("status")["status"])

    def logs(self, n: int | None = None) -> list[LogLine]:
        """Return the newest n log lines (None: all that are kept), oldest first."""
        return wire.load(list[LogLine], self._client.ask("logs", n=n))

    def log(self, level: str, text: str) -> None:
        """Add a line to the log."""
        self._client.tell("log", {"level": level, "text": text})

    def notices(self, n: int | None = None) -> list[Notice]:
        """Return the newest n notices to people (None: all that are kept), oldest first."""
        return wire.load(list[Notice], self._client.ask("notices", n=n))

    def trades(self, n: int | None = None) -> pd.DataFrame:
        """Return the newest n round trips (None: all), one a row; see `Bot.trades`."""
        from cryptobot.backtest.trade_table import trade_table

        return trade_table(wire.load(list[Trade], self._client.ask("trades", n=n)))

    def open_orders(self) -> pd.DataFrame:
        """Return its own open orders, one a row; see `Bot.open_orders`."""
        from cryptobot.trading.order_table import order_table

        return order_table(self._client.ask("orders"))

    def explain(self, at: Any = None) -> Explanation:
        """Say why the last bar, or that of another moment, did or did not trade; see `Bot.explain`."""
        when = None if at is None else moment(at)
        return wire.load(Explanation, self._client.ask("explanation", at=when))

    def metrics(self) -> str:
        """Return its figures in Prometheus' text format."""
        return str(self._client.ask("figures"))

    def tape(self, n: int | None = 250) -> TapeWindow:
        """Return the newest n bars (None: all that are kept) with features, equity and fills."""
        return self._whole_tape(self._client.ask("tape", n=n), n)

    def snapshot(self, bars: int | None = 250, trades: int | None = 100) -> BotSnapshot:
        """Return status, newest bars, last decision, newest trades and open orders, all of one and the same moment."""
        told = self._client.ask("snapshot", bars=bars, trades=trades)
        return BotSnapshot(
            status=wire.load(BotStatus, told["status"]),
            tape=self._whole_tape(told["tape"], bars),
            explanation=wire.load(Explanation, told["explanation"]),
            trades=wire.load(list[Trade], told["trades"]),
            orders=[tuple(row) for row in told["orders"]],
        )

    def _whole_tape(self, newest: Mapping[str, Any], n: int | None) -> TapeWindow:
        """Fetch what is before the newest page; bars that have closed stay as they are."""
        pages = [wire.tape_of_plain(newest)]
        while pages[0].time.size == MOST_ROWS:
            left = None if n is None else n - sum(page.time.size for page in pages)
            if left == 0:
                break
            page = wire.tape_of_plain(self._client.ask("tape", n=left, before=int(pages[0].time[0])))
            if page.time.size == 0 or list(page.features) != list(pages[0].features):
                break  # its beginning, or the strategy was changed meanwhile
            pages.insert(0, page)
        return pages[0] if len(pages) == 1 else wire.joined(pages)

    def fresh(self, have: Have, patience: float = 5.0) -> tuple[Fresh, TapeWindow | None] | None:
        """Return what a copy of it lacks, for whoever keeps one; None if that is nothing.

        Parameters
        ----------
        have
            How far the copy has come.
        patience
            Seconds to wait.
        """
        told = self._client.ask("fresh", patience=patience, **asdict(have))
        return None if told is None else of_plain(told)

    def bars(self) -> pd.DataFrame:
        """Return the bars it has seen, its history included; see `Bot.bars`."""
        from cryptobot.core.bars import COLUMNS, BarColumns

        tape = self.tape(None)
        columns = {name: getattr(tape, name) for name in COLUMNS}
        return BarColumns.unchecked(tape.time, columns, Timeframe.parse(self.status().timeframe)).to_frame()

    def set_parameters(self, **changes: Any) -> Strategy:
        """Trade with changed parameters from the next bar's close on; see `Bot.set_parameters`."""
        self._client.tell("set_parameters", {"changes": changes})
        return self.strategy

    def set_strategy(self, strategy: Strategy) -> Strategy:
        """Trade with another strategy from the next bar's close on; see `Bot.set_strategy`.

        Raises
        ------
        ConfigError
            If it is not a strategy, or other code than a bot with real money was started with.
        """
        if not isinstance(strategy, Strategy):
            raise ConfigError(f"strategy: {strategy!r} is not a strategy. Allowed: an instance of cb.Strategy.")
        self._client.tell("set_strategy", {"packed": base64.b64encode(pack(strategy)).decode("ascii")})
        return self.strategy

    def kill(self, *, flatten: bool = False, reason: str = "killed by the user", by: str = "user") -> BotStatus:
        """Cancel its orders, sell the position if asked to, and trade no more until a person clears it; see `Bot.kill`."""
        return wire.load(BotStatus, self._client.tell("kill", {"flatten": flatten, "reason": reason, "by": by}))

    def flatten(self, reason: str = "flattened by the user") -> BotStatus:
        """Sell the position at the market, and only reduce from then on; see `Bot.flatten`."""
        return wire.load(BotStatus, self._client.tell("flatten", {"reason": reason}))

    def clear(self, reason: str = "cleared by the user") -> BotStatus:
        """Let it trade again after a kill or a limit; see `Bot.clear`."""
        return wire.load(BotStatus, self._client.tell("clear", {"reason": reason}))

    def __repr__(self) -> str:
        try:
            status = self.status()
        except BotGoneError:
            return f"AttachedBot({self.name}: no process answers)"
        held = "flat" if status.quantity == ZERO else f"long {written(status.quantity, 8)}"
        return (
            f"AttachedBot({self.name}: {status.state}, {status.mode}, {status.strategy}, {status.symbol} "
            f"{status.timeframe}, {count(status.bars, 'bar')}, {count(status.trades, 'trade')}, {held}, equity "
            f"{Decimal(status.equity):,.2f}, process {status.pid})"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return DISPLAYS.get("bot")(self, include, exclude)

    def _news(self, sequence: int, seconds: float) -> None:
        self._client.ask("news", sequence=sequence, milliseconds=round(seconds * 1_000))

    def _ended(self, state: ProcessState | None) -> bool:
        """Whether a process is no more: its lock is free, or another one has written itself down since."""
        return self._client.find() not in (None, state) or is_free(self._folders.of(self.name, "lock"))
