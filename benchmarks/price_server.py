"""The price server against FastAPI on uvicorn doing the same work, and what it costs a bot beside it.

Each server runs in a process of its own; this one asks. FastAPI is an optional comparison: without it the figures stand
alone and say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from benchmarks.asking import call
from benchmarks.figure import Figure

ROOT = Path(__file__).parents[1]
SECONDS = 3.0
CONNECTIONS = 8
SOCKETS = 500
MESSAGES = 20


@dataclass(frozen=True, slots=True)
class Served:
    """A server in a process of its own."""

    process: psutil.Process
    talk: subprocess.Popen[bytes]
    port: int
    token: str

    def cpu(self) -> float:
        """Return the seconds of processor time it has used."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def request(self, path: str, headers: str = "") -> bytes:
        """Return a request as bytes."""
        return (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.token}\r\n{headers}\r\n"
        ).encode()


def measure(rounds: int) -> list[Figure]:
    """Measure requests, listeners, start and stop, the protocol, and a bot under load."""
    rounds = min(rounds, 3)
    return [
        *_requests(rounds),
        *_listeners(rounds),
        *_life(rounds),
        *_protocol(),
        *_bot(),
    ]


# -- requests ---------------------------------------------------------------------------------------------------------


def _requests(rounds: int) -> list[Figure]:
    peers = ["ours", *(["fastapi"] if find_spec("fastapi") and find_spec("uvicorn") else [])]
    rates: dict[str, list[float]] = {name: [] for name in peers}
    costs: dict[str, list[float]] = {name: [] for name in peers}
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(_served(name)) for name in peers}
        for _ in range(rounds):
            for name, server in servers.items():
                before, begun = server.cpu(), time.perf_counter()
                count = asyncio.run(_ask(server))
                rates[name].append(count / (time.perf_counter() - begun))
                costs[name].append((server.cpu() - before) / count * 1e6)
    if "fastapi" not in peers:
        return [
            Figure.of("price endpoint", rates["ours"], "requests/s", note="FastAPI is not installed: no comparison"),
            Figure.of("price endpoint, processor", costs["ours"], "µs a request"),
        ]
    faster = [a / b for a, b in zip(rates["ours"], rates["fastapi"], strict=True)]
    cheaper = [a / b for a, b in zip(costs["ours"], costs["fastapi"], strict=True)]
    return [
        Figure.of(
            "price endpoint",
            [1 / rate * 1e6 for rate in rates["ours"]],
            "µs a request",
            ratio=f"{statistics.median(faster):.1f} × the requests/s of FastAPI (goal: 3)",
            note=f"{statistics.median(rates['ours']):,.0f} requests/s, {CONNECTIONS} connections",
        ),
        Figure.of("price endpoint, share of FastAPI's time", [1 / f for f in faster], "", limit=1 / 3),
        Figure.of(
            "price endpoint, share of FastAPI's processor time",
            cheaper,
            "",
            limit=1 / 3,
            note=f"{statistics.median(costs['ours']):.0f} µs against {statistics.median(costs['fastapi']):.0f} µs",
        ),
    ]


async def _ask(server: Served) -> int:
    """Ask over several connections for some seconds; return how many answers came."""
    request = server.request("/price/BTC-USDT")
    end = time.perf_counter() + SECONDS
    count = 0

    async def one() -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        while time.perf_counter() < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"the server answered {head[:200]!r}")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            count += 1
        writer.close()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return count


# -- listeners --------------------------------------------------------------------------------------------------------


def _listeners(rounds: int) -> list[Figure]:
    costs = []
    for _ in range(rounds):
        with _served("ours", "--ticks", str(MESSAGES)) as server:
            costs.append(asyncio.run(_listen(server)))
    note = f"{SOCKETS} clients, {MESSAGES} messages/s each, the backend's own work included"
    return [Figure.of("WebSocket, processor", costs, "µs a delivery", limit=12.0, note=note)]


