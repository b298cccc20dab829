"""Strategies from files and from cells."""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import threading

import pytest

import cryptobot as cb
from cryptobot.control.strategy_source import load_strategy, pack, unpacked
from cryptobot.core.errors import ConfigError
from cryptobot.strategy.digest import strategy_digest

CODE = """
import cryptobot as cb

class Mine(cb.Strategy):
    window = cb.param(5, ge=2)

    def features(self):
        return {"average": cb.SMA(self.window)}

    def should_buy(self, x):
        return cb.crossed_above(x.close, x.average)

    def should_sell(self, x):
        return cb.crossed_below(x.close, x.average)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(CODE, "utf-8")
    return path


def test_a_registered_one_comes_with_the_file_of_its_code():
    found = load_strategy("ma_crossover", {"fast": 4})
    assert found.strategy == cb.MovingAverageCrossover(fast=4)
    assert found.file is not None
    assert found.file.endswith("ma_crossover.py")


def test_one_of_a_file_comes_with_the_digest_of_what_was_run(file):
    found = load_strategy(f"{file}:Mine", {"window": 7})
    assert found.strategy.params == {"window": 7}
    assert (found.file, found.sha256) == (str(file), hashlib.sha256(file.read_bytes()).hexdigest())


def test_a_changed_file_is_run_anew_also_within_the_same_second(file):
    load_strategy(f"{file}:Mine", {})
    before = file.stat()
    file.write_text(CODE.replace("param(5", "param(6"), "utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert load_strategy(f"{file}:Mine", {}).strategy.params == {"window": 6}


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("ma_crosover", {}, "Did you mean `ma_crossover`"),
        ("ma_crossover", {"fats": 4}, "Did you mean `fast`"),
        ("{file}:Mne", {}, "Did you mean `Mine`"),
        ("{file}:cb", {}, "has no strategy `cb`.* It has: `Mine`"),
        ("{file}", {}, r"mine\.py' is a file\. Name the class in it, too"),
        ("{file}:Mine", {"window": 1}, "`window` is 1"),
        ("{file}.gone:Mine", {}, "cannot be read"),
    ],
)
def test_what_is_not_there_is_named(file, name, params, words):
    with pytest.raises(ConfigError, match=words):
        load_strategy(name.format(file=file), params)


def test_a_file_that_raises_is_named_and_not_kept(file):
    file.write_text(CODE + "\n1 / 0\n", "utf-8")
    before = set(sys.modules)
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"mine\.py cannot be run: ZeroDivisionError"):
            load_strategy(f"{file}:Mine", {})
    assert set(sys.modules) - before == set()


def typed_into_a_cell():
    space = {"__name__": "__main__"}
    exec(CODE, space)  # as a kernel does
    return space["Mine"]


@pytest.mark.parametrize("make", [typed_into_a_cell, lambda: cb.MovingAverageCrossover])
def test_by_value_and_back_it_is_the_same(make):
    cls = make()
    strategy = cls()
    back = unpacked(pack(strategy))
    assert (back.name, back.params) == (strategy.name, strategy.params)
    assert strategy_digest(type(back)) == strategy_digest(cls)
    bars = cb.practice_bars(300, seed=3)
    for column, values in strategy.batch(bars).features.items():
        assert (back.batch(bars).features[column][50:] == values[50:]).all()


def test_one_of_a_file_travels_to_who_does_not_have_the_file(file):
    packed = pack(load_strategy(f"{file}:Mine", {"window": 9}).strategy)
    file.unlink()
    for name in [name for name in sys.modules if name.startswith("cryptobot_strategy_file_")]:
        del sys.modules[name]
    assert unpacked(packed).params == {"window": 9}


def test_what_cannot_travel_is_refused_with_what_to_do():
    cls = typed_into_a_cell()
    cls.lock = threading.Lock()
    with pytest.raises(ConfigError, match="cannot be sent to another process.*save it in a file"):
        pack(cls())


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({"path": [], "strategy": pickle.dumps(7)})])
def test_what_is_no_strategy_is_refused(content):
    with pytest.raises(ConfigError, match="strategy"):
        unpacked(content)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX's")
def test_a_file_that_others_could_have_written_is_not_run(tmp_path):
    path = tmp_path / "packed"
    path.write_bytes(pack(cb.MovingAverageCrossover()))
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="others could have written it"):
        load_strategy("", {}, str(path))
    path.chmod(0o600)
    assert load_strategy("", {}, str(path)).strategy == cb.MovingAverageCrossover()


def test_a_class_that_is_no_strategy_is_told_how_to_become_one(tmp_path):
    path = tmp_path / "plain.py"
    path.write_text("class Plain:\n    pass\n", "utf-8")
    with pytest.raises(ConfigError, match="`Plain` in .*plain.py is not a strategy. Derive the class from cb.Strategy"):
        load_strategy(f"{path}:Plain", {})
    with pytest.raises(ConfigError, match="It has none; derive a class of it from cb.Strategy"):
        load_strategy(f"{path}:Other", {})
