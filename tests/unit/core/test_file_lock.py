"""A file's lock: waited for, told who holds it, and a fault of the file system is no holder."""

from __future__ import annotations

import errno
import os
import threading

import pytest

from cryptobot.core.file_lock import FileLock, is_free


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.lock"


def test_the_second_is_told_who_holds_it_and_may_take_it_later(path):
    first, second = FileLock(path, "the first"), FileLock(path)
    assert first.take()
    assert not second.take(0)
    assert second.holder == f"the first, process {os.getpid()}"
    first.release()
    assert second.take(0)
    assert path.read_text() == f"process {os.getpid()}"
    second.release()
    assert is_free(path)


def test_letting_go_is_waited_for(path):
    first, second = FileLock(path), FileLock(path)
    assert first.take()
    taken = []
    waiting = threading.Thread(target=lambda: taken.append(second.take(60)))
    waiting.start()
    assert not is_free(path)
    first.release()
    waiting.join(60)
    assert taken == [True]
    assert not is_free(path)
    second.release()


def test_who_only_waited_in_vain_holds_nothing(path):
    first, second = FileLock(path), FileLock(path)
    assert first.take()
    assert not second.take(0)
    second.release()
    assert not is_free(path)
    first.release()
    first.release()
    assert is_free(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no flock")
def test_a_file_system_without_locks_is_not_taken_for_a_holder(path, monkeypatch):
    def none_left(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", none_left)
    lock = FileLock(path)
    with pytest.raises(OSError, match="No locks available"):
        lock.take()
    lock.release()


def test_a_folder_that_is_not_there_is_the_callers_to_explain(tmp_path):
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "none" / "some.lock").take()
