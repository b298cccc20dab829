"""A disk that is full, fails or may not be written: an append that fails does not count, and nothing before it is lost."""

from __future__ import annotations

import errno
from dataclasses import replace

import apsw
import pytest

from cryptobot.core.errors import JournalError
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import SqliteJournal

ERRORS = {
    "full": (lambda: apsw.FullError("no room"), "the disk is full"),
    "broken": (lambda: apsw.IOError("EIO"), "the disk failed"),
    "read only": (lambda: apsw.ReadOnlyError("EROFS"), "may only be read"),
}


def texts(journal):
    return [each.content.text for each in journal.records(kinds=["notice"])]


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.parametrize("times", [1, 1_000_000])
def test_a_disk_that_fails_at_any_step(disk, header, name, times):
    error, words = ERRORS[name]
    steps = 0
    while True:
        path = f"{steps}.sqlite"
        kept, refused = [], 0
        with SqliteJournal(path, create=header, vfs=disk.vfs) as journal:
            disk.fail(error, after=steps, times=times)
            for n in range(6):
                text = f"{n}-" + "x" * 2_000
                said = ""
                try:
                    assert journal.append(n, "notice", Notice("info", text), durable=n != 2).number == len(kept) + 2
                    kept.append(text)
                except JournalError as problem:
                    said = str(problem)
                    refused += 1
                assert words in said or text in kept
                assert texts(journal) == kept
                assert journal.count == len(kept) + 1
            reached = disk._fault[0] < disk.changes
            disk.heal()
            kept.append("after")
            journal.append(9, "notice", Notice("info", "after"))
            assert texts(journal) == kept
        assert SqliteJournal.check(path, vfs=disk.vfs).ok
        with SqliteJournal(path, vfs=disk.vfs) as journal:
            assert texts(journal) == kept
        if not reached:
            break
        assert refused
        steps += 1
    assert steps > 20


def test_what_waits_outlives_a_full_disk(disk, header):
    with SqliteJournal("j", create=header, vfs=disk.vfs) as journal:
        journal.append(1, "notice", Notice("info", "waits"), durable=False)
        disk.fail(lambda: apsw.FullError("no room"))
        with pytest.raises(JournalError):
            journal.append(1, "notice", Notice("info", "lost"))
        with pytest.raises(JournalError):
            journal.flush()
        assert texts(journal) == ["waits"]
        disk.heal()
        journal.flush()
        assert texts(journal) == ["waits"]


def test_the_end_is_an_end_even_when_the_disk_is_full(disk, header):
    journal = SqliteJournal("j", create=header, vfs=disk.vfs)
    journal.append(1, "notice", Notice("info", "kept"))
    journal.append(1, "notice", Notice("info", "waits"), durable=False)
    disk.fail(lambda: apsw.FullError("no room"))
    with pytest.raises(JournalError, match="full"):
        journal.close()
    journal.close()
    disk.heal()
    with SqliteJournal("j", vfs=disk.vfs) as again:
        assert texts(again) == ["kept"]
        assert again.repaired is None


@pytest.mark.parametrize("name", ERRORS)
def test_a_disk_that_fails_while_the_journal_is_made_or_opened(disk, header, name):
    error, words = ERRORS[name]
    made = 0
    for step in range(200):
        disk.fail(error, after=step, times=1)
        said = words
        try:
            SqliteJournal("j", create=header, vfs=disk.vfs).close()
            made += disk.changes <= disk._fault[0]
        except JournalError as problem:
            said = str(problem)
        assert words in said
        disk.heal()
        if made:
            break
        if step % 2:  # sometimes what the failure left is there at the next try
            for file in disk.sizes():
                disk.replace(file, None)
    assert made
    with SqliteJournal("j", create=header, vfs=disk.vfs) as journal:
        assert journal.count == 1


def test_two_on_one_simulated_disk(disk, header):
    with SqliteJournal("j", create=header, vfs=disk.vfs):
        with pytest.raises(JournalError, match="another process uses it"):
            SqliteJournal("j", vfs=disk.vfs)
        assert SqliteJournal("other", create=header, vfs=disk.vfs).count == 1


def test_damage_on_a_simulated_disk_is_refused(disk, header):
    with SqliteJournal("j", create=header, vfs=disk.vfs) as journal:
        journal.append(1, "notice", Notice("info", "abcdef"))
    disk.replace("j", disk.read("j").replace(b"abcdef", b"abcdeg"))
    with pytest.raises(JournalError, match="tables are damaged"):
        SqliteJournal("j", vfs=disk.vfs)
    SqliteJournal("other", create=header, vfs=disk.vfs).close()
    with pytest.raises(JournalError, match="another's"):
        SqliteJournal("other", create=replace(header, bot="x"), vfs=disk.vfs)


def test_a_real_disk_that_is_full(tmp_path, header, monkeypatch):
    """The operating system's own word for it, from a limit on the size of files where there is one."""
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    path = tmp_path / "j.sqlite"
    with SqliteJournal(path, create=header) as journal:
        journal.append(1, "notice", Notice("info", "kept"))
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (journal.size, before[1]))
            with pytest.raises(JournalError, match="disk"):
                journal.append(1, "notice", Notice("info", "x" * 100_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        journal.append(1, "notice", Notice("info", "after"))
        assert texts(journal) == ["kept", "after"]


def test_a_lock_that_cannot_be_made(tmp_path, header, monkeypatch):
    def refuse(self, *args, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(JournalError, match="Read-only file system"):
        SqliteJournal(tmp_path / "j.sqlite", create=header)
