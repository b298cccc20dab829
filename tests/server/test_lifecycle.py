"""Start and stop: from anywhere, as often as one likes, and nothing is left behind."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_server.client.synchronous import PriceClient
from mcp_server.errors import NotRunning, StartError
from mcp_server.memory import MemoryBackend
from mcp_server.models.market import Tick
from mcp_server.server import PriceServer

Make = Callable[..., PriceServer]


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, mcp_server; print([m for m in ('aiohttp', 'mcp', 'pydantic', 'orjson') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_server_imports_nothing_of_cryptobot() -> None:
    code = (
        "import sys, pkgutil, importlib, mcp_server\n"
        "for m in pkgutil.walk_packages(mcp_server.__path__, 'mcp_server.'):\n"
        "    if not m.name.endswith('__main__'): importlib.import_module(m.name)\n"
        "print([m for m in sys.modules if m.split('.')[0] == 'cryptobot'])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_start_and_stop_are_idempotent(make_server: Make, ask: Any) -> None:
    server = make_server()
    port, token = server.port, server.token
    assert server.start() is server
    assert (server.port, server.token) == (port, token)
    assert ask(server, "GET", "/health", token=None).status == 200
    assert server.stop() is server
    assert server.stop() is server
    assert not server.running
    assert "stopped" in repr(server)


def test_a_server_that_was_never_started_stops_and_has_no_port(backend: MemoryBackend) -> None:
    server = PriceServer(backend).stop()
    with pytest.raises(StartError, match=r"server\.start\(\)"):
        _ = server.port


def test_with_and_async_with(backend: MemoryBackend, tmp_path: Path, ask: Any) -> None:
    with PriceServer(backend, port=0, state_directory=tmp_path) as server:
        assert ask(server, "GET", "/health").status == 200
    assert not server.running

    async def inside() -> None:
        async with PriceServer(backend, port=0, state_directory=tmp_path) as server:
            assert (await asyncio.to_thread(ask, server, "GET", "/health")).status == 200
        assert not server.running

    asyncio.run(inside())


def test_start_and_stop_inside_a_running_loop(backend: MemoryBackend, tmp_path: Path, ask: Any) -> None:
    async def cell() -> int:
        server = PriceServer(backend, port=0, state_directory=tmp_path).start()
        status = (await asyncio.to_thread(ask, server, "GET", "/health")).status
        server.stop()
        return status

    assert asyncio.run(cell()) == 200


def test_twenty_restarts_leave_nothing_behind(make_server: Make, ask: Any, tmp_path: Path, eventually: Any) -> None:
    server = make_server()
    ask(server, "POST", "/mcp", {}, headers={"Accept": "application/json, text/event-stream"})  # loads the protocol
    server.stop()
    gc.collect()
    process = psutil.Process()
    handles = process.num_fds if hasattr(process, "num_fds") else process.num_handles
    threads, before = threading.active_count(), handles()
    for _ in range(20):
        server.start()
        assert ask(server, "GET", "/price/BTC-USDT").status == 200
        server.stop()
        assert not server.running
    assert threading.active_count() == threads
    gc.collect()
    assert handles() <= before
    assert list((tmp_path / "servers").iterdir()) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) != 0


def test_stopping_ends_what_is_open(
    make_server: Make, backtests: Any, backend: MemoryBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running backtest and an idle connection: neither holds the server up, nor uses up its time to say goodbye."""
    monkeypatch.setattr("mcp_server.worker.GOODBYE_SECONDS", 60.0)
    server = make_server()
    idle = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    idle.request("GET", "/health")
    idle.getresponse().read()
    busy = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    request = json.dumps({"symbol": "BTC-USDT", "strategy": "slow"})
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    busy.request("POST", "/backtests", request, headers)
    assert backtests.started.wait(10)
    server.stop(timeout=5)
    assert backtests.cancelled.wait(5)
    assert not server.running
    assert backend._listeners == {}
    idle.close()
    busy.close()


