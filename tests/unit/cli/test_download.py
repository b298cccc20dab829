"""``cryptobot download``: what it prints and answers; what is stored needs no exchange."""

from __future__ import annotations

import pandas as pd
import pytest

from cryptobot.core.types import Bar
from cryptobot.market.practice import practice_bars
from cryptobot.market.store.spans import Span
from cryptobot.market.store.store import BarStore

WORDS = ("download", "BTC/USDT", "1m", "--since", "2024-01-01", "--until", "2024-01-01T05:00")


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """A data directory that holds five hours of bars, with holes."""
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path))
    bars = practice_bars(300, timeframe="1m", start="2024-01-01", holes=2)
    bars = bars[bars.index < "2024-01-01T05:00"]
    rows = [Bar(row.Index.value, *map(float, row[1:])) for row in bars.itertuples()]
    until = pd.Timestamp("2024-01-01T05:00", tz="UTC").value
    BarStore().series("binance", "BTC/USDT", "1m").add(rows, Span(rows[0].time, until))
    return bars


def test_it_says_what_is_there(cli, stored, tmp_path):
    ran = cli(*WORDS)
    assert ran.code == 0
    said = " ".join(ran.out.split())
    assert f"binance BTC/USDT 1m: {len(stored)} bars, 0 of them new" in said
    assert "2 holes" in said
    assert ran.err == ""


def test_in_json_it_is_one_document(cli, stored, tmp_path):
    said = cli(*WORDS, "--json").json
    assert said["bars"] == len(stored)
    assert said["downloaded"] == 0
    assert said["first"] == "2024-01-01T00:00:00+00:00"
    assert said["holes"] == stored.attrs["holes"]
    assert said["warning"] is None
    assert said["folder"] == str(tmp_path / "bars" / "binance" / "BTC-USDT" / "1m")


def test_a_directory_may_be_named(cli, stored, tmp_path):
    said = cli(*WORDS, "--json", "--directory", tmp_path / "bars").json
    assert said["bars"] == len(stored)


BAD = {
    "a time that is none": (("download", "BTC/USDT", "1m", "--since", "soon"), "since: 'soon'"),
    "an interval that is none": (("download", "BTC/USDT", "1q", "--since", "2024-01-01"), "timeframe: '1q'"),
    "a symbol that is none": (("download", "../BTC", "1m", "--since", "2024-01-01"), "symbol: '../BTC'"),
    "an end before the beginning": ((*WORDS[:5], "--until", "2023-01-01"), "until: '2023-01-01'"),
}


@pytest.mark.parametrize(("words", "said"), BAD.values(), ids=BAD)
def test_bad_input_is_one_paragraph_and_exit_code_2(cli, words, said):
    ran = cli(*words)
    assert (ran.code, ran.out) == (2, "")
    assert said in " ".join(ran.err.split())


def test_it_has_help_with_examples(cli):
    assert "cryptobot download" in cli("download", "--help").out.split("Examples:")[1]
    assert cli("download", "BTC/USDT", "1m").code == 2
