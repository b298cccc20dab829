"""The log of a bot's process: bounded files of JSON lines, read back from their ends."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from cryptobot.control import process_log
from cryptobot.control.process_log import tail, write_log
from cryptobot.core.clock import SystemClock
from cryptobot.core.secrecy import keep_secret
from cryptobot.trading.log import LogBook

CANARY = "canary-file-0d9e8c7b"


@pytest.fixture
def book():
    return LogBook("mine", SystemClock(), market="BTC/USDT", mode="paper")


def test_every_line_is_there_with_what_it_is_about(tmp_path, book):
    keep_secret(CANARY)
    path = tmp_path / "mine.jsonl"
    with write_log(path):
        for number in range(50):
            book.add("info", f"line {number}", {"order": f"o-{number}"})
        book.add("error", f"it broke: {CANARY}\nsecond line")
    entries = tail(path, 1_000)
    assert [entry["text"] for entry in entries[:50]] == [f"line {number}" for number in range(50)]
    assert entries[7]["order"] == "o-7"
    assert {(entry["bot"], entry["market"], entry["mode"]) for entry in entries} == {("mine", "BTC/USDT", "paper")}
    assert entries[-1]["text"] == "it broke: …\nsecond line"
    assert CANARY not in path.read_text("utf-8")
    assert tail(path, 3) == entries[-3:]
    assert tail(path, 0) == []
    assert tail(tmp_path / "none.jsonl", 3) == []


def test_files_are_bounded_and_read_over_their_bounds(tmp_path, book, monkeypatch):
    monkeypatch.setattr(process_log, "_BYTES", 20_000)
    path = tmp_path / "mine.jsonl"
    with write_log(path):
        for number in range(2_000):
            book.add("info", f"line {number}")
    files = sorted(tmp_path.iterdir())
    assert len(files) == 4
    assert all(file.stat().st_size <= 20_000 for file in files)
    newest = [int(entry["text"].split()[1]) for entry in tail(path, 200)]
    assert newest == list(range(1_800, 2_000))


def test_a_torn_line_is_passed_over(tmp_path, book):
    path = tmp_path / "mine.jsonl"
    with write_log(path):
        book.add("info", "whole")
    with path.open("a", encoding="utf-8") as file:
        file.write('{"time": "2026')
    assert [entry["text"] for entry in tail(path, 5)] == ["whole"]


def test_a_slow_disk_holds_nobody_up_and_says_what_is_missing(tmp_path, book, monkeypatch):
    monkeypatch.setattr(process_log, "_WAITING", 100)
    gate = threading.Event()
    emit = process_log.RotatingFileHandler.emit

    def slow(self, record):
        assert gate.wait(30)
        emit(self, record)

    monkeypatch.setattr(process_log.RotatingFileHandler, "emit", slow)
    path = tmp_path / "mine.jsonl"
    with write_log(path):
        for number in range(1_000):
            book.add("info", f"line {number}")  # would wait for ever if it waited at all
        assert len(book.lines()) == 1_000
        gate.set()
    last = json.loads(path.read_text("utf-8").splitlines()[-1])
    assert "lines were left out" in last["text"]
    assert last["level"] == "warning"


def test_the_book_is_bounded(book):
    for number in range(3_000):
        book.add("info", "x" * 20_000 if number % 1_000 == 0 else f"{number}")
    assert len(book.lines()) == 2_000
    assert max(len(line.text) for line in book.lines()) <= 8_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_makes_no_noise_and_what_is_missing_is_counted(tmp_path, book, capfd, monkeypatch):
    path, taken = tmp_path / "mine.jsonl", threading.Event()
    path.symlink_to("/dev/full")
    lose = process_log._File.handleError

    def told(self, record):
        lose(self, record)
        taken.set()

    monkeypatch.setattr(process_log._File, "handleError", told)
    with write_log(path):
        book.add("info", "lost")
        assert taken.wait(30)
        path.unlink()  # there is room again
        book.add("info", "kept")
    assert [entry["text"] for entry in tail(path, 5)] == [
        "kept",
        "1 line was left out of this file, because the disk did not take them, or not in time.",
    ]
    path.unlink()
    path.symlink_to("/dev/full")
    with write_log(path):
        book.add("info", "lost")
    assert capfd.readouterr() == ("", "")
