"""Locks among processes: one holder, free when it ends however it ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cryptobot.control.locks import ProcessLock, TakenError
from cryptobot.core.errors import ConfigError
from cryptobot.core.file_lock import is_free

HOLD = """
import sys
from pathlib import Path
from cryptobot.control.locks import ProcessLock
lock = ProcessLock(Path(sys.argv[1]), "the first", "taken")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "name.lock"


@pytest.fixture
def holder(path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_refused_and_told_who_holds_it(path, holder):
    with pytest.raises(TakenError, match=f"it runs already \\(the first, process {holder.pid}\\)"):
        ProcessLock(path, "the second", "it runs already ({holder})")
    assert not is_free(path)


def test_a_killed_holder_leaves_no_lock(path, holder):
    holder.kill()
    holder.wait(30)
    assert is_free(path)
    with ProcessLock(path, "the second", "taken"):
        assert not is_free(path)
    assert is_free(path)


def test_within_a_process_it_excludes_too(path):
    with ProcessLock(path, "one", "taken"), pytest.raises(TakenError):
        ProcessLock(path, "two", "taken")


def test_a_file_that_a_crash_left_behind_means_nothing(path):
    path.write_text("long gone, process 1")
    assert is_free(path)
    lock = ProcessLock(path, "me", "taken")
    lock.release()
    lock.release()


def test_a_lock_nobody_ever_took_is_free(path):
    assert is_free(path)
    assert not path.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        ProcessLock(tmp_path / "no" / "name.lock", "me", "taken")
