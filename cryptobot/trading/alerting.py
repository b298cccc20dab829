"""A bot's journal as a source of alerts: what people are told is what was written down."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Final

from cryptobot.alerts.alert import Alert, Level
from cryptobot.alerts.clean import clean
from cryptobot.alerts.words import clock as told_time
from cryptobot.alerts.words import title_of
from cryptobot.core.clock import Clock
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import BarSeen, Cursor, Journal, Kind

_LEVELS: Final[dict[str, Level]] = {"info": "info", "warning": "warning", "error": "critical"}
_NOTICES: Final[list[Kind]] = ["notice"]
_CURSORS: Final[list[Kind]] = ["cursor"]
_DAY: Final[list[Kind]] = ["bar", "notice"]
_POINTS: Final = 200
_SKIPS: Final = 50


class JournalAlerts:
    """The notices of a journal as alerts, with the marks of who was told how far (`cryptobot.alerts.source`).

    Notices of level debug, and those of level info without a topic, are for the log alone.

    Parameters
    ----------
    journal
        Where notices are written, and the marks.
    clock
        For the time of a mark.
    bot, mode, market
        Who trades what, and how far that is real money.
    """

    def __init__(self, journal: Journal, clock: Clock, *, bot: str, mode: str, market: str) -> None:
        self._journal = journal
        self._clock = clock
        self._bot = bot
        self._mode = mode
        self._market = market
        self._skips: dict[int, int] = {}  # after this number nothing is to be told until that one
        self._marks: dict[str, int] | None = None
        self._lock = threading.Lock()

    @property
    def newest(self) -> int:
        """The number of the last record."""
        return self._journal.count

    def alerts(self, after: int) -> Iterator[Alert]:
        """Yield the alerts above a number, oldest first."""
        with self._lock:
            start = max(after, self._skips.get(after, 0))
        upto, last = self._journal.count, after
        for record in self._journal.records(start, _NOTICES):
            alert = self.alert(record.content, record.time, record.number)
            if alert is not None:
                last = alert.number
                yield alert
        with self._lock:  # or each look would go over every bar since the last notice again
            self._skips.pop(after, None)
            self._skips[last] = max(upto, last)
            while len(self._skips) > _SKIPS:
                del self._skips[next(iter(self._skips))]

    def summary(self, since: int, until: int) -> Alert | None:
        """Return what happened between two times; None when no bar was seen and nothing was told."""
        day = _Day(self._journal, since, until)
        if not day.bars and not day.told:
            return None
        facts = {"market": self._market, "bars": f"{day.bars:,}", "trades": f"{day.trades:,}"}
        if day.pnl is not None:
            facts["pnl"] = f"{day.pnl:+,.2f}"
            facts["wins"] = f"{day.wins:,} of {day.trades:,}"
        if day.first is not None and day.newest is not None:
            facts["equity"] = f"{day.newest:,.2f}"
            facts["change"] = f"{day.newest - day.first:+,.2f}"
            if day.first > 0:
                facts["return"] = f"{100 * (day.newest / day.first - 1):+.2f} %"
            facts["worst drawdown"] = f"{100 * day.drawdown:.2f} %"
        facts |= {"warnings": f"{day.warnings:,}", "critical": f"{day.critical:,}"}
        text = f"From {told_time(since)} to {told_time(until)}."
        return Alert(
            time=until,
            level="info",
            topic="summary",
            title=title_of("summary"),
            text=text,
            facts=facts,
            bot=self._bot,
            mode=self._mode,
            market=self._market,
            equity=tuple(day.points),
        )

    def cursor(self, name: str) -> int | None:
        """Return what was last kept under a name, or None."""
        with self._lock:
            if self._marks is None:
                records = self._journal.records(0, _CURSORS)
                self._marks = {r.content.name: r.content.number for r in records if isinstance(r.content, Cursor)}
            return self._marks.get(name)

    def done(self, name: str, number: int) -> None:
        """Keep a number under a name, when the journal is next written."""
        with self._lock:
            if self._marks is not None:
                self._marks[name] = number
        self._journal.append(self._clock.now(), "cursor", Cursor(name, number), durable=False)

    def flush(self) -> None:
        """Make safe what `done` kept."""
        self._journal.flush()

    def alert(self, notice: Notice, time: int, number: int = 0) -> Alert | None:
        """Return a notice as an alert, or None if it is for the log alone.

        Parameters
        ----------
        notice
            What people are told.
        time
            When it happened, nanoseconds since 1970-01-01 UTC.
        number
            Of its record; 0 where the journal does not hold it.
        """
        if notice.level == "debug" or (notice.level == "info" and notice.topic == "note"):
            return None
        return Alert(
            time=time,
            level=_LEVELS[notice.level],
            topic=notice.topic,
            title=title_of(notice.topic),
            text=clean(notice.text),
            facts={clean(name, 40): clean(value, 300) for name, value in list(notice.facts.items())[:20]},
            bot=self._bot,
            mode=self._mode,
            market=self._market,
            number=number,
        )


class _Day:
    """What a stretch of the journal says, read once and kept small."""

    def __init__(self, journal: Journal, since: int, until: int) -> None:
        self.bars = self.trades = self.wins = self.warnings = self.critical = self.told = 0
        self.pnl: Decimal | None = None
        self.first: float | None = None
        self.newest: float | None = None
        self.drawdown = 0.0
        self.points: list[float] = []
        self._peak = -math.inf
        self._step = 1
        for record in journal.records(_first_at(journal, since), _DAY):
            if record.time > until:
                break
            if record.time > since and isinstance(record.content, BarSeen):
                self._bar(record.content.equity)
            elif record.time > since and isinstance(record.content, Notice):
                self._notice(record.content)

    def _bar(self, equity: float) -> None:
        self.bars += 1
        if not math.isfinite(equity):
            return
        self.first = equity if self.first is None else self.first
        self.newest = equity
        self._peak = max(self._peak, equity)
        if self._peak > 0:
            self.drawdown = min(self.drawdown, equity / self._peak - 1)
        if self.bars % self._step == 0:
            self.points.append(equity)
        if len(self.points) >= 2 * _POINTS:  # every other one is enough from here on
            self.points = self.points[1::2]
            self._step *= 2

    def _notice(self, notice: Notice) -> None:
        self.told += 1
        self.warnings += notice.level == "warning"
        self.critical += notice.level == "error"
        pnl = _amount(notice.facts.get("pnl", ""))
        if pnl is not None:
            self.trades += 1
            self.wins += pnl > 0
            self.pnl = pnl if self.pnl is None else self.pnl + pnl


def _amount(text: str) -> Decimal | None:
    """Read the number at the beginning of a figure such as ``"+1,234.50 USDT"``."""
    try:
        found = Decimal(text.split(maxsplit=1)[0].replace(",", "")) if text.split() else None
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() else None


def _first_at(journal: Journal, time: int) -> int:
    """Return a number after which every record of a later time stands, found by halving: times rise with numbers."""
    low, high = 0, journal.count
    while high - low > 1_000:
        middle = (low + high) // 2
        record = next(iter(journal.records(middle)), None)
        if record is None or record.time > time:
            high = middle
        else:
            low = middle
    return low
