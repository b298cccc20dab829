"""A bot on a live exchange: nothing begins before the gate has let it pass, and the journal keeps what it saw."""

from __future__ import annotations

import math

import pytest

import cryptobot as cb
from cryptobot.core.types import Mode
from cryptobot.trading.journal import JournalHeader, JournalView, SqliteJournal

STRATEGY = cb.MovingAverageCrossover(3, 9)
REASONS = dict.fromkeys(("limits", "key_rights", "check_strategy", "backtest", "paper_session"), "a test of the gate")


class Live(cb.ReplayExchange):
    """Real money, as far as the bot can tell."""

    mode = Mode.LIVE


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path))


def exchange():
    return Live(cb.practice_bars(300, seed=2), speed=math.inf)


def journal(path):
    return SqliteJournal(path, create=JournalHeader("live", "replay", "", Mode.LIVE, "BASE/QUOTE", "1m", 1))


def test_real_money_needs_a_journal_on_disk():
    with pytest.raises(cb.ConfigError, match=r"needs a journal on disk.*cb\.launch"):
        cb.Bot(STRATEGY, exchange=exchange(), gate=cb.LiveGate(paper_time="1d"))


def test_what_is_no_gate_is_refused():
    with pytest.raises(cb.ConfigError, match=r"gate: '3d' is none"):
        cb.Bot(STRATEGY, exchange=exchange(), gate="3d")


def test_without_a_gate_or_its_proofs_nothing_is_sent(tmp_path):
    for gate, words in (
        (None, "gate: real money needs one"),
        (cb.LiveGate(paper_time="1d"), "may not trade real money"),
    ):
        traded = exchange()
        with journal(tmp_path / f"{gate is None}.sqlite") as kept:
            bot = cb.Bot(STRATEGY, exchange=traded, journal=kept, name="live", gate=gate)
            with pytest.raises(cb.ConfigError, match=words):
                bot.start()
            assert bot.status().state == "halted"
        assert traded.executed == []
        view = JournalView.of(tmp_path / f"{gate is None}.sqlite")
        assert (view.intents, view.session) == ([], None)


def test_what_is_gone_without_is_journaled_before_anything_is_sent(tmp_path):
    traded = exchange()
    with journal(tmp_path / "live.sqlite") as kept:
        gate = cb.LiveGate(paper_time="1d", override=REASONS)
        status = cb.Bot(STRATEGY, exchange=traded, journal=kept, name="live", gate=gate).run()
        assert status.state == "finished", status.reason
        kinds = [record.kind for record in kept.records()]
    assert kinds.index("gate") < kinds.index("intent")
    [found] = JournalView.of(tmp_path / "live.sqlite").gates
    assert "a test of the gate" in str(found)
    assert len(traded.executed) > 2
