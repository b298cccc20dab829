"""``cryptobot serve --bot``: launched bots over the network, in three processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from cryptobot.control.launch import launch
from mcp_server.client.synchronous import PriceClient


@pytest.fixture
def served(foreground, tmp_path):
    """Start the command, and return what it printed when it was ready."""

    def start(*words):
        process = foreground("serve", "--json", "--port", "0", "--state-directory", tmp_path / "servers", *words)
        line = process.stdout.readline()
        assert line, process.stderr.read()
        return process, json.loads(line)

    return start


def tell(ready, path, content):
    headers = {"Authorization": f"Bearer {ready['control_token']}", "Content-Type": "application/json"}
    request = urllib.request.Request(ready["url"] + path, json.dumps(content).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_bots_are_found_shown_stopped_and_missed(served, tmp_path):
    early = launch({"name": "early", "mode": "practice", "exchange": {"speed": 600}, "strategy": {"name": "rsi"}})
    process, ready = served("--bot", "all", "--allow-control")
    with PriceClient.connect(state_directory=tmp_path / "servers") as client:
        assert client.status("early").state == "running"
        late = launch({"name": "late", "mode": "practice", "exchange": {"speed": 600}, "strategy": {"name": "rsi"}})
        for message in client.stream(events=["status", "bar", "trade"]):
            if message.type == "status" and message.data["bot"] == "late":
                break
        assert client.status("late").bots == ["early", "late"]
        read_token = json.loads(Path(ready["state_file"]).read_text("utf-8"))["token"]
        refused = tell({**ready, "control_token": read_token}, "/stop-bot", {})
        assert refused[0] == 403  # the token of the state file reads
        assert tell(ready, "/stop-bot", {"bot": "late"}) == (200, json.loads(client.status("late").model_dump_json()))
        assert late.status().state == "stopped"
        assert early.status().state == "running"
        os.kill(early.process.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        for message in client.stream(events=["status"]):
            if message.type == "status" and (message.data["bot"], message.data["state"]) == ("early", "unknown"):
                assert "does not run" in message.data["reason"]
                break
        assert tell(ready, "/stop-bot", {"bot": "early"})[0] == 503
    assert tell(ready, "/shutdown", {})[1]["stop_bots"] is False
    assert process.wait(20) == 0
    assert late.alive  # the server has ended, the bots have not
    late.shut_down()


def test_one_bot_is_named(served, tmp_path):
    bot = launch({"name": "one", "mode": "practice", "exchange": {"speed": 600}, "strategy": {"name": "rsi"}})
    launch({"name": "other", "mode": "practice", "exchange": {"speed": 600}, "strategy": {"name": "rsi"}}).shut_down()
    process, ready = served("--bot", "one")
    with PriceClient.connect(ready["url"], json.loads(Path(ready["state_file"]).read_text("utf-8"))["token"]) as client:
        assert client.status().bots == ["one"]
        assert client.price("BTC/USDT").source == "practice, last candle"
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    bot.shut_down()
