"""A bot as the server sees it: a copy of what is new in it, taken several times a second.

Requests read the copy. They never take the bot's lock, so that however many there are, no bar waits for one of them.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.control.fresh import Fresh, Have
from cryptobot.control.handle import BotHandle
from cryptobot.control.price_server.columns import Columns, Numbers
from cryptobot.control.price_server.indicators import averages_of
from cryptobot.control.price_server.longer import longer_than, merged, rows_needed
from cryptobot.control.price_server.shapes import bar_of, mark_of, status_of
from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Fill, Mode, Trade
from cryptobot.strategy.base import Strategy
from cryptobot.trading.explanation import Explanation
from cryptobot.trading.status import BotStatus
from cryptobot.trading.tape import TapeWindow
from mcp_server.errors import Unavailable
from mcp_server.events import BarClosed, Event, StatusChanged, Traded
from mcp_server.models.bot import BotStatus as StatusAnswer
from mcp_server.models.market import Tick

# More bars or trades than this between two looks are a replay at full speed: the newest ones are told.
_TOLD: Final = 100
_DAY: Final = 86_400 * 10**9
# No feature can be called so.
EQUITY: Final = "(equity)"


class BotWatch(ABC):
    """Keeps a copy of one bot; a `PriceSource`.

    Parameters
    ----------
    bot
        Which.
    status
        Where it stands.
    now
        The present, nanoseconds since 1970-01-01 UTC.

    Attributes
    ----------
    bot
        The bot.
    have
        How far the copy has come.
    columns
        Its candles with features and equity; replaced when its features change.
    closed
        Its closed round trips, oldest first; only ever appended to.
    fills
        Its executions, oldest first; only ever appended to.
    open_trade
        The position as a trade, or None.
    decided
        Side and time of its newest decision to trade, or None.
    first_time
        Open time of the first bar that it could trade on, or None.
    market_rules
        Of its market, or None before its first start.
    timeframe
        Of its candles.
    now
        The present.
    """

    def __init__(self, bot: BotHandle, status: BotStatus, now: Callable[[], int] = time.time_ns) -> None:
        self.bot = bot
        self.now = now
        self.lock = threading.Lock()
        self._explained: tuple[int, Explanation] | None = None
        self._averages: tuple[Strategy, list[str]] | None = None
        self._ticks: Mapping[str, Tick] = {}
        self.timeframe = Timeframe.parse(status.timeframe)
        self.forget(status)

    def forget(self, status: BotStatus) -> None:
        """Begin anew, with another run of the bot."""
        self.have = Have()
        self.columns = Columns((EQUITY, *COLUMNS))
        self.closed: list[Trade] = []
        self.fills: list[Fill] = []
        self.open_trade: Trade | None = None
        self.decided: tuple[str, int] | None = None
        self.first_time: int | None = None
        self.market_rules: Market | None = None
        self._status = status

    @abstractmethod
    def look(self) -> list[Event]:
        """Return what is new since the last look."""

    @abstractmethod
    def renew(self) -> None:
        """Take in what is new at once, after something was done to the bot; may wait for it."""

    @abstractmethod
    def note(self, text: str) -> None:
        """Tell the bot's people of something, without waiting."""

    @abstractmethod
    def metrics(self) -> str:
        """Return its figures in Prometheus' text format; may wait for it."""

    @property
    @abstractmethod
    def strategy(self) -> Strategy:
        """Its strategy with the present parameters; may wait for it."""

    @property
    @abstractmethod
    def sequence(self) -> int:
        """The number of the newest thing that has happened to it, as far as is known here."""

    @property
    def answer(self) -> StatusAnswer:
        """Where it stands, for whoever asks."""
        return status_of(self._status)

    @property
    def status(self) -> BotStatus:
        """Where it stood when it was looked at last."""
        return self._status

    @property
    def symbols(self) -> Sequence[str]:
        """The market it trades."""
        return (self._status.symbol,)

    @property
    def ticks(self) -> Mapping[str, Tick]:
        """The close of its newest candle."""
        return self._ticks

    def timeframes(self, symbol: str) -> Sequence[str]:
        """Return the interval it trades, and longer ones that are made of it."""
        return longer_than(self.timeframe) if symbol in self.symbols else ()

    def take(self, fresh: Fresh, window: TapeWindow | None) -> list[Event]:
        """Put what is new where readers find it, and return it as news; nothing the first time."""
        before, first = self._status, self.have.sequence < 0
        anew, new = fresh.have.changes != self.have.changes, fresh.have.bars - self.have.bars
        rows: list[Bar] = []
        if window is not None:
            if anew:
                self.columns = Columns((EQUITY, *COLUMNS, *window.features))
            prices = {name: getattr(window, name) for name in COLUMNS}
            if anew or new:
                self.columns.extend(window.time, {EQUITY: window.equity, **prices, **window.features})
            newest = [getattr(window, name)[-min(new, _TOLD) :].tolist() for name in ("time", *COLUMNS)] if new else []
            rows = [Bar(*row) for row in zip(*newest, strict=True)]
            self.market_rules = fresh.market
        self.fills += fresh.fills
        self.closed += fresh.closed
        self.open_trade, self.decided, self.first_time = fresh.open_trade, fresh.decided, fresh.first_time
        self.have, self._status = fresh.have, fresh.status
        self._set_tick(fresh, new=bool(new) or not self._ticks)
        return [] if first else self._news(before, rows, fresh.fills)

    def _news(self, before: BotStatus, rows: list[Bar], fills: list[Fill]) -> list[Event]:
        status, mode = self._status, str(self._status.mode)
        events: list[Event] = [BarClosed(bar_of(status.symbol, status.timeframe, bar)) for bar in rows]
        events += [Traded(status.name, mode, status.symbol, mark_of(fill)) for fill in fills[-_TOLD:]]
        if replace(status, sequence=0) != replace(before, sequence=0):
            events.append(StatusChanged(self.answer))
        return events

    def _set_tick(self, fresh: Fresh, *, new: bool) -> None:
        status = fresh.status
        if status.price is None or status.last_bar_time is None or not new:
            return
        # A practice market has a time of its own: there the price was observed when it was seen.
        closed = status.last_bar_time + self.timeframe.nanoseconds
        when = self.now() if status.mode is Mode.PRACTICE else closed
        source = f"{fresh.exchange}, last candle"
        change = self._change(status.last_bar_time, status.price)
        self._ticks = {status.symbol: Tick(status.symbol, status.price, when, source, change_24h_pct=change)}

    def _change(self, newest: int, price: float) -> float | None:
        """Return the change since the close 24 hours before, in percent, or None where no candle closed just then."""
        ago = newest - _DAY
        time, columns = self.columns.newest(1, ("close",), before=ago + 1, since=ago)
        return 100 * (price / float(columns["close"][0]) - 1) if time.size else None

    async def tick(self, symbol: str) -> Tick:
        """Return the close of its newest candle."""
        tick = self._ticks.get(symbol)
        if tick is None:
            raise Unavailable(f"{self._status.name} has seen no candle of {symbol} yet. Start it, or ask again later.")
        return tick

    async def bars(self, symbol: str, timeframe: Timeframe, n: int, before: int | None) -> BarColumns:
        """Return the newest of the candles that it has seen, or of longer ones made of them."""
        if timeframe == self.timeframe:
            return self.bars_of(*self.columns.newest(n, COLUMNS, before=before))
        rows = self.columns.newest(rows_needed(n, self.timeframe, timeframe), COLUMNS, before=before)
        times, prices = merged(*rows, self.timeframe, timeframe)
        return self.bars_of(times[-n:], {name: values[-n:] for name, values in prices.items()}, timeframe)

    async def market(self, symbol: str) -> Market:
        """Return the market's rules, as the bot knows them."""
        return self.market_rules or Market(symbol)

    def bars_of(
        self, times: NDArray[np.int64], values: Mapping[str, Numbers], timeframe: Timeframe | None = None
    ) -> BarColumns:
        """Return columns as checked bars, on the grid of the market's tick, or else on that of the prices themselves."""
        prices = {name: values[name] for name in COLUMNS}
        tick_size = None if self.market_rules is None else self.market_rules.tick_size
        interval = timeframe or self.timeframe
        if tick_size is None:
            return BarColumns.unchecked(times, prices, interval)
        return BarColumns(time=times, **prices, timeframe=interval, grid=PriceGrid.of_tick(tick_size))

    def averages(self, bars: BarColumns) -> list[str]:
        """Return which of the strategy's features are prices; worked out once a strategy."""
        strategy = self.strategy
        if self._averages is None or self._averages[0] is not strategy:
            found = averages_of(strategy, bars)
            if len(bars) <= strategy.warm_up:  # too early to tell for all of them
                return found
            self._averages = strategy, found
        return self._averages[1]

    def explanation(self) -> Explanation:
        """Say why its newest candle did or did not trade; asks the bot only when something has happened since."""
        with self.lock:
            sequence = self.sequence
            if self._explained is None or self._explained[0] != sequence:
                self._explained = sequence, self.bot.explain()
            return self._explained[1]