async def _listen(server: Served) -> float:
    hello = server.request(
        "/ws",
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    )
    counting = False
    heard = 0

    class Client(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.write(hello)

        def data_received(self, data: bytes) -> None:
            nonlocal heard
            if counting:
                heard += data.count(b'{"type":"price"')

    loop = asyncio.get_running_loop()
    transports = [(await loop.create_connection(Client, "127.0.0.1", server.port))[0] for _ in range(SOCKETS)]
    await asyncio.sleep(1.0)
    before, counting = server.cpu(), True
    await asyncio.sleep(SECONDS)
    cost, counting = server.cpu() - before, False
    for transport in transports:
        transport.close()
    expected = SOCKETS * MESSAGES * SECONDS
    if heard < 0.8 * expected:
        raise RuntimeError(f"{heard:,} of {expected:,.0f} messages arrived: the machine is too busy to measure")
    return cost / heard * 1e6


# -- start and stop ---------------------------------------------------------------------------------------------------


def _life(rounds: int) -> list[Figure]:
    first, again, stops = [], [], []
    for _ in range(rounds):
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.serving", "--life"], check=True, capture_output=True, text=True, cwd=ROOT
        )
        found = json.loads(run.stdout)
        first.append(found["first"])
        again += found["starts"]
        stops += found["stops"]
    return [
        Figure.of("price server, first start", first, "s", limit=0.3, note="aiohttp is loaded in it"),
        Figure.of("price server, start", again, "s", limit=0.3),
        Figure.of("price server, stop", stops, "s", limit=0.1),
    ]


# -- the protocol -----------------------------------------------------------------------------------------------------


def _protocol() -> list[Figure]:
    with _served("ours") as server:
        times = asyncio.run(call(f"http://127.0.0.1:{server.port}", server.token, 300))
    slow = statistics.quantiles(times, n=100)[98]
    note = f"one client, 300 calls, slowest in a hundred {slow:.1f} ms"
    return [Figure("MCP call", statistics.median(times), "ms", (min(times), max(times)), limit=5.0, note=note)]


# -- a bot beside it --------------------------------------------------------------------------------------------------


def _bot() -> list[Figure]:
    """Time a bot's orders in the server's process, idle and under load."""
    with _served("ours", "--bars") as server:
        _times(server)  # forget its first bars
        time.sleep(SECONDS)
        idle = _times(server)
        loaded = asyncio.run(_load(server))
    worse = statistics.median(loaded) / statistics.median(idle)
    note = f"1,000 clients that ask every two seconds and 500 slow heads; {len(loaded)} orders, a journal on disk"
    return [
        Figure.of("bar to order beside an idle server", idle, "ms", note=f"{len(idle)} orders"),
        Figure.of("bar to order under load, against idle", [worse], "×", limit=2.0, note=note),
    ]


def _times(server: Served) -> list[float]:
    """Return the milliseconds from bar to order of all orders since this was last asked."""
    talk = server.talk
    if talk.stdin is None or talk.stdout is None:
        raise RuntimeError("the server cannot be asked")
    talk.stdin.write(b"\n")
    talk.stdin.flush()
    return [float(part) for part in json.loads(talk.stdout.readline())]


async def _load(server: Served) -> list[float]:
    half = []
    for _ in range(500):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /prices HTTP/1.1\r\nX-Slow: ")
        half.append((reader, writer))
    request = server.request("/price/BTC-USDT")
    stop = asyncio.Event()

    async def client(number: int) -> None:
        await asyncio.sleep(number / 500)
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        while not stop.is_set():
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 2.0)
        writer.close()

    clients = [asyncio.create_task(client(number)) for number in range(1_000)]
    await asyncio.sleep(2.5)
    await asyncio.to_thread(_times, server)
    await asyncio.sleep(SECONDS)
    found = await asyncio.to_thread(_times, server)
    stop.set()
    await asyncio.gather(*clients, return_exceptions=True)
    for _, writer in half:
        writer.close()
    return found


# -- the servers ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _served(name: str, *options: str) -> Iterator[Served]:
    module = {"ours": "benchmarks.serving", "fastapi": "benchmarks.serving_fastapi"}[name]
    process = subprocess.Popen(
        [sys.executable, "-m", module, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    try:
        if process.stdout is None:
            raise RuntimeError("the server has no output to read its address from")
        found = json.loads(process.stdout.readline())
        yield Served(psutil.Process(process.pid), process, found["port"], found["token"])
    finally:
        process.terminate()
        process.wait()
