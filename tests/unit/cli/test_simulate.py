"""``cryptobot simulate``: one line when it is ready, and a clean end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request

import pytest

import cryptobot as cb
from cryptobot.cli.simulate import _say_how
from cryptobot.control.config import BotConfig
from cryptobot.control.exchange_config import make_exchange

CODE = "from cryptobot.cli import main; main()"


@pytest.fixture
def simulate():
    """Start the command in a process of its own and return the process and what it printed when it was ready."""
    started = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, "simulate", *map(str, words)], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def get(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.loads(answer.read())


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGINT,
        pytest.param(signal.SIGTERM, marks=pytest.mark.skipif(sys.platform == "win32", reason="ends without a word")),
    ],
)
def test_it_prints_one_line_serves_and_ends_when_told(simulate, number):
    process, ready = simulate("--practice", 3, "--speed", "manual", "--balance", "USDT=500", "--history", 20)
    assert {"rest", "stream", "ws_api", "api_key", "secret"} <= set(ready)
    assert len(get(f"{ready['rest']}/api/v3/klines?symbol=BTCUSDT&interval=1m")) == 21
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert out == ""
    assert process.returncode == 0
    with pytest.raises(urllib.error.URLError):
        get(f"{ready['rest']}/api/v3/ping")


def test_it_plays_a_file_with_faults_at_random(simulate, bars_file):
    _, ready = simulate("--bars", bars_file, "--symbol", "ETH/USDT", "--fault-rate", 1, "--seed", 4, "--speed", 600)
    assert (ready["symbol"], ready["timeframe"]) == ("ETH/USDT", "1m")

    def ask():
        for _ in range(20):
            get(f"{ready['rest']}/api/v3/klines?symbol=ETHUSDT&interval=1m")

    with pytest.raises((urllib.error.URLError, ConnectionError, ValueError)):
        ask()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--speed", "fast"], "speed: 'fast' is not allowed"),
        (["--balance", "USDT"], "is not CURRENCY=AMOUNT"),
        (["--balance", "USDT=much"], "is not a number"),
        (["--balance", "USDT=1", "--balance", "usdt=2"], "given twice"),
        (["--balance", "USDT=-5"], "Give 0 or more"),
        (["--timezone", "UTC"], "Add --bars FILE"),
        (["--symbol", "BTCUSDT"], "Write BASE/QUOTE"),
        (["--timeframe", "7q"], "is not an interval"),
        (["--history", "-1"], "history"),
        (["--fee", "2"], "fee: 2"),
        (["--bars", "missing.csv"], "there is no file"),
    ],
)
def test_bad_input_is_one_paragraph(cli, words, text):
    ran = cli("simulate", *words)
    assert ran.code == 2
    assert text in " ".join(ran.err.split())
    assert ran.out == ""


def test_bars_and_a_seed_exclude_each_other(cli, bars_file):
    ran = cli("simulate", "--bars", bars_file, "--practice", "3")
    assert ran.code == 2
    assert "Leave out --practice or --bars" in " ".join(ran.err.split())


def test_a_person_is_told_how_a_bot_trades_on_it(capsys, monkeypatch):
    with cb.Simulator(practice=3, speed="manual") as simulator:
        _say_how(simulator)
        said = capsys.readouterr().err.splitlines()
        lines = [line.strip() for line in said if " = " in line or line.strip().startswith("[")]
        config = BotConfig.of({"name": "mine", "strategy": {"name": "rsi"}, **tomllib.loads("\n".join(lines))})
        for name in ("BINANCE_API_KEY", "BINANCE_API_SECRET"):
            [value] = [line.partition("=")[2] for line in said if line.strip().startswith(f"{name}=")]
            monkeypatch.setenv(name, value)
        bot = cb.Bot(cb.RsiReversal(), exchange=make_exchange(config), symbol=config.symbol, timeframe=config.timeframe)
        bot.start()
        bot.stop()
    assert bot.status().mode == "testnet"
    assert bot.status().reason == "stopped on request"
