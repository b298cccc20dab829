"""The journal: what an append costs beside the disk's own sync, and how long it takes to open one of 10,000 orders."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from benchmarks.figure import Figure, ratio, seconds
from cryptobot.core.types import Bar, Fill, Intent, Mode, Side
from cryptobot.trading.journal import BarSeen, BookedFill, JournalHeader, JournalView, Outcome, SqliteJournal

APPENDS = 300
WAITING = 20_000
KEPT = 1_000
ORDERS = 10_000
LIMIT_WAITING = 100.0
LIMIT_OPEN = 1.0
LIMIT_RESTART = 3.0
HEADER = JournalHeader("bench", "simulated", "", Mode.PRACTICE, "BTC/USDT", "1m", 0)


def measure(rounds: int) -> list[Figure]:
    """Measure appends that are synced and that may wait, and the opening of a long journal."""
    with tempfile.TemporaryDirectory() as folder:
        durable, synced, waiting, full = [], [], [], []
        for number in range(rounds):
            path = Path(folder) / f"{number}.sqlite"
            synced.append(statistics.median(_syncs(Path(folder) / f"{number}.raw")))
            with SqliteJournal(path, create=HEADER) as journal:
                durable.append(statistics.median(_durable(journal)))
                waiting.append(_waiting(journal))
            with SqliteJournal(Path(folder) / f"{number}.full", create=HEADER, keep_bars=KEPT) as journal:
                full.append(_waiting(journal))
        long = Path(folder) / "long.sqlite"
        size = _fill(long)
        opened = [seconds(lambda: SqliteJournal(long).close()) for _ in range(rounds)]
        viewed = [seconds(lambda: JournalView.of(long, bars=False)) for _ in range(rounds)]
    note = f"{ORDERS:,} orders, {size / 1e6:.0f} MB"
    return [
        Figure.of(
            "durable append to the journal",
            durable,
            "µs",
            ratio=f"{ratio(durable, synced):.2f} × a write and fsync of the same size",
            note="depends on the disk",
        ),
        Figure.of("append that may wait", waiting, "µs", limit=LIMIT_WAITING, note=f"{WAITING:,} bars, syncs included"),
        Figure.of(
            "append that may wait, of a full journal",
            full,
            "µs",
            limit=LIMIT_WAITING,
            note=f"{WAITING:,} bars of which {KEPT:,} are kept, syncs included",
        ),
        Figure.of("open and check a long journal", opened, "s", limit=LIMIT_OPEN, note=note),
        Figure.of("read it back for a restart", viewed, "s", limit=LIMIT_RESTART, note=note),
    ]


def _intent(number: int) -> Intent:
    return Intent(f"bench-{number}", number, "BTC/USDT", Side.BUY, quantity=Decimal("0.01"), reason="buy signal")


def _durable(journal: SqliteJournal) -> list[float]:
    spent = []
    for number in range(APPENDS):
        start = time.perf_counter_ns()
        journal.append(number, "intent", _intent(number))
        spent.append((time.perf_counter_ns() - start) / 1_000)
    return spent


def _syncs(path: Path) -> list[float]:
    """Write and sync as many bytes as a durable append does: two pages and their heads."""
    spent, data = [], bytes(2 * (4_096 + 24))
    with path.open("wb", buffering=0) as file:
        for _ in range(APPENDS):
            start = time.perf_counter_ns()
            file.write(data)
            os.fsync(file.fileno())
            spent.append((time.perf_counter_ns() - start) / 1_000)
    return spent


def _waiting(journal: SqliteJournal) -> float:
    seen = BarSeen(Bar(0, 1.0, 2.0, 0.5, 1.5, 10.0), {"fast": 1.25, "slow": 1.5}, 10_000.0)

    def work() -> None:
        for _ in range(WAITING):
            journal.append(0, "bar", seen, durable=False)
        journal.flush()

    return seconds(work) / WAITING * 1e6


def _fill(path: Path) -> int:
    """Write 10,000 orders with their answers and fills, and a bar for each."""
    with SqliteJournal(path, create=HEADER) as journal:
        for number in range(ORDERS):
            intent = _intent(number)
            fill = Fill(str(number), intent.id, number, Side.BUY, Decimal(100), Decimal("0.01"), Decimal("0.001"))
            seen = BarSeen(Bar(number, 1.0, 2.0, 0.5, 1.5, 10.0), {"fast": 1.25, "slow": 1.5}, 10_000.0)
            journal.append(0, "bar", seen, durable=False)
            journal.append(0, "intent", intent, durable=False)
            journal.append(0, "outcome", Outcome(intent.id, "acknowledged", str(number)), durable=False)
            journal.append(0, "fill", BookedFill(fill), durable=False)
        journal.flush()
        return journal.size
