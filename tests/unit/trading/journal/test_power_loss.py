"""Power cuts that drop and reorder what was not synced: nothing acknowledged is lost, and nothing else appears."""

from __future__ import annotations

from random import Random

import apsw
import pytest

from cryptobot.core.errors import JournalError
from cryptobot.trading.actions import Notice
from cryptobot.trading.journal import Record, SqliteJournal, database
from cryptobot.trading.journal.simulated_disk import SimulatedDisk


def live(disk, header, chance, acknowledged, lost, power):
    """Write until the disk gives in, after so many changes to it, or chance ends it before."""
    with disk_opened(disk, header) as journal:
        found = [repr(record) for record in journal.records()]
        assert found[: len(acknowledged)] == acknowledged, "an acknowledged record is lost"
        extra = found[len(acknowledged) :]
        assert extra == lost[: len(extra)], "a record appeared that nobody wrote"
        acknowledged[:], lost[:] = found, []
        disk.fail(lambda: apsw.IOError("the power is gone"), after=power)
        while True:
            durable = chance.random() < 0.6
            text = "x" * chance.choice((1, 50, 3_000))
            number = journal.count + 1
            lost.append(f"Record(number={number}, time={number}, kind='notice', content={Notice('info', text)!r})")
            journal.append(number, "notice", Notice("info", text), durable=durable)
            if durable:
                acknowledged += lost
                lost.clear()
            if chance.random() < 0.01:
                disk.heal()
                return


class disk_opened:  # noqa: N801 - reads as a function
    """A journal that is dropped, as a dead process drops it, if the disk fails."""

    def __init__(self, disk, header):
        self.disk = disk
        self.journal = SqliteJournal("bot.sqlite", create=header, vfs=disk.vfs)

    def __enter__(self):
        return self.journal

    def __exit__(self, kind, error, trace):
        if kind is None:
            self.journal.close()


def schedule(seed, header, prepare=lambda disk: None):
    """Several lives of a bot between power cuts; return how many records were acknowledged and how often it was cut."""
    chance = Random(seed)
    disk = SimulatedDisk()
    prepare(disk)
    acknowledged, cuts = [], 0
    lost = [repr(Record(1, header.opened, "opened", header))]
    try:
        for _ in range(5):
            said = "the power is gone"
            try:
                if not acknowledged:
                    disk.fail(lambda: apsw.IOError("the power is gone"), after=chance.randrange(80))
                live(disk, header, chance, acknowledged, lost, chance.randrange(150))
            except JournalError as error:
                said = str(error)
            assert "the power is gone" in said
            disk.heal()
            if chance.random() < 0.8:
                disk.cut_power(chance)
                cuts += 1
            else:
                disk.kill()
        with disk_opened(disk, header) as journal:
            found = [repr(record) for record in journal.records()]
        assert found[: len(acknowledged)] == acknowledged, "an acknowledged record is lost"
        assert found[len(acknowledged) :] == lost[: len(found) - len(acknowledged)]
        return len(acknowledged), cuts
    finally:
        disk.close()


SCHEDULES = [pytest.param(200, id="200"), pytest.param(2_000, id="2000", marks=[pytest.mark.campaign])]


@pytest.mark.parametrize("schedules", SCHEDULES)
def test_no_power_cut_loses_what_was_acknowledged(header, schedules):
    written = cuts = 0
    for seed in range(schedules):
        try:
            more, cut = schedule(seed, header)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        written, cuts = written + more, cuts + cut
    assert written > 10 * schedules
    assert cuts > 3 * schedules


def test_a_seed_replays_identically(header):
    assert [schedule(3, header) for _ in range(3)] == [schedule(3, header)] * 3


def lying(disk):
    disk.ignore_syncs()


@pytest.mark.parametrize("setting", ["synchronous=OFF", "synchronous=NORMAL", "a disk that lies"])
def test_the_schedules_find_a_journal_that_does_not_sync(header, monkeypatch, setting):
    if setting.startswith("synchronous"):
        real = database._configure

        def lax(connection, place, *, read_only):
            real(connection, place, read_only=read_only)
            connection.pragma("synchronous", setting.partition("=")[2])

        monkeypatch.setattr(database, "_configure", lax)
    with pytest.raises((AssertionError, JournalError)):
        [schedule(seed, header, lying if "lies" in setting else lambda disk: None) for seed in range(50)]
