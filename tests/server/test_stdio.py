"""An assistant that launches a command: the same tools over stdin and stdout."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import mcp_types as types
import pytest
from mcp import Client, StdioServerParameters

from mcp_server.assistants import configurations
from mcp_server.memory import MemoryBackend
from mcp_server.server import PriceServer
from mcp_server.stdio import CONTROL_TOKEN


def command(folder: Path, **environment: str) -> StdioServerParameters:
    arguments = ["-m", "mcp_server", "--state-directory", str(folder)]
    return StdioServerParameters(command=sys.executable, args=arguments, env=environment or None)


def run(work: Any) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(90):
            return await work()

    return asyncio.run(bounded())


def test_reading_over_stdio(server: PriceServer, tmp_path: Path, mode: str, backtests: Any) -> None:
    seen: list[float] = []

    async def progress(done: float, total: float | None, text: str | None) -> None:
        seen.append(done)

    async def work() -> None:
        async with Client(command(tmp_path / "servers"), mode=mode) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert {"get_price", "run_backtest"} <= tools
            assert "start_bot" not in tools
            price = await client.call_tool("get_price", {"symbol": "BTC-USDT"})
            assert price.structured_content is not None
            assert price.structured_content["price"] == 60_000.5
            status = await client.call_tool("get_bot_status", {})
            assert status.structured_content is not None
            assert status.structured_content["mode"] == "practice"
            mistake = await client.call_tool("get_price", {"symbol": "BTC-USD"})
            assert mistake.is_error
            assert "Did you mean `BTC/USDT`" in mistake.content[0].text  # type: ignore[union-attr]
            arguments = {"symbol": "BTC-USDT", "strategy": "ma_crossover", "timeframe": "1m"}
            result = await client.call_tool("run_backtest", arguments, progress_callback=progress)
            assert not result.is_error
            resource = (await client.read_resource("bot://status")).contents[0]
            assert json.loads(resource.text)[0]["bot"] == "demo"  # type: ignore[union-attr]

    run(work)
    assert seen == [step / 10 for step in range(1, 11)]


def test_control_over_stdio_needs_the_control_token(
    server: PriceServer, tmp_path: Path, mode: str, backend: MemoryBackend
) -> None:
    asked: list[str] = []

    async def agree(_context: Any, given: types.ElicitRequestParams) -> types.ElicitResult:
        asked.append(given.message)
        return types.ElicitResult(action="accept", content={"agree": True})

    async def work() -> None:
        launched = command(tmp_path / "servers", **{CONTROL_TOKEN: server.control_token})
        async with Client(launched, mode=mode, elicitation_callback=agree) as client:
            started = await client.call_tool("start_bot", {})
            assert started.structured_content is not None, started
            assert started.structured_content["state"] == "running"
            assert (await backend.bot_status(None)).state == "running"
            assert not (await client.call_tool("stop_bot", {})).is_error

    run(work)
    assert asked == ["Start the practice bot demo: ma_crossover on BTC/USDT 1m?"]


def test_without_a_server_it_says_how_to_start_one(tmp_path: Path) -> None:
    async def work() -> None:
        async with Client(command(tmp_path / "none")) as client:
            result = await client.call_tool("get_price", {"symbol": "BTC-USDT"})
            assert result.is_error
            assert "cryptobot serve" in result.content[0].text  # type: ignore[union-attr]

    run(work)


def test_nothing_but_the_protocol_goes_to_stdout_and_it_ends_with_stdin(tmp_path: Path) -> None:
    message = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    garbage = "this is no message\n{}\n[1]\n"
    run_ = subprocess.run(
        [sys.executable, "-m", "mcp_server", "--state-directory", str(tmp_path)],
        input=garbage + message + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run_.returncode == 0, run_.stderr
    lines = run_.stdout.splitlines()
    assert lines
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in lines)
    assert "Traceback" not in run_.stderr


def test_configuration_for_the_common_assistants(server: PriceServer, tmp_path: Path) -> None:
    made = configurations(server.url, tmp_path / "state.json")
    assert len(made) == 5
    for name, text in made.items():
        assert server.token not in text, name
    desktop = json.loads(made["Claude Desktop"])
    assert desktop == {"mcpServers": {"cryptobot": {"command": "cryptobot", "args": ["mcp"]}}}
    given = configurations(server.url, None, token=server.token)["Cursor (.cursor/mcp.json)"]
    assert json.loads(given)["mcpServers"]["cryptobot"]["headers"] == {"Authorization": f"Bearer {server.token}"}


@pytest.mark.parametrize("option", ["--help"])
def test_the_command_explains_itself(option: str) -> None:
    run_ = subprocess.run([sys.executable, "-m", "mcp_server", option], capture_output=True, text=True, check=True)
    assert CONTROL_TOKEN in run_.stdout
