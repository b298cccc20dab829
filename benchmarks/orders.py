"""The way of an order: from a bar's close to the exchange's door, and from a crash back to trading."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import cryptobot as cb
from benchmarks.figure import Figure, seconds
from cryptobot.core.events import BarClosed, ExchangeEvent
from cryptobot.core.types import Bar, Fill, Intent, Mode, Side
from cryptobot.trading.journal import BarSeen, BookedFill, JournalHeader, Outcome, SessionStarted, SqliteJournal
from cryptobot.trading.journal.simulated_disk import SimulatedDisk

BARS = 6_000
ORDERS = 10_000
LIMIT_WIRE = 5.0
LIMIT_START = 10.0
LIMITS = cb.Limits(max_order_value=5_000, max_daily_loss=5_000, max_drawdown=0.9, price_collar=0.01, stop_loss=0.01)


class Stamped(cb.ReplayExchange):
    """Notes when it told of a bar, and how long after that the first order came in."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.spent: list[float] = []
        self._told: int | None = None

    async def stream(self, *args: Any) -> AsyncIterator[ExchangeEvent]:
        """Yield as usual, with the time taken just before a bar is told."""
        async with aclosing(super().stream(*args)) as events:  # type: ignore[type-var]
            async for event in events:
                self._told = time.perf_counter_ns() if isinstance(event, BarClosed) else None
                yield event

    async def submit(self, intent: Intent) -> Any:
        """Take an order as usual."""
        if self._told is not None:
            self.spent.append((time.perf_counter_ns() - self._told) / 1e6)
            self._told = None
        return await super().submit(intent)


def measure(rounds: int) -> list[Figure]:
    """Measure the way out, and the way back."""
    medians, slowest, count = [], [], 0
    for number in range(rounds):
        spent = _bar_to_wire(number)
        count = len(spent)
        medians.append(statistics.median(spent))
        slowest.append(statistics.quantiles(spent, n=100)[98])
    with tempfile.TemporaryDirectory() as folder:
        long = Path(folder) / "long.sqlite"
        _fill(long)
        starts = [_start(long) for _ in range(rounds)]
    note = f"engine, limits, gateway and journal, without the disk's sync; {count} orders a run"
    return [
        Figure.of("bar closed to order at the exchange's door, median", medians, "ms", note=note),
        Figure.of("bar closed to order at the exchange's door, p99", slowest, "ms", limit=LIMIT_WIRE, note=note),
        Figure.of(
            "start after a crash until it trades", starts, "s", limit=LIMIT_START, note=f"{ORDERS:,} journaled orders"
        ),
    ]


def _header() -> JournalHeader:
    return JournalHeader("bench", "replay", "", Mode.PRACTICE, "BASE/QUOTE", "1m", 1)


def _bar_to_wire(seed: int) -> list[float]:
    disk = SimulatedDisk()  # in memory: everything but the sync
    exchange = Stamped(cb.practice_bars(BARS, seed=seed), speed=math.inf)
    with SqliteJournal("bench", create=_header(), vfs=disk.vfs) as journal:
        bot = cb.Bot(
            cb.MovingAverageCrossover(3, 9), exchange=exchange, limits=LIMITS, journal=journal, name=f"wire-{seed}"
        )
        bot.run()
    disk.close()
    return exchange.spent


def _fill(path: Path) -> None:
    """Write what a bot leaves that has bought and sold 5,000 times."""
    with SqliteJournal(path, create=_header()) as journal:
        journal.append(0, "session", SessionStarted(Decimal(10_000), Decimal(0), time=0), durable=False)
        for number in range(ORDERS):
            side = Side.BUY if number % 2 == 0 else Side.SELL
            intent = Intent(f"bexxx000000-{number}", number, "BASE/QUOTE", side, quantity=Decimal("0.01"))
            fill = Fill(str(number), intent.id, number, side, Decimal(100), Decimal("0.01"), Decimal("0.001"))
            seen = BarSeen(Bar(number, 1.0, 2.0, 0.5, 1.5, 10.0), {"fast": 1.25, "slow": 1.5}, 10_000.0)
            journal.append(0, "bar", seen, durable=False)
            journal.append(0, "intent", intent, durable=False)
            journal.append(0, "outcome", Outcome(intent.id, "acknowledged", str(number)), durable=False)
            journal.append(0, "fill", BookedFill(fill), durable=False)


def _start(path: Path) -> float:
    exchange = cb.ReplayExchange(cb.practice_bars(2_000, seed=1), history=1_500, speed=1)

    def work() -> None:
        journal = SqliteJournal(path)
        bot = cb.Bot(cb.MovingAverageCrossover(), exchange=exchange, journal=journal, name="bench", limits=LIMITS)
        bots.append((bot.start(), journal))

    bots: list[tuple[cb.Bot, SqliteJournal]] = []
    spent = seconds(work)
    for bot, journal in bots:
        bot.stop()
        journal.close()
    return spent
