"""Real processes: killed in the middle of writing, and two that want to write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from random import Random

import pytest

from cryptobot.core.errors import JournalError
from cryptobot.trading.journal import SqliteJournal

WRITER = textwrap.dedent(
    """
    import sys
    from cryptobot.trading.actions import Notice
    from cryptobot.trading.journal import SqliteJournal

    journal = SqliteJournal(sys.argv[1])
    print("open", flush=True)
    while True:
        number = journal.append(0, "notice", Notice("info", f"record {journal.count + 1}"), durable=True).number
        journal.append(0, "notice", Notice("info", f"record {journal.count + 1}"), durable=False)
        print(number, flush=True)
    """
)


@pytest.fixture
def writer(tmp_path, header):
    """Start processes that write until they are killed."""
    path = tmp_path / "bot.sqlite"
    SqliteJournal(path, create=header).close()
    running = []

    def start():
        process = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout.readline() == "open\n"
        return process

    start.path = path
    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


KILLS = [pytest.param(3, id="3"), pytest.param(200, id="200", marks=[pytest.mark.campaign])]


@pytest.mark.parametrize("kills", KILLS)
def test_a_killed_writer_loses_nothing_that_it_acknowledged(writer, kills):
    chance, known = Random(5), 1
    for _ in range(kills):
        process = writer()
        lines = [process.stdout.readline() for _ in range(chance.randrange(1, 60))]
        process.kill()
        lines += process.communicate()[0].splitlines()
        acknowledged = max(int(line) for line in lines if line.strip().isdigit())
        with SqliteJournal(writer.path) as journal:
            kept = list(journal.records(after=1))
            assert journal.count >= acknowledged > known
            assert [each.content.text for each in kept] == [f"record {each.number}" for each in kept]
            known = journal.count
            if journal.repaired:
                assert "torn" in journal.repaired


def test_a_second_writer_is_refused_and_told_who_the_first_is(writer):
    process = writer()
    with pytest.raises(JournalError, match=f"process {process.pid} writes it already"):
        SqliteJournal(writer.path)
    with SqliteJournal(writer.path, read_only=True) as reader:
        assert reader.count >= 1
        assert SqliteJournal.check(writer.path).ok
    process.kill()
    process.wait()
    SqliteJournal(writer.path).close()


def test_two_in_one_process(tmp_path, header):
    path = tmp_path / "bot.sqlite"
    first = SqliteJournal(path, create=header)
    with pytest.raises(JournalError, match=f"process {os.getpid()} writes it already"):
        SqliteJournal(path)
    first.close()
    SqliteJournal(path).close()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system stops no processes")
def test_readers_look_on_while_the_writer_stands_still(writer):
    process = writer()
    process.stdout.readline()
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with SqliteJournal(writer.path, read_only=True) as reader:
            texts = [each.content.text for each in reader.records(after=1)]
        assert texts == [f"record {number}" for number in range(2, len(texts) + 2)]
    finally:
        os.kill(process.pid, signal.SIGCONT)
