"""Errors of the library's, as somebody reads them who types commands."""

from __future__ import annotations

import re

import pytest

import cryptobot as cb
from cryptobot.cli.command import spoken
from cryptobot.core.types import Mode
from cryptobot.trading.journal import JournalHeader

OPTIONS = {"fee": "--fee", "step": "--step", "test": "--test", "timezone": "--timezone", "anchored": "--anchored"}
# What is typed into Python: a name with its value, a call, a name of the package, an attribute.
PYTHON = re.compile(r"\b\w+=[^\s`]|\w\(|\bcb\.|`\.\w|=None|=True|\bNone\b")
FILES = {
    "unsorted.csv": "2024-01-01T00:01Z,1,1,1,1,1\n2024-01-01T00:00Z,1,1,1,1,1\n",
    "naive.csv": "2024-01-01 00:00,1,1,1,1,1\n2024-01-01 00:01,1,1,1,1,1\n",
    "shifted.csv": "2024-01-01T00:00+02:00,1,1,1,1,1\n2024-01-01T00:01+02:00,1,1,1,1,1\n",
}
WORDS = {
    "a fee below 0": (("backtest", "--fee", "-0.1"), "--fee: -0.1 is not allowed"),
    "no such seed": (("sweep", "--seed", "-3"), "--seed: -3 is not allowed"),
    "no such figure": (("walk-forward", "--rank", "shrp"), "--rank: 'shrp' is no figure"),
    "no length": (("walk-forward", "--train", "90x"), "a time such as '90d' or '12h'."),
    "bars and times": (("walk-forward", "--train", "5000", "--test", "9d"), "--train 5000, --test 9d: some are bars"),
    "too long a step": (
        ("walk-forward", "--test", "9d", "--step", "20d"),
        "--step: '20d' is longer than --test 9d, so that nobody would trade the bars in between.",
    ),
    "an option to leave out": (
        ("walk-forward", "--test", "9d", "--step", "20d"),
        "Give at most the length of the test, or leave --step out.",
    ),
    "no such run": (("runs", "nope"), "`cryptobot runs` lists those there are."),
    "no such kind": (("runs", "--kind", "sweeep"), "--kind: 'sweeep' is unknown."),
    "no zone": (("backtest", "--bars", "naive.csv"), "say so: --timezone UTC; else"),
    "another zone": (("backtest", "--bars", "shifted.csv"), "the times are converted: --timezone +02:00;"),
    "no known zone": (("backtest", "--bars", "naive.csv", "--timezone", "UTZ"), "--timezone: 'UTZ' is not a time zone"),
    "not in order": (("backtest", "--bars", "unsorted.csv"), "Sort the bars by time."),
    "no moment": (("explain", "mine", "--at", "soon"), "'2026-03-01 14:05' (UTC unless it says otherwise)."),
    "no bot": (("stop", "nobody"), "Launch it with `cryptobot run`."),
    "no time": (("report", "mine", "--since", "soon"), "--since: 'soon' is no time."),
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    for name, rows in FILES.items():
        (tmp_path / name).write_text(f"time,open,high,low,close,volume\n{rows}", "utf-8")


@pytest.fixture
def traded(tmp_path):
    """A journal of a bot of this name."""
    path = tmp_path / "data" / "journals" / "mine.sqlite"
    path.parent.mkdir(parents=True)
    exchange = cb.ReplayExchange(cb.practice_bars(60, seed=3))
    header = JournalHeader("mine", exchange.name, "", Mode.PRACTICE, exchange.symbol, "1m", 0)
    with cb.SqliteJournal(path, create=header) as journal:
        cb.Bot(cb.MovingAverageCrossover(3, 9), exchange=exchange, name="mine", journal=journal).run()
    return path


@pytest.mark.parametrize(("words", "said"), WORDS.values(), ids=WORDS)
def test_an_error_speaks_of_options_and_commands(cli, traded, words, said):
    ran = cli(*words)
    told = " ".join(ran.err.split())
    assert ran.code == 2
    assert said in told
    assert not PYTHON.search(told)


def test_combinations_that_were_left_out_are_told_with_the_reason_of_the_first(cli, bars_file):
    told = " ".join(cli("sweep", "ma_crossover", "--bars", bars_file, "-r", "fast=5,20", "-r", "slow=10").out.split())
    assert "1 combination breaks a constraint and was skipped. The first: MovingAverageCrossover: `fast` is 20" in told
    assert "names them" not in told


def test_a_kind_of_run_is_written_as_its_command_is(cli):
    assert cli("runs", "--kind", "walk-forward").code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Say what to assume: fee=0.001.", "Say what to assume: --fee 0.001."),
        ("Say anchored=True.", "Say --anchored."),
        ("Begin anew: new_journal=True, or --new-journal.", "Begin anew: --new-journal."),
        ("Keep all: cb.Journal(path, keep=None), or keep = 'all' in a file.", "Keep all: keep = 'all' in a file."),
        (
            "Give its class: cb.reconcile(journal, strategy=Mine), or --strategy FILE.",
            "Give its class: --strategy FILE.",
        ),
        ("Mine(fee=3, other=4) is left as it is.", "Mine(fee=3, other=4) is left as it is."),
        ("the coffee=3", "the coffee=3"),
        ("a fee: 3", "a fee: 3"),
        ("cb.fetch() is no command.", "cb.fetch() is no command."),
        ("test='a b'", "--test 'a b'"),
    ],
)
def test_what_is_an_argument_and_what_is_not(text, said):
    assert spoken(text, OPTIONS, ["runs"]) == said
