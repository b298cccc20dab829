"""`cryptobot doctor`: what is wrong is found, and how to mend it is said."""

from __future__ import annotations

import json
import os
import socket
import sys

import pytest

import cryptobot as cb
from cryptobot.control import state_file
from cryptobot.control.checkup import computer, files, services
from cryptobot.control.folders import Folders
from cryptobot.control.locks import ProcessLock
from cryptobot.core.types import Mode
from cryptobot.trading.journal import JournalHeader, SqliteJournal

CANARY = "canary-41d0e8a7b6c5"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path / "data"))
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_API_SECRET")) or name.startswith("SLACK_"):
            monkeypatch.delenv(name)
    found = Folders(tmp_path / "data")
    found.make("mine")
    return found


def by_name(findings):
    found = {one.name: one for one in findings}
    assert all(one.advice for one in findings if one.state == "bad")
    return found


def make_journal(folders, name, records=5):
    header = JournalHeader(name, "somewhere", "", Mode.PAPER, "BTC/USDT", "1m", 0)
    with SqliteJournal(folders.journal(name), create=header) as journal:
        for number in range(records):
            journal.append(number, "state", ("running", ""))


def test_a_good_computer_has_nothing_to_mend(folders):
    make_journal(folders, "mine")
    assert {one.state for one in files.files(folders)} == {"ok"}
    assert not [one for one in computer.computer() if one.state == "bad"]
    assert "bad" not in {one.state for one in services.settings()}
    assert by_name(files.files(folders))["journal mine"].seen.startswith("6 records")


def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        found = computer.port(number, "cryptobot serve")
    assert (found.state, found.seen) == ("missing", "in use by another program")
    assert f"--port {number + 100}" in found.advice


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [("1.2", ">=1.2,<2", True), ("2.0", ">=1.2,<2", False), ("9", "", True), ("2.0rc1", ">=1.9", True)],
)
def test_versions_are_held_against_those_that_are_allowed(version, wanted, fits):
    assert computer._fits(version, wanted) is fits


def test_the_allowed_versions_are_the_projects():
    allowed = computer._allowed()
    assert allowed["pandas"].replace(" ", "") in ("<4,>=3.0.3", ">=3.0.3,<4")
    assert "vectorbt" in allowed
    assert {name for _, name, _, _ in computer._PACKAGES} <= set(allowed)


def test_a_package_of_a_wrong_version_is_bad(monkeypatch):
    monkeypatch.setattr(computer, "_allowed", lambda: {"numpy": "<1"})
    found = by_name(computer._packages())["numpy"]
    assert (found.state, "allowed is <1" in found.seen) == ("bad", True)


def test_a_damaged_journal_is_found(folders):
    make_journal(folders, "mine", 300)
    path = folders.journal("mine")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4_096] = bytes(4_096)
    path.write_bytes(content)
    found = by_name(files.files(folders))["journal mine"]
    assert found.state == "bad"
    assert "cryptobot journal check" in found.advice


def test_a_process_that_died_is_found(folders):
    state = state_file.ProcessState("mine", "paper", 1, 1, "t" * 40, 0, "", "1")
    state_file.write(folders, state)
    assert by_name(files.files(folders))["bot mine"].state == "missing"
    with ProcessLock(folders.of("mine", "lock"), "mine", "taken ({holder})"):
        assert by_name(files.files(folders))["bot mine"].state == "ok"


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such rights there")
def test_tokens_that_others_may_read_are_bad(folders):
    state_file.write(folders, state_file.ProcessState("mine", "paper", 1, 1, "t" * 40, 0, "", "1"))
    folders.of("mine", "state.json").chmod(0o644)
    found = by_name(files.files(folders))["tokens"]
    assert (found.state, "chmod" in found.advice) == ("bad", True)


def test_a_damaged_file_of_bars_is_found(folders):
    from cryptobot.core.bars import BarColumns
    from cryptobot.market.store.spans import Span
    from cryptobot.market.store.store import BarStore

    columns = BarColumns.of(cb.practice_bars(50, seed=1))
    series = BarStore(folders.root / "bars").series("binance", "BTC/USDT", "1m")
    series.add(columns.rows(), Span(int(columns.time[0]), int(columns.time[-1]) + 60 * 10**9))
    found = by_name(files.files(folders))["store"]
    assert (found.state, found.seen[:7]) == ("ok", "1 files")
    [path] = series.folder.glob("*.parquet")
    path.write_bytes(path.read_bytes()[:-100])
    found = by_name(files.files(folders))["store"]
    assert (found.state, str(path) in found.seen) == ("bad", True)


def test_half_a_pair_of_keys_is_bad(folders, monkeypatch):
    monkeypatch.setenv("KRAKEN_API_KEY", CANARY)
    found = by_name(services.settings())["keys of kraken"]
    assert found.state == "bad"
    assert found.seen == "KRAKEN_API_KEY is set, KRAKEN_API_SECRET is not"


def test_a_webhook_that_is_none_is_bad_and_not_shown(folders, monkeypatch):
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"ftp://{CANARY}")
    findings = services.settings()
    found = by_name(findings)
    assert found["alerts: slack"].state == "bad"
    assert found["alerts: log"].state == "ok"
    assert found["alerts: webhook"].state == "missing"
    assert CANARY not in repr(findings)


def test_an_exchange_is_asked_for_its_time_and_the_keys_rights(folders, monkeypatch):
    bars = cb.practice_bars(120, seed=1)
    with cb.Simulator(bars, history=50, speed=1) as server:
        found = by_name(services.exchange("binance", server.endpoint))
        assert found["binance"].state == "ok"
        assert found["clock against binance"].seen.endswith(("ahead", "behind"))
        assert "keys of binance" not in found  # none are set
        monkeypatch.setenv("BINANCE_API_KEY", server.api_key)
        monkeypatch.setenv("BINANCE_API_SECRET", CANARY)
        found = services.exchange("binance", server.endpoint)
        assert CANARY not in repr(found)
        assert server.api_key not in repr(found)


def test_an_exchange_that_is_not_there_is_said_so(folders):
    [found] = services.exchange("binance", "http://127.0.0.1:9")
    assert found.state == "bad"
    [found] = services.exchange("binanse")
    assert (found.state, "binance" in found.seen) == ("bad", True)


def test_the_command_shows_it_all(folders, monkeypatch, capsys):
    from cryptobot.cli import main

    def run(*words):
        monkeypatch.setattr("sys.argv", ["cryptobot", "doctor", *words])
        try:
            main()
        except SystemExit as stopped:
            return stopped.code, capsys.readouterr()
        return 0, capsys.readouterr()

    make_journal(folders, "mine")
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"https://hooks.slack.com/services/T0/B0/{CANARY}")
    code, out = run("--json")
    names = {one["name"] for one in json.loads(out.out)}
    assert {"Python", "numba cache", "port 8808", "disk", "journal mine", "store", "alerts: slack", "Chromium"} <= names
    assert code == 0
    assert CANARY not in out.out + out.err
    monkeypatch.setenv("KRAKEN_API_SECRET", CANARY)
    code, out = run()
    assert code == 1
    assert CANARY not in out.out + out.err
    code, out = run("--endpoint", "http://127.0.0.1:9")
    assert (code, "Add --exchange" in " ".join(out.err.split())) == (2, True)
