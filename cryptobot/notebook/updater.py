"""What a panel shows, brought up to date from its bot: the newest state only, whatever came in between."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cryptobot.backtest.trade_table import trade_table
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Mode
from cryptobot.notebook import status_words
from cryptobot.notebook.chart import About, PriceLine, Trip
from cryptobot.notebook.live_price import LivePrice, LiveTick
from cryptobot.notebook.logview import MAX_LINES
from cryptobot.notebook.numbers import Units
from cryptobot.notebook.orders_table import stop_prices
from cryptobot.notebook.peaks import Peaks
from cryptobot.notebook.said import Said
from cryptobot.notebook.studies import Studies
from cryptobot.notebook.tables import MAX_ROWS
from cryptobot.trading.order_table import order_table

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.control.handle import BotHandle
    from cryptobot.notebook.commands import Commands
    from cryptobot.notebook.health import Health
    from cryptobot.notebook.layout import Layout
    from cryptobot.notebook.steering import Steering
    from cryptobot.trading.snapshot import BotSnapshot
    from cryptobot.trading.status import BotStatus

# What an event changes is shown everywhere at once; what only moves with the price, in tables and in the panes below
# it, at most once a second.
SLOW_SECONDS: Final = 1.0
TRIPS: Final = 2000  # round trips in the chart


class Updater:
    """Reads a bot in one piece and sets the widgets that have news.

    Parameters
    ----------
    bot
        What is shown.
    layout
        The widgets.
    steering
        The buttons.
    commands
        What the user has asked for and is not done.
    health
        The panel's errors.
    live
        The price from the price server.
    studies
        The indicators that the user has added.
    """

    def __init__(
        self,
        bot: BotHandle,
        layout: Layout,
        steering: Steering,
        commands: Commands,
        health: Health,
        live: LivePrice,
        studies: Studies,
    ) -> None:
        self._bot, self._layout, self._steering = bot, layout, steering
        self._commands, self._health = commands, health
        self._live, self._studies = live, studies
        self._peaks = Peaks(lambda: bot.tape(None))
        self._mode: Mode | None = None
        self._seen: tuple[object, ...] = ()
        self._told: tuple[object, ...] = ()
        self._slow_at = self._whole_at = float("-inf")
        self._owed = False
        self._asked = self._got = 0
        self._bar: tuple[int | None, float | None] = (None, None)
        self._trips: tuple[Trip, ...] = ()
        self._lines: tuple[PriceLine, ...] = ()

    def forget(self) -> None:
        """Take everything as old, so that the next update looks at all of it."""
        self._slow_at = self._whole_at = float("-inf")
        self._seen = self._told = ()

    def update(self, now: float, *, touched: bool) -> bool:
        """Set the widgets that have news; return whether there was any.

        Parameters
        ----------
        now
            The caller's monotonic clock, in seconds.
        touched
            Whether the user has moved the chart.
        """
        chart = self._layout.chart
        news = touched
        if touched:
            chart.redraw()
        slow = now - self._slow_at >= SLOW_SECONDS
        status = self._bot.status()
        live = self._live.read(now, status)
        quoted = None if live is None else (live.price, live.stale)
        pending = tuple(self._commands.pending)
        seen = (status, quoted, self._studies.names, len(self._health.errors), pending, chart.follow)
        if seen != self._seen or (self._owed and slow) or self._lacking():
            self._seen = seen
            self._show(now, live, whole=touched or now - self._whole_at >= SLOW_SECONDS)
            news = True
        if slow:
            self._slow_at = now
            news = self._say_slowly(status, live, now) or news
        return news

    def trip_of(self, name: str) -> Trip | None:
        """Return the round trip that a row of the table stands for."""
        return next((trip for trip in self._trips if str(trip.entered) == name), None)

    # Everything that belongs together, from one look at the bot --------------------------------------------------------

    def _show(self, now: float, live: LiveTick | None, *, whole: bool) -> None:
        """Look at the bot and show what was seen; all of it where something has happened but a new price."""
        while True:
            self._asked = self._layout.chart.reach
            shot = self._bot.snapshot(self._asked, TRIPS if whole else 1)
            status = shot.status
            told = (status.trades, status.quantity, status.open_orders, status.trading_state, status.strategy)
            if not whole and told != self._told:
                whole = True
                continue
            if whole:
                self._told = told
                self._tabulate(shot)
            elif shot.trades and shot.trades[-1].is_open:
                self._layout.trades.revalue(shot.trades[-1], Units.of(status.symbol, status.price))
            self._draw(shot, live, thorough=whole)
            if not self._lacking():
                break
        self._owed = not whole
        if whole:
            self._whole_at = now
        self._say(shot, live, now)

    def _lacking(self) -> bool:
        """Whether the user has come to bars that the chart does not have."""
        return self._asked < self._layout.chart.reach and self._got >= self._asked

    def _draw(self, shot: BotSnapshot, live: LiveTick | None, *, thorough: bool) -> None:
        """Draw the newest bars, as many as the user can come to."""
        chart, status = self._layout.chart, shot.status
        tape = self._studies.added(shot.tape)
        self._got = len(tape.time)
        peak = self._peaks.before(tape, self._asked) if self._got else None
        levels = {name: found for name in tape.features if (found := _levels(name, status.parameters))}
        entry = () if status.entry_price is None else (PriceLine("entry", float(status.entry_price)),)
        moving = () if live is None or live.stale else (PriceLine("live", live.price),)
        units = Units.of(status.symbol, status.price)
        chart.describe(About(units, levels, (*entry, *self._lines, *moving), self._trips, peak))
        chart.show(tape, thorough=thorough)

    def _tabulate(self, shot: BotSnapshot) -> None:
        """Update the tables, and what the chart shows of trades and orders."""
        layout, status = self._layout, shot.status
        units = Units.of(status.symbol, status.price)
        trades, orders = trade_table(shot.trades), order_table(shot.orders)
        self._trips = _trips(trades)
        self._lines = tuple(PriceLine(kind, price) for kind, price in stop_prices(orders))
        total = status.trades + bool(status.quantity)
        layout.trades.show(trades.tail(MAX_ROWS), units, total)
        layout.orders.show(orders, units)
        layout.limits.show(status, units)
        layout.notices.show(self._bot.notices(MAX_ROWS))
        layout.count("Trades", total)
        layout.count("Orders", len(orders))
        layout.count("Limits", len(status.limits))

    def _say(self, shot: BotSnapshot, live: LiveTick | None, now: float) -> None:
        """Update header, figures, account, decision, buttons and form."""
        layout, status = self._layout, shot.status
        if self._mode is not status.mode:
            for mode in Mode:
                (layout.root.add_class if mode is status.mode else layout.root.remove_class)(f"cb-mode-{mode}")
            self._mode = status.mode
        units = Units.of(status.symbol, status.price)
        layout.header.say(status_words.header(status, len(self._health.errors)))
        layout.figures.say(status_words.figures(status, units))
        layout.account.say(status_words.account(status, units, self._age(status, now), live, layout.frames.lag))
        layout.decision.say({"decision": Said(shot.explanation.text if status.bars else "No bar yet, so no decision.")})
        self._steering.follow(status)
        layout.tools.follow.value = layout.chart.follow
        layout.card.follow(status.strategy, status.parameters, lambda: self._bot.strategy)

    # What moves with the clock ------------------------------------------------------------------------------------------

    def _say_slowly(self, status: BotStatus, live: LiveTick | None, now: float) -> bool:
        """Update ages and log; return whether they have changed."""
        layout, units = self._layout, Units.of(status.symbol, status.price)
        before = layout.account.said, layout.log.lines
        known = layout.account.said
        told = status_words.account(status, units, self._age(status, now), live, layout.frames.lag)
        ages = {key: told[key] for key in ("feed", "live")}
        layout.account.say({key: Said(**said) for key, said in known.items()} | ages if known else told)
        layout.log.show(self._bot.logs(MAX_LINES))
        return (layout.account.said, layout.log.lines) != before

    def _age(self, status: BotStatus, now: float) -> float | None:
        """Return how many seconds ago the newest bar came, or None before the first."""
        bar, came = self._bar
        if status.last_bar_time is None:
            return None
        if status.last_bar_time != bar:
            came = now
            if bar is None and status.mode is not Mode.PRACTICE:  # it came before the panel was opened
                came -= max(0.0, (time.time_ns() - status.last_bar_time) / 1e9 - _seconds(status.timeframe))
            self._bar = (status.last_bar_time, came)
        return None if came is None else now - came


def _levels(feature: str, parameters: Mapping[str, Any]) -> list[float]:
    """Return what a feature is compared with, told by the names of the parameters; an added RSI has its usual levels."""
    if feature.startswith("RSI("):
        return [30.0, 70.0]
    names = [f"{feature}_threshold", *(("oversold", "overbought") if "rsi" in feature.lower() else ())]
    return [float(parameters[name]) for name in names if name in parameters]


def _trips(trades: pd.DataFrame) -> tuple[Trip, ...]:
    """Read the round trips from a table of trades."""
    entered = trades["entry_time"].astype("int64").tolist()
    left = trades["exit_time"].astype("int64").tolist()
    rows = zip(entered, left, trades["status"], trades["pnl"], strict=True)
    return tuple(Trip(first, None if status == "open" else last, float(pnl)) for first, last, status, pnl in rows)


def _seconds(timeframe: str) -> float:
    """Return the length of an interval."""
    return Timeframe.parse(timeframe).nanoseconds / 1e9
