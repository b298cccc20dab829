"""``cryptobot walk-forward``."""

from __future__ import annotations

import importlib

import pytest

import cryptobot as cb
from cryptobot.backtest.walk_forward.run import walk_forward

SPLIT = ("--train", "200", "--test", "100", "--step", "50", "--embargo", "3", "--purge", "2")


def test_it_prints_what_the_function_returns(cli, bars_file, tmp_path):
    tried = ("-r", "fast=5,10", "-r", "slow=20:50:10", "--slippage-bps", "2")
    said = cli("walk-forward", "--bars", bars_file, *SPLIT, *tried, "--json").json
    report = walk_forward(
        cb.MovingAverageCrossover,
        cb.read_bars(bars_file),
        train=200,
        test=100,
        step=50,
        embargo=3,
        purge=2,
        slippage_bps=2,
        fast=[5, 10],
        slow=[20, 30, 40],
    )
    assert said == {"bars": "candles.feather", **report.as_dict()}
    chart = tmp_path / "chart.html"
    ran = cli("walk-forward", "--bars", bars_file, *SPLIT, *tried, "--plot", chart)
    assert ran.code == 0
    words = " ".join(ran.out.split())
    assert report.summary() in words
    assert report.verdict in words
    assert "To trade now by this procedure: MovingAverageCrossover(" in words
    assert "plotly" in chart.read_text("utf-8")[:200_000]
    assert ran.err == ""


def test_lengths_may_be_times_and_other_strategies_are_named(cli, bars_file):
    words = (
        "--train",
        "4h",
        "--test",
        "1h",
        "--step",
        "30m",
        "--anchored",
        "-r",
        "window=7,14",
        "--rank",
        "total_return",
    )
    said = cli("walk-forward", "rsi", "--bars", bars_file, *words, "--json").json
    assert said["strategy"] == "RsiReversal"
    assert len({row["train_from"] for row in said["windows"]}) == 1
    assert {row["window"] for row in said["windows"]} <= {7, 14, None}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rssi",), "Did you mean `rsi`?"),
        (("rsi",), "no values to try"),
        (("--train", "soon"), "train: 'soon' is not a length"),
        (("--train", "100", "--test", "1d"), "Give all as bars, or all as times"),
        (("--train", "5000"), "Give all as bars, or all as times"),
        (("--train", "90000", "--test", "100"), "Give more bars, or shorter train and test"),
        (("-r", "fast=0"), "Allowed: a whole number of at least 1"),
        (("-r", "fast=200", "-r", "slow=50"), "breaks a constraint"),
        (("--rank", "sharp"), "Did you mean `sharpe`?"),
        (("--purge", "-1"), "purge: -1"),
        (("--fee", "2"), "fee: 2"),
        (("--plot", "chart.png"), "a file ending in .html"),
    ],
)
def test_bad_input_is_one_paragraph_and_exit_code_2(cli, words, said):
    ran = cli("walk-forward", *words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("Error: ")
    assert said in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_an_interrupted_one_shows_what_is_done_and_fails(cli, bars_file, monkeypatch):
    run = importlib.import_module("cryptobot.backtest.walk_forward.run")
    plain = run.Progress.add

    def press(self, many):
        plain(self, many)
        raise KeyboardInterrupt

    monkeypatch.setattr(run.Progress, "add", press)
    ran = cli("walk-forward", "--bars", bars_file, *SPLIT, "-r", "fast=5", "-r", "slow=20")
    assert ran.code == 1
    assert "interrupted" in ran.out


def test_help_has_examples(cli):
    ran = cli("walk-forward", "--help")
    assert ran.code == 0
    assert "cryptobot walk-forward" in ran.out.split("Examples:")[1]
