"""``cryptobot journal``."""

from __future__ import annotations

import json

import pytest

from cryptobot.core.types import Mode
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import JournalHeader, SqliteJournal


@pytest.fixture
def journal(tmp_path):
    path = tmp_path / "bot.sqlite"
    header = JournalHeader("bot", "binance", "", Mode.PAPER, "BTC/USDT", "1m", 5)
    with SqliteJournal(path, create=header) as made:
        for n in range(5):
            made.append(n, "notice", Notice("info", f"text {n}"))
    return path


def test_a_whole_journal(cli, journal):
    ran = cli("journal", "check", journal)
    assert ran.code == 0
    said = " ".join(ran.out.split())
    assert "every one of its 6 records" in said
    assert "BTC/USDT 1m on binance, paper" in said
    ran = cli("journal", "check", journal, "--json")
    assert ran.json | {"text": ""} == {
        "path": str(journal), "state": "ok", "good": 6, "known": 6, "text": "", "bot": "bot", "exchange": "binance",
        "mode": "paper", "symbol": "BTC/USDT", "timeframe": "1m", "opened": 5,
    }  # fmt: skip


def test_a_damaged_journal(cli, journal, tmp_path):
    journal.write_bytes(journal.read_bytes().replace(b"text 2", b"text 9"))
    ran = cli("journal", "check", journal, "--json")
    assert ran.code == 1
    assert (ran.json["state"], ran.json["good"], ran.json["known"]) == ("damaged", 3, 6)
    ran = cli("journal", "export", journal, tmp_path / "all.json")
    assert ran.code == 2
    assert "record 4 is not as it was written" in " ".join(ran.err.split())
    ran = cli("journal", "export", journal, tmp_path / "all.json", "--partly")
    assert ran.code == 0
    assert len(json.loads((tmp_path / "all.json").read_text("utf-8"))) == 3


def test_no_journal(cli, tmp_path):
    ran = cli("journal", "check", tmp_path / "none.sqlite")
    assert ran.code == 2
    assert "is neither a file nor a bot with a journal" in " ".join(ran.err.split())
    assert cli("journal", "export", tmp_path / "none.sqlite", tmp_path / "x.csv").code == 2


def test_export(cli, journal, tmp_path):
    ran = cli("journal", "export", journal, tmp_path / "notices.csv", "--table", "notices", "--json")
    assert ran.code == 0
    assert ran.json["rows"] == 5
    assert (tmp_path / "notices.csv").read_text("utf-8").splitlines()[1].endswith("info,text 0")
    assert "6 records" in cli("journal", "export", journal, tmp_path / "all", "--format", "json").out.replace("\n", " ")
    assert "Did you mean `csv`" in cli("journal", "export", journal, tmp_path / "all.cvs").err.replace("\n", " ")


def test_a_bot_s_name_stands_for_its_journal(cli, journal, tmp_path, monkeypatch):
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path / "data"))
    (tmp_path / "data" / "journals").mkdir(parents=True)
    journal.rename(tmp_path / "data" / "journals" / "btc-trend.sqlite")
    assert cli("journal", "check", "btc-trend", "--json").json["good"] == 6
    assert cli("journal", "export", "btc-trend", tmp_path / "all.json", "--json").json["rows"] == 6
    assert "Did you mean `btc-trend`" in cli("journal", "check", "btc-tend").err
