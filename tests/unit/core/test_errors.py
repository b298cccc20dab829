"""The error tree and the words that help."""

from __future__ import annotations

import inspect

import pytest

from cryptobot.core import errors
from cryptobot.core.suggest import closest, listed

TREE = {
    "CryptobotError": "Exception",
    "ConfigError": "CryptobotError",
    "StrategyError": "ConfigError",
    "DataError": "CryptobotError",
    "GapError": "DataError",
    "StaleDataError": "DataError",
    "ExchangeError": "CryptobotError",
    "TransientError": "ExchangeError",
    "OrderRejected": "ExchangeError",
    "OrderNotSent": "TransientError",
    "OrderNotFound": "ExchangeError",
    "OrderUnknown": "ExchangeError",
    "AuthError": "ExchangeError",
    "RiskLimitError": "CryptobotError",
    "JournalError": "CryptobotError",
    "ParityError": "CryptobotError",
}


def test_the_tree_is_as_drawn():
    found = {name: cls.__bases__[0].__name__ for name, cls in inspect.getmembers(errors, inspect.isclass)}
    assert found == TREE


@pytest.mark.parametrize("name", TREE)
def test_every_error_is_drawn_and_says_what_it_means(name):
    assert name in errors.__doc__
    assert getattr(errors, name).__doc__


def test_bad_values_are_value_errors_too():
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.DataError, ValueError)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("fsat", "fast"), ("FAST", "fast"), ("volatility_windw", "volatility_window"), ("slwo", "slow"), ("zzz", "")],
)
def test_the_closest_name(name, wanted):
    options = ["fast", "slow", "volatility_window"]
    assert closest(name, options) == (f" Did you mean `{wanted}`?" if wanted else "")


def test_suggestions_keep_the_spelling_of_the_option():
    assert closest("open", ["Open", "High"]) == " Did you mean `Open`?"
    assert closest("x", []) == ""
    assert listed(["a", "b"]) == "`a`, `b`"
    assert listed([]) == ""
