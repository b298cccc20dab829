"""The price server in a process of its own, for its figures: alone, with ticks, or with a bot's bars beside it."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from typing import Any

import cryptobot as cb
from benchmarks.asking import call
from cryptobot.core.bars import BarColumns
from mcp_server.limits import Limits
from mcp_server.memory import BotRecord, MemoryBackend
from mcp_server.models.bot import BotStatus, Explanation
from mcp_server.models.market import Tick
from mcp_server.server import PriceServer


class Timed(MemoryBackend):
    """A backend whose explanation carries the figures."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[str] = []

    async def explain(self, bot: str | None) -> Explanation:
        """Return the microseconds since it was last asked."""
        text = " ".join(self.times)
        self.times.clear()
        return Explanation(bot="b", mode="practice", decision="none", text=text)


def filled() -> Timed:
    """Return a backend with three prices and a bot."""
    backend = Timed()
    for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT"):
        backend.put_price(Tick(symbol, 60_000.5, time.time_ns(), "practice market", 60_000.0, 60_001.0, 1.5))
    status = BotStatus(bot="b", mode="practice", state="running", symbol="BTC/USDT", timeframe="1m", strategy="s")
    backend.put_bot(BotRecord(status))
    return backend


def _serve(options: list[str]) -> None:
    """Serve until the process is ended."""
    backend = filled()
    unbounded = Limits(calls_per_second=1e9, call_burst=10**9, mcp_calls_per_second=1e9, mcp_call_burst=10**9)
    limits = Limits() if "--bars" in options else unbounded
    with tempfile.TemporaryDirectory() as folder:
        server = PriceServer(backend, port=0, limits=limits, state_directory=folder).start()
        sys.stdout.write(json.dumps({"port": server.port, "token": server.token}) + "\n")
        sys.stdout.flush()
        if "--ticks" in options:
            _tick(backend, int(options[options.index("--ticks") + 1]))
        elif "--bars" in options:
            _trade(backend)
        else:
            server.wait()


def _tick(backend: MemoryBackend, per_second: int) -> None:
    """Publish prices for ever."""
    begun, number = time.perf_counter(), 0
    while True:
        number += 1
        time.sleep(max(0.0, begun + number / per_second - time.perf_counter()))
        backend.put_price(Tick("BTC/USDT", 60_000.0 + number % 100, time.time_ns(), "practice market"))


def _trade(backend: Timed) -> None:
    """Decide on a bar a hundred times a second; time each from the moment it was due."""
    bars = BarColumns.of(cb.practice_bars(n=50_000, seed=7))
    live = cb.MovingAverageCrossover().live(bars.grid)
    for bar in bars.rows():
        due = time.perf_counter() + 0.01
        time.sleep(0.01)
        live.update(bar)
        backend.times.append(f"{(time.perf_counter() - due) * 1e6:.1f}")


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
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    if "--life" in sys.argv:
        _live()
    else:
        _serve(sys.argv[1:])
