"""Journals of other versions: older ones are brought up to date, newer ones are refused."""

from __future__ import annotations

import sqlite3

import pytest

from cryptobot.core.errors import JournalError
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import JournalView, SqliteJournal
from cryptobot.trading.journal.codec import encode
from cryptobot.trading.journal.contents import SCHEMA
from cryptobot.trading.journal.layout import APPLICATION, FORGETFUL
from cryptobot.trading.journal.migrations import STEPS, TABLES_0


def layout_0(path, rows):
    """Write a journal as layout 0 had it."""
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute(TABLES_0["records"])
        made.executemany("INSERT INTO records VALUES(?, ?, ?, ?)", rows)
        made.execute(f"PRAGMA application_id={APPLICATION}")
    made.close()


@pytest.fixture
def old(tmp_path, header, sample):
    path = tmp_path / "bot.sqlite"
    kept = sample()[1]
    rows = [(each.number, each.time, each.kind, encode(each.content)) for each in kept]
    layout_0(path, rows)
    return path, kept, rows


def test_an_older_layout_is_brought_up_to_date_and_kept_beside(old, same, header):
    path, kept, rows = old
    with SqliteJournal(path, create=header) as journal:
        assert same(list(journal.records()), kept)
        assert "layout 0 was brought up to 1" in journal.repaired
        assert "bot.layout-0.sqlite" in journal.repaired
        assert journal.append(1, "notice", Notice("info", "")).number == len(kept) + 1
    with sqlite3.connect(path.with_name("bot.layout-0.sqlite")) as copy:
        assert copy.execute("SELECT * FROM records ORDER BY number").fetchall() == rows
        assert copy.execute("PRAGMA user_version").fetchone() == (0,)
    copy.close()
    assert SqliteJournal.check(path).ok
    with SqliteJournal(path) as journal:
        assert journal.repaired is None


def test_looking_changes_nothing(old):
    path, _, _ = old
    before = path.read_bytes()
    for look in (lambda: SqliteJournal(path, read_only=True), lambda: JournalView.of(path)):
        with pytest.raises(JournalError, match="older layout. Let its bot open it once"):
            look()
    assert SqliteJournal.check(path).state == "version"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM records WHERE number = 3", "record 3 is missing"),
        ("UPDATE records SET time = 'x' WHERE number = 3", "record 3 is missing or not"),
        ("DELETE FROM records", "no first record"),
        ("CREATE TABLE more(x)", "not those of layout 0"),
    ],
)
def test_a_damaged_older_journal_is_refused_and_stays_as_it_was(old, change, words):
    path, _, _ = old
    with sqlite3.connect(path) as made:
        made.execute(change)
    made.close()
    with pytest.raises(JournalError, match=words):
        SqliteJournal(path)
    with sqlite3.connect(path) as made:
        assert made.execute("PRAGMA user_version").fetchone() == (0,)
        assert "mark" not in {name for (name,) in made.execute("SELECT name FROM sqlite_schema")}
    made.close()


def test_a_present_journal_that_says_it_is_old_is_refused(sample):
    path, _ = sample()
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA user_version=0")
    made.close()
    with pytest.raises(JournalError, match="not those of layout 0"):
        SqliteJournal(path)


def test_a_newer_layout_is_refused_untouched(sample, header):
    path, _ = sample()
    with sqlite3.connect(path) as made:
        made.execute(f"PRAGMA user_version={FORGETFUL + 1}")
    made.close()
    before = path.read_bytes()
    assert SqliteJournal.check(path).state == "version"
    for open_it in (lambda: SqliteJournal(path, create=header), lambda: SqliteJournal(path, read_only=True)):
        with pytest.raises(JournalError, match=f"layout is {FORGETFUL + 1}.*Open it with a newer one"):
            open_it()
    assert path.read_bytes() == before


def test_there_is_a_step_from_every_layout():
    assert sorted(STEPS) == list(range(SCHEMA))
