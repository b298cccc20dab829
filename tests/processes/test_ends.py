"""However a process ends, the next one can begin; and it says what it leaves."""

from __future__ import annotations

import os
import signal
import socket
import sys

import pytest

import cryptobot as cb
from cryptobot.control import launch as launching
from cryptobot.control.attach import attach, launched_bots
from cryptobot.control.gone import BotGoneError
from cryptobot.control.launch import launch
from cryptobot.core.file_lock import is_free
from cryptobot.trading.journal import JournalView, SqliteJournal

PATIENCE = 60
CONFIG = {
    "name": "mine",
    "mode": "practice",
    "exchange": {"speed": 6000},
    "strategy": {"name": "ma_crossover", "params": {"fast": 2, "slow": 4}},
}
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


def ended(child):
    return child.wait(PATIENCE)


@posix
@pytest.mark.parametrize(
    "signals",
    [
        [signal.SIGTERM],
        [signal.SIGINT],
        [signal.SIGHUP],
        [signal.SIGTERM, signal.SIGTERM],
        [signal.SIGINT, signal.SIGINT, signal.SIGTERM],
    ],
    ids=lambda signals: "+".join(number.name for number in signals),
)
def test_a_signal_or_many_let_it_come_to_its_end(signals, folders):
    bot = launch(CONFIG)
    assert bot.wait_until(lambda: bot.status().quantity > 0, PATIENCE)
    for number in signals:
        os.kill(bot.process.pid, number)
    [child] = launching._CHILDREN
    assert ended(child) == 0
    assert launched_bots() == []
    assert folders.names("state.json") == []
    assert is_free(folders.of("mine", "lock"))
    view = JournalView.of(folders.journal("mine"))
    assert view.state.state == "stopped"
    held = view.portfolio().quantity
    last = folders.log("mine").read_text().splitlines()[-1]
    assert ("Still open: a position of" if held else "Nothing is open") in last
    assert SqliteJournal.check(folders.journal("mine")).state == "ok"


@posix
def test_a_killed_one_leaves_nothing_in_the_way(folders):
    bot = launch(CONFIG)
    assert bot.wait_until(lambda: bot.status().trades > 0, PATIENCE)
    os.kill(bot.process.pid, signal.SIGKILL)
    [child] = launching._CHILDREN
    assert ended(child) == -signal.SIGKILL
    assert folders.names("state.json") == ["mine"]  # a stale one, which nobody believes
    assert launched_bots() == []
    with pytest.raises(BotGoneError, match="does not run"):
        attach("mine")
    trades = len(JournalView.of(folders.journal("mine")).trades())
    again = launch(CONFIG)
    assert again.status().trades >= trades > 0
    assert again.status().state == "running"


@posix
def test_one_that_stands_still_is_told_from_one_that_is_gone(folders):
    bot = launch(CONFIG)
    os.kill(bot.process.pid, signal.SIGSTOP)
    try:
        assert not bot.alive
        with pytest.raises(BotGoneError, match="its process is there and does not answer"):
            attach("mine")
        with pytest.raises(cb.ConfigError, match="it runs already"):
            launch(CONFIG, timeout=2)
    finally:
        os.kill(bot.process.pid, signal.SIGCONT)
    assert bot.wait_until(lambda: bot.status().state == "running", PATIENCE)


@posix
def test_it_can_be_ended_while_it_still_connects(foreground, write_config, folders):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never answers
        endpoint = f'id = "binance"\nendpoint = "http://127.0.0.1:{silent.getsockname()[1]}"'
        config = write_config(mode="paper", exchange=endpoint, more='symbol = "BTC/USDT"\ntimeframe = "1m"')
        process = foreground("run", config)
        silent.settimeout(PATIENCE)
        connection, _ = silent.accept()  # it connects
        with connection:
            process.send_signal(signal.SIGTERM)
            out, _ = process.communicate(timeout=PATIENCE)
    assert "mine is stopped" in out
    assert is_free(folders.of("mine", "lock"))