def test_a_token_of_an_earlier_run_opens_nothing(make_server: Make, ask: Any) -> None:
    server = make_server()
    old, old_control = server.token, server.control_token
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(server, "GET", "/prices", token=old)
    server.start()
    assert ask(server, "GET", "/prices", token=old).status == 401
    assert ask(server, "POST", "/stop-bot", {}, token=old_control).status == 401
    assert ask(server, "GET", "/prices").status == 200


def test_tokens_of_ones_own_are_kept(make_server: Make, ask: Any) -> None:
    mine = "abcdefghijklmnopqrstuvwxyz0123456789"
    server = make_server(token=mine, control_token=mine[::-1])
    assert server.token == mine
    assert ask(server, "GET", "/prices", token=mine).status == 200
    assert mine not in repr(server)


def test_a_taken_port_is_the_callers_error_and_names_who_holds_it(make_server: Make) -> None:
    first = make_server()
    with pytest.raises(StartError) as caught:
        make_server(port=first.port)
    text = str(caught.value)
    assert f"port {first.port} is taken by another cryptobot price server" in text
    assert "port=0" in text
    if sys.platform == "linux":
        assert f"process {os.getpid()}" in text


def test_a_port_taken_by_something_else_is_told_apart(make_server: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        threading.Thread(target=lambda: [other.accept()[0].close() for _ in range(2)], daemon=True).start()
        with pytest.raises(StartError, match=f"port {port} is taken by another program"):
            make_server(port=port)


def test_without_a_port_the_preferred_one_comes_first(make_server: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        preferred = free.getsockname()[1]
    monkeypatch.setattr("mcp_server.binding.PREFERRED_PORT", preferred)
    first, second = make_server(port=None), make_server(port=None)
    assert first.port == preferred
    assert second.port not in (preferred, 0)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_is_none_is_refused(make_server: Make, port: int) -> None:
    with pytest.raises(StartError, match=r"0 \(any free one\) to 65535"):
        make_server(port=port)


def test_an_address_of_another_machine_is_refused(make_server: Make) -> None:
    with pytest.raises(StartError, match=r"not an address of this machine|cannot be used"):
        make_server(host="192.0.2.1", remote=True, tls=_context())


@pytest.mark.parametrize("options", [{}, {"remote": True}, {"tls": "context"}])
def test_another_address_needs_everything(backend: MemoryBackend, options: dict[str, Any]) -> None:
    given = {name: _context() if value == "context" else value for name, value in options.items()}
    with pytest.raises(StartError, match="can be reached from other machines"):
        PriceServer(backend, host="0.0.0.0", **given)


def _context() -> Any:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)


def test_shutdown_answers_first_then_ends(make_server: Make, ask: Any, tmp_path: Path) -> None:
    server = make_server()
    reply = ask(server, "POST", "/shutdown", {}, token="control")
    assert (reply.status, reply.json["stopping"], reply.json["stop_bots"]) == (200, True, False)
    assert server.wait(10)
    assert not server.running
    assert list((tmp_path / "servers").iterdir()) == []
    server.stop()
    server.start()
    assert ask(server, "GET", "/health").status == 200


def test_shutdown_stops_the_bots_only_on_request(make_server: Make, ask: Any, backend: MemoryBackend) -> None:
    asyncio.run(backend.start_bot("demo"))
    server = make_server()
    ask(server, "POST", "/shutdown", {}, token="control")
    assert server.wait(10)
    assert asyncio.run(backend.bot_status("demo")).state == "running"
    server = make_server()
    reply = ask(server, "POST", "/shutdown", {"stop_bots": True}, token="control")
    assert reply.json["open_positions"] == ["demo holds 0.5 of BTC/USDT"]
    assert server.wait(10)
    assert asyncio.run(backend.bot_status("demo")).state == "stopped"


def test_a_backend_that_cannot_be_subscribed_to_is_the_callers_error(make_server: Make, tmp_path: Path) -> None:
    class Broken(MemoryBackend):
        def subscribe(self, listener: Any) -> Any:
            raise RuntimeError("no news here")

    with pytest.raises(RuntimeError, match="no news here"):
        make_server(Broken())
    assert list((tmp_path / "servers").iterdir()) == []
    assert [t.name for t in threading.enumerate() if "price-server" in t.name] == []


def test_what_is_missing_is_named(backend: MemoryBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_server.server.find_spec", lambda name: None if name == "mcp" else object())
    with pytest.raises(StartError, match=r"needs mcp, which is not installed.*cryptobot\[server\]"):
        PriceServer(backend)


def test_the_notebooks_logging_is_left_alone(make_server: Make, ask: Any) -> None:
    code = (
        "import logging, sys\n"
        "from mcp_server.memory import MemoryBackend\n"
        "from mcp_server.server import PriceServer\n"
        "from mcp_server.http.service import Service\n"
        "from mcp_server.limits import Limits\n"
        "from mcp_server.protocol.build import build\n"
        "build(Service(MemoryBackend(), Limits(), True, str, lambda: None))\n"
        "print(logging.getLogger().handlers, logging.getLogger().level)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[] 30"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = tmp_path / "certificate.pem", tmp_path / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return paths


def test_https_for_all_three_faces(
    make_server: Make, certificate: tuple[Path, Path], tmp_path: Path, backend: MemoryBackend
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = make_server(tls=context)
    assert server.url.startswith("https://")
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    with PriceClient.connect(state_directory=tmp_path / "servers", tls=trusting) as client:
        assert client.price("BTC/USDT").price == 60_000.5
        stream = client.stream(["BTC/USDT"])
        assert next(stream).type == "snapshot"
        backend.put_price(Tick("BTC/USDT", 1.25, time.time_ns(), "t"))
        assert next(stream).data["price"] == 1.25

    async def protocol() -> float:
        headers = {"Authorization": f"Bearer {server.token}"}
        async with (
            httpx2.AsyncClient(headers=headers, verify=trusting, trust_env=False) as session,
            Client(streamable_http_client(f"{server.url}/mcp", http_client=session)) as assistant,
        ):
            found = await assistant.call_tool("get_price", {"symbol": "BTC-USDT"})
            assert found.structured_content is not None
            return float(found.structured_content["price"])

    assert asyncio.run(protocol()) == 1.25
    with pytest.raises(NotRunning):  # whoever does not know the certificate does not talk to it
        PriceClient.connect(state_directory=tmp_path / "servers")
    with pytest.raises(StartError, match="another cryptobot price server"):
        make_server(port=server.port)


def test_a_public_address_with_everything_is_served(
    make_server: Make, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server = make_server(host="0.0.0.0", remote=True, tls=context, hosts=["bot.example.org"])
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    assert server.url == f"https://127.0.0.1:{server.port}"
    with PriceClient.connect(state_directory=tmp_path / "servers", tls=trusting) as client:
        assert client.price("BTC/USDT").price == 60_000.5


def test_stopping_does_not_wait_for_what_is_still_being_loaded(
    make_server: Any, monkeypatch: pytest.MonkeyPatch, eventually: Any
) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(_service: Any) -> Any:
        begun.set()
        assert go.wait(30)
        raise ImportError("nobody hears of it any more")

    monkeypatch.setattr("mcp_server.worker._assistant", slow)
    server = make_server()
    assert begun.wait(10)
    server.stop(10)  # raises if it has not ended by then
    assert not server.running
    go.set()
    eventually(lambda: "cryptobot-assistant" not in {thread.name for thread in threading.enumerate()})


def test_what_cannot_be_loaded_is_told_to_whoever_asks_and_prices_are_served(
    make_server: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_service: Any) -> Any:
        raise ImportError("no such package")

    monkeypatch.setattr("mcp_server.worker._assistant", broken)
    server = make_server()
    reply = ask(server, "POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert (reply.status, reply.json["error"]["code"]) == (500, "internal")
    assert ask(server, "GET", "/price/BTC-USDT").status == 200
    server.stop()
