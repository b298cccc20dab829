"""``cryptobot sweep``: ranges in words, a table for people, JSON for programs."""

from __future__ import annotations

import importlib

import pandas as pd
import pytest

import cryptobot as cb


def test_it_shows_the_best_and_its_luck(cli, bars_file, tmp_path):
    table, chart = tmp_path / "all.csv", tmp_path / "chart.html"
    words = ("--bars", bars_file, "-r", "fast=3,5,20", "--range", "slow=10:30:10", "--table", table, "--plot", chart)
    ran = cli("sweep", "ma_crossover", *words)
    assert ran.code == 0
    assert ran.err == ""
    report = cb.sweep(cb.MovingAverageCrossover, cb.read_bars(bars_file), fast=[3, 5, 20], slow=[10, 20])
    joined = " ".join(ran.out.split())
    assert report.summary() in joined
    assert report.luck.sentence[:60] in joined
    assert "2 combinations break a constraint and were skipped" in joined
    assert pd.read_csv(table)["sharpe"].tolist() == pytest.approx(report.table["sharpe"].tolist(), rel=1e-12)
    assert "plotly" in chart.read_text("utf-8")[:200_000]


def test_json_is_one_document(cli, bars_file):
    ran = cli(
        "sweep", "rsi", "--bars", bars_file, "-r", "window=5:9:2", "--rank", "total_return", "--best", 1, "--json"
    )
    said = ran.json
    assert (said["asked"], said["tried"], said["skipped"], said["complete"]) == (2, 2, 0, True)
    report = cb.sweep(cb.RsiReversal, cb.read_bars(bars_file), window=[5, 7], rank="total_return")
    (best,) = said["best"]
    assert best["total_return"] == report.best(1)["total_return"].iloc[0]
    assert best["row"] == int(report.best(1).index[0])
    assert said["luck"]["sentence"] == report.luck.sentence


def test_without_words_it_sweeps_the_crossover(cli, bars_file):
    said = cli("sweep", "--bars", bars_file, "--json").json
    assert said["strategy"] == "ma_crossover"
    assert said["asked"] == 190


def test_an_interrupted_sweep_shows_what_is_done_and_fails(cli, bars_file, monkeypatch):
    run = importlib.import_module("cryptobot.backtest.sweep.run")
    monkeypatch.setattr(importlib.import_module("cryptobot.backtest.sweep.tables"), "_TASK", 1e-9)
    plain = run.Progress.add

    def press(self, many):
        plain(self, many)
        raise KeyboardInterrupt

    monkeypatch.setattr(run.Progress, "add", press)
    ran = cli("sweep", "--bars", bars_file, "--workers", 1)
    assert ran.code == 1
    assert "The sweep was interrupted" in ran.out


def test_several_files_are_several_symbols(cli, bars_file, tmp_path):
    other, table, chart = tmp_path / "eth.csv", tmp_path / "all.csv", tmp_path / "chart.html"
    cb.practice_bars(900, seed=5).to_csv(other)
    words = ("--bars", f"BTC/USDT={bars_file}", "--bars", other, "-r", "fast=3,5", "-r", "slow=9,12")
    frames = {"BTC/USDT": cb.read_bars(bars_file), "eth": cb.read_bars(other)}
    report = cb.sweep(cb.MovingAverageCrossover, frames, fast=[3, 5], slow=[9, 12])
    said = cli("sweep", "ma_crossover", *words, "--best", 3, "--json").json
    assert said["bars"] == ["BTC/USDT", "eth"]
    assert (said["asked"], said["tried"], said["skipped"], said["complete"]) == (8, 8, 0, True)
    assert [(row["symbol"], row["row"]) for row in said["best"]] == report.best(3).index.to_list()
    assert said["luck"]["sentence"] == report.luck.sentence
    ran = cli("sweep", "ma_crossover", *words, "--table", table, "--plot", chart)
    assert ran.code == 0
    joined = " ".join(ran.out.split())
    assert report.summary() in joined
    assert "BTC/USDT: " in joined
    assert "eth: 900 bars" in joined
    written = pd.read_csv(table)
    assert written["symbol"].tolist() == ["BTC/USDT"] * 4 + ["eth"] * 4
    assert written["sharpe"].tolist() == pytest.approx(report.table["sharpe"].tolist(), rel=1e-12)
    assert "plotly" in chart.read_text("utf-8")[:200_000]


def test_a_file_may_have_an_equals_sign_in_its_name_and_a_symbol_comes_once(cli, bars_file, tmp_path):
    odd = tmp_path / "a=b.feather"
    odd.write_bytes(bars_file.read_bytes())
    assert cli("sweep", "rsi", "--bars", odd, "-r", "window=5", "--json").json["bars"] == "a=b.feather"
    ran = cli("sweep", "rsi", "--bars", bars_file, "--bars", bars_file, "-r", "window=5")
    assert ran.code == 2
    assert "is given twice" in ran.err
    ran = cli("sweep", "rsi", "--bars", f"BTC={tmp_path / 'none.csv'}", "-r", "window=5")
    assert ran.code == 2
    assert "none.csv" in ran.err


BAD = {
    "an unknown strategy": (("rssi",), "Did you mean `rsi`?"),
    "an unknown parameter": (("ma_crossover", "-r", "fsat=3"), "Did you mean `fast`?"),
    "no values": (("ma_crossover", "-r", "fast"), "is not NAME=VALUES"),
    "no range at all": (("rsi",), "--range window=7:28:7"),
    "an empty range": (("ma_crossover", "-r", "fast=9:3:1"), "holds no value"),
    "a backward step": (("ma_crossover", "-r", "fast=3:9:-1"), "holds no value"),
    "no number": (("ma_crossover", "-r", "fast=3,x"), "allowed: a whole number"),
    "not a number": (("ma_crossover", "-r", "volatility_threshold=nan"), "allowed: a finite number"),
    "a fraction for a count": (("ma_crossover", "-r", "fast=3:5:0.5"), "`fast` is 3.5"),
    "four parts": (("ma_crossover", "-r", "fast=1:2:3:4"), "FROM:BELOW:STEP"),
    "too many": (("ma_crossover", "-r", "volatility_threshold=0:1:0.0000001"), "Take a larger step"),
    "twice": (("ma_crossover", "-r", "fast=3", "-r", "fast=4"), "is given twice"),
    "a bad figure": (("ma_crossover", "-r", "fast=3", "--rank", "sharp"), "Did you mean `sharpe`?"),
    "a bad file": (("ma_crossover", "-r", "fast=3", "--table", "x.txt"), "Name a file ending in .csv"),
}


@pytest.mark.parametrize(("words", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_one_paragraph(cli, bars_file, words, said):
    ran = cli("sweep", *words, "--bars", bars_file)
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
    assert "Traceback" not in ran.err
