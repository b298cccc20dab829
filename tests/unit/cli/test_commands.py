"""What the commands do, print and answer."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

import cryptobot as cb
from cryptobot.backtest.compare import TradeComparison
from cryptobot.core.secrecy import keep_secret
from cryptobot.trading.bot import running_bots


def test_help_pages_wrap_at_any_width(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    page = cli("run", "--help").out.splitlines()
    [line] = [line for line in page if "It stops within ten seconds" in line]
    assert line.rstrip().endswith("did not come to its end in time.")
    at = next(n for n, line in enumerate(page) if line.strip() == "Examples:")
    assert [line.strip() for line in page[at + 1 : at + 3]] == [
        "cryptobot run btc-trend.toml",
        "cryptobot run btc-trend.toml --json",
    ]


def test_ctrl_c_while_modules_are_loaded_is_no_traceback(cli, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr("cryptobot.cli.app.app", interrupted)
    ran = cli("status")
    assert (ran.code, ran.out, ran.err) == (130, "", "")


LET_GO = """
import signal, threading
import cryptobot.cli.app
from cryptobot.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have them ignored
class Held:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)  # Python raises here, and forgets it
def app():
    Held()
    threading.Event().wait(300)
cryptobot.cli.app.app = app
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C does not reach a main thread that waits there")
def test_ctrl_c_while_an_object_is_let_go_of_is_not_lost():
    ran = subprocess.run([sys.executable, "-c", LET_GO], capture_output=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, b"", b"")


