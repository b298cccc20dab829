"""Every byte of a journal and of its log cut and flipped: never a wrong record, and no error but `JournalError`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from cryptobot.core.errors import JournalError
from cryptobot.core.types import Bar
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import BarSeen, JournalView, SqliteJournal, looking, opening
from cryptobot.trading.journal.export import export
from cryptobot.trading.journal.layout import PAGE, Mark
from cryptobot.trading.journal.place import Place


@pytest.fixture(scope="module")
def closed(sample):
    """A closed journal: path, bytes, records."""
    path, kept = sample()
    return path, path.read_bytes(), [repr(record) for record in kept]


@pytest.fixture(scope="module")
def crashed(tmp_path_factory, header, fill_journal):
    """What a killed process leaves: main file, log, records."""
    path = tmp_path_factory.mktemp("crashed") / "bot.sqlite"
    journal = SqliteJournal(path, create=header)
    kept = fill_journal(journal, 2)
    main, log = path.read_bytes(), path.with_name("bot.sqlite-wal").read_bytes()
    journal.close()
    return main, log, [repr(record) for record in kept]


@pytest.fixture(scope="module")
def pruned(tmp_path_factory, header):
    """A closed journal that has let go of bars: bytes, and the records that it holds."""
    path = tmp_path_factory.mktemp("pruned") / "bot.sqlite"
    with SqliteJournal(path, create=header, keep_bars=3) as journal:
        for n in range(40):
            seen = BarSeen(Bar(n * 60, 1.0, 2.0, 0.5, 1.5, 10.0), {"fast": float("nan")}, 1e4)
            journal.append(n * 60 * 10**9, "bar", seen, durable=False)
            if n % 9 == 4:
                journal.append(n * 60 * 10**9, "notice", Notice("info", f"told {n}"))
        assert journal.forgotten.bars > 30
        kept = [repr(record) for record in journal.records()]
    return path.read_bytes(), kept


@pytest.fixture
def attempt(tmp_path, monkeypatch):
    """Open what is left of a journal, and say what came of it."""
    monkeypatch.setattr(looking, "_LOOKS", 1)
    path = tmp_path / "bot.sqlite"

    def run(kept, main, log=None):
        for leftover in tmp_path.iterdir():
            leftover.unlink()
        path.write_bytes(main)
        if log is not None:
            path.with_name("bot.sqlite-wal").write_bytes(log)
        health = SqliteJournal.check(path)
        assert path.read_bytes() == main, "looking changes nothing"
        if not health.usable:
            with pytest.raises(JournalError, match=r".{60}"):
                SqliteJournal(path)
            assert path.read_bytes() == main, "a journal that is refused stays as it is"
            return "refused"
        journal = SqliteJournal(path)
        with journal:
            found = [repr(record) for record in journal.records()]
            assert found == kept[: len(found)], "a record that nobody wrote"
            assert found, "a journal without a header"
            upto = journal.count
            assert f"number={upto}," in found[-1]
            assert journal.append(0, "notice", Notice("info", "on")).number == upto + 1
        assert SqliteJournal.check(path).ok
        if journal.repaired:
            assert health.state == "tail"
            return "mended"
        assert health.ok
        assert len(found) == len(kept) or log is not None, "records are gone without a word"
        return "whole" if len(found) == len(kept) else "shorter"

    return run


def flipped(data, at, bit):
    made = bytearray(data)
    made[at] ^= 1 << bit
    return bytes(made)


def places(length, share, offset=0):
    """Every byte, or each ``share``-th of them."""
    return range(offset, length, share)


FEW = pytest.param(997, id="few")
EVERY = pytest.param(1, id="every", marks=[pytest.mark.campaign])


@pytest.mark.parametrize("share", [FEW, EVERY])
def test_the_file_is_cut(closed, attempt, share):
    _, main, kept = closed
    came = Counter(attempt(kept, main[:at]) for at in places(len(main), share, 1))
    assert came["whole"] == came["shorter"] == 0
    assert came["refused"]


@pytest.mark.parametrize("share", [pytest.param(211, id="few"), EVERY])
def test_a_bit_of_the_file_flips(closed, attempt, share):
    _, main, kept = closed
    came = Counter(attempt(kept, flipped(main, at, at // share % 8)) for at in places(len(main), share))
    assert came["shorter"] == 0
    assert came["refused"]
    assert came["whole"], "some bytes of a page are not in use"


@pytest.mark.parametrize("share", [pytest.param(151, id="few"), EVERY])
def test_a_bit_of_a_pruned_file_flips(pruned, attempt, share):
    main, kept = pruned
    came = Counter(attempt(kept, flipped(main, at, at // share % 8)) for at in places(len(main), share))
    assert came["shorter"] == 0
    assert came["refused"]
    assert came["whole"], "some bytes of a page are not in use"


@pytest.mark.parametrize("share", [FEW, EVERY])
def test_the_log_is_cut(crashed, attempt, share):
    main, log, kept = crashed
    came = Counter(attempt(kept, main, log[:at]) for at in places(len(log), share, 1))
    assert came["shorter"], "a log that was cut cannot be told from one that ended there"
    assert set(came) <= {"shorter", "refused", "mended"}


@pytest.mark.parametrize("share", [FEW, EVERY])
def test_a_bit_of_the_log_flips(crashed, attempt, share):
    main, log, kept = crashed
    came = Counter(attempt(kept, main, flipped(log, at, at // share % 8)) for at in places(len(log), share))
    assert came["mended"]


# -- what is said and done about it


def change(path, old, new):
    """Change bytes of a record in the file, wherever a page keeps them."""
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))


@pytest.fixture
def own(sample):
    path, kept = sample(orders=3)
    return path, [repr(record) for record in kept]


def test_a_torn_end_is_cut_and_kept_beside(own):
    path, kept = own
    before = path.read_bytes()
    change(path, b'"exchange_id":"88"', b'"exchange_id":"89"')
    torn = path.read_bytes()
    health = SqliteJournal.check(path)
    assert (health.state, health.good, health.known) == ("tail", len(kept) - 1, len(kept))
    with SqliteJournal(path, read_only=True) as reader:
        assert [repr(record) for record in reader.records()] == kept[:-1]
        assert reader.count == len(kept) - 1
        assert reader.last("order") is None
        assert "torn" in reader.repaired
    with SqliteJournal(path) as journal:
        assert [repr(record) for record in journal.records()] == kept[:-1]
        assert "its end was torn" in journal.repaired
        assert f"record {len(kept) - 1} of {len(kept)}" in journal.repaired
        assert "bot.damaged-1.sqlite" in journal.repaired
    assert path.with_name("bot.damaged-1.sqlite").read_bytes() == torn != before
    with SqliteJournal(path) as journal:
        assert journal.repaired is None


def test_each_damaged_file_keeps_a_name_of_its_own(own):
    path, _ = own
    path.with_name("bot.damaged-1.sqlite").write_bytes(b"older")
    change(path, b'"exchange_id":"88"', b'"exchange_id":"89"')
    SqliteJournal(path).close()
    assert path.with_name("bot.damaged-1.sqlite").read_bytes() == b"older"
    assert path.with_name("bot.damaged-2.sqlite").exists()


def test_damage_in_the_middle_is_refused_with_the_way_out(own, tmp_path):
    path, kept = own
    change(path, b'"id":"bot-1"', b'"id":"bot-7"')
    number = next(n for n, record in enumerate(kept, start=1) if "id='bot-1'" in record)
    health = SqliteJournal.check(path)
    assert (health.state, health.good) == ("damaged", number - 1)
    assert health.header is not None
    for open_it in (
        lambda: SqliteJournal(path),
        lambda: SqliteJournal(path, read_only=True),
        lambda: JournalView.of(path),
    ):
        with pytest.raises(JournalError, match=f"record {number} is not as it was written.*journal export --partly"):
            open_it()
    with pytest.raises(JournalError):
        export(path, tmp_path / "all.json")
    assert export(path, tmp_path / "part.json", partly=True) == number - 1


def test_a_record_taken_out_is_missed(own):
    import sqlite3

    path, kept = own
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM records WHERE number = 5")
    other.close()
    with pytest.raises(JournalError, match="record 5 is missing"):
        SqliteJournal(path)
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM records WHERE number > 5")
    other.close()
    health = SqliteJournal.check(path)
    assert (health.state, health.good, health.known) == ("tail", 4, len(kept))


def test_more_missing_than_one_write_can_hold_is_no_torn_end(own, header):
    import sqlite3

    path, kept = own
    with SqliteJournal(path) as journal:
        for _ in range(201):
            journal.append(0, "notice", Notice("info", ""))
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM records WHERE number > ?", (len(kept),))
    other.close()
    assert SqliteJournal.check(path).state == "tail"
    with sqlite3.connect(path) as other:
        other.execute("DELETE FROM records WHERE number = ?", (len(kept),))
    other.close()
    with pytest.raises(JournalError, match="more than a crash can do"):
        SqliteJournal(path)


def test_a_sound_record_of_another_journal_does_not_fit_in(own, tmp_path, header, fill_journal):
    import sqlite3

    path, _ = own
    with SqliteJournal(tmp_path / "other.sqlite", create=replace(header, bot="other")) as other:
        fill_journal(other)
    with sqlite3.connect(tmp_path / "other.sqlite") as lender:
        row = lender.execute("SELECT * FROM records WHERE number = 5").fetchone()
    lender.close()
    with sqlite3.connect(path) as borrower:
        borrower.execute("REPLACE INTO records VALUES(?, ?, ?, ?, ?)", row)
    borrower.close()
    with pytest.raises(JournalError, match="record 5 is not as it was written"):
        SqliteJournal(path)


def test_a_table_of_somebody_elses_is_seen(own):
    import sqlite3

    path, kept = own
    with sqlite3.connect(path) as other:
        other.execute("CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM records; END")
    other.close()
    with SqliteJournal(path) as journal:
        assert "tables are not a journal's" in journal.repaired
        assert [repr(record) for record in journal.records()] == kept
        journal.append(0, "notice", Notice("info", ""))
        assert journal.count == len(list(journal.records())) == len(kept) + 1


def test_the_log_that_lost_a_write_is_told_and_kept(crashed, tmp_path):
    main, log, kept = crashed
    path = tmp_path / "bot.sqlite"
    path.write_bytes(main)
    path.with_name("bot.sqlite-wal").write_bytes(flipped(log, len(log) - 100, 0))
    with SqliteJournal(path) as journal:
        assert journal.count == len(kept) - 1
        assert f"it ends with record {len(kept) - 1} of {len(kept)}" in journal.repaired
    assert path.with_name("bot.damaged-1.sqlite-wal").exists()


def test_a_mended_file_does_not_take_the_old_log_for_its_own(own, tmp_path):
    import sqlite3

    path, kept = own
    moved = tmp_path / "moved.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM records; END")
        other.commit()
        moved.write_bytes(path.read_bytes())
        moved.with_name("moved.sqlite-wal").write_bytes(path.with_name(path.name + "-wal").read_bytes())
    other.close()
    assert moved.with_name("moved.sqlite-wal").stat().st_size > 0
    for _ in range(2):
        with SqliteJournal(moved) as journal:
            assert [repr(record) for record in journal.records()][: len(kept)] == kept
            journal.append(0, "notice", Notice("info", ""))
    assert SqliteJournal.check(moved).good == len(kept) + 2


def test_a_journal_whose_making_was_torn_is_made_anew(tmp_path, header, monkeypatch):
    def stop(place, opened):
        raise JournalError("the power is gone")

    path = tmp_path / "bot.sqlite"
    with monkeypatch.context() as patch:
        patch.setattr(opening, "_hold", stop)
        with pytest.raises(JournalError, match="power"):
            SqliteJournal(path, create=header)
    log = path.with_name("bot.sqlite-wal")
    log.write_bytes(flipped(log.read_bytes(), 3_000, 0))
    with pytest.raises(JournalError, match="the file is empty"):
        SqliteJournal(path)
    with SqliteJournal(path, create=header) as journal:
        assert journal.count == 1


def frame(salts, number, *, commits):
    mark = str(Mark(number, bytes(16), clean=False)).encode()
    return bytes(4) + (b"\0\0\0\5" if commits else bytes(4)) + salts + bytes(8) + mark.ljust(PAGE, b"\0")


def test_only_whole_writes_in_the_log_count(disk):
    new, old = b"12345678", b"abcdefgh"
    disk.replace(
        "j-wal", bytes(32) + frame(new, 7, commits=True) + frame(new, 8, commits=False) + frame(old, 5, commits=True)
    )
    assert Place(Path("j"), disk.vfs).lost_reach() == 7
    disk.replace(
        "j-wal", bytes(32) + frame(new, 7, commits=True) + frame(new, 8, commits=False) + frame(new, 9, commits=True)
    )
    assert Place(Path("j"), disk.vfs).lost_reach() == 9
    disk.replace("j-wal", bytes(32) + frame(new, 7, commits=True) + frame(new, 8, commits=True)[:-1])
    assert Place(Path("j"), disk.vfs).lost_reach() == 7
