"""What both journals promise, and what the one on disk adds."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace

import pytest

from cryptobot.core.errors import JournalError
from cryptobot.core.file_lock import FileLock
from cryptobot.core.types import Mode
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import KINDS, JournalHeader, MemoryJournal, SqliteJournal, StateChange
from cryptobot.trading.journal.layout import WAITING
from cryptobot.trading.journal.lock import lock_of
from cryptobot.trading.journal.place import Place

SECOND = 1_000_000_000


@pytest.fixture(params=["memory", "sqlite"])
def journal(request, tmp_path, header):
    made = MemoryJournal(header) if request.param == "memory" else SqliteJournal(tmp_path / "j.sqlite", create=header)
    yield made
    made.close()


def on_disk(path):
    """What another program reads in the file: only what is committed."""
    with sqlite3.connect(path) as other:
        return [number for (number,) in other.execute("SELECT number FROM records ORDER BY number")]


# -- both


def test_records_come_back_in_order_and_by_kind(journal, fill_journal, same, header):
    kept = fill_journal(journal)
    assert kept[0].content == header
    assert kept[0].kind == "opened"
    assert [record.number for record in kept] == list(range(1, len(kept) + 1))
    assert same(list(journal.records()), kept)
    assert same(list(journal.records(after=5)), kept[5:])
    assert list(journal.records(after=len(kept))) == []
    assert same(list(journal.records(kinds=["intent", "fill"])), [r for r in kept if r.kind in ("intent", "fill")])
    assert list(journal.records(kinds=())) == []
    for kind in KINDS:
        newest = [record for record in kept if record.kind == kind]
        assert same(journal.last(kind), newest[-1] if newest else None)
    assert journal.count == len(kept)
    assert journal.header == header
    assert journal.repaired is None


def test_a_reader_sees_what_is_added_while_it_reads(journal):
    for n in range(3):
        journal.append(n, "notice", Notice("info", str(n)), durable=False)
    reader = journal.records(kinds=["notice"])
    assert next(reader).content.text == "0"
    assert [each.content.text for each in reader] == ["1", "2"]


def test_threads_share_one_count(journal):
    def write(name):
        for n in range(50):
            journal.append(n, "notice", Notice("info", f"{name}-{n}"), durable=n % 10 == 0)

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = list(journal.records(after=1))
    assert [each.number for each in kept] == list(range(2, 202))
    for name in "abcd":
        mine = [each.content.text for each in kept if each.content.text.startswith(name)]
        assert mine == [f"{name}-{n}" for n in range(50)]


def test_a_journal_may_be_closed_twice(journal):
    journal.close()
    journal.close()


# -- on disk


@pytest.fixture
def path(tmp_path):
    return tmp_path / "j.sqlite"


def test_it_says_the_same_when_it_is_opened_again(path, header, fill_journal, same):
    with SqliteJournal(path, create=header) as journal:
        kept = fill_journal(journal)
    with SqliteJournal(path, create=replace(header, opened=99)) as journal:
        assert same(list(journal.records()), kept)
        assert journal.header == header
        assert journal.append(1, "notice", Notice("info", "again")).number == len(kept) + 1
        assert journal.last("intent") == [record for record in kept if record.kind == "intent"][-1]
    assert sorted(each.name for each in path.parent.iterdir()) == ["j.sqlite", "j.sqlite.lock"]
    assert SqliteJournal.check(path).good == len(kept) + 1


def test_a_durable_record_is_committed_when_append_returns(path, header):
    with SqliteJournal(path, create=header) as journal:
        journal.append(1, "notice", Notice("info", "a"))
        assert on_disk(path) == [1, 2]


def test_records_that_may_wait_are_written_in_order_with_the_next_durable_one(path, header):
    with SqliteJournal(path, create=header) as journal:
        for n in range(5):
            journal.append(n, "notice", Notice("info", str(n)), durable=False)
        assert on_disk(path) == [1]
        assert [each.content.text for each in journal.records(after=1)] == ["0", "1", "2", "3", "4"]
        assert journal.last("notice").content.text == "4"
        assert journal.count == 6
        journal.append(5, "state", StateChange("running"))
        assert on_disk(path) == [1, 2, 3, 4, 5, 6, 7]


def test_no_more_than_200_records_wait(path, header):
    with SqliteJournal(path, create=header) as journal:
        for _ in range(WAITING):
            journal.append(0, "notice", Notice("info", ""), durable=False)
        assert on_disk(path) == [1]
        journal.append(0, "notice", Notice("info", ""), durable=False)
        assert len(on_disk(path)) == WAITING + 2


def test_no_record_waits_longer_than_a_second_of_the_callers_clock(path, header):
    with SqliteJournal(path, create=header) as journal:
        for time in (0, SECOND - 1):
            journal.append(time, "notice", Notice("info", ""), durable=False)
        assert on_disk(path) == [1]
        journal.append(SECOND, "notice", Notice("info", ""), durable=False)
        assert on_disk(path) == [1, 2, 3, 4]


def test_flush_and_close_write_what_waits(path, header):
    with SqliteJournal(path, create=header) as journal:
        journal.append(0, "notice", Notice("info", ""), durable=False)
        journal.flush()
        assert on_disk(path) == [1, 2]
        journal.append(0, "notice", Notice("info", ""), durable=False)
    assert on_disk(path) == [1, 2, 3]


def test_what_cannot_be_written_down_takes_no_number(path, header):
    with SqliteJournal(path, create=header) as journal:
        for kind, content, time in (("notice", object(), 1), ("notcie", "x", 1)):
            with pytest.raises(JournalError):
                journal.append(time, kind, content)
        with pytest.raises(JournalError):
            journal.append(2**70, "notice", Notice("info", ""))
        assert journal.append(1, "notice", Notice("info", "")).number == 2


def test_the_settings_that_make_it_safe(path, header):
    with SqliteJournal(path, create=header) as journal:
        pragma = journal._connection.pragma
        assert (pragma("journal_mode"), pragma("synchronous"), pragma("fullfsync")) == ("wal", 2, 1)


def test_readers_look_on_while_a_bot_writes(path, header, fill_journal, same):
    with SqliteJournal(path, create=header) as journal:
        with SqliteJournal(path, read_only=True) as reader:
            kept = fill_journal(journal)
            assert same(list(reader.records()), kept)
            assert reader.count == len(kept)
            assert same(reader.last("intent"), journal.last("intent"))
            assert reader.last("gate").content["paper_days"] == 3.5
            assert SqliteJournal.check(path).ok
            for write in (lambda: reader.append(1, "notice", Notice("info", "")),):
                with pytest.raises(JournalError, match="reading only"):
                    write()
        assert journal.append(1, "notice", Notice("info", "")).number == len(kept) + 1


def test_a_reader_needs_no_folder_that_can_be_written(path, header, fill_journal):
    with SqliteJournal(path, create=header) as journal:
        kept = fill_journal(journal)
    (path.parent / "j.sqlite-shm").mkdir()  # stands for it: the reader's own file cannot be made
    with SqliteJournal(path, read_only=True) as reader:
        assert reader.count == len(kept)


def test_a_closed_journal_says_so(path, header):
    journal = SqliteJournal(path, create=header)
    assert "open" in repr(journal)
    journal.close()
    assert "closed" in repr(journal)
    for use in (lambda: journal.append(1, "notice", Notice("info", "")), lambda: list(journal.records()), lambda: journal.last("opened")):  # fmt: skip
        with pytest.raises(JournalError, match="it is closed"):
            use()


# -- refused


def test_a_journal_that_is_not_there(path):
    with pytest.raises(JournalError, match="no such file"):
        SqliteJournal(path)
    with pytest.raises(JournalError, match="no such file"):
        SqliteJournal(path, read_only=True)
    assert SqliteJournal.check(path).state == "missing"
    assert not path.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("bot", "other"), ("exchange", "kraken"), ("account", "ffff"), ("mode", Mode.PAPER), ("symbol", "ETH/USDT"), ("timeframe", "5m")],
)  # fmt: skip
def test_another_bots_journal(path, header, field, value):
    SqliteJournal(path, create=header).close()
    before = path.read_bytes()
    wanted = replace(header, **{field: value})
    for open_it in (
        lambda: SqliteJournal(path, create=wanted),
        lambda: SqliteJournal(path, create=wanted, read_only=True),
    ):
        with pytest.raises(JournalError, match=f"another's: its {field} is .*, not '{value}'"):
            open_it()
    assert SqliteJournal.check(path, wanted).state == "foreign"
    assert SqliteJournal.check(path, header).ok
    assert path.read_bytes() == before


def test_files_of_other_kinds(path, header):
    path.write_text("time,open\n" * 100)
    assert SqliteJournal.check(path).state == "not_a_journal"
    other = path.with_name("other.sqlite")
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE t(x)")
    connection.close()
    assert SqliteJournal.check(other).state == "not_a_journal"
    for each in (path, other):
        before = each.read_bytes()
        with pytest.raises(JournalError, match="no journal|another program's"):
            SqliteJournal(each, create=header)
        assert each.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == [path.name, other.name]  # no lock beside either


def test_a_lock_that_lies_there_is_asked_first_and_stays(path, header):
    path.write_text("time,open\n" * 100)
    lock = FileLock(lock_of(path), "somebody")
    assert lock.take()
    with pytest.raises(JournalError, match="somebody, process .* writes it already"):
        SqliteJournal(path, create=header)
    lock.release()
    with pytest.raises(JournalError, match="no journal"):
        SqliteJournal(path, create=header)
    assert lock_of(path).exists()


def test_a_folder_that_is_not_there(path, header):
    with pytest.raises(JournalError, match="folder"):
        SqliteJournal(path.parent / "no" / "j.sqlite", create=header)


def test_a_log_without_its_file(path, header):
    with SqliteJournal(path, create=header) as journal:
        journal.append(1, "notice", Notice("info", ""))
        log = path.with_name("j.sqlite-wal").read_bytes()
    for main in (None, b""):
        path.unlink()
        path.with_name("j.sqlite-wal").write_bytes(log)
        if main is not None:
            path.write_bytes(main)
        with pytest.raises(JournalError, match="main file is missing"):
            SqliteJournal(path, create=header)
        assert path.with_name("j.sqlite-wal").read_bytes() == log
        path.touch()


@pytest.mark.parametrize("zeros", [0, 512, 4_096])
def test_an_empty_file_is_not_yet_a_journal(path, header, zeros):
    path.write_bytes(bytes(zeros))
    assert SqliteJournal.check(path).state == "missing"
    with SqliteJournal(path, create=header) as journal:
        assert journal.count == 1


def test_zeros_where_a_journal_was_are_no_empty_file(path, header):
    path.write_bytes(bytes(3 * 4_096))
    with pytest.raises(JournalError, match="no journal"):
        SqliteJournal(path, create=header)


def test_a_journal_moved_without_its_log_is_refused(path, header, fill_journal, tmp_path):
    with SqliteJournal(path, create=header) as journal:
        kept = fill_journal(journal)
        moved = tmp_path / "moved.sqlite"
        moved.write_bytes(path.read_bytes())
        both = tmp_path / "both.sqlite"
        both.write_bytes(path.read_bytes())
        both.with_name("both.sqlite-wal").write_bytes(path.with_name("j.sqlite-wal").read_bytes())
    for open_it in (lambda: SqliteJournal(moved), lambda: SqliteJournal(moved, read_only=True)):
        with pytest.raises(JournalError, match="moved.sqlite-wal is missing"):
            open_it()
    with SqliteJournal(both) as journal:
        assert journal.count == len(kept)
        assert journal.repaired is None


def test_a_journal_that_was_dropped_and_not_closed_opens_again(path, header, fill_journal):
    journal = SqliteJournal(path, create=header)
    del journal
    with SqliteJournal(path, create=header) as journal:
        assert journal.repaired is None
        kept = fill_journal(journal)
    journal = SqliteJournal(path)
    journal.append(1, "notice", Notice("info", ""))
    del journal
    with SqliteJournal(path) as journal:
        assert journal.count == len(kept) + 1


def test_the_place_is_read_as_it_is(path, header):
    place = Place(path)
    assert (place.size(), place.size(log=True), place.raw(0, 10), place.lost_reach()) == (None, None, b"", 0)
    with SqliteJournal(path, create=header) as journal:
        journal.append(1, "notice", Notice("info", ""))
        assert place.lost_reach() == 2
        assert {mark.number for mark in place.anywhere()} == {1, 2}
        assert journal.size == place.size() + place.size(log=True) > 4096
    assert isinstance(journal.header, JournalHeader)
