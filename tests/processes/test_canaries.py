"""Secrets planted in the environment of a notebook and of its bot are found nowhere that either leaves a word.

The notebook is executed by a real kernel, its bot trades in a process of its own beside a price server and is told of
in Slack; the strategy, the exchange and the user are as careless as can be. Then every byte is searched.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import textwrap

import nbformat
import pytest
from nbclient import NotebookClient

from cryptobot.control import state_file
from mcp_server.state_file import DIRECTORY
from tests.alerts.slack_server import HOOK, SlackServer

PATIENCE = 120
WORDS = {
    "BINANCE_API_KEY": "canary-key-5d1c9e7a3b",
    "BINANCE_API_SECRET": "canary-secret-8f2b6d4e1c",
    "KRAKEN_API_SECRET": "canary-kraken-9z8y7x6w",
    "CRYPTOBOT_WEBHOOK_URL": "https://receiver.example/hook/canary-url-55aa66",
    "CRYPTOBOT_WEBHOOK_TOKEN": "canary-token-0a1b2c3d4e",
    "MY_PING_URL": "http://127.0.0.1:9/ping/canary-ping-44bb55cc",
    "SOMEBODYS_PASSWORD": "canary-password-33dd22",
}
SIGNED = "signedcanary99"
STRATEGY = f"""
    import logging
    import os

    import cryptobot as cb

    TALK = f"{{dict(os.environ)}} GET https://a.example/x?signature={SIGNED} Authorization: Bearer {SIGNED}"


    class Careless(cb.Strategy):
        rows = 0

        def should_buy(self, x):
            Careless.rows += 1
            if Careless.rows == 400:
                logging.getLogger("cryptobot.mine").warning("%s", TALK, extra={{"facts": {{"env": TALK}}}})
            if Careless.rows == 800:
                try:
                    raise KeyError(TALK)
                except KeyError as error:
                    raise ValueError("all I know: " + TALK) from error
            return x.close > x.open

        def should_sell(self, x):
            return x.close < x.open
"""
BROKEN = """
    import os

    raise RuntimeError(f"{dict(os.environ)}")
"""
CELLS = [
    """
    import cryptobot as cb
    config = dict(name="careless", mode="practice", exchange={"speed": 60_000}, server={"port": 0},
                  alerts={"slack": {"seconds_between": 0.0}, "webhook": {}},
                  watch={"heartbeat": "MY_PING_URL", "every": 1.0})
    bot = cb.launch(config | {"strategy": {"name": "careless.py:Careless"}})
    bot.wait_until(lambda: bot.status().state == "halted", 60)
    bot.log("error", f"my keys are {dict(__import__('os').environ)}")
    """,
    "bot",
    "bot.status()",
    "bot.logs()",
    "print(*bot.logs(), sep='\\n')",
    "bot.notices()",
    "bot.explain()",
    "bot.trades()",
    "panel = cb.ControlPanel(bot); panel.refresh(); panel",
    "bot.start()",
    "cb.SlackAlerts.from_env(), cb.WebhookAlerts.from_env(), cb.CcxtExchange('binance', mode='testnet')",
    "cb.CcxtExchange('binance', mode='testnet', endpoint='http://127.0.0.1:9', api_key='x')",
    "cb.launch(config | {'name': 'broken', 'strategy': {'name': 'broken.py:Broken'}})",
    "from cryptobot.core.settings import Settings; Settings.load()",
    "import pickle; pickle.dumps(Settings.load())",
    "Settings.load(binance_api_kye=1)",
    """
    import json, urllib.error, urllib.request
    from pathlib import Path
    from cryptobot.control.folders import Folders
    from mcp_server.rest.table import ROUTES
    [state] = [json.loads(path.read_text()) for path in Path("servers").glob("*.json")]
    asked = 0
    for route in ROUTES:
        if route.method == "GET":
            path = route.path.replace("{symbol}", "BTC-USDT").replace("{id}", "none")
            request = urllib.request.Request(state["url"] + path, headers={"Authorization": "Bearer " + state["token"]})
            try:
                print(path, urllib.request.urlopen(request, timeout=30).read().decode())
            except urllib.error.HTTPError as error:
                print(path, error, error.read().decode())
            asked += 1
    print("asked", asked)
    """,
    """
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client
    async def assistant():
        headers = {"Authorization": "Bearer " + state["token"]}
        async with httpx2.AsyncClient(headers=headers, trust_env=False) as session:
            async with Client(streamable_http_client(state["url"] + "/mcp", http_client=session)) as client:
                for tool in (await client.list_tools()).tools:
                    print(tool.name, await client.call_tool(tool.name, {}))
    await assistant()
    """,
    """
    from cryptobot.trading.session_report import session_report
    report = session_report(Folders.find().journal("careless"))
    Path("report.html").write_text(report.html())
    report
    """,
    "print(bot.metrics())",
]


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """A notebook with its outputs and its widgets, and what lies about afterwards."""
    slack = SlackServer()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in WORDS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.webhook)
    monkeypatch.setenv(DIRECTORY, str(tmp_path / "servers"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    (tmp_path / "careless.py").write_text(textwrap.dedent(STRATEGY), "utf-8")
    (tmp_path / "broken.py").write_text(textwrap.dedent(BROKEN), "utf-8")
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    notebook.cells = [nbformat.v4.new_code_cell(textwrap.dedent(cell).strip()) for cell in CELLS]
    client = NotebookClient(
        notebook, timeout=PATIENCE, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}
    )
    try:
        client.execute()
        yield notebook, slack, tmp_path
    finally:
        slack.close()


def outputs_of(notebook, at):
    return json.dumps(notebook.cells[at].outputs)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGABRT to end it with")
def test_no_byte_of_a_secret_is_left(executed, folders):
    notebook, slack, place = executed
    state = state_file.read(folders, "careless")
    os.kill(state.pid, signal.SIGABRT)
    # What was to be shown is there, or nothing is proved.
    assert "all I know" in outputs_of(notebook, 4)
    assert "application/vnd.jupyter.widget-view+json" in outputs_of(notebook, 8)
    assert len(json.dumps(notebook.metadata.widgets)) > 10_000
    assert "asked" in outputs_of(notebook, -4)
    assert "get_price" in outputs_of(notebook, -3)
    assert "cryptobot_bars_total" in outputs_of(notebook, -1)
    assert "cannot be run: RuntimeError" in outputs_of(notebook, 12)
    assert slack.posted
    found = {"notebook": json.dumps(notebook), "slack": json.dumps([posted.body for posted in slack.posted])}
    sources = ("careless.py", "broken.py")
    for path in place.rglob("*"):
        if path.is_file() and path.name not in sources:
            found[str(path.relative_to(place))] = path.read_bytes().decode("latin-1")
    assert len(found) > 8
    said = json.dumps([cell.source for cell in notebook.cells]) + STRATEGY
    words = {*WORDS.values(), *(word.rpartition("/")[2] for word in WORDS.values()), HOOK, "canaryhooksecret", SIGNED}
    assert not [word for word in words if word in said and word != SIGNED]
    assert not [(where, word) for where, text in sorted(found.items()) for word in words if word in text]