HANGS = """
import os, pathlib, threading
import cryptobot as cb

class Hangs(cb.Strategy):
    def features(self):
        return {"average": cb.SMA(3)}

    def should_buy(self, x):
        if pathlib.Path(__file__).with_name("hang").exists():
            threading.Event().wait()
        return cb.crossed_above(x.close, x.average)

    def should_sell(self, x):
        return cb.crossed_below(x.close, x.average)
"""


@pytest.mark.slow
def test_a_strategy_that_hangs_keeps_nobody_from_ending_it(tmp_path, folders):
    (tmp_path / "hangs.py").write_text(HANGS)
    bot = launch({**CONFIG, "strategy": {"name": f"{tmp_path / 'hangs.py'}:Hangs"}})
    (tmp_path / "hang").touch()
    with pytest.raises(cb.CryptobotError, match="its strategy may hang"):
        bot.wait(PATIENCE)
    assert bot.about()["state"] == "running"  # the process itself answers
    ending = bot.shut_down()
    assert not ending.drained
    assert "does not answer" in ending.text
    [child] = launching._CHILDREN
    assert ended(child) == 1
    (tmp_path / "hang").unlink()
    assert launch({**CONFIG, "strategy": {"name": f"{tmp_path / 'hangs.py'}:Hangs"}}).status().state == "running"


def test_one_that_has_no_more_bars_stays_to_be_looked_at(tmp_path):
    cb.practice_bars(300, seed=3).to_feather(tmp_path / "bars.feather")
    replay = {"id": "replay", "bars": str(tmp_path / "bars.feather")}
    bot = launch({**CONFIG, "exchange": replay})
    assert bot.wait(PATIENCE)
    assert (bot.status().state, bot.status().bars) == ("finished", 300)
    report = cb.backtest(cb.MovingAverageCrossover(fast=2, slow=4), cb.read_bars(tmp_path / "bars.feather"))
    assert len(bot.trades()) == len(report.trades) > 5
    assert bot.shut_down().ok


@posix
def test_the_account_is_locked_among_all_names(monkeypatch, folders):
    monkeypatch.setenv("BINANCE_API_KEY", "k" * 64)
    monkeypatch.setenv("BINANCE_API_SECRET", "s" * 64)
    with cb.Simulator(practice=7, speed=60, api_key="k" * 64, secret="s" * 64) as simulator:
        exchange = {"id": "binance", "endpoint": simulator.endpoint}
        shared = {**CONFIG, "mode": "testnet", "exchange": exchange, "symbol": "BTC/USDT", "timeframe": "1m"}
        first = launch(shared)
        assert first.mode == "testnet"
        with pytest.raises(
            cb.ConfigError, match=r"second: another bot trades on this account of binance \(mine, process"
        ):
            launch({**shared, "name": "second"})
        first.shut_down()


def test_shutdown_ends_everything_that_this_user_has_running(tmp_path):
    launched = launch(CONFIG)
    local = cb.Bot(cb.BuyAndHold(), exchange=cb.PracticeExchange(3, speed=6000), name="local").start()
    server = cb.PriceServer(local, port=0, state_directory=tmp_path).start()
    assert local.wait_until(lambda: local.status().quantity > 0, PATIENCE)
    endings = {ending.name: ending for ending in cb.shutdown()}
    assert endings.keys() == {"mine", "local"}
    assert all(ending.ok for ending in endings.values())
    assert endings["local"].text.startswith("local is stopped")
    assert "a position of" in endings["local"].text
    assert not launched.alive
    assert ended(launching._CHILDREN[-1]) == 0
    assert (cb.running_bots(), launched_bots(), server.running) == ([], [], False)
    assert cb.shutdown() == []


def test_shutdown_says_what_has_not_ended_and_ends_the_others(monkeypatch):
    bots = [
        cb.Bot(cb.BuyAndHold(), exchange=cb.PracticeExchange(3, speed=6000), name=name).start() for name in ("a", "b")
    ]

    def refuses(timeout=10.0):
        raise cb.CryptobotError("a: it does not want to.")

    monkeypatch.setattr(bots[0], "stop", refuses)
    with pytest.raises(cb.CryptobotError, match="a: it does not want to"):
        cb.shutdown()
    assert bots[1].status().state == "stopped"
    monkeypatch.undo()
    bots[0].stop()
