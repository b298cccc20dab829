"""``cryptobot serve`` and ``cryptobot mcp``: what they print, what they serve, and a clean end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

CODE = "from cryptobot.cli import main; main()"


@pytest.fixture
def serve(tmp_path):
    """Start the command in a process of its own and return the process and what it printed when it was ready."""
    started = []

    def start(*words, **environment):
        command = [sys.executable, "-c", CODE, "serve", "--json", "--port", "0", "--state-directory", str(tmp_path)]
        process = subprocess.Popen(
            [*command, *map(str, words)], stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        started.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def get(ready, path, content=None, token=None):
    with Path(ready["state_file"]).open() as file:
        token = token or json.load(file)["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = None if content is None else json.dumps(content).encode()
    request = urllib.request.Request(ready["url"] + path, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def test_it_says_where_it_serves_and_ends_when_told(serve, tmp_path):
    process, ready = serve("--speed", 600)
    assert get(ready, "/price/BTC-USDT")["source"] == "practice, last candle"
    assert get(ready, "/symbols")["symbols"] == ["BTC/USDT"]
    assert {"Claude Code", "VS Code (.vscode/mcp.json)", "Others, over HTTP"} <= set(ready["assistants"])
    assert "control_token" not in ready
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == ("", 0)
    assert list(tmp_path.iterdir()) == []


def test_a_bot_trades_and_an_assistant_reads_it_over_stdio(serve, tmp_path):
    from mcp import Client
    from mcp.client.stdio import StdioServerParameters, stdio_client

    token = "a-control-token-of-my-own-0123456789"
    process, ready = serve(
        "--strategy", "ma_crossover", "--param", "fast=4", "--allow-control", CRYPTOBOT_CONTROL_TOKEN=token
    )
    assert ready["control_token"] == token
    status = get(ready, "/bot-status")
    assert (status["state"], status["mode"], status["parameters"]["fast"]) == ("running", "practice", 4)
    command = StdioServerParameters(
        command=sys.executable, args=["-c", CODE, "mcp", "--state-directory", str(tmp_path)], env=dict(os.environ)
    )

    async def read():
        # Its default is the stderr of its first import, which may be that of a test that captured it.
        async with Client(stdio_client(command, errlog=sys.__stderr__)) as client:
            answer = await client.call_tool("get_bot_status", {})
            return answer.structured_content

    assert asyncio.run(read())["bot"] == status["bot"]
    assert get(ready, "/stop-bot", {}, token)["state"] == "stopped"
    assert get(ready, "/shutdown", {}, token)["stopping"] is True
    assert process.wait(20) == 0


def test_people_are_told_what_to_put_where(serve, tmp_path):
    command = [sys.executable, "-c", CODE, "serve", "--port", "0", "--state-directory", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "100"})
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C" in line:
            break
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0 or sys.platform == "win32"  # where it ends without a word
    text = "".join(lines)
    (state,) = {word for word in text.split() if word.endswith(".json") and str(tmp_path) in word}
    assert "http://127.0.0.1:" in lines[0]
    assert f"stands in {state}" in text
    assert f"claude mcp add cryptobot -- {sys.executable} -m cryptobot mcp --state-directory {tmp_path}" in text
    assert f"/mcp with the header Authorization: Bearer TOKEN, which stands in {state}" in text
    assert "control" not in lines[1]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--bot", "nobody"], "it does not run in a process of its own. Launch it"),
        (["--bot", "all", "--bot", "one"], "all are all"),
        (["--bot", "all", "--exchange", "binance", "--symbol", "A/B"], "Leave out --exchange, --symbol, or --bot"),
        (["--symbol", "ETH/USDT"], "the practice market is BTC/USDT alone"),
        (["--param", "fast=3"], "Add --strategy NAME"),
        (["--strategy", "ma_crosover"], "Did you mean `ma_crossover`"),
        (["--exchange", "binnance"], "binance"),
        (
            ["--exchange", "binance", "--strategy", "rsi", "--symbol", "A/B", "--symbol", "C/D"],
            "a bot trades one market",
        ),
        (["--timeframe", "7q"], "is not an interval"),
        (["--speed", "0"], "speed: 0"),
        (["--port", "70000"], "65535"),
    ],
)
def test_bad_input_is_one_paragraph(cli, words, text):
    ran = cli("serve", *words)
    assert ran.code == 2
    assert text in " ".join(ran.err.split())
    assert ran.out == ""
