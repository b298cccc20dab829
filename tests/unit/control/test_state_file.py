"""What processes write down of themselves."""

from __future__ import annotations

import json
import os
import stat
import sys
from dataclasses import replace

import pytest

from cryptobot.control import state_file
from cryptobot.control.folders import Folders
from cryptobot.control.state_file import ProcessState
from cryptobot.core.errors import AuthError, ConfigError, CryptobotError

STATE = ProcessState("mine", "paper", 12, 3456, "t" * 43, 5, "abc", "0.1")


@pytest.fixture
def folders(tmp_path):
    made = Folders(tmp_path / "data")
    made.make("mine")
    return made


def test_it_is_read_as_it_was_written_and_shows_no_token(folders):
    path = state_file.write(folders, STATE)
    assert state_file.read(folders, "mine") == STATE
    assert STATE.token not in repr(STATE)
    assert [path.name] == [found.name for found in folders.bots.iterdir()]  # nothing half-written beside it
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(folders.bots.stat().st_mode) == 0o700


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX's")
@pytest.mark.parametrize("mode", [0o644, 0o660, 0o606])
def test_one_that_others_can_reach_is_not_believed(folders, mode):
    state_file.write(folders, STATE).chmod(mode)
    assert state_file.read(folders, "mine") is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"name": 1, "further": 2}', b"\xff"])
def test_nonsense_is_nothing(folders, content):
    path = state_file.write(folders, STATE)
    path.write_bytes(content)
    assert state_file.read(folders, "mine") is None


def test_a_process_removes_its_own_file_only(folders):
    state_file.write(folders, STATE)
    state_file.remove(folders, replace(STATE, pid=13))
    assert state_file.read(folders, "mine") == STATE
    state_file.remove(folders, STATE)
    state_file.remove(folders, STATE)
    assert state_file.read(folders, "mine") is None


def test_why_a_launch_failed_is_told_once_and_to_its_launcher(folders):
    state_file.write_failure(folders, "mine", "abc", AuthError("no keys"))
    assert state_file.take_failure(folders, "mine", "other") is None
    told = state_file.take_failure(folders, "mine", "abc")
    assert (type(told), str(told)) == (AuthError, "no keys")
    assert state_file.take_failure(folders, "mine", "abc") is None


@pytest.mark.parametrize("kind", ["SystemExit", "closest", "CryptobotError", "__builtins__", "", "OSError"])
def test_an_error_of_another_process_is_one_of_ours(kind):
    assert type(state_file.error_of(kind, "x")) is CryptobotError


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", ".a", "a b", "é", "a" * 65, 7])
def test_a_name_that_could_lead_elsewhere_is_refused(folders, name):
    with pytest.raises(ConfigError, match="name: .* is not allowed"):
        folders.of(name, "lock")


def test_tokens_are_long_and_never_the_same():
    made = {state_file.new_token() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 43


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="CRYPTOBOT_DATA_DIRECTORY"):
        Folders(tmp_path / "data").make("mine")


def test_a_data_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "data").write_text(json.dumps({}))
    with pytest.raises(ConfigError, match="CRYPTOBOT_DATA_DIRECTORY"):
        Folders(tmp_path / "data").make("mine")
