"""A journal that lets go of old bars: bounded, every other record as it was, no number changed, and no damage hidden."""

from __future__ import annotations

import logging
import sqlite3
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import apsw
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cryptobot.core.errors import ConfigError, JournalError
from cryptobot.core.types import Bar
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import (
    KINDS,
    BarSeen,
    Cursor,
    JournalView,
    MemoryJournal,
    Record,
    RiskMark,
    SqliteJournal,
    looking,
)
from cryptobot.trading.journal import health as health_module
from cryptobot.trading.journal.codec import encode
from cryptobot.trading.journal.contents import SCHEMA
from cryptobot.trading.journal.export import export
from cryptobot.trading.journal.layout import FORGETFUL, FORGOTTEN, Row, Run, follows
from cryptobot.trading.journal.simulated_disk import SimulatedDisk
from tests.unit.trading.journal.test_versions import layout_0

MINUTE = 60 * 1_000_000_000


def seen(number):
    return BarSeen(Bar(number * MINUTE, 1.0, 2.0, 0.5, 1.5, 10.0), {"fast": 64_012.25 + number, "slow": 1.5}, 1e4)


def mark(number):
    return RiskMark(1, Decimal(1_000), Decimal(1_000) + number, Decimal(1_100))


def fill(journal, bars, *, first=0, risk=False, each=7):
    """Write minutes, with something else now and then; return the records as they were acknowledged."""
    made = []
    for n in range(first, first + bars):
        made.append(journal.append(n * MINUTE, "bar", seen(n), durable=False))
        if risk:
            made.append(journal.append(n * MINUTE, "risk", mark(n), durable=False))
        if n % each == 3:
            made.append(journal.append(n * MINUTE, "notice", Notice("info", f"told {n}")))
        if n % (each + 4) == 5:
            made.append(journal.append(n * MINUTE, "cursor", Cursor("slack", made[-1].number), durable=False))
    return made


@pytest.fixture
def path(tmp_path):
    return tmp_path / "j.sqlite"


@pytest.fixture
def pruned(path, header):
    """A closed journal that keeps ten bars or a few more of a hundred, and all that was ever written."""
    with SqliteJournal(path, create=header, keep_bars=10) as journal:
        written = [*journal.records(), *fill(journal, 100)]
    return path, written


def raw(path, sql="SELECT * FROM records ORDER BY number"):
    with sqlite3.connect(path) as other:
        rows = [Row(*columns) for columns in other.execute(sql)]
    other.close()
    return rows


def change(path, sql, *values):
    with sqlite3.connect(path) as other:
        other.execute(sql, values)
    other.close()


# -- what stays

STEPS = st.lists(
    st.sampled_from(["bar", "bar", "bar", "risk", "notice", "durable bar", "durable risk", "durable notice", "open", "flush"]),
    max_size=60,
)  # fmt: skip


def appended(journal, step, number):
    kind = step.rpartition(" ")[2]
    content = {"bar": seen, "risk": mark, "notice": lambda n: Notice("info", str(n))}[kind](number)
    return journal.append(number * MINUTE, kind, content, durable=step.startswith("durable"))


