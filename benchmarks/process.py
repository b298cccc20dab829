"""A bot in a process of its own: how long until one has it, and what it takes while nothing happens."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack
from typing import Any, Final

import psutil

import cryptobot as cb
from benchmarks.figure import Figure, seconds
from cryptobot.control.attach import attach
from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.launch import launch

MEGABYTE: Final = 1_000_000
# Long enough to see what a second's look and a bar's close cost.
WATCHED: Final = 10.0
PRACTICE: Final = {
    "mode": "practice",
    "exchange": {"speed": 60},
    "strategy": {"name": "ma_crossover"},
}


def measure(rounds: int) -> list[Figure]:
    """Measure a practice bot, which has no network, and one that trades through ccxt on a server of this machine."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        before = os.environ.get("CRYPTOBOT_DATA_DIRECTORY")
        os.environ["CRYPTOBOT_DATA_DIRECTORY"] = folder
        try:
            return [*_practice(rounds), *_through_ccxt()]
        finally:
            if before is None:
                del os.environ["CRYPTOBOT_DATA_DIRECTORY"]
            else:
                os.environ["CRYPTOBOT_DATA_DIRECTORY"] = before


def _practice(rounds: int) -> list[Figure]:
    launches: list[float] = []
    attaches: list[float] = []
    ends: list[float] = []
    reads: list[float] = []
    idle: tuple[float, float] = (0.0, 0.0)
    for number in range(rounds):
        name = f"bench-{number}"
        launches.append(seconds(lambda name=name: launch({**PRACTICE, "name": name})))  # type: ignore[misc]
        attaches.append(seconds(lambda name=name: attach(name).status()))  # type: ignore[misc]
        bot = attach(name)
        reads += [1_000 * seconds(bot.status) for _ in range(50)]
        if number == 0:
            idle = _idle(bot)
        ends.append(seconds(bot.shut_down))
    return [
        Figure.of("cb.launch until it trades", launches, "s"),
        Figure.of("cb.attach and its status", attaches, "s", limit=1.0),
        Figure.of("status of an attached bot", reads, "ms"),
        Figure.of("shut down until the process is gone", ends, "s", limit=10.0),
        Figure.of("idle process: memory", [idle[0]], "MB", limit=120.0, note="practice, a bar a second"),
        Figure.of(
            "idle process: of a core", [idle[1]], "%", limit=2.0, note=f"practice, a bar a second, {WATCHED:g} s"
        ),
    ]


def _through_ccxt() -> list[Figure]:
    with ExitStack() as stack:
        simulator = stack.enter_context(cb.Simulator(practice=7, speed=60))
        stack.enter_context(_keys(simulator.api_key, simulator.secret))
        bot = launch(
            {
                **PRACTICE,
                "name": "bench-ccxt",
                "mode": "testnet",
                "exchange": {"id": "binance", "endpoint": simulator.endpoint},
                "symbol": "BTC/USDT",
                "timeframe": "1m",
            }
        )
        stack.callback(bot.shut_down)
        memory, share = _idle(bot)
    return [
        Figure.of(
            "idle process through ccxt: memory",
            [memory],
            "MB",
            limit=120.0,
            note="a server of this machine, a bar a second",
        ),
        Figure.of(
            "idle process through ccxt: of a core", [share], "%", limit=2.0, note=f"a bar a second, {WATCHED:g} s"
        ),
    ]


def _keys(key: str, secret: str) -> AbstractContextManager[Any]:
    os.environ["BINANCE_API_KEY"], os.environ["BINANCE_API_SECRET"] = key, secret
    stack = ExitStack()
    for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET"):
        stack.callback(os.environ.pop, name, None)
    return stack


def _idle(bot: AttachedBot) -> tuple[float, float]:
    """Return the memory of a bot's process, and its share of a core while it is left alone."""
    state = bot.process
    if state is None:
        raise cb.CryptobotError(f"{bot.name}: its process is gone")
    process = psutil.Process(state.pid)
    shares = []
    for _ in range(2):
        used, begun = process.cpu_times(), time.perf_counter()
        time.sleep(WATCHED / 2)
        now = process.cpu_times()
        spent = now.user + now.system - used.user - used.system
        shares.append(100 * spent / (time.perf_counter() - begun))
    return process.memory_info().rss / MEGABYTE, statistics.mean(shares)
