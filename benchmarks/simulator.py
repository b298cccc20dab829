"""The simulated exchange under one client: REST answers, and what a step costs."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping
from urllib.parse import urlencode

import aiohttp

import cryptobot as cb
from benchmarks.figure import Figure
from cryptobot.exchange.simulator.keys import signature
from cryptobot.exchange.simulator.server import Simulator

REQUESTS = 300
STEPS = 1_000
MONTH = 30 * 1_440
LIMIT = 3.0


def measure(rounds: int) -> list[Figure]:
    """Measure the median answer of each round, over a connection that is kept, and the median step."""
    bars = cb.practice_bars(n=1_000 + rounds * STEPS + 1, seed=7)
    runs: dict[str, list[float]] = {name: [] for name in ("time", "two candles", "market order", "step")}
    with Simulator(bars, history=1_000, speed="manual", balances={"USDT": 1e9}) as simulator:
        for _ in range(rounds):
            asked = asyncio.run(_ask(simulator))
            for name, seconds in asked.items():
                runs[name].append(statistics.median(seconds) * 1_000)
    return [
        Figure.of("simulator: server time, median", runs["time"], "ms", limit=LIMIT, note=f"{REQUESTS} requests"),
        Figure.of("simulator: two candles, median", runs["two candles"], "ms", limit=LIMIT),
        Figure.of(
            "simulator: market order, median", runs["market order"], "ms", limit=LIMIT, note="signed, filled, answered"
        ),
        Figure.of(
            "simulator: one step, median",
            runs["step"],
            "ms",
            note=f"one listener; {statistics.median(runs['step']) * MONTH / 1_000:.0f} s for 30 days of minutes",
        ),
    ]


async def _ask(simulator: Simulator) -> dict[str, list[float]]:
    spent: dict[str, list[float]] = {}
    async with aiohttp.ClientSession(simulator.rest) as session:

        async def once(method: str, path: str, params: Mapping[str, object], *, signed: bool = False) -> float:
            query = urlencode(params)
            headers = {}
            if signed:
                query += f"&timestamp={simulator.now // 1_000_000}"
                query += f"&signature={signature(simulator.secret, query)}"
                headers["X-MBX-APIKEY"] = simulator.api_key
            start = time.perf_counter()
            async with session.request(method, f"{path}?{query}", headers=headers) as answer:
                content = await answer.read()
            seconds = time.perf_counter() - start
            if answer.status != 200:
                raise RuntimeError(f"{path} answered {answer.status}: {content[:200]!r}")
            return seconds

        async def many(method: str, path: str, params: Mapping[str, object], *, signed: bool = False) -> list[float]:
            found = []
            for number in range(REQUESTS):
                found.append(await once(method, path, params, signed=signed))
                # The market's next minutes make room for more requests and more orders.
                if number % 50 == 49:
                    await asyncio.to_thread(simulator.step)
            return found

        candles = {"symbol": "BTCUSDT", "interval": "1m", "limit": 2}
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.001"}
        spent["time"] = await many("GET", "/api/v3/time", {})
        spent["two candles"] = await many("GET", "/api/v3/klines", candles)
        spent["market order"] = await many("POST", "/api/v3/order", order, signed=True)
        async with session.ws_connect(f"{simulator.stream}/btcusdt@kline_1m") as socket:
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
            await socket.receive()
            spent["step"] = await asyncio.to_thread(_step, simulator)
    return spent


def _step(simulator: Simulator) -> list[float]:
    found = []
    for _ in range(STEPS - 18):  # the requests have stepped, too
        start = time.perf_counter()
        simulator.step()
        found.append(time.perf_counter() - start)
    return found
