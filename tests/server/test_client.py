"""The clients: found by the state file, asked from scripts and coroutines, found again after a restart."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mcp_server import state_file
from mcp_server.client.asynchronous import AsyncPriceClient
from mcp_server.client.backend import HttpBackend, event_of
from mcp_server.client.synchronous import PriceClient
from mcp_server.errors import ClientError, NotRunning, Refused, Relayed, StartError, Unavailable
from mcp_server.memory import BotRecord, MemoryBackend
from mcp_server.models.bot import Mark
from mcp_server.models.market import Bar, Tick
from mcp_server.models.research import BacktestRequest
from mcp_server.server import PriceServer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "servers"


@pytest.fixture
def client(server: PriceServer, folder: Path) -> Any:
    with PriceClient.connect(state_directory=folder) as made:
        yield made


def test_prices_and_candles(client: PriceClient, server: PriceServer) -> None:
    assert client.url == server.url
    price = client.price("BTC/USDT")
    assert (price.symbol, price.price, price.source) == ("BTC/USDT", 60_000.5, "practice market")
    assert client.price("btc-usdt").price == 60_000.5
    assert set(client.prices()) == {"BTC/USDT", "ETH/USDT", "ETH/BTC"}
    candles = client.ohlcv("BTC/USDT", "1m", 10)
    assert len(candles.close) == 10
    older = client.ohlcv("BTC/USDT", "1m", 10, end=candles.next_end)
    assert older.time[-1] < candles.time[0]
    assert client.symbols().timeframes == ["1m", "1h"]
    assert client.status().mode == "practice"


def test_errors_are_the_servers_words(client: PriceClient) -> None:
    with pytest.raises(Refused, match=r"Did you mean `BTC/USDT`\?") as caught:
        client.price("BTC/USD")
    assert (caught.value.status, caught.value.code) == (404, "unknown_name")
    with pytest.raises(Refused, match="Known: `1h`, `1m`"):
        client.ohlcv("BTC/USDT", "2m")
    for evil in ("../../health", "a?b=c", "x#y", "%2e%2e", "a b"):
        with pytest.raises(Refused):
            client.price(evil)


def test_a_stream_in_a_script(client: PriceClient, backend: MemoryBackend) -> None:
    stream = client.stream(["BTC/USDT"], ["price"])
    assert next(stream).type == "snapshot"
    backend.put_price(Tick("BTC/USDT", 1.0, time.time_ns(), "t"))
    assert next(stream).data["price"] == 1.0
    stream.close()  # type: ignore[attr-defined]
    with pytest.raises(Refused):
        next(client.stream(["NOPE"]))


def test_closing_ends_a_stream_that_waits(server: PriceServer, folder: Path) -> None:
    client = PriceClient.connect(state_directory=folder)
    ended = threading.Event()
    begun = threading.Event()

    def read() -> None:
        for _ in client.stream():
            begun.set()
        ended.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert begun.wait(10)
    client.close()
    client.close()
    assert ended.wait(10)
    thread.join()
    assert "closed" in repr(client)
    with pytest.raises(ClientError, match="closed"):
        client.price("BTC/USDT")


def test_clients_leave_no_thread_behind(server: PriceServer, folder: Path) -> None:
    for _ in range(5):
        with PriceClient.connect(state_directory=folder) as client:
            client.prices()
            next(client.stream())
    assert [thread.name for thread in threading.enumerate() if "price-client" in thread.name] == []


def test_one_client_from_many_threads(client: PriceClient) -> None:
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.append(client.price("BTC/USDT").price)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [60_000.5] * 20


def test_inside_a_running_loop(server: PriceServer, folder: Path) -> None:
    async def cell() -> float:
        async with await AsyncPriceClient.connect(state_directory=folder) as client:
            return (await client.price("BTC/USDT")).price

    async def blocking_cell() -> float:
        with PriceClient.connect(state_directory=folder) as client:
            return client.price("BTC/USDT").price

    assert asyncio.run(cell()) == asyncio.run(blocking_cell()) == 60_000.5


def test_nothing_runs(folder: Path) -> None:
    with pytest.raises(NotRunning, match="cryptobot serve"):
        PriceClient.connect(state_directory=folder)
    with pytest.raises(NotRunning, match="does not answer"):
        PriceClient.connect("http://127.0.0.1:9", "x" * 40).price("BTC/USDT")
    with pytest.raises(ClientError, match="token: none is given"):
        PriceClient.connect("http://127.0.0.1:9")


def test_a_wrong_token_is_told(server: PriceServer) -> None:
    with PriceClient.connect(server.url, "x" * 40) as client, pytest.raises(Refused, match="token") as caught:
        client.prices()
    assert caught.value.status == 401


def test_a_lockout_says_how_long(make_server: Any, folder: Path) -> None:
    server = make_server()
    with PriceClient.connect(server.url, "x" * 40) as client:
        for _ in range(10):
            with pytest.raises(Refused):
                client.prices()
        with pytest.raises(Refused, match="Too many wrong tokens") as caught:
            client.prices()
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= 30


def test_files_of_the_dead_are_passed_over(server: PriceServer, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    dead = state_file.ServerState(
        f"http://127.0.0.1:{port}", "t" * 40, 999_999_999, "cryptobot", time.time_ns() + 10**12
    )
    path = state_file.write(folder, dead, port)
    with PriceClient.connect(state_directory=folder) as client:
        assert client.url == server.url
    state_file.sweep(folder)
    assert path.exists() == (sys.platform == "win32")


def test_another_program_on_the_port_never_sees_the_token(folder: Path) -> None:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        def serve() -> None:
            connection, _ = other.accept()
            with connection:
                heard.append(connection.recv(4_096))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=serve)
        thread.start()
        state = state_file.ServerState(
            f"http://127.0.0.1:{port}", "t0ken" * 10, os.getpid(), "cryptobot", time.time_ns()
        )
        state_file.write(folder, state, port)
        with pytest.raises(NotRunning):
            PriceClient.connect(state_directory=folder)
        thread.join()
    assert heard[0].startswith(b"GET /health")
    assert b"t0ken" not in heard[0]


def test_servers_are_told_apart_by_name(make_server: Any, folder: Path) -> None:
    first, second = make_server(MemoryBackend("alpha")), make_server(MemoryBackend("beta"))
    for name, server in (("alpha", first), ("beta", second)):
        with PriceClient.connect(name=name, state_directory=folder) as client:
            assert client.url == server.url
    with pytest.raises(NotRunning, match=r"Did you mean `alpha`\? Running: `alpha`, `beta`"):
        PriceClient.connect(name="alhpa", state_directory=folder)


def test_a_stream_goes_on_after_a_restart(server: PriceServer, folder: Path, backend: MemoryBackend) -> None:
    async def work() -> None:
        async with asyncio.timeout(30):
            async with await AsyncPriceClient.connect(state_directory=folder) as client:
                stream = client.stream(events=["price"])
                assert (await anext(stream)).type == "snapshot"
                await asyncio.to_thread(server.stop)
                await asyncio.to_thread(server.start)  # another port, another token
                assert (await anext(stream)).type == "snapshot"
                backend.put_price(Tick("BTC/USDT", 5.0, time.time_ns(), "t"))
                assert (await anext(stream)).data["price"] == 5.0
                await stream.aclose()

    asyncio.run(work())


def test_a_stream_may_end_instead(server: PriceServer, folder: Path) -> None:
    async def work() -> None:
        async with asyncio.timeout(30), await AsyncPriceClient.connect(state_directory=folder) as client:
            stream = client.stream(reconnect=False)
            assert (await anext(stream)).type == "snapshot"
            await asyncio.to_thread(server.stop)
            assert [message async for message in stream] == []

    asyncio.run(work())


# -- state files ------------------------------------------------------------------------------------------------------


def test_a_state_file_is_for_its_owner_only(server: PriceServer, folder: Path) -> None:
    (path,) = folder.iterdir()
    found = json.loads(path.read_text("utf-8"))
    assert found.keys() == {"url", "token", "pid", "name", "started"}
    assert (found["url"], found["token"], found["pid"]) == (server.url, server.token, os.getpid())
    assert server.control_token not in path.read_text("utf-8")
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
        path.chmod(0o644)
        assert state_file.read(path) is None  # others could have read the token, or written the address


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": 1}', "\xff"])
def test_broken_state_files_are_passed_over(folder: Path, text: str) -> None:
    folder.mkdir()
    path = folder / "server-1-1.json"
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    assert state_file.found(folder) == []


def test_a_folder_that_cannot_be_written_is_the_callers_error(tmp_path: Path, make_server: Any) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    with pytest.raises(StartError, match="state_directory"):
        make_server(state_directory=blocked / "servers")


def test_the_folder_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(state_file.DIRECTORY, str(tmp_path))
    assert state_file.directory() == tmp_path
    monkeypatch.delenv(state_file.DIRECTORY)
    assert state_file.directory() == Path.home() / ".cryptobot" / "servers"
    assert "token" not in repr(state_file.ServerState("u", "the-token", 1, "n", 1)).replace("token='", "")


# -- the backend for assistants over stdio ----------------------------------------------------------------------------


def with_backend(server: PriceServer, folder: Path, work: Any, **options: Any) -> Any:
    async def run() -> Any:
        async with asyncio.timeout(60):
            backend = HttpBackend(state_directory=folder, **options)
            try:
                return await work(backend)
            finally:
                await backend.close()

    return asyncio.run(run())


def test_a_relayed_backend_says_what_the_real_one_says(
    server: PriceServer, folder: Path, backend: MemoryBackend
) -> None:
    async def work(relayed: HttpBackend) -> None:
        for ask in (
            lambda b: b.symbols(),
            lambda b: b.timeframes(),
            lambda b: b.indicator_names(),
            lambda b: b.candles("BTC/USDT", "1m", 20, 1_704_067_200_000_000_000 + 50 * 60_000_000_000),
            lambda b: b.indicators("BTC/USDT", "1m", ["sma", "close"], 10),
            lambda b: b.bots(),
            lambda b: b.bot_logs("demo", 10, "error"),
            lambda b: b.trades(None, 10, "20"),
            lambda b: b.performance(None, "all"),
            lambda b: b.explain(None),
            lambda b: b.strategies(),
            lambda b: b.backtest("kept1"),
            lambda b: b.compare_backtests(["kept1", "kept2"]),
            lambda b: b.panel(None),
        ):
            here, there = await ask(backend), await ask(relayed)
            assert _plain(there) == _plain(here)
        tick = await relayed.price("BTC/USDT")
        real = await backend.price("BTC/USDT")
        assert (tick.price, tick.bid, tick.time) == (real.price, real.bid, real.time // 10**6 * 10**6)
        assert len(await relayed.prices()) == 3
        assert (await relayed.price_feed(None, 5)).close == (await backend.price_feed(None, 5)).close
        await relayed.note_frontend_error(None, "boom")
        assert (await backend.bot_logs(None, 1, "error")).lines[0].text == "page: boom"

    with_backend(server, folder, work)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def test_a_relayed_backend_passes_errors_on(server: PriceServer, folder: Path) -> None:
    async def work(relayed: HttpBackend) -> None:
        with pytest.raises(Relayed, match="Did you mean `BTC/USDT`") as caught:
            await relayed.price("BTC/USD")
        assert caught.value.status == 404
        with pytest.raises(Relayed, match="control token"):
            await relayed.stop_bot(None)

    with_backend(server, folder, work)


def test_a_relayed_backend_controls_with_the_control_token(server: PriceServer, folder: Path) -> None:
    async def work(relayed: HttpBackend) -> None:
        assert (await relayed.start_bot(None)).state == "running"
        assert (await relayed.stop_bot("demo")).state == "stopped"
        assert (await relayed.set_strategy("demo", "slow", {"fast": 2})).parameters == {"fast": 2}

    with_backend(server, folder, work, control_token=server.control_token)


def test_a_relayed_backtest_has_progress_and_can_be_cancelled(
    server: PriceServer, folder: Path, backtests: Any
) -> None:
    async def work(relayed: HttpBackend) -> None:
        seen: list[float] = []

        async def progress(done: float, text: str) -> None:
            seen.append(done)

        request = BacktestRequest(symbol="BTC/USDT", strategy="ma_crossover", timeframe="1m")
        report = await relayed.run_backtest(request, progress)
        assert (report.summary.bars, seen) == (600, [step / 10 for step in range(1, 11)])
        backtests.started.clear()
        slow = asyncio.create_task(relayed.run_backtest(request.model_copy(update={"strategy": "slow"}), progress))
        assert await asyncio.to_thread(backtests.started.wait, 10)
        slow.cancel()
        assert await asyncio.to_thread(backtests.cancelled.wait, 10)
        with pytest.raises(Relayed, match="later start"):
            await relayed.run_backtest(request.model_copy(update={"strategy": "refusing"}), progress)

    with_backend(server, folder, work)


def test_a_relayed_backend_hears_the_news(server: PriceServer, folder: Path, backend: MemoryBackend) -> None:
    async def work(relayed: HttpBackend) -> None:
        heard: asyncio.Queue[Any] = asyncio.Queue()
        unsubscribe = relayed.subscribe(heard.put_nowait)
        while heard.empty():
            backend.put_price(Tick("BTC/USDT", 3.5, 10**18, "t"))
            await asyncio.sleep(0.01)
        event = await heard.get()
        assert (event.tick.price, event.tick.time) == (3.5, 10**18)
        while not heard.empty():
            heard.get_nowait()
        bar = {"time": 10**18, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1}
        backend.put_bar(Bar(symbol="BTC/USDT", timeframe="1m", **bar))
        await backend.start_bot("demo")
        backend.put_trade("demo", Mark(time=0, side="sell", price=1.0, quantity=2.0))
        kinds = set()
        while kinds < {"BarClosed", "StatusChanged", "Traded"}:
            kinds.add(type(await heard.get()).__name__)
        unsubscribe()

    with_backend(server, folder, work)


def test_a_relayed_backend_waits_for_a_server_and_finds_it_again(make_server: Any, folder: Path) -> None:
    async def run() -> None:
        relayed = HttpBackend(state_directory=folder)
        try:
            with pytest.raises(Unavailable, match="cryptobot serve"):
                await relayed.price("BTC/USDT")
            server = await asyncio.to_thread(make_server)
            assert (await relayed.price("BTC/USDT")).price == 60_000.5
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            assert (await relayed.price("BTC/USDT")).price == 60_000.5
        finally:
            await relayed.close()

    asyncio.run(run())


def test_several_bots_are_listed_through_the_relay(server: PriceServer, folder: Path, backend: MemoryBackend) -> None:
    async def work(relayed: HttpBackend) -> None:
        status = (await backend.bot_status("demo")).model_copy(update={"bot": "second"})
        backend.put_bot(BotRecord(status))
        assert list(await relayed.bots()) == ["demo", "second"]
        assert (await relayed.bot_status("second")).bot == "second"

    with_backend(server, folder, work)


def test_messages_that_are_no_events_are_none() -> None:
    from mcp_server.client.asynchronous import Message

    assert event_of(Message("snapshot", 1, {})) is None
    assert event_of(Message("error", 1, {})) is None