def compare(journal, written, keep):
    """Hold a journal against the plain list of all that was ever written into it."""
    found = list(journal.records())
    gone = 0 if journal.forgotten is None else journal.forgotten.number
    bars = [record for record in written if record.kind == "bar"]
    kept = [record for record in found if record.kind == "bar"]
    newest = {record.kind: record for record in written}
    assert kept == bars[len(bars) - len(kept) :], "other bars than the newest"
    assert len(kept) >= min(keep, len(bars)), "too few bars"
    may_go = {record.number for record in written if record.kind in ("bar", "risk") and record.number <= gone}
    assert {r.number for r in written} - {r.number for r in found} <= may_go, "another record is gone"
    assert all(record in written for record in found), "a record that nobody wrote"
    assert [record.number for record in found] == sorted({record.number for record in found})
    for kind in KINDS:
        assert journal.last(kind) == newest.get(kind), "the newest of its kind"
        assert list(journal.records(kinds=[kind])) == [record for record in found if record.kind == kind]
    for after in {0, gone - 1, gone, gone + 1, len(written) // 2, len(written)}:
        assert list(journal.records(after)) == [record for record in found if record.number > max(0, after)]
    assert journal.count == len(written)
    assert (0 if journal.forgotten is None else journal.forgotten.bars) == len(bars) - len(kept)
    return len(kept)


@given(STEPS, st.integers(1, 6))
@example(["durable risk", *["durable bar"] * 8, "bar", *["durable bar"] * 3, "bar", "durable risk", "bar", "bar", "bar", "open"], 2)  # fmt: skip
@settings(deadline=None, max_examples=50)
def test_everything_else_stays_as_a_plain_list_has_it(steps, keep):
    from tests.unit.trading.journal.conftest import HEADER

    with TemporaryDirectory() as folder:
        path = Path(folder) / "j.sqlite"
        journal = SqliteJournal(path, create=HEADER, keep_bars=keep)
        written = list(journal.records())
        for number, step in enumerate(steps):
            if step == "open":
                journal.close()
                assert SqliteJournal.check(path).ok
                journal = SqliteJournal(path, keep_bars=keep)
            elif step == "flush":
                journal.flush()
            else:
                written.append(appended(journal, step, number))
            compare(journal, written, keep)
        journal.flush()
        assert SqliteJournal.check(path).ok
        with SqliteJournal(path, read_only=True) as reader:
            compare(reader, written, keep)
            assert reader.forgotten == journal.forgotten
        journal.close()


def test_it_keeps_at_least_as_many_and_not_many_more(path, header):
    with SqliteJournal(path, create=header, keep_bars=100) as journal:
        written = list(journal.records())
        for n in range(1_000):
            written += fill(journal, 1, first=n)
            held = len(list(journal.records(kinds=["bar"])))
            assert min(100, n + 1) <= held <= 152, "50 go together, and one or two wait"
        assert compare(journal, written, 100) <= 152


def test_what_limits_remember_goes_but_the_newest(path, header):
    with SqliteJournal(path, create=header, keep_bars=10) as journal:
        fill(journal, 100, risk=True, each=100)
        assert len(list(journal.records(kinds=["risk"]))) <= 22
        assert journal.last("risk").content == mark(99)
        fill(journal, 200, first=100, each=100)  # without limits, so that the newest is an old one
        assert [record.content for record in journal.records(kinds=["risk"])] == [mark(99)]
        assert journal.last("risk").content == JournalView.of(journal).risk == mark(99)
        journal.append(300 * MINUTE, "risk", mark(300))
        fill(journal, 200, first=301, each=100)
        assert journal.last("risk").content == mark(300)
    with SqliteJournal(path, keep_bars=10) as journal:
        assert JournalView.of(journal).risk == mark(300)
        assert len(raw(path)) < 60, "bars that are kept, and a few rows for all others"


@pytest.mark.parametrize("risk", [False, True])
def test_the_file_stops_growing(path, header, risk):
    with SqliteJournal(path, create=header, keep_bars=300) as journal:
        sizes = []
        for n in range(10):
            fill(journal, 300, first=300 * n, risk=risk, each=100)
            sizes.append(journal._connection.pragma("page_count"))
    assert sizes[-1] <= sizes[1] + 8, "but for notices, cursors and the rows that stand for bars"
    assert sizes[-1] < 2 * sizes[0]
    assert path.stat().st_size == sizes[-1] * 4_096
    all_kept = path.with_name("all.sqlite")
    with SqliteJournal(all_kept, create=header, keep_bars=None) as journal:
        fill(journal, 3_000, risk=risk, each=100)
        assert journal.forgotten is None
    assert all_kept.stat().st_size > 4 * path.stat().st_size


def test_a_long_journal_shrinks_step_by_step_and_its_file_grows_no_more(path, header):
    with SqliteJournal(path, create=header, keep_bars=None) as journal:
        written = [*journal.records(), *fill(journal, 2_000)]
    size = path.stat().st_size
    with SqliteJournal(path, keep_bars=100) as journal:
        before = len(list(journal.records(kinds=["bar"])))
        written += fill(journal, 1, first=2_000)
        after = len(list(journal.records(kinds=["bar"])))
        assert before - 125 <= after < before, "a few at a time"
        written += fill(journal, 99, first=2_001)
        assert compare(journal, written, 100) <= 152
    assert path.stat().st_size == size
    with SqliteJournal(path) as journal:
        compare(journal, written, 100)


@pytest.mark.parametrize("keep", [0, -1, 2.5, True, "many"])
def test_how_many_must_be_a_number(path, header, keep):
    with pytest.raises(ConfigError, match=r"keep_bars: .* at least 1, or None"):
        SqliteJournal(path, create=header, keep_bars=keep)
    assert not path.exists()


def test_the_memory_forgets_nothing():
    assert MemoryJournal().forgotten is None


# -- who reads it


def test_a_reader_beside_sees_it_too(path, header):
    with SqliteJournal(path, create=header, keep_bars=10) as journal:
        written = [*journal.records(), *fill(journal, 5)]
        journal.flush()
        with SqliteJournal(path, read_only=True) as reader:
            compare(reader, written, 10)
            for n in range(5, 200):
                written += fill(journal, 1, first=n)
                journal.flush()
                assert reader.last("bar") == journal.last("bar")
            compare(reader, written, 10)
            assert reader.forgotten == journal.forgotten
            assert SqliteJournal.check(path).ok


def test_exports_hold_what_is_kept(pruned, tmp_path):
    path, written = pruned
    with SqliteJournal(path, read_only=True) as reader:
        kept = list(reader.records())
        bars = [record for record in kept if record.kind == "bar"]
    assert 10 <= len(bars) < 25
    assert export(path, tmp_path / "all.csv") == len(kept) < len(written)
    assert list(pd.read_csv(tmp_path / "all.csv")["number"]) == [record.number for record in kept]
    assert export(path, tmp_path / "bars.csv", table="bars") == len(bars)
    assert list(pd.read_csv(tmp_path / "bars.csv")["time"]) == [record.content.bar.time for record in bars]
    assert export(path, tmp_path / "notices.csv", table="notices") == sum(r.kind == "notice" for r in written)


def test_bars_that_go_while_they_are_exported_leave_no_hole(path, header, tmp_path, monkeypatch):
    with SqliteJournal(path, create=header, keep_bars=900) as journal:
        fill(journal, 900)
        journal.flush()
        read, number = SqliteJournal._read, 900

        def read_and_go_on(self, after, kinds):
            nonlocal number
            rows = read(self, after, kinds)
            if self.read_only:
                while number < 1_700:  # two batches' worth, after the first one was read
                    fill(journal, 1, first=number)
                    number += 1
                journal.flush()
            return rows

        monkeypatch.setattr(SqliteJournal, "_read", read_and_go_on)
        export(path, tmp_path / "bars.csv", table="bars")
    times = list(pd.read_csv(tmp_path / "bars.csv")["time"])
    assert len(times) >= 900
    assert times == list(range(times[0], times[0] + len(times) * MINUTE, MINUTE))


def test_it_says_what_it_holds(pruned):
    path, _ = pruned
    said = SqliteJournal.check(path).text
    with SqliteJournal(path) as journal:
        assert str(journal.forgotten) in said
        assert f"let go of its {journal.forgotten.bars} oldest bars" in said
        assert journal.repaired is None


# -- damage


def test_every_row_is_still_proved(pruned):
    """Emptied, moved, renamed or taken out: no row of a pruned journal can be changed unseen."""
    path, _ = pruned
    sound, rows = path.read_bytes(), raw(path)
    assert sum(row.kind == FORGOTTEN for row in rows) > 5
    assert {row.kind for row in rows} == {"bar", "notice", FORGOTTEN, "opened", "cursor"}
    for row in rows:
        bare = f"WHERE number = {row.number}"
        gone = [f"UPDATE records SET content = replace(content, '\"bars\":', '\"bars\":1') {bare}"]
        for sql in (
            *(gone if row.kind == FORGOTTEN else []),
            f"UPDATE records SET content = '' {bare}",
            f"UPDATE records SET content = '{{}}' {bare}",
            f"UPDATE records SET time = time + 1 {bare}",
            f"UPDATE records SET kind = 'risk' {bare}",
            f"UPDATE records SET checksum = zeroblob(16) {bare}",
            f"UPDATE records SET content = replace(content, '1', '2'), time = time + 1 {bare}",
            f"DELETE FROM records {bare}",
        ):
            path.write_bytes(sound)
            change(path, sql)
            assert not SqliteJournal.check(path).ok, sql
    path.write_bytes(sound)
    assert SqliteJournal.check(path).ok


def test_no_bar_can_go_that_is_newer_than_a_kept_one(pruned):
    path, _ = pruned
    rows = raw(path)
    bars = [at for at, row in enumerate(rows) if row.kind == "bar"]
    assert rows[bars[0]].number == rows[bars[0] - 1].number + 1
    sound = path.read_bytes()
    for at, good in ((bars[0], True), (bars[1], False), (bars[-2], False)):
        row, before = rows[at], rows[at - 1]
        gone = Run(row.number, 1).row(before.checksum, row)
        assert follows(before.checksum, gone)
        path.write_bytes(sound)
        change(path, "UPDATE records SET kind = ?, content = ? WHERE number = ?", gone.kind, gone.content, gone.number)
        assert SqliteJournal.check(path).ok is good, "only the oldest may go"


def test_a_row_for_bars_that_were_never_let_go_of_does_not_fit(pruned):
    path, _ = pruned
    gone = [row for row in raw(path) if row.kind == FORGOTTEN]
    before = {row.number: row for row in raw(path)}[Run.of(gone[1]).first - 1]
    for made in (
        Run(1, 3).row(bytes(16), gone[1]),
        Run(gone[1].number, 1).row(before.checksum, gone[1]),
        Run(Run.of(gone[1]).first, 0).row(bytes(16), gone[1]),
    ):
        sound = path.read_bytes()
        change(path, "UPDATE records SET content = ? WHERE number = ?", made.content, made.number)
        with pytest.raises(JournalError, match=r"record \d+ is (missing|not as it was written)"):
            SqliteJournal(path)
        path.write_bytes(sound)


def test_a_damaged_bar_is_not_let_go_of(pruned, caplog):
    path, written = pruned
    with SqliteJournal(path, keep_bars=10) as journal:
        number = next(journal.records(kinds=["bar"])).number
        journal._connection.execute("UPDATE records SET content = content || ' ' WHERE number = ?", (number,))
        before = journal.forgotten
        with caplog.at_level(logging.WARNING):
            for n in range(100, 180):
                written += fill(journal, 1, first=n)
        assert journal.forgotten == before
        assert f"record {number} is not as it was written" in caplog.text
        assert len([each for each in caplog.records if "let go of" in each.message]) <= 2
        assert journal.count == len(written), "what comes is written all the same"
    with pytest.raises(JournalError, match=f"record {number} is not as it was written"):
        SqliteJournal(path)


def test_a_torn_end_is_mended_and_what_is_gone_stays_known(pruned):
    path, written = pruned
    with SqliteJournal(path, keep_bars=10) as journal:
        forgotten, last = journal.forgotten, journal.count
    change(path, "UPDATE records SET content = '' WHERE number = ?", last)
    with SqliteJournal(path, keep_bars=10) as journal:
        assert journal._connection.pragma("user_version") == FORGETFUL
        assert "its end was torn" in journal.repaired
        assert journal.forgotten == forgotten
        compare(journal, written[:-1], 9)
        fill(journal, 100, first=100)
        assert journal.forgotten.bars > forgotten.bars
    assert SqliteJournal.check(path).ok


def test_the_good_beginning_of_a_damaged_one_can_be_read(pruned, tmp_path):
    path, _ = pruned
    rows = raw(path)
    bars = [row.number for row in rows if row.kind == "bar"]
    change(path, "UPDATE records SET content = '' WHERE number = ?", bars[-3])
    good = [row.number for row in rows if row.kind != FORGOTTEN and row.number < bars[-3]]
    with SqliteJournal(path, read_only=True, partly=True) as reader:
        assert [record.number for record in reader.records()] == good
        assert [record.number for record in reader.records(good[3])] == good[4:]
        assert reader.forgotten.number == max(row.number for row in rows if row.kind == FORGOTTEN)
        assert reader.last("bar").number == bars[-4]
    assert export(path, tmp_path / "part.csv", partly=True) == len(good)


# -- versions


def test_the_layout_changes_with_the_first_bar_that_goes(path, header, monkeypatch):
    with SqliteJournal(path, create=header, keep_bars=10) as journal:
        fill(journal, 10)
        journal.flush()
        assert journal._connection.pragma("user_version") == SCHEMA == 1, "any version reads it"
        fill(journal, 50, first=10)
        assert journal._connection.pragma("user_version") == FORGETFUL == 2
    monkeypatch.setattr(health_module, "FORGETFUL", 1)  # as the version before has it
    with pytest.raises(
        JournalError, match="its layout is 2, and this version of cryptobot reads up to 1. Open it with"
    ):
        SqliteJournal(path)


def test_a_journal_of_the_oldest_layout_lets_go_of_bars_too(path, header):
    made = MemoryJournal(header)
    written = [*made.records(), *fill(made, 300)]
    layout_0(path, [(record.number, record.time, record.kind, encode(record.content)) for record in written])
    with SqliteJournal(path, keep_bars=20) as journal:
        assert "its layout 0 was brought up to 1" in journal.repaired
        written += fill(journal, 100, first=300)
        assert compare(journal, written, 20) < 80
        assert journal._connection.pragma("user_version") == FORGETFUL
    with SqliteJournal(path) as journal:
        assert journal.repaired is None
        compare(journal, written, 20)


# -- crashes


def life(disk, header, chance, kept, lost, power):
    """Write until the power goes or chance ends it; `kept` holds what was acknowledged, `lost` what may be lost."""
    keep = 3
    with dropped(disk, header, keep) as journal:
        found = list(journal.records())
        gone = 0 if journal.forgotten is None else journal.forgotten.number
        still = [record for record in kept if record.kind != "bar" or record.number > gone]
        assert found[: len(still)] == still, "an acknowledged record is lost"
        extra = found[len(still) :]
        possible = [record for record in lost if record.kind != "bar" or record.number > gone]
        assert extra == possible[: len(extra)], "a record that nobody wrote"
        bars = sum(record.kind == "bar" for record in found)
        assert bars >= min(keep, sum(record.kind == "bar" for record in kept)), "too many bars are gone"
        kept[:] = [record for record in [*kept, *lost] if record.number <= journal.count]
        lost.clear()
        if power is None:
            return gone
        disk.fail(lambda: apsw.IOError("the power is gone"), after=power)
        while True:
            number = journal.count + 1
            durable = chance.random() < 0.2
            kind = "notice" if durable or chance.random() < 0.2 else "bar"
            content = seen(number) if kind == "bar" else Notice("info", "x" * chance.choice((1, 50, 3_000)))
            lost.append(Record(number, number * MINUTE, kind, content))
            assert journal.append(number * MINUTE, kind, content, durable=durable) == lost[-1]
            if durable:
                kept += lost
                lost.clear()
            if chance.random() < 0.01:
                disk.heal()
                return gone


class dropped:  # noqa: N801 - reads as a function
    """A journal that is dropped, as a dead process drops it, if the disk fails."""

    def __init__(self, disk, header, keep):
        self.journal = SqliteJournal("bot", create=header, keep_bars=keep, vfs=disk.vfs)

    def __enter__(self):
        return self.journal

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.journal.close()


@pytest.mark.parametrize("schedules", [pytest.param(150, id="150"), pytest.param(2_000, marks=[pytest.mark.campaign])])
def test_no_power_cut_takes_more_than_old_bars(header, schedules):
    gone = cuts = 0
    for seed in range(schedules):
        chance, disk = Random(seed), SimulatedDisk()
        try:
            with SqliteJournal("bot", create=header, vfs=disk.vfs) as made:
                kept, lost = list(made.records()), []
            for _ in range(5):
                try:
                    life(disk, header, chance, kept, lost, chance.randrange(200))
                except JournalError as error:
                    if "the power is gone" not in str(error):
                        raise
                disk.heal()
                disk.cut_power(chance)
                cuts += 1
            gone += life(disk, header, chance, kept, lost, None) > 0
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            disk.close()
    assert cuts == 5 * schedules
    assert gone > schedules / 2, "bars went in most of them"


@pytest.mark.parametrize("share", [pytest.param(2_999, id="few"), pytest.param(53, marks=[pytest.mark.campaign])])
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_a_log_that_is_damaged_gives_an_older_journal_or_none(path, header, monkeypatch, share, how):
    """A killed process leaves a log full of steps: whatever of it is lost, no bar is, but by a step that is still whole."""
    monkeypatch.setattr(looking, "_LOOKS", 1)
    crashed = SqliteJournal(path, create=header, keep_bars=3)
    written = [*crashed.records(), *fill(crashed, 60)]
    main, log = path.read_bytes(), path.with_name("j.sqlite-wal").read_bytes()
    crashed.close()
    left = path.with_name("left.sqlite")
    usable = 0
    for at in range(1, len(log), share):
        for leftover in path.parent.glob("left*"):
            leftover.unlink()
        left.write_bytes(main)
        flip = log[:at] + bytes([log[at] ^ 1 << at % 8]) + log[at + 1 :]
        left.with_name("left.sqlite-wal").write_bytes(log[:at] if how == "cut" else flip)
        if not SqliteJournal.check(left).usable:
            with pytest.raises(JournalError):
                SqliteJournal(left)
            continue
        usable += 1
        with SqliteJournal(left, keep_bars=3) as journal:
            compare(journal, written[: journal.count], 3)
    assert usable > 10


@pytest.mark.parametrize("times", [1, 1_000_000])
def test_a_disk_that_fails_at_any_step_of_it(disk, header, caplog, times):
    steps = told = 0
    while True:
        name = f"{steps}"
        with SqliteJournal(name, create=header, keep_bars=5, vfs=disk.vfs) as journal:
            written = list(journal.records())
            written += [journal.append(n * MINUTE, "bar", seen(n), durable=n == 9) for n in range(10)]
            disk.fail(lambda: apsw.FullError("no room"), after=steps, times=times)
            caplog.clear()
            try:
                # In the same minute, so that nothing but the letting go is written.
                written.append(journal.append(9 * MINUTE, "bar", seen(10), durable=False))
            except JournalError:
                pytest.fail("an append fails because an old bar cannot go")
            reached = disk._fault[0] < disk.changes
            disk.heal()
            assert bool(caplog.records) is reached
            told += bool(caplog.records)
            assert (journal.forgotten is None) is reached
            compare(journal, written, 5)
            written += [journal.append(n * MINUTE, "bar", seen(n), durable=False) for n in range(11, 100)]
            assert journal.forgotten.bars > 30, "it is tried again"
            compare(journal, written, 5)
        assert SqliteJournal.check(name, vfs=disk.vfs).ok
        if not reached:
            break
        steps += 1
    assert told >= 2
