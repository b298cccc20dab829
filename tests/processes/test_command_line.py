"""``cryptobot run``, ``status``, ``stop``, ``kill`` and ``logs``, as a shell runs them."""

from __future__ import annotations

import json
import re
import signal
import sys
import time

import pytest

import cryptobot as cb
from cryptobot.control.attach import attach
from cryptobot.control.attached_bot import AttachedBot
from cryptobot.control.launch import is_ready
from cryptobot.core.file_lock import is_free
from cryptobot.trading.journal import JournalView

PATIENCE = 60


@pytest.fixture
def running(foreground, write_config):
    """A practice bot in the foreground of another process, and that process."""
    process = foreground("run", write_config(), "--json")
    return wait_for("mine"), process


def wait_for(name):
    bot, deadline = AttachedBot(name), time.monotonic() + PATIENCE
    while not is_ready(bot):
        assert time.monotonic() < deadline
    return bot


def test_run_to_the_end_of_the_bars(cryptobot, write_config, tmp_path):
    cb.practice_bars(300, seed=3).to_feather(tmp_path / "bars.feather")
    config = write_config(exchange='id = "replay"\nbars = "bars.feather"')  # beside the configuration
    done = cryptobot("run", config, "--json").json
    assert (done["name"], done["drained"], done["status"]["state"], done["status"]["bars"]) == (
        "mine",
        True,
        "finished",
        300,
    )
    # Started again it has nothing more to trade, and says so in words.
    assert "mine is finished" in cryptobot("run", config).out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"more": 'timefram = "1m"'}, "Did you mean `timeframe`?"),
        ({"strategy": 'name = "ma_crosover"'}, "Did you mean `ma_crossover`?"),
        ({"exchange": "sped = 5"}, "Did you mean `speed`?"),
        ({"more": "sizing = -1"}, "fraction: -1"),
    ],
)
def test_a_mistake_is_one_paragraph_and_exit_code_2(cryptobot, write_config, words, told):
    failed = cryptobot("run", write_config(**words), code=2)
    assert told in failed.err
    assert failed.err.startswith("Error: ")
    assert "Traceback" not in failed.err


def test_a_second_one_is_refused(cryptobot, running, tmp_path):
    _, process = running
    refused = cryptobot("run", tmp_path / "mine.toml", code=2)
    assert f"mine: it runs already (mine, process {process.pid})" in refused.err
    assert "cryptobot stop mine" in refused.err


def test_status_of_all_and_of_one(cryptobot, running):
    _, process = running
    [row] = cryptobot("status", "--json").json
    assert (row["name"], row["state"], row["mode"], row["pid"]) == ("mine", "running", "practice", process.pid)
    assert cryptobot("status", "mine", "--json").json["pid"] == process.pid
    assert "BTC/USDT 1m" in cryptobot("status").out
    assert re.search(r"^Position: +\S", cryptobot("status", "mine").out, re.MULTILINE)
    assert "Did you mean `mine`?" in cryptobot("status", "min", code=2).err


def test_status_where_nothing_runs(cryptobot):
    assert cryptobot("status", "--json").json == []
    assert "No bot runs" in cryptobot("status").out


def test_stop_ends_the_process_and_says_what_stays_open(cryptobot, running, folders):
    _, process = running
    told = cryptobot("stop", "mine", "--json").json
    assert (told["name"], told["state"], told["drained"]) == ("mine", "stopped", True)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    last = json.loads(out)
    assert last["open"] == told["open"]
    assert last["status"]["state"] == "stopped"
    assert is_free(folders.of("mine", "lock"))
    assert "it does not run" in cryptobot("stop", "mine", code=2).err


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_ctrl_c_ends_it_with_its_last_words(foreground, write_config):
    process = foreground("run", write_config())
    wait_for("mine")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert "mine is stopped (stopped on request)" in out
    assert "Started: MovingAverageCrossover" in err  # in the foreground one sees its log
    assert "Traceback" not in err


def test_a_killed_bot_stays_killed_over_restarts(cryptobot, running, write_config, foreground):
    bot, _ = running
    told = cryptobot("kill", "mine", "--flatten", "--reason", "enough", "--json").json
    assert told["running"]
    assert bot.status().trading_state == "halted"
    assert "enough" in bot.status().trading_reason
    cryptobot("stop", "mine")
    foreground("run", write_config())
    again = wait_for("mine")
    assert again.status().trading_state == "halted"
    assert "`cryptobot clear mine`" in cryptobot("kill", "mine").out
    assert cryptobot("clear", "mine", "--reason", "a person looked at it").out.startswith("mine is active")
    assert again.status().trading_state == "active"


def test_a_kill_of_one_that_does_not_run_counts_at_its_next_start(
    cryptobot, running, foreground, write_config, folders
):
    cryptobot("stop", "mine")
    told = cryptobot("kill", "mine", "--json").json
    assert not told["running"]
    assert JournalView.of(folders.journal("mine"), bars=False).trading_state.state == "halted"
    foreground("run", write_config())
    assert wait_for("mine").status().trading_state == "halted"
    for word in ("kill", "clear"):
        assert "it does not run" in cryptobot(word, "nobody", code=2).err


def test_logs_of_one_that_runs_and_of_one_that_does_not(cryptobot, running):
    bot, _ = running
    bot.log("warning", "a line of the test's own")
    assert "a line of the test's own" in cryptobot("logs", "mine", "-n", 5_000).out
    lines = cryptobot("logs", "mine", "-n", 5_000, "--json").json
    assert {"time", "level", "text"} == set(lines[0])
    bot.shut_down()
    assert "mine is stopped" in cryptobot("logs", "mine", "-n", 1).out
    assert len(cryptobot("logs", "mine", "-n", 3, "--json").json) == 3
    assert "it does not run" in cryptobot("logs", "mine", "-f", code=2).err
    assert "it does not run" in cryptobot("logs", "nobody", code=2).err


def test_logs_that_are_followed_end_with_the_bot(running, foreground):
    bot, _ = running
    reader = foreground("logs", "mine", "-f", "--json")
    assert json.loads(reader.stdout.readline())["text"]
    attach("mine").log("warning", "said while it is read")
    texts = []
    for line in reader.stdout:
        texts.append(json.loads(line)["text"])
        if "said while it is read" in texts[-1]:
            break
    bot.shut_down()
    _, errors = reader.communicate(timeout=PATIENCE)
    assert (reader.returncode, errors) == (0, "")
    assert texts.count("said while it is read") == 1
    assert len([text for text in texts if text.startswith("Started:")]) <= 1
