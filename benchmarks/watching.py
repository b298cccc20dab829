"""Watching a bot: what a log line costs where it trades, and how long its figures for Prometheus take."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import cryptobot as cb
from benchmarks.figure import Figure
from cryptobot.control.metrics import metrics
from cryptobot.control.process_log import tail, write_log
from cryptobot.core.clock import SystemClock
from cryptobot.core.secrecy import keep_secret
from cryptobot.core.types import Bar
from cryptobot.trading.journal import BarSeen
from cryptobot.trading.journal.codec import encode
from cryptobot.trading.log import LogBook

LINES = 500
BESIDE = 0.01  # seconds from one line to the next: far more than a bot has to say
BEFORE = 20  # bars written out before it, because a line comes at the end of a bar's work and not after a sleep
SECRETS = 20
BARS = 20_000
LIMIT_METRICS = 5.0
SEEN: Final = BarSeen(Bar(0, 1.0, 2.0, 0.5, 1.5, 10.0), {"fast": 1.25, "slow": 1.5}, 10_000.0)
FACTS: Final = {"order": "cb-abcde-1", "price": "59,881.14 USDT", "why": "buy signal at the close of 14:05"}


def measure(rounds: int) -> list[Figure]:
    """Measure a log line that goes to the book and to the file, and the figures of a bot with 2,000 orders."""
    lines = [_line() for _ in range(rounds)]
    bot = _bot()
    return [
        Figure.of(
            "writing a log line, 99th percentile",
            lines,
            "µs",
            note=f"{SECRETS} secrets are looked for in it; a thread of its own writes the file",
        ),
        Figure.of(
            "a bot's figures for Prometheus",
            [_metrics(bot) for _ in range(rounds)],
            "ms",
            limit=LIMIT_METRICS,
            note=f"{len(bot.trades()):,} trades",
        ),
    ]


def _line() -> float:
    keep_secret(*(f"secret-of-the-bench-{number}" for number in range(SECRETS)))
    book = LogBook("bench", SystemClock(), market="BTC/USDT", mode="live")
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.jsonl"
        with write_log(path):
            for number in range(LINES):
                for _ in range(BEFORE):
                    encode(SEEN)
                start = time.perf_counter_ns()
                book.add("info", f"Bought 0.16683066 BTC at 59,881.14 USDT, number {number}.", FACTS)
                costs.append((time.perf_counter_ns() - start) / 1_000)
                time.sleep(BESIDE)
        if len(tail(path, 2 * LINES)) != LINES:
            raise RuntimeError("lines are missing in the log's file")
    return statistics.quantiles(costs, n=100)[98]


def _bot() -> cb.Bot:
    exchange = cb.ReplayExchange(cb.practice_bars(BARS, seed=1), market=cb.Market("BTC/USDT"))
    bot = cb.Bot(cb.MovingAverageCrossover(2, 4), exchange=exchange, name="bench", limits=cb.Limits(max_drawdown=0.99))
    bot.run()
    return bot


def _metrics(bot: cb.Bot) -> float:
    start = time.perf_counter()
    metrics(bot)
    return (time.perf_counter() - start) * 1_000
