"""The real process, killed again and again while it trades: the exchange's own ledger says what must be in the journal.

The bot trades through ccxt on a simulator in this process, so that no kill touches the oracle. Where a kill falls is drawn
from a seed: so many orders or requests after the start, some of them before the bot has compared its books.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from functools import partial

import pytest

import cryptobot as cb
from cryptobot.control import launch as launching
from cryptobot.control.attach import attach
from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.launch import launch
from cryptobot.exchange.simulator.faults import Fault
from cryptobot.trading.journal import JournalView, SqliteJournal

PATIENCE = 60
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")


class KilledEarlyError(Exception):
    """What a launcher hears of a process that was killed before it traded."""


@pytest.fixture(params=["received", "quote"])
def simulator(request, monkeypatch):
    """An exchange that takes a buy's fee from what was bought, which leaves dust, or from the money."""
    with cb.Simulator(practice=7, speed=600, fee_asset=request.param) as running:
        monkeypatch.setenv("BINANCE_API_KEY", running.api_key)
        monkeypatch.setenv("BINANCE_API_SECRET", running.secret)
        yield running


def config(simulator):
    return {
        "name": "killed",
        "mode": "testnet",
        "exchange": {"id": "binance", "endpoint": simulator.endpoint},
        "symbol": "BTC/USDT",
        "timeframe": "1m",
        "sizing": 0.5,
        "strategy": {"name": "ma_crossover", "params": {"fast": 2, "slow": 3, "volatility_window": 2}},
    }


def wait_for(condition, why=lambda: ""):
    """Look until something is so, for as long as a busy machine may need; if it never is, say why."""
    deadline, tick = time.monotonic() + PATIENCE, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, why()
        tick.wait(0.002)


def state(bot):
    """Return how a bot stands, and what it said last."""
    return "\n".join([str(bot.status()), *(f"{line.time} {line.text}" for line in bot.logs(60))])


def kill_somewhere(simulator, draw):
    """Launch the bot, and kill it after a drawn number of requests or orders."""
    what, extra = draw.choice(["requests", "orders", "orders"]), draw.randrange(1, 5)
    orders = len(simulator.ledger.orders)
    last = simulator.requests[-1:]
    launcher = threading.Thread(target=quietly_launch, args=(config(simulator),))
    launcher.start()
    if what == "orders":
        wait_for(lambda: len(simulator.ledger.orders) >= orders + extra)
    else:
        for _ in range(extra):
            wait_for(lambda: simulator.requests[-1:] != last)  # noqa: B023 - it is called here and now
            last = simulator.requests[-1:]
    [child] = [child for child in launching._CHILDREN if child.poll() is None]
    os.kill(child.pid, signal.SIGKILL)
    child.wait(PATIENCE)
    launcher.join(PATIENCE)
    assert not launcher.is_alive()


def quietly_launch(settings):
    """Launch a bot that may be killed before it trades; whatever else goes wrong fails the test."""
    with contextlib.suppress(KilledEarlyError):
        try:
            launch(settings)
        except cb.CryptobotError as error:
            raise (KilledEarlyError if "exit code -9" in str(error) else RuntimeError)(str(error)) from error


def compare(simulator, folders):
    """The journal's story is the ledger's: every order meant once, every execution booked once, nothing else."""
    path = folders.journal("killed")
    assert SqliteJournal.check(path).state == "ok"
    view, ledger = JournalView.of(path, bars=False), simulator.ledger
    meant = set(view.lives)
    sent = Counter(order.client_id for order in ledger.orders)
    assert max(sent.values()) == 1
    assert set(sent) <= meant
    assert {life.state.name for life in view.lives.values()} & {"SENT", "UNKNOWN"} == set()
    booked = Counter((fill.id, fill.price, fill.quantity) for fill in view.fills)
    assert booked == Counter((fill.id, fill.price, fill.quantity) for fill in ledger.fills)
    with SqliteJournal(path, read_only=True) as journal:
        [session] = [record.content for record in journal.records(kinds=["session"])]
    books = view.portfolio(cash=session.cash)
    dust = simulator.market.lot_size
    assert abs(ledger.balances["BTC"].total - books.quantity) < dust
    return view


def run(simulator, folders, kills, seed):
    draw = random.Random(seed)
    for _ in range(kills):
        kill_somewhere(simulator, draw)
    bot = launch(config(simulator))
    orders = len(simulator.ledger.orders)
    assert bot.wait_until(lambda: len(simulator.ledger.orders) >= orders + 2, PATIENCE)  # it still trades
    assert bot.status().trading_state == "active"
    assert bot.stop().status().unknown_orders == 0
    view = compare(simulator, folders)
    assert bot.status().trades == len(view.trades()) >= kills // 4
    bot.shut_down()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_kills_lose_nothing_and_double_nothing(simulator, folders):
    run(simulator, folders, kills=10, seed=20)


@pytest.mark.campaign
def test_with_faults_it_is_killed_cut_off_stopped_and_attached_at_will(simulator, folders):
    """Every story agrees in the end: journal, status and the exchange's own ledger."""
    settings = config(simulator) | {"limits": {"stop_loss": 0.01, "take_profit": 0.02, "max_order_value": 2_000}}
    draw = random.Random(4)
    launch(settings)
    for step in range(8):
        bot = attach("killed")
        what = ("kill", "sockets", "stop", "faults")[step % 4]
        orders = len(simulator.ledger.orders)
        if what == "kill":
            os.kill(bot.process.pid, signal.SIGKILL)
            wait_for(lambda: not bot.alive)  # noqa: B023 - it is called here and now
        elif what == "sockets":
            simulator.faults.add(Fault("kill", stream="all"))
        elif what == "stop":
            assert bot.stop().status().state == "stopped"
            bot.start()
        else:
            simulator.faults.seeded(step, rate=0.05)
        bot = launch(settings)  # as if its cell were run again
        more = draw.randrange(1, 4)
        wait_for(lambda: len(simulator.ledger.orders) >= orders + more, partial(state, bot))  # noqa: B023
    simulator.faults.clear()
    bot = attach("killed")
    wait_for(lambda: bot.status().unknown_orders == 0 and bot.status().connected, partial(state, bot))
    bot.stop()
    status = bot.status()
    assert (status.trading_state, status.unknown_orders) == ("active", 0), bot.notices(10)
    view = compare(simulator, folders)
    assert status.trades == len(view.trades()) > 2
    assert {order.client_id for order in simulator.ledger.orders if order.is_open} == {
        o.client_id for o in view.opened_orders
    }
    bot.shut_down()


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(13))
def test_a_thousand_kills(simulator, folders, seed):
    run(simulator, folders, kills=40, seed=seed)


def test_a_kill_before_anything_was_sent(simulator, folders):
    launcher = threading.Thread(target=quietly_launch, args=(config(simulator),))
    launcher.start()
    wait_for(lambda: AttachedBot("killed").alive)
    os.kill(AttachedBot("killed").process.pid, signal.SIGKILL)
    launcher.join(PATIENCE)
    again = launch(config(simulator))
    assert again.status().state == "running"
    again.shut_down()
