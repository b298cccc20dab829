"""Real processes, in a data directory of the test's own; all of them are ended, by their ids."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cryptobot.control import launch as launching
from cryptobot.control import state_file
from cryptobot.control.folders import Folders
from tests.ran import Ran

PATIENCE = 60


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Where this test's bots live."""
    monkeypatch.setenv("CRYPTOBOT_DATA_DIRECTORY", str(tmp_path / "data"))
    before = list(launching._CHILDREN)
    found = Folders.find()
    yield found
    for name in found.names(state_file.ENDING):  # those that a process of the test launched
        state = state_file.read(found, name)
        if state is not None and all(child.pid != state.pid for child in launching._CHILDREN):
            _kill(state.pid)
    for child in launching._CHILDREN:
        if child not in before:
            child.kill()
            child.wait(PATIENCE)
    launching._CHILDREN[:] = before


def _kill(pid):
    try:
        os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.fixture
def cryptobot(tmp_path):
    """Run the command line in a process of its own, to its end."""

    def run(*words, code=0):
        command = [sys.executable, "-m", "cryptobot", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == code, done.stderr
        return Ran(done.returncode, done.stdout, " ".join(done.stderr.split()))

    return run


@pytest.fixture
def foreground():
    """Start the command line in a process of its own, and leave it."""
    started = []

    def start(*words, **environment):
        command = [sys.executable, "-m", "cryptobot", *map(str, words)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def write_config(tmp_path):
    """Write a configuration for a practice bot; returns its path."""

    def write(name="mine", *, mode="practice", strategy='name = "ma_crossover"', exchange="speed = 6000", more=""):
        path = Path(tmp_path) / f"{name}.toml"
        path.write_text(
            f'name = "{name}"\nmode = "{mode}"\n{more}\n[strategy]\n{strategy}\n[exchange]\n{exchange}\n', "utf-8"
        )
        return path

    return write
