"""What a person decides holds over a restart, and what a person has looked at is taken as it is."""

from __future__ import annotations

import math

import pytest

import cryptobot as cb
from cryptobot.core.types import Mode
from cryptobot.exchange.connector.exchange import CcxtExchange
from cryptobot.exchange.simulator.faults import Fault
from cryptobot.trading.journal import JournalHeader, JournalView, SqliteJournal, TradingStateChange

PATIENCE = 60
STRATEGY = cb.MovingAverageCrossover(5, 20)
BARS = cb.practice_bars(1_200, seed=1)


def run_until(end, path):
    header = JournalHeader("mine", "replay", "", Mode.PRACTICE, "BASE/QUOTE", "1m", 1)
    exchange = cb.ReplayExchange(BARS.iloc[:end], speed=math.inf)
    with SqliteJournal(path, create=None if path.exists() else header) as journal:
        bot = cb.Bot(STRATEGY, exchange=exchange, journal=journal, name="mine", limits=cb.Limits(stop_loss=0.2))
        status = bot.run()
    assert status.state == "finished", status.reason
    return status, exchange


@pytest.fixture
def holding(tmp_path):
    """A journal whose bot held a position when its session ended."""
    path = tmp_path / "mine.sqlite"
    for end in range(300, 900, 20):
        status, _ = run_until(end, path)
        if status.quantity:
            return path, end
    raise AssertionError("it never held anything")


@pytest.mark.parametrize("flatten", [True, False])
def test_a_kill_is_carried_out_after_a_crash(holding, flatten):
    path, end = holding
    with SqliteJournal(path) as journal:
        journal.append(2, "trading_state", TradingStateChange("halted", "pulled the plug", "user", flatten))
    before = len(JournalView.of(path).fills)
    # The keeper looks every second, and a replay is over in less: a market that takes its time.
    exchange = cb.ReplayExchange(BARS.iloc[: end + 300], speed=600)
    with SqliteJournal(path) as journal:
        bot = cb.Bot(STRATEGY, exchange=exchange, journal=journal, name="mine", limits=cb.Limits(stop_loss=0.2))
        bot.start()
        if flatten:
            assert bot.wait_until(lambda: bot.status().quantity == 0, PATIENCE)
        else:
            assert bot.wait_until(lambda: bot.status().bars >= 20, PATIENCE)
        bot.stop()
        status = bot.status()
    assert status.trading_state == "halted"
    assert status.open_orders == 0  # the protective order is gone in either case
    assert len(JournalView.of(path).fills) - before == (1 if flatten else 0)


def test_a_withdrawal_holds_the_bot_back_until_a_person_has_looked():
    with cb.Simulator(practice=7, speed=60) as simulator:
        exchange = CcxtExchange(
            "binance",
            mode="testnet",
            endpoint=simulator.endpoint,
            api_key=simulator.api_key,
            secret=simulator.secret,
        )
        bot = cb.Bot(STRATEGY, exchange=exchange, symbol="BTC/USDT", timeframe="1m").start()
        try:
            simulator.faults.add(Fault("balance", values={"USDT": -100}))
            bot.session.keeper.request("a test asks for it")
            assert bot.wait_until(lambda: bot.status().trading_state == "reducing", PATIENCE)
            assert "100 USDT less" in bot.status().trading_reason
            simulator.faults.add(Fault("balance", values={"USDT": -50}))
            assert bot.clear("it was me").trading_state == "active"
            bot.session.keeper.request("a test asks for it")
            assert bot.wait_until(lambda: bot.session.keeper.hold is None, PATIENCE)
            assert bot.status().trading_state == "active"  # the second withdrawal was there when it was looked at
        finally:
            bot.stop()
