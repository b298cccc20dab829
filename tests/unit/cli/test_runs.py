"""``cryptobot runs``: a list, a comparison, JSON, and what it says when there is nothing."""

from __future__ import annotations

import pytest

import cryptobot as cb
from cryptobot.backtest.registry.recording import runs

BARS = cb.practice_bars(600, seed=3)
MA = cb.MovingAverageCrossover


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CRYPTOBOT_RECORD_RUNS", "true")
    return tmp_path


@pytest.fixture
def three():
    """The ids of a backtest, a sweep and a walk-forward."""
    reports = (
        cb.backtest(MA(3, 8), BARS, market=cb.Market("BTC/USDT")),
        cb.sweep(MA, BARS, fast=range(2, 7), slow=[8, 12]),
        cb.walk_forward(MA, BARS, train=200, test=100, fast=[3, 5], slow=[8, 12]),
    )
    return [report.run_id for report in reports]


def test_it_lists_what_was_run_newest_first(cli, three):
    ran = cli("runs")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[0].split() == ["run", "of", "what", "return", "drawdown", "sharpe", "trades"]
    assert [word for word in ran.out.split() if word in three] == three[::-1]
    figures = runs("backtest")[0].results
    at = next(number for number, line in enumerate(lines) if three[0] in line)
    first, second = (" ".join(line.split()) for line in lines[at : at + 2])
    wanted = f"{100 * figures['total_return']:,.2f} % {100 * figures['max_drawdown']:,.2f} % {figures['sharpe']:,.2f}"
    assert f"{first} {second}".startswith(f"{three[0]} ma_crossover, 600 bars of")
    assert f"{wanted} {figures['trades']}" in first
    assert second.startswith("backtest")
    assert "slow=[8, 12]," in " ".join(ran.out.split())
    assert "walk-forward" in ran.out


def test_it_lists_only_what_is_asked_for(cli, three):
    assert [word for word in cli("runs", "-n", "1").out.split() if word in three] == [three[2]]
    chosen = cli("runs", "--kind", "sweep", "--json").json
    assert [run["id"] for run in chosen] == [three[1]]
    assert cli("runs", "--strategy", "rsi", "--json").json == []


def test_json_holds_the_whole_runs_and_nothing_else(cli, three):
    ran = cli("runs", "--json")
    assert [run["id"] for run in ran.json] == three[::-1]
    walked, swept, _ = ran.json
    assert swept["parameters"]["fast"] == [2, 3, 4, 5, 6]
    assert swept["results"]["trials"] == 10
    assert swept["tables"] == ["table"]
    assert walked["assumptions"]["train"] == 200
    assert walked["results"]["sentence"].endswith(".")
    assert ran.err == ""


def test_a_figure_that_there_is_not_is_no_number_in_json_and_a_dash_in_the_list(cli):
    cb.sweep(MA, BARS, fast=[3], slow=[8], volatility_threshold=0.9)
    ran = cli("runs", "--json")
    assert "NaN" not in ran.out
    assert ran.json[0]["results"]["sharpe"] is None
    assert cli("runs").out.splitlines()[1].split()[-2:] == ["–", "0"]


def test_it_compares_runs_by_the_beginnings_of_their_ids(cli, three):
    ran = cli("runs", three[0], three[1])
    lines = [line.split() for line in ran.out.splitlines()]
    facts = {line[0]: line[1:] for line in lines[1:]}
    assert lines[0] == three[:2]
    assert facts["kind"] == ["backtest", "sweep"]
    assert "slippage" not in facts  # the same for both
    assert facts["trials"] == ["–", "10"]
    assert "best" in facts
    assert [run["id"] for run in cli("runs", three[2], three[0], "--json").json] == [three[2], three[0]]


def test_it_says_that_nothing_is_recorded_yet(cli):
    ran = cli("runs")
    assert ran.code == 0
    assert "No runs are recorded yet." in ran.out
    ran = cli("runs", "--json")
    assert ran.json == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "sweeps"), "kind: 'sweeps' is unknown. Did you mean `sweep`?"),
        (("2020",), "run '2020' is unknown."),
        (("-n", "0"), "greater than or equal to 1"),
    ],
)
def test_bad_input_is_one_paragraph_and_exit_code_2(cli, words, said):
    ran = cli("runs", *words)
    assert ran.code == 2
    assert ran.out == ""
    assert said in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_an_id_that_is_not_clear_is_refused(cli, three):
    ran = cli("runs", three[0][:4])
    assert ran.code == 2
    assert "3 runs begin so" in " ".join(ran.err.split())


def test_help_has_examples(cli):
    ran = cli("runs", "--help")
    assert ran.code == 0
    assert "cryptobot runs" in ran.out.split("Examples:")[1]
