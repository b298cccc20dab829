"""A price server with a backend whose content the tests put in, and ways to ask it that hide nothing."""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from mcp_server.errors import BackendError
from mcp_server.limits import Limits
from mcp_server.memory import BotRecord, MemoryBackend
from mcp_server.models.bot import BotStatus, LogLine, Mark, TradeRow
from mcp_server.models.market import Bar, Tick
from mcp_server.models.research import BacktestReport, BacktestRequest, BacktestSummary, StrategyInfo
from mcp_server.server import PriceServer
from mcp_server.stdio import CONTROL_TOKEN

START = 1_704_067_200_000_000_000
MINUTE = 60_000_000_000
MODES = ("legacy", "auto", "2026-07-28")


@dataclass
class Reply:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Backtests:
    """How the backtests of the tests behave: at once, or as long as nobody lets them go on."""

    gate: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)
    count: int = 0

    async def run(self, request: BacktestRequest, progress: Callable[[float, str], Any]) -> BacktestReport:
        self.count += 1
        number = self.count
        self.started.set()
        if request.strategy == "broken":
            raise RuntimeError("s3cret-in-an-exception")
        if request.strategy == "refusing":
            raise BackendError("There are no candles for this period. Choose a later start.")
        try:
            for step in range(1, 11):
                await progress(step / 10, f"{step} of 10")
                while request.strategy == "slow" and not self.gate.is_set():  # noqa: ASYNC110 - opened by another thread
                    await asyncio.sleep(0.005)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return report(f"bt{number}", request)


def report(name: str, request: BacktestRequest) -> BacktestReport:
    summary = BacktestSummary(
        id=name,
        symbol=request.symbol,
        timeframe=request.timeframe,
        strategy=request.strategy,
        parameters=dict(request.parameters),
        bars=600,
        total_return_pct=1.5,
        buy_and_hold_pct=2.5,
        max_drawdown_pct=-3.0,
        trades=4,
        fees=12.0,
    )
    return BacktestReport(summary=summary, trades=[trade(0)], equity_time=[START], equity=[10_000.0])


def trade(number: int) -> TradeRow:
    return TradeRow(
        entry_time=START + number * MINUTE,
        entry_price=100.0 + number,
        exit_time=START + (number + 1) * MINUTE,
        exit_price=101.0 + number,
        quantity=1.0,
        fees=0.2,
        pnl=0.8,
        return_pct=0.8,
    )


def mean(closes: Any, n: int = 3) -> list[float | None]:
    return [None if i + 1 < n else sum(closes[i + 1 - n : i + 1]) / n for i in range(len(closes))]


@pytest.fixture
def backtests() -> Backtests:
    return Backtests()


@pytest.fixture
def backend(backtests: Backtests) -> MemoryBackend:
    made = MemoryBackend(indicators={"sma": mean, "close": list}, backtester=backtests.run)
    for symbol, price in (("BTC/USDT", 60_000.5), ("ETH/USDT", 3_000.25), ("ETH/BTC", 0.05)):
        made.put_price(Tick(symbol, price, time.time_ns(), "practice market", bid=price - 0.01, ask=price + 0.01))
    for i in range(600):
        bar = {"open": 100 + i, "high": 102 + i, "low": 99 + i, "close": 101 + i, "volume": 5}
        made.put_bar(Bar(symbol="BTC/USDT", timeframe="1m", time=START + i * MINUTE, **bar))
    status = BotStatus(
        bot="demo",
        mode="practice",
        state="stopped",
        symbol="BTC/USDT",
        timeframe="1m",
        strategy="ma_crossover",
        parameters={"fast": 10, "slow": 30},
        quantity=0.5,
        equity=10_100.0,
        initial_equity=10_000.0,
        trades=120,
    )
    lines = [
        LogLine(time=START + i * MINUTE, level="info" if i % 10 else "error", text=f"line {i}") for i in range(300)
    ]
    marks = [Mark(time=START, side="buy", price=100.0, quantity=1.0)]
    made.put_bot(BotRecord(status, lines=lines, trades=[trade(i) for i in range(120)], marks=marks, text="no crossing"))
    schema = {"type": "object", "properties": {"fast": {"type": "integer", "minimum": 1}}}
    for name in ("ma_crossover", "slow", "broken", "refusing"):
        made.put_strategy(StrategyInfo(name=name, text="Trades crossings.", parameters=schema))
    request = BacktestRequest(symbol="BTC/USDT", strategy="ma_crossover", timeframe="1m")
    for name in ("kept1", "kept2"):
        made.put_report(report(name, request))
    return made