def test_ctrl_c_ends_the_demo_and_not_only_its_bot(cli, bars_file, monkeypatch):
    def interrupted(_bot, timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr("cryptobot.trading.bot.Bot.wait", interrupted)
    before = running_bots()
    ran = cli("demo", "--bars", bars_file)
    assert ran.code == 130
    assert "Checked" in ran.out
    assert "Backtested" not in ran.out
    assert running_bots() == before


def test_the_demo_agrees_with_itself_and_says_so(cli, bars_file):
    ran = cli("demo", "--bars", bars_file)
    assert ran.code == 0
    assert "600 bars, 2 holes" in ran.out
    assert "0 differences" in ran.out
    assert ran.err == ""


def test_the_demo_in_json_is_what_backtest_and_bot_did(cli, bars_file):
    ran = cli("demo", "--bars", bars_file, "--json", "--fee", "0.002", "--param", "fast=5", "--cash", "500")
    assert ran.code == 0
    said = ran.json
    assert set(said) == {"backtest", "paper", "differences"}
    assert said["differences"] == 0
    report = cb.backtest(
        cb.MovingAverageCrossover(fast=5), cb.read_bars(bars_file), fee=0.002, slippage_bps=2, cash=500
    )
    assert said["backtest"] == report.stats.as_dict()
    same = {name for name, value in said["paper"].items() if value == pytest.approx(said["backtest"][name], rel=1e-9)}
    assert set(said["backtest"]) - same == {"buy_and_hold"}
    assert said["paper"]["buy_and_hold"] is None


def test_the_demo_fails_when_a_trade_differs(cli, bars_file, monkeypatch):
    start = pd.Timestamp(0, tz="UTC")
    table = pd.DataFrame(
        [(0, start, "quantity", 1.0, 2.0), (0, start, "exit_time", start, pd.NaT)],
        columns=["trade", "entry_time", "column", "left", "right"],
    ).astype({"left": object, "right": object})
    compared = TradeComparison(3, 1, table)
    monkeypatch.setattr(sys.modules["cryptobot.backtest.compare"], "compare_trades", lambda *_: compared)
    ran = cli("demo", "--bars", bars_file)
    assert ran.code == 1
    assert "1 difference:" in ran.out
    assert "quantity" in ran.out
    assert "none" in ran.out
    assert "NaT" not in ran.out
    assert cli("demo", "--bars", bars_file, "--json").json["differences"] == 1


def test_backtest_prints_and_writes(cli, bars_file, tmp_path):
    trades, chart = tmp_path / "trades.csv", tmp_path / "chart.html"
    ran = cli("backtest", "rsi", "--bars", bars_file, "--trades", trades, "--plot", chart, "-p", "window=7")
    assert ran.code == 0
    assert "window=7" in ran.out
    report = cb.backtest(cb.RsiReversal(window=7), cb.read_bars(bars_file))
    assert len(pd.read_csv(trades)) == len(report.trades) > 0
    assert "plotly" in chart.read_text("utf-8")[:200_000]
    said = cli("backtest", "rsi", "--bars", bars_file, "--json", "-p", "window=7").json
    assert said["params"]["window"] == 7
    assert said["total_return"] == report.stats.total_return


BAD = {
    "an unknown strategy": (("backtest", "rssi"), "Did you mean `rsi`?"),
    "an unknown parameter": (("backtest", "-p", "fsat=3"), "Did you mean `fast`?"),
    "fast not under slow": (("backtest", "-p", "fast=50"), "`fast` below `slow`"),
    "not NAME=VALUE": (("backtest", "-p", "fast"), "NAME=VALUE"),
    "a parameter twice": (("backtest", "-p", "fast=5", "-p", "fast=6"), "`fast` is given twice"),
    "a zone without a file": (("demo", "--timezone", "UTC"), "no file is given"),
    "not a number": (("backtest", "-p", "fast=x"), "a whole number"),
    "a negative fee": (("backtest", "--fee", "-0.1"), "fee: -0.1"),
    "no cash": (("demo", "--cash", "0"), "cash: 0"),
    "a missing file": (("demo", "--bars", "nowhere.feather"), "nowhere.feather"),
    "a file of no known kind": (("demo", "--bars", "notes.md"), "notes.md"),
    "a wrong column": (("backtest", "--bars", "columns.csv"), "column"),
    "an unsorted file": (("backtest", "--bars", "unsorted.csv"), "older than the one before"),
    "times without a zone": (("backtest", "--bars", "naive.csv"), "timezone"),
    "a chart that cannot be written": (("backtest", "--plot", "nowhere/chart.html"), "a folder that exists"),
    "a folder that is not there": (("lab", "nowhere"), "no such folder"),
}


@pytest.mark.parametrize(("words", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_one_paragraph_and_exit_code_2(cli, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = "time,open,high,low,close,volume\n"
    (tmp_path / "notes.md").write_text("no bars")
    (tmp_path / "columns.csv").write_text("time,open,high,low,last,volume\n2024-01-01T00:00Z,1,1,1,1,1\n")
    (tmp_path / "naive.csv").write_text(header + "2024-01-01 00:00,1,1,1,1,1\n2024-01-01 00:01,1,1,1,1,1\n")
    (tmp_path / "unsorted.csv").write_text(header + "2024-01-01T00:01Z,1,1,1,1,1\n2024-01-01T00:00Z,1,1,1,1,1\n")
    ran = cli(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("Error: ")
    assert said in " ".join(ran.err.split())
    assert "Traceback" not in ran.err
    assert "\n\n" not in ran.err.strip()


def test_every_command_has_help_with_examples(cli):
    for command in ("lab", "demo", "backtest", "doctor"):
        ran = cli(command, "--help")
        assert ran.code == 0
        assert f"cryptobot {command}" in ran.out.split("Examples:")[1]


def test_the_module_is_the_command():
    run = subprocess.run(
        [sys.executable, "-m", "cryptobot", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout == f"cryptobot {cb.__version__}\n"


def test_doctor_never_shows_a_secret(cli, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("BINANCE_API_KEY=planted-key\nSLACK_WEBHOOK_URL=https://hooks.example/planted\n")
    text, found = cli("doctor"), cli("doctor", "--json")
    assert "planted" not in text.out + text.err + found.out + found.err
    states = {finding["name"]: finding["seen"] for finding in json.loads(found.out)}
    assert states["BINANCE_API_KEY"] == "set"
    assert states["BINANCE_API_SECRET"] == "not set"
    assert "cryptobot" in states["Python"]


@pytest.mark.parametrize("option", ["--plot", "--trades"])
def test_a_file_that_cannot_be_written_is_one_paragraph(cli, bars_file, tmp_path, option):
    place = tmp_path / {"--plot": "folder.html", "--trades": "folder.csv"}[option]
    place.mkdir()
    ran = cli("backtest", "--bars", bars_file, option, place)
    assert ran.code == 2
    assert "Traceback" not in ran.err
    assert place.name in ran.err.replace("\n", "")
    assert "Mend that, or name another place" in " ".join(ran.err.split())


def test_a_fault_of_the_program_is_shown_whole_without_secrets(cli, monkeypatch):
    def broken():
        keep_secret("canary-command-5c1d")
        raise RuntimeError("it broke: canary-command-5c1d")

    monkeypatch.setattr("cryptobot.cli.app.app", broken)
    ran = cli("status")
    assert ran.code == 70
    assert "RuntimeError: it broke" in ran.err
    assert "canary" not in ran.err
