"""Secrets that were planted everywhere come out nowhere: not in an answer, not in a log, not in a file of others."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from mcp import MCPError

from mcp_server.errors import BackendError
from mcp_server.memory import BotRecord, MemoryBackend
from mcp_server.models.bot import LogLine
from mcp_server.rest.table import ROUTES
from mcp_server.security.tokens import Right

KEY = "BINANCE-K3Y-" + "9f" * 20
HOOK = "https://hooks.slack.com/services/T000/B000/" + "x7" * 12


class Leaky(MemoryBackend):
    """Everything it says by mistake holds a secret."""

    binance_api_key = KEY

    async def performance(self, bot: Any, period: Any) -> Any:
        raise RuntimeError(f"401 from the exchange: X-MBX-APIKEY={KEY}")

    async def compare_backtests(self, ids: Any) -> Any:
        raise BackendError(f"cannot compare: posting to {HOOK} failed")

    async def panel(self, bot: Any) -> Any:
        return [f"cryptobot dashboard --hook {HOOK}"]

    async def backtest(self, id: str) -> Any:  # noqa: A002
        raise KeyError(KEY)


def hide(text: str) -> str:
    return text.replace(KEY, "***").replace(HOOK, "***")


@pytest.fixture
def leaky(backend: MemoryBackend, backtests: Any) -> Leaky:
    made = Leaky(backtester=backtests.run)
    for name in ("_ticks", "_bars", "_strategies", "_indicators"):
        setattr(made, name, getattr(backend, name))
    status = asyncio.run(backend.bot_status("demo")).model_copy(
        update={"reason": f"halted: {KEY}", "trading_reason": f"limit: {KEY}"}
    )
    lines = [LogLine(time=0, level="error", text=f"sent to {HOOK} with {KEY}")]
    made.put_bot(BotRecord(status, lines=lines, text=f"the key is {KEY}"))
    return made


def test_no_secret_comes_out_anywhere(  # noqa: C901 - one long round through everything
    leaky: Leaky,
    make_server: Any,
    wide: Any,
    ask: Any,
    assistant: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: Any,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    server = make_server(leaky, allow_control=True, hide=hide, limits=wide())
    leaky.put_bot(leaky._bots["demo"])
    leaky._bots["demo"].lines.append(LogLine(time=1, level="error", text=f"{server.token} {server.control_token}"))
    said: list[str] = []

    for route in ROUTES:
        if route.path == "/shutdown":
            continue
        path = route.path.replace("{symbol}", "BTC-USDT").replace("{id}", "kept1")
        path += (
            {"/backtests": "?ids=a,b", "/indicators/BTC-USDT": "?names=sma"}.get(path, "")
            if route.method == "GET"
            else ""
        )
        content = {"symbol": "BTC-USDT", "strategy": "broken", "timeframe": "1m"} if path == "/backtests" else {}
        if path == "/frontend-error":
            content = {"message": f"{KEY} {server.control_token}"}
        token = "control" if route.policy.right is Right.CONTROL else "read"
        for accept in ("application/json", "text/html", "application/x-ndjson"):
            reply = ask(
                server,
                route.method,
                path,
                content if route.method == "POST" else None,
                token=token,
                headers={"Accept": accept},
            )
            said.append(f"{reply.headers} {reply.body.decode()}")
        said.append(ask(server, route.method, path, content, token=f"wrong-{server.control_token}").body.decode())

    async def protocol(mode: str) -> None:
        async with assistant(server, mode, "control") as client:
            tools = (await client.list_tools()).tools
            arguments: dict[str, Any] = {
                "compare_backtests": {"ids": ["a", "b"]},
                "run_backtest": {"symbol": "BTC-USDT", "strategy": "broken", "timeframe": "1m"},
                "get_price": {"symbol": "BTC-USDT"},
                "get_ohlcv": {"symbol": "BTC-USDT"},
                "get_indicators": {"symbol": "BTC-USDT", "names": ["sma"]},
            }
            for tool in tools:
                found = await client.call_tool(tool.name, arguments.get(tool.name, {}))
                said.append(str(found))
            for uri in ("bot://status", "backtest://kept1", "docs://strategies", "price://BTC-USDT"):
                try:
                    said.append(str(await client.read_resource(uri)))
                except MCPError as error:
                    said.append(str(error.error))

    async def stream() -> None:
        headers = {"Authorization": f"Bearer {server.token}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.ws_connect(f"{server.url}/ws") as ws:
            said.append((await ws.receive(timeout=10)).data)
            await leaky.start_bot("demo")
            leaky._change("demo", reason=f"halted: {KEY}")
            said.append((await ws.receive(timeout=10)).data)
            await ws.send_str("{" + KEY)
            said.append((await ws.receive(timeout=10)).data)

    for mode in ("legacy", "auto"):
        asyncio.run(protocol(mode))
    asyncio.run(stream())
    said.append(repr(server))
    everything = "\n".join(said)
    assert len(said) > 80
    for secret in (KEY, HOOK, server.token, server.control_token):
        assert secret not in everything
    printed = capfd.readouterr()
    assert "failure" in caplog.text
    for secret in (KEY, HOOK, server.token, server.control_token):
        assert secret not in caplog.text
        assert secret not in printed.out + printed.err
    texts = [path.read_text("utf-8") for path in (tmp_path / "servers").iterdir()]
    assert [server.control_token in text or KEY in text for text in texts] == [False]
