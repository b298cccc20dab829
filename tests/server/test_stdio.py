"""An assistant that launches a command: the same tools over stdin and stdout."""

from __future__ import annotations

import asyncio
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from mcp_server.assistants import configurations
from mcp_server.server import PriceServer
from mcp_server.stdio import CONTROL_TOKEN


def run(work: Any) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(90):
            return await work()

    return asyncio.run(bounded())


def test_without_the_control_token_nothing_that_acts_is_offered(server: PriceServer, launched: Any) -> None:
    async def work() -> None:
        async with launched(server) as client:
            tools = {tool.name for tool in (await client.list_tools()).tools}
            assert {"get_price", "run_backtest"} <= tools
            assert not {"start_bot", "stop_bot", "set_strategy"} & tools

    run(work)


@pytest.mark.campaign
def test_twenty_launched_assistants_at_once(server: PriceServer, launched: Any, mode: str) -> None:
    async def one() -> None:
        async with launched(server, mode) as client:
            for _ in range(20):
                price = await client.call_tool("get_price", {"symbol": "BTC-USDT"})
                assert price.structured_content is not None
                assert price.structured_content["price"] == 60_000.5

    async def work() -> None:
        await asyncio.gather(*(one() for _ in range(20)))

    run(work)


def test_without_a_server_it_says_how_to_start_one(tmp_path: Path) -> None:
    async def work() -> None:
        arguments = ["-m", "mcp_server", "--state-directory", str(tmp_path / "none")]
        async with Client(StdioServerParameters(command=sys.executable, args=arguments)) as client:
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


def launches(name: str, text: str) -> dict[str, Any] | None:
    """Return what an assistant would launch, read as that assistant reads its configuration."""
    if name == "Claude Code":
        line = text.removeprefix("claude mcp add cryptobot -- ")
        words = shlex.split(line, posix=sys.platform != "win32")
        return {"command": words[0], "args": words[1:]}
    if name.startswith("Others"):
        return None
    found = json.loads(text)
    if name.startswith("jupyter-ai"):
        (one,) = found["mcp_servers"]
        return one
    return found["servers" if name.startswith("VS Code") else "mcpServers"]["cryptobot"]


def test_what_the_common_assistants_are_told_to_launch_reads_a_price(server: PriceServer, tmp_path: Path) -> None:
    folder = str(tmp_path / "servers")
    made = configurations(
        server.url, server.state_path, [sys.executable, "-m", "mcp_server", "--state-directory", folder]
    )
    assert len(made) == 6
    for name, text in made.items():
        assert server.token not in text, name
    assert made["Others, over HTTP"].startswith(f"{server.url}/mcp with the header Authorization: Bearer TOKEN")
    assert str(server.state_path) in made["Others, over HTTP"]
    launched = [found for name, text in made.items() if (found := launches(name, text)) is not None]
    commands = {(found["command"], tuple(found["args"])) for found in launched}
    assert len(launched) == 5
    ((program, words),) = commands  # all launch the same

    async def work() -> None:
        # As an assistant does that knows nothing of a shell: only the SDK's own few variables are passed on.
        async with Client(StdioServerParameters(command=program, args=list(words))) as client:
            price = await client.call_tool("get_price", {"symbol": "BTC-USDT"})
            assert price.structured_content is not None
            assert price.structured_content["price"] == 60_000.5

    run(work)


@pytest.mark.parametrize("option", ["--help"])
def test_the_command_explains_itself(option: str) -> None:
    run_ = subprocess.run([sys.executable, "-m", "mcp_server", option], capture_output=True, text=True, check=True)
    assert CONTROL_TOKEN in run_.stdout
