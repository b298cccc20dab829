"""Launching, attaching, and one process a bot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

import cryptobot as cb
from cryptobot.control import launch as launching
from cryptobot.control.attach import attach, launched_bots
from cryptobot.control.gone import BotGoneError
from cryptobot.control.launch import launch
from cryptobot.trading.journal import JournalView, SqliteJournal

PATIENCE = 60
PRACTICE = {"mode": "practice", "exchange": {"speed": 6000}}


class TypedIntoACell(cb.Strategy):
    """Trades often."""

    window = cb.param(4, ge=2)

    def features(self):
        return {"average": cb.SMA(self.window)}

    def should_buy(self, x):
        return cb.crossed_above(x.close, x.average)

    def should_sell(self, x):
        return cb.crossed_below(x.close, x.average)


TypedIntoACell.__module__ = "__main__"  # so that it travels by value, as from a notebook


def start(name="mine", **settings):
    return launch(strategy=TypedIntoACell(), name=name, **{**PRACTICE, **settings})


def test_a_bot_trades_in_a_process_of_its_own_and_is_found_again():
    bot = start()
    assert bot.status().pid != os.getpid()
    assert bot.wait_until(lambda: bot.status().trades > 2, PATIENCE)
    again = attach("mine")
    assert again.status().pid == bot.status().pid
    assert attach().name == "mine"
    assert [found.name for found in launched_bots()] == ["mine"]
    assert again.strategy == TypedIntoACell()
    assert len(again.trades()) >= 3
    assert again.set_parameters(window=6) == TypedIntoACell(window=6)
    assert bot.status().parameters == {"window": 6}
    ending = again.shut_down()
    assert ending.ok
    assert ending.status.state == "stopped"
    with pytest.raises(BotGoneError, match="mine: it does not run"):
        bot.status()
    assert launched_bots() == []


def test_the_cell_run_again_takes_hold_of_the_same_bot():
    first = start()
    assert start().status().pid == first.status().pid
    assert launch({"name": "mine", **PRACTICE}, TypedIntoACell(window=4)).status().pid == first.status().pid


@pytest.mark.parametrize(
    ("strategy", "settings", "words"),
    [
        (TypedIntoACell(window=9), {}, "other settings: `strategy`"),
        (TypedIntoACell(), {"exchange": {"speed": 600}}, "other settings: `exchange`"),
        (TypedIntoACell(), {"sizing": 0.5, "limits": {"stop_loss": 0.1}}, "other settings: `limits`, `sizing`"),
    ],
)
def test_another_bot_of_the_same_name_is_refused(strategy, settings, words):
    bot = start()
    with pytest.raises(cb.ConfigError, match=words):
        launch(strategy=strategy, name="mine", **{**PRACTICE, **settings})
    assert bot.status().state == "running"


def test_many_who_launch_at_once_hold_one_bot():
    found, problems = [], []

    def one():
        try:
            found.append(start().status().pid)
        except cb.CryptobotError as error:
            problems.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert problems == []
    assert len(found) == 4
    assert len(set(found)) == 1


def test_two_bots_run_side_by_side():
    one, two = start("one"), start("two")
    assert one.status().pid != two.status().pid
    assert [bot.name for bot in launched_bots()] == ["one", "two"]
    with pytest.raises(BotGoneError, match="2 bots run. Name one: `one`, `two`"):
        attach()
    with pytest.raises(BotGoneError, match="Did you mean `two`"):
        attach("tow")


def test_it_goes_on_from_its_journal():
    first = start()
    assert first.wait_until(lambda: first.status().trades > 2, PATIENCE)
    first.shut_down()
    view = JournalView.of(first._folders.journal("mine"))
    second = start()
    assert second.status().trades >= len(view.trades()) > 2
    assert any("Goes on from its journal" in line.text for line in second.logs())


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({"symbol": "BTC/USD"}, cb.JournalError, "its symbol is 'BTC/USDT', not 'BTC/USD'"),
        ({"timeframe": "5m"}, cb.JournalError, "its timeframe is '1m', not '5m'"),
        ({"exchange": {"cash": -5}}, cb.ConfigError, "-5"),
        ({"journal": "elsewhere/mine.sqlite"}, cb.JournalError, "is missing, and mine has traded before"),
    ],
)
def test_what_goes_wrong_in_the_process_is_raised_here(settings, kind, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    start().shut_down()
    with pytest.raises(kind, match=words):
        start(**settings)
    assert launched_bots() == []
    assert start().status().state == "running"  # nothing of it is left in the way


def test_an_exchange_that_cannot_be_used_is_told_as_the_bot_tells_it():
    with pytest.raises(cb.ConfigError, match="ETH/USDT.*BTC/USDT"):
        start(symbol="ETH/USDT")
    assert launched_bots() == []


def test_a_process_that_falls_over_is_quoted(tmp_path):
    file = tmp_path / "fails.py"
    file.write_text(
        f"import os\nimport cryptobot as cb\nif os.getpid() != {os.getpid()}:\n    print('Oh!', flush=True)\n    os._exit(7)\n"
        "class Mine(cb.BuyAndHold): pass\n"
    )
    with pytest.raises(cb.CryptobotError, match="ended at once, with exit code 7. It said: Oh!"):
        launch({"name": "mine", "strategy": {"name": f"{file}:Mine"}, **PRACTICE})


def test_the_code_that_trades_is_written_down(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("import cryptobot as cb\nclass Mine(cb.BuyAndHold): pass\n")
    bot = launch({"name": "mine", "strategy": {"name": f"{file}:Mine"}, **PRACTICE})
    assert type(bot.strategy).__name__ == "Mine"
    bot.shut_down()
    with SqliteJournal(bot._folders.journal("mine"), read_only=True) as journal:
        [code] = [record.content for record in journal.records(kinds=["gate"])]
    assert code["file"] == str(file)
    assert len(code["sha256"]) == 64


def test_real_money_takes_no_code_from_a_cell():
    before = list(launching._CHILDREN)
    with pytest.raises(cb.ConfigError, match="typed into a cell does not trade real money"):
        launch(strategy=TypedIntoACell(), mode="live", exchange={"id": "binance"}, name="mine")
    assert before == launching._CHILDREN


LAUNCHER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may have them ignored
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from cryptobot.control.launch import launch
bot = launch({"name": "mine", "mode": "practice", "exchange": {"speed": 6000}, "strategy": {"name": "ma_crossover"}})
print(bot.status().pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals to a group are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL, signal.SIGHUP])
def test_no_end_of_its_launcher_reaches_it(number):
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        pid = int(launcher.stdout.readline())
        os.killpg(launcher.pid, number)  # as a kernel that is interrupted, killed, or whose terminal is closed
        launcher.wait(PATIENCE)
        bot = attach("mine")
        before = bot.status()
        assert (before.pid, before.state) == (pid, "running")
        assert bot.wait_until(lambda: bot.status().bars > before.bars + 3, PATIENCE)
        bot.shut_down()
    finally:
        launcher.kill()
        launcher.communicate()


def test_a_price_server_lives_beside_it(tmp_path, monkeypatch):
    import json
    import urllib.request

    monkeypatch.setenv("CRYPTOBOT_SERVER_DIRECTORY", str(tmp_path / "servers"))
    bot = start(server={"port": 0})
    [line] = [line.text for line in bot.logs() if "price server listens" in line.text]
    [path] = (tmp_path / "servers").glob("*.json")
    state = json.loads(path.read_text())
    assert state["url"] in line
    request = urllib.request.Request(
        state["url"] + "/bot-status", headers={"Authorization": f"Bearer {state['token']}"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert json.loads(answer.read())["bot"] == "mine"
    bot.shut_down()
    assert list((tmp_path / "servers").iterdir()) == []


def test_a_port_that_is_taken_leaves_the_bot_trading(tmp_path, monkeypatch):
    import socket

    monkeypatch.setenv("CRYPTOBOT_SERVER_DIRECTORY", str(tmp_path / "servers"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bot = start(server={"port": taken.getsockname()[1]})
        assert bot.status().state == "running"
        assert any("the bot trades without it" in line.text for line in bot.logs())
