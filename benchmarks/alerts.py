"""Notices: what one costs where the bot trades, what saying it costs, and what an hour without Slack costs in memory."""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Final
from unittest import mock

import cryptobot as cb
from benchmarks.figure import Figure, ratio
from cryptobot.alerts.alert import Alert, Message
from cryptobot.alerts.channel import AlertChannel
from cryptobot.alerts.channels.slack import SlackAlerts
from cryptobot.alerts.dispatcher import Dispatcher
from cryptobot.alerts.errors import AlertError
from cryptobot.alerts.lane import Lane
from cryptobot.control.process_log import write_log
from cryptobot.core.clock import SimulatedClock, SystemClock
from cryptobot.core.types import Bar, Mode
from cryptobot.trading.actions import Notice
from cryptobot.trading.alerting import JournalAlerts
from cryptobot.trading.journal import BarSeen, JournalHeader, SqliteJournal
from cryptobot.trading.journal.codec import encode
from cryptobot.trading.teller import Teller

ALERTS = 10_000
SAMPLES = 300
BARS = 2_000
BESIDE = 0.01  # seconds from one bar or alert to the next: far more than a bot has to tell
HOUR = 3_600.0
BEFORE = 20  # bars written out before it, because an alert comes at the end of a bar's work and not after a sleep
LIMIT_ALERT = 50.0
LIMIT_MEMORY = 5.0
HEADER: Final = JournalHeader("bench", "replay", "", Mode.PRACTICE, "BASE/QUOTE", "1m", 0)
SEEN: Final = BarSeen(Bar(0, 1.0, 2.0, 0.5, 1.5, 10.0), {"fast": 1.25, "slow": 1.5}, 10_000.0)
NOTICE: Final = Notice(
    "info", "Bought 0.5 BTC at 64,000 USDT.", "entry", {"price": "64,000 USDT", "why": "fast over slow"}
)


class _Down(AlertChannel):
    """Fails for an hour of its clock, as a Slack that cannot be reached does, and then takes everything."""

    name = "down"

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__()
        self._clock = clock
        self.told: list[Message] = []

    def send(self, message: Message) -> None:
        if self._clock.monotonic() < HOUR:
            raise AlertError("Slack refuses connections.")
        self.told.append(message)


def measure(rounds: int) -> list[Figure]:
    """Measure a notice in the bar's path and saying it, with Slack unreachable, and an hour's outage."""
    runs = [_bot(seed) for seed in range(min(rounds, 3))]
    costs = [(_path(told=False)["alert"], _path(told=True)) for _ in range(rounds)]
    outages = [_outage() for _ in range(min(rounds, 3))]
    return [
        Figure.of(
            "a notice in the bar's path, 99th percentile",
            [kept for kept, _, _ in runs],
            "µs",
            limit=LIMIT_ALERT,
            note=f"log line and alert, kept back until the bar's orders are out; said then in "
            f"{statistics.median(said for _, said, _ in runs):.0f} µs; {min(count for _, _, count in runs)} a run",
        ),
        Figure.of(
            "writing down an alert, 99th percentile",
            [cost["alert"] for _, cost in costs],
            "µs",
            ratio=f"{ratio([cost['alert'] for _, cost in costs], [alone for alone, _ in costs]):.2f} × without channels",
            note=f"Slack unreachable; {statistics.median(cost['nudge'] for _, cost in costs):.1f} µs of it wake the channel",
        ),
        Figure.of(
            "memory of an hour without Slack",
            [memory for memory, _ in outages],
            "MB",
            limit=LIMIT_MEMORY,
            note=f"{ALERTS:,} alerts, told afterwards in {max(messages for _, messages in outages)} messages",
        ),
    ]


def _bot(seed: int) -> tuple[float, float, int]:
    """Return the 99th percentiles of a notice's cost in the bar's path and of saying it, in µs, and how many there were.

    A real bot with its journal on disk, its log in a file and a channel that cannot be reached; a bar every 10 ms.
    """
    keep, say = Teller.tell, Teller._tell  # noqa: SLF001 - the two halves of what a notice costs
    kept: list[float] = []
    said: list[float] = []

    def timed(work: Callable[[Teller, Notice], None], into: list[float]) -> Callable[[Teller, Notice], None]:
        def run(teller: Teller, notice: Notice) -> None:
            start = time.perf_counter_ns()
            work(teller, notice)
            into.append((time.perf_counter_ns() - start) / 1_000)

        return run

    exchange = cb.ReplayExchange(cb.practice_bars(BARS, seed=seed), speed=60 / BESIDE, history=50)
    with tempfile.TemporaryDirectory() as folder:
        journal = SqliteJournal(Path(folder) / "bench.sqlite", create=HEADER)
        with (
            journal,
            write_log(Path(folder) / "bench.jsonl"),
            mock.patch.object(Teller, "tell", timed(keep, kept)),
            mock.patch.object(Teller, "_tell", timed(say, said)),
        ):
            cb.Bot(
                cb.MovingAverageCrossover(2, 4),
                exchange=exchange,
                journal=journal,
                name="bench",
                alerts=[SlackAlerts(webhook="http://127.0.0.1:9/services/none")],
            ).run()
    return _high(kept), _high(said), len(kept)


def _path(*, told: bool) -> dict[str, float]:
    """Return the 99th percentiles of writing an alert and of waking the channel, in µs."""
    nothing_there = SlackAlerts(webhook="http://127.0.0.1:9/services/none")
    with tempfile.TemporaryDirectory() as folder, SqliteJournal(Path(folder) / "b.sqlite", create=HEADER) as journal:
        clock = SystemClock()
        source = JournalAlerts(journal, clock, bot="bench", mode="practice", market="BTC/USDT")
        dispatcher = Dispatcher([nothing_there] if told else [], source, clock=clock)
        dispatcher.start()
        alerts, nudges = [], []
        for _ in range(SAMPLES):
            for _ in range(BEFORE):
                encode(SEEN)
            start = time.perf_counter_ns()
            journal.append(0, "notice", NOTICE, durable=False)  # its time stands still: no sync to the disk is in this
            middle = time.perf_counter_ns()
            dispatcher.nudge()
            end = time.perf_counter_ns()
            alerts.append((end - start) / 1_000)
            nudges.append((end - middle) / 1_000)
            time.sleep(BESIDE)
        dispatcher.close(1.0)
    return {"alert": _high(alerts), "nudge": _high(nudges)}


def _outage() -> tuple[float, int]:
    """Return the most memory that an hour of failing takes, in MB, and how many messages came afterwards."""
    clock = SimulatedClock()
    channel = _Down(clock)
    with tempfile.TemporaryDirectory() as folder, SqliteJournal(Path(folder) / "b.sqlite", create=HEADER) as journal:
        lane = Lane("down", channel, JournalAlerts(journal, clock, bot="b", mode="live", market="BTC/USDT"), clock)
        lane.begin()
        lane.step()
        gc.collect()
        tracemalloc.start()
        for _ in range(ALERTS):
            clock.advance(HOUR / ALERTS)
            journal.append(clock.now(), "notice", NOTICE, durable=False)
            lane.step()
        most = tracemalloc.get_traced_memory()[1] / 1e6
        tracemalloc.stop()
        for _ in range(300):
            clock.advance(1.0)
            lane.step()
    told = sum(1 if isinstance(message, Alert) else message.count for message in channel.told)
    if told != ALERTS:
        raise RuntimeError(f"{told:,} of {ALERTS:,} alerts were told after the outage")
    return most, len(channel.told)


def _high(samples: list[float]) -> float:
    return statistics.quantiles(samples, n=100)[98]