@pytest.fixture
def make_server(backend: MemoryBackend, tmp_path: Path) -> Iterator[Callable[..., PriceServer]]:
    """Return a function that starts a server; it is stopped after the test."""
    made: list[PriceServer] = []

    def make(given: Any = None, **options: Any) -> PriceServer:
        options.setdefault("port", 0)
        options.setdefault("state_directory", tmp_path / "servers")
        made.append(PriceServer(given or backend, **options))
        return made[-1].start()

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def server(make_server: Callable[..., PriceServer]) -> PriceServer:
    """A server whose assistants may control, and whose limits are wide."""
    return make_server(allow_control=True, limits=wide())


def wide(**changes: Any) -> Limits:
    """Limits that do not get in the way of a test that asks a lot."""
    options: dict[str, Any] = {"calls_per_second": 1e6, "call_burst": 10**6, "mcp_calls_per_second": 1e6}
    options |= {"mcp_call_burst": 10**6, "control_per_second": 1e6, "control_burst": 10**6, "bad_tokens": 10**6}
    return Limits(**{**options, **changes})


@pytest.fixture(name="wide")
def wide_fixture() -> Callable[..., Limits]:
    return wide


@pytest.fixture
def ask() -> Iterator[Callable[..., Reply]]:
    """Return a function that sends one request exactly as told, over a connection of its own."""
    open_: list[http.client.HTTPConnection] = []

    def send(
        server: PriceServer,
        method: str,
        path: str,
        content: Any = None,
        *,
        token: str | None = "read",
        headers: Mapping[str, str | None] | None = None,
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        open_.append(connection)
        given: dict[str, str | None] = {"Host": f"127.0.0.1:{server.port}"}
        known = {"read": server.token, "control": server.control_token}
        if token is not None:
            given["Authorization"] = f"Bearer {known.get(token, token)}"
        body = content if isinstance(content, bytes) or content is None else json.dumps(content).encode()
        if body is not None:
            given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        given |= dict(headers or {})
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in given.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        connection.close()
        return reply

    yield send
    for connection in open_:
        connection.close()


@pytest.fixture
def assistant() -> Callable[..., Any]:
    """Return an async context manager: the SDK's own client, connected to a server."""

    @asynccontextmanager
    async def connect(
        server: PriceServer, mode: str = "auto", token: str = "read", **options: Any
    ) -> AsyncIterator[Client]:
        given = {"read": server.token, "control": server.control_token}[token]
        headers = {"Authorization": f"Bearer {given}"}
        patience = httpx2.Timeout(20, read=60)
        async with (
            httpx2.AsyncClient(headers=headers, timeout=patience, trust_env=False) as session,
            Client(streamable_http_client(f"{server.url}/mcp", http_client=session), mode=mode, **options) as client,
        ):
            yield client

    return connect


@pytest.fixture
def launched() -> Callable[..., Any]:
    """Return an async context manager: the SDK's own client, which launches the stdio side as an assistant does."""

    @asynccontextmanager
    async def connect(
        server: PriceServer, mode: str = "auto", token: str = "read", **options: Any
    ) -> AsyncIterator[Client]:
        assert server.state_path is not None
        arguments = ["-m", "mcp_server", "--state-directory", str(server.state_path.parent)]
        environment = {CONTROL_TOKEN: server.control_token} if token == "control" else None
        command = StdioServerParameters(command=sys.executable, args=arguments, env=environment)
        async with Client(command, mode=mode, **options) as client:
            yield client

    return connect


@pytest.fixture(params=["http", "stdio"])
def reached(request: pytest.FixtureRequest, assistant: Any, launched: Any) -> Any:
    """An assistant, over HTTP and over stdin and stdout."""
    return {"http": assistant, "stdio": launched}[request.param]


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Each way the SDK's client negotiates: the older era, by itself, the newer era."""
    return str(request.param)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Return a function that waits until something holds, and fails after ten seconds."""

    def wait(holds: Callable[[], object]) -> None:
        end = time.monotonic() + 10
        pause = threading.Event()
        while not holds():
            assert time.monotonic() < end, "it did not come to hold within ten seconds"
            pause.wait(0.005)

    return wait
