"""The journal of a bot's process: found, missed, another's, set aside."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptobot.control import journal_place
from cryptobot.control.config import BotConfig
from cryptobot.control.exchange_config import make_exchange
from cryptobot.control.folders import Folders
from cryptobot.control.journal_place import journal_path, known_journal, open_journal
from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import ConfigError, JournalError
from cryptobot.core.types import Bar
from cryptobot.trading.journal import BarSeen, SessionStarted, SqliteJournal, StateChange, TradingStateChange


@pytest.fixture
def folders(tmp_path):
    made = Folders(tmp_path / "data")
    made.make("mine")
    return made


def config(**changes):
    return BotConfig.of({"name": "mine", "mode": "practice", "strategy": {"name": "ma_crossover"}, **changes})


def opened(folders, *, new=False, account="", **changes):
    chosen = config(**changes)
    return open_journal(chosen, folders, make_exchange(chosen), account, SimulatedClock(5), new=new)


def write(journal):
    journal.append(7, "state", StateChange("running"))
    journal.close()


def test_the_first_start_makes_it_and_the_next_finds_it(folders):
    assert known_journal(folders, "mine") is None
    write(opened(folders))
    assert known_journal(folders, "mine") == journal_path(config(), folders) == folders.journal("mine")
    with opened(folders) as journal:
        assert [record.kind for record in journal.records()] == ["opened", "state"]
        header = journal.header
    assert (header.bot, header.symbol, header.timeframe, header.opened) == ("mine", "BTC/USDT", "1m", 5)


@pytest.mark.parametrize(
    ("changes", "bars"),
    [
        ({"timeframe": "1m"}, 200_000),
        ({"timeframe": "1h"}, 200_000),
        ({"timeframe": "1s"}, 1_209_600),
        ({"timeframe": "5s"}, 241_920),
        ({"timeframe": "1s", "keep_bars": 7}, 7),
        ({"keep_bars": "all"}, None),
    ],
)
def test_it_keeps_the_bars_of_two_weeks_at_least_or_what_the_configuration_says(folders, monkeypatch, changes, bars):
    asked = []

    class Asked(SqliteJournal):
        def __init__(self, path, *, keep_bars, **options):
            asked.append(keep_bars)
            super().__init__(path, keep_bars=keep_bars, **options)

    monkeypatch.setattr(journal_place, "SqliteJournal", Asked)
    opened(folders, **changes).close()
    assert asked == [bars]


@pytest.mark.parametrize(("changes", "left"), [({"keep_bars": 5}, range(5, 11)), ({}, [60])])
def test_bars_that_are_not_kept_are_let_go_of(folders, changes, left):
    with opened(folders, **changes) as journal:
        for n in range(60):
            time = n * 60_000_000_000
            journal.append(time, "bar", BarSeen(Bar(time, 1.0, 2.0, 0.5, 1.5, 10.0), {}, 1e4), durable=False)
        journal.append(60 * 60_000_000_000, "state", StateChange("running"))
        assert sum(record.kind == "bar" for record in journal.records()) in left


def test_one_that_was_there_and_is_gone_is_missed(folders):
    write(opened(folders))
    folders.journal("mine").unlink()
    with pytest.raises(JournalError, match="missing, and mine has traded before.*--new-journal"):
        opened(folders)
    assert not folders.journal("mine").exists()  # an empty one would look like a bot that never traded


def test_another_path_does_not_make_it_forget(folders, tmp_path):
    write(opened(folders))
    with pytest.raises(JournalError, match=r"It lay at .*mine\.sqlite; name that path again"):
        opened(folders, journal=str(tmp_path / "other.sqlite"))


def test_one_that_was_moved_is_taken_from_its_new_place(folders, tmp_path):
    write(opened(folders))
    moved = tmp_path / "other.sqlite"
    folders.journal("mine").rename(moved)
    with opened(folders, journal=str(moved)) as journal:
        assert journal.count == 2
    assert known_journal(folders, "mine") == moved


@pytest.mark.parametrize(
    ("changes", "words"), [({"timeframe": "5m"}, "its timeframe is '1m', not '5m'"), ({"account": "x"}, "its account")]
)
def test_one_of_another_market_or_account_is_refused(folders, changes, words):
    write(opened(folders))
    with pytest.raises(JournalError, match=words):
        opened(folders, **changes)


def test_a_new_one_keeps_the_old_one_beside_it(folders):
    for _ in range(3):
        write(opened(folders, new=True))
    kept = sorted(path.name for path in folders.journal("mine").parent.glob("*.sqlite"))
    assert kept == ["mine.1.sqlite", "mine.2.sqlite", "mine.sqlite"]
    assert SqliteJournal.check(folders.journal("mine").with_name("mine.1.sqlite")).good == 2


def test_a_new_one_after_the_old_one_was_lost(folders):
    write(opened(folders))
    folders.journal("mine").unlink()
    with opened(folders, new=True) as journal:
        assert journal.count == 1


def test_one_that_is_being_written_is_not_set_aside(folders):
    with opened(folders), pytest.raises(JournalError, match="writes it already"):
        opened(folders, new=True)


def test_real_money_does_not_forget(folders):
    from types import SimpleNamespace

    live = BotConfig.of(
        {"name": "mine", "mode": "live", "exchange": {"id": "binance"}, "strategy": {"name": "ma_crossover"}}
    )
    exchange = SimpleNamespace(name="binance", symbol="BTC/USDT", timeframe="1m", mode="live")
    with pytest.raises(ConfigError, match="does not forget"):
        open_journal(live, folders, exchange, "x", SimulatedClock(5), new=True)


def test_a_start_that_failed_with_a_misspelt_market_is_not_held_against_the_bot(folders):
    with opened(folders, symbol="BTCUSDT") as journal:
        journal.append(6, "state", StateChange("starting"))
        journal.append(7, "state", StateChange("halted", "there is no such market"))
    with opened(folders) as journal:
        assert journal.header.symbol == "BTC/USDT"
        assert journal.count == 1
    aside = folders.journal("mine").with_name("mine.1.sqlite")
    assert SqliteJournal(aside, read_only=True).header.symbol == "BTCUSDT"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("trading_state", TradingStateChange("halted", "killed", "user")),
        ("session", SessionStarted(Decimal(5), Decimal(0))),
    ],
)
def test_one_that_knows_more_than_a_failed_start_is_another_s_for_good(folders, kind, content):
    with opened(folders, symbol="ETH/USDT") as journal:
        journal.append(7, kind, content)
    with pytest.raises(JournalError, match="its symbol is 'ETH/USDT', not 'BTC/USDT'"):
        opened(folders)
    assert not folders.journal("mine").with_name("mine.1.sqlite").exists()
