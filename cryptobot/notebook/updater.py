"""What a panel shows, brought up to date from its bot: the newest state only, whatever came in between."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Mode
from cryptobot.notebook import status_words
from cryptobot.notebook.chart import About, PriceLine, Trip
from cryptobot.notebook.logview import MAX_LINES
from cryptobot.notebook.numbers import Units
from cryptobot.notebook.orders_table import stop_prices
from cryptobot.notebook.peaks import Peaks
from cryptobot.notebook.said import Said
from cryptobot.notebook.tables import MAX_ROWS

if TYPE_CHECKING:
    import pandas as pd

    from cryptobot.control.handle import BotHandle
    from cryptobot.notebook.commands import Commands
    from cryptobot.notebook.health import Health
    from cryptobot.notebook.layout import Layout
    from cryptobot.notebook.steering import Steering
    from cryptobot.trading.status import BotStatus

SLOW_SECONDS: Final = 1.0  # tables, log and the panes below the price change at most once a second
TRIPS: Final = 2000  # round trips in the chart


class Updater:
    """Reads a bot and sets the widgets that have news.

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
    """

    def __init__(self, bot: BotHandle, layout: Layout, steering: Steering, commands: Commands, health: Health) -> None:
        self._bot, self._layout, self._steering = bot, layout, steering
        self._commands, self._health = commands, health
        self._peaks = Peaks(lambda: bot.tape(None))
        self._mode: Mode | None = None
        self._said: tuple[object, ...] = ()
        self._drawn: tuple[object, ...] = ()
        self._told: tuple[object, ...] = ()
        self._slow_at = self._whole_at = float("-inf")
        self._owed = False
        self._bar: tuple[int | None, float | None] = (None, None)
        self._trips: tuple[Trip, ...] = ()
        self._lines: tuple[PriceLine, ...] = ()

    def forget(self) -> None:
        """Take everything as old, so that the next update looks at all of it."""
        self._slow_at = self._whole_at = float("-inf")

    def update(self, now: float, *, touched: bool) -> bool:
        """Set the widgets that have news; return whether there was any.

        Parameters
        ----------
        now
            The caller's monotonic clock, in seconds.
        touched
            Whether the user has moved the chart.
        """
        status = self._bot.status()
        news = touched
        if touched:
            self._layout.chart.redraw()
        if now - self._slow_at >= SLOW_SECONDS:
            self._slow_at = now
            news = self._say_slowly(status, now) or news
        drawn = (status.bars, status.last_bar_time, status.trades, status.quantity, status.strategy, status.parameters)
        if drawn != self._drawn or (self._owed and now - self._whole_at >= SLOW_SECONDS) or self._lacking():
            self._drawn = drawn
            self._draw(status, now, thorough=touched or now - self._whole_at >= SLOW_SECONDS)
            news = True
        said = (status, len(self._health.errors), tuple(self._commands.pending), self._layout.chart.follow)
        if said != self._said:
            self._said = said
            self._say(status)
            news = True
        return news

    def trip_of(self, name: str) -> Trip | None:
        """Return the round trip that a row of the table stands for."""
        return next((trip for trip in self._trips if str(trip.entered) == name), None)

    # The chart --------------------------------------------------------------------------------------------------------

    def _lacking(self) -> bool:
        """Whether the user has come to bars that the chart does not have."""
        return self._asked < self._layout.chart.reach and self._got >= self._asked

    _asked = _got = 0

    def _draw(self, status: BotStatus, now: float, *, thorough: bool) -> None:
        """Draw the newest bars, as many as the user can come to."""
        chart = self._layout.chart
        while True:
            self._asked = chart.reach
            tape = self._bot.tape(self._asked)
            self._got = len(tape.time)
            peak = self._peaks.before(tape, self._asked) if self._got else None
            chart.describe(self._about(status, peak, tuple(tape.features)))
            chart.show(tape, thorough=thorough)
            if not self._lacking():
                break
        self._owed = not thorough
        if thorough:
            self._whole_at = now

    def _about(self, status: BotStatus, peak: float | None, features: tuple[str, ...]) -> About:
        """Say what belongs to the bars."""
        levels = {name: found for name in features if (found := _levels(name, status.parameters))}
        entry = () if status.entry_price is None else (PriceLine("entry", float(status.entry_price)),)
        units = Units.of(status.symbol, status.price)
        return About(units, levels, (*entry, *self._lines), self._trips, peak)

    # The texts --------------------------------------------------------------------------------------------------------

    def _say(self, status: BotStatus) -> None:
        """Update header, figures, buttons and form."""
        layout = self._layout
        if self._mode is not status.mode:
            for mode in Mode:
                (layout.root.add_class if mode is status.mode else layout.root.remove_class)(f"cb-mode-{mode}")
            self._mode = status.mode
        units = Units.of(status.symbol, status.price)
        layout.header.say(status_words.header(status, len(self._health.errors)))
        layout.figures.say(status_words.figures(status, units))
        self._steering.follow(status)
        layout.tools.follow.value = layout.chart.follow
        layout.card.follow(status.strategy, status.parameters, lambda: self._bot.strategy)
        layout.decision.say(
            {"decision": Said(self._bot.explain().text if status.bars else "No bar yet, so no decision.")}
        )

    def _say_slowly(self, status: BotStatus, now: float) -> bool:
        """Update account, tables and log; return whether they have changed."""
        layout, units = self._layout, Units.of(status.symbol, status.price)
        before = layout.account.said, layout.log.lines
        layout.account.say(status_words.account(status, units, self._age(status, now)))
        layout.log.show(self._bot.logs(MAX_LINES))
        news = (layout.account.said, layout.log.lines) != before
        told = (status.sequence, status.trades, status.open_orders, status.quantity)
        if told != self._told:
            self._told = told
            self._tabulate(status, units)
            news = True
        return news

    def _tabulate(self, status: BotStatus, units: Units) -> None:
        """Update the tables, and what the chart shows of trades and orders."""
        layout = self._layout
        trades = self._bot.trades(TRIPS)
        layout.trades.show(trades.tail(MAX_ROWS), units, status.trades + bool(status.quantity))
        trips = _trips(trades)
        orders = self._bot.open_orders()
        lines = tuple(PriceLine(kind, price) for kind, price in stop_prices(orders))
        if (trips, lines) != (self._trips, self._lines):
            self._trips, self._lines, self._owed = trips, lines, True
        notices = self._bot.notices(MAX_ROWS)
        layout.orders.show(orders, units)
        layout.notices.show(notices)
        layout.limits.show(status, units)
        layout.count("Trades", len(trades))
        layout.count("Orders", len(orders))
        layout.count("Limits", len(status.limits))

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
    """Return the parameters that a feature is compared with, told by their names."""
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
