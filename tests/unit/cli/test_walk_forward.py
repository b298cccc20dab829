"""``cryptobot walk-forward``, and values to try as they are written on the command line."""

from __future__ import annotations

import pytest

import cryptobot as cb
from cryptobot.backtest.walk_forward.run import walk_forward
from cryptobot.cli.ranges import read_ranges
from cryptobot.core.errors import ConfigError
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.param import param


class Everything(Strategy):
    """A parameter of every kind."""

    window = param(10, ge=1)
    level = param(0.5)
    strict = param(False)
    side = param("up", choices=("up", "down"))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("window=10", [10]),
        ("window=5,10,20", [5, 10, 20]),
        ("window=5:20:5", [5, 10, 15, 20]),
        ("window=5:19:5", [5, 10, 15]),
        ("window=2:4,9", [2, 3, 4, 9]),
        (" window = 1e2 ", [100]),
        ("level=0.1:0.3:0.1", [0.1, 0.2, 0.3]),
        ("level=-1:1", [-1.0, 0.0, 1.0]),
        ("strict=true,False", [True, False]),
        ("side=up,down", ["up", "down"]),
    ],
)
def test_values(text, values):
    ((_, found),) = read_ranges(Everything, [text]).items()
    assert found == values
    assert [type(value) for value in found] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["window"], "is not NAME=VALUES"),
        (["windw=3"], "Did you mean `window`"),
        (["window=3", "window=4"], "given twice"),
        (["window=x"], "allowed: a whole number of at least 1"),
        (["window="], "allowed: a whole number"),
        (["window=1:2:3:4"], "from, to and step"),
        (["window=9:3"], "holds no value"),
        (["window=1:5:0"], "holds no value"),
        (["level=nan"], "allowed: a finite number"),
        (["level=0:1:0.0000001"], "10,000,001 values"),
        (["strict=yes"], "true, false, or true,false"),
    ],
)
def test_values_that_are_not_allowed(texts, said):
    with pytest.raises(ConfigError, match=said):
        read_ranges(Everything, texts)


SPLIT = ("--train", "200", "--test", "100", "--step", "50", "--embargo", "3", "--purge", "2")


def test_it_prints_what_the_function_returns(cli, bars_file, tmp_path):
    tried = ("-p", "fast=5,10", "-p", "slow=20:40:10", "--slippage-bps", "2")
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
        "-p",
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
        (("-p", "fast=0"), "Allowed: a whole number of at least 1"),
        (("-p", "fast=200", "-p", "slow=50"), "breaks a constraint"),
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


def test_help_has_examples(cli):
    ran = cli("walk-forward", "--help")
    assert ran.code == 0
    assert "cryptobot walk-forward" in ran.out.split("Examples:")[1]
