"""Digests of code: the same code has the same one in every process, changed code another."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import cryptobot as cb
from cryptobot.strategy.digest import code_digest, strategy_digest

SOURCE = """
import cryptobot as cb

LIMIT = {limit}

def helper(x):
    return x * {factor}

class Mine(cb.Strategy):
    '''{words}'''
    window = cb.param({default}, ge=2)

    def features(self):
        return dict(average=cb.{feature}(self.window))

    def should_buy(self, x):
        return (helper(x.close) > x.average) & (x.close > LIMIT)

    def should_sell(self, x):
        return x.close < x.average  # {comment}
"""
PLAIN = {"limit": 5, "factor": 2, "words": "What it does.", "default": 10, "feature": "SMA", "comment": "out"}


BUILT_IN = ("buy_and_hold", "ma_crossover", "rsi")


def digest(**changes):
    space = {}
    exec(SOURCE.format(**PLAIN | changes), space)
    return strategy_digest(space["Mine"])


@pytest.mark.parametrize("change", [{"limit": 6}, {"factor": 3}, {"default": 11}, {"feature": "EMA"}])
def test_what_changes_the_decisions_changes_the_digest(change):
    assert digest(**change) != digest()


@pytest.mark.parametrize("change", [{"words": "Another text."}, {"comment": "sell"}])
def test_words_about_the_code_do_not(change):
    assert digest(**change) == digest()


def test_it_is_the_same_in_every_process():
    code = textwrap.dedent(
        """
        import sys
        import cryptobot as cb
        from cryptobot.strategy.digest import strategy_digest
        print(*[strategy_digest(type(cb.get_strategy(name))) for name in sys.argv[1:]])
        """
    )
    told = subprocess.run(
        [sys.executable, "-c", code, *BUILT_IN], capture_output=True, text=True, check=True
    ).stdout.split()
    assert told == [strategy_digest(type(cb.get_strategy(name))) for name in BUILT_IN]
    assert len(set(told)) == len(told)


def test_functions_that_call_each_other_have_one():
    def first(x):
        return second(x) if x else 0

    def second(x):
        return first(x - 1)

    assert len(code_digest(first)) == 64
