"""The price server in a process of its own, for its figures: alone, with ticks, or with a bot's bars beside it."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import cryptobot as cb
from benchmarks.asking import call
from benchmarks.orders import LIMITS, Stamped
from cryptobot.core.types import Mode
from cryptobot.trading.journal import JournalHeader, SqliteJournal
from mcp_server.limits import Limits
from mcp_server.memory import BotRecord, MemoryBackend
from mcp_server.models.bot import BotStatus
from mcp_server.models.market import Tick
from mcp_server.server import PriceServer

HEADER: Final = JournalHeader("bench", "replay", "", Mode.PRACTICE, "BTC/USDT", "1m", 1)


def filled() -> MemoryBackend:
    """Return a backend with three prices and a bot."""
    backend = MemoryBackend()
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT"):
        backend.put_price(Tick(symbol, 60_000.5, time.time_ns(), "practice market", 60_000.0, 60_001.0, 1.5))
    status = BotStatus(bot="b", mode="practice", state="running", symbol="BTC/USDT", timeframe="1m", strategy="s")
    backend.put_bot(BotRecord(status))
    return backend


def _serve(options: list[str]) -> None:
    """Serve until the process is ended."""
    backend = filled()
    unbounded = Limits(calls_per_second=1e9, call_burst=10**9, mcp_calls_per_second=1e9, mcp_call_burst=10**9)
    with tempfile.TemporaryDirectory() as folder:
        server = PriceServer(backend, port=0, limits=unbounded, state_directory=folder).start()
        _say({"port": server.port, "token": server.token})
        if "--ticks" in options:
            _tick(backend, int(options[options.index("--ticks") + 1]))
        else:
            server.wait()


def _tick(backend: MemoryBackend, per_second: int) -> None:
    """Publish prices for ever."""
    begun, number = time.perf_counter(), 0
    while True:
        number += 1
        time.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
        backend.put_price(Tick("BTC/USDT", 60_000.0 + number % 100, time.time_ns(), "practice market"))


def _trade() -> None:
    """Let a bot trade a hundred bars a second beside its server; a line on stdin asks for the times of its orders."""
    exchange = Stamped(cb.practice_bars(100_000, seed=7), market=cb.Market("BTC/USDT"), speed=6_000)
    with (
        tempfile.TemporaryDirectory() as folder,
        SqliteJournal(Path(folder) / "bench.sqlite", create=HEADER) as journal,
    ):
        bot = cb.Bot(cb.MovingAverageCrossover(1, 2), exchange=exchange, limits=LIMITS, journal=journal, name="bench")
        bot.start()
        with cb.PriceServer(bot, port=0, state_directory=folder) as server:
            _say({"port": server.port, "token": server.token})
            for _line in sys.stdin:
                _say([exchange.spent.pop() for _ in range(len(exchange.spent))])
        bot.stop()


def _say(content: Any) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


def _live() -> None:
    """Start and stop, and say how long each took."""
    backend = filled()
    found: dict[str, Any] = {"starts": [], "stops": []}
    with tempfile.TemporaryDirectory() as folder:
        server = PriceServer(backend, port=0, state_directory=folder)
        begun = time.perf_counter()
        server.start()
        found["first"] = time.perf_counter() - begun
        for _ in range(10):
            asyncio.run(call(server.url, server.token, 1))  # the protocol has been loaded, too
            begun = time.perf_counter()
            server.stop()
            found["stops"].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            server.start()
            found["starts"].append(time.perf_counter() - begun)
        server.stop()
    _say(found)


if __name__ == "__main__":
    if "--life" in sys.argv:
        _live()
    elif "--bars" in sys.argv:
        _trade()
    else:
        _serve(sys.argv[1:])
