"""What is not allowed is refused in one paragraph: the field, what was seen, what is allowed."""

from __future__ import annotations

import math
import subprocess
import sys
from decimal import Decimal

import pytest

from cryptobot.backtest import second_book, themes
from cryptobot.backtest.run import backtest
from cryptobot.core.errors import ConfigError, DataError
from cryptobot.strategy.library.buy_and_hold import BuyAndHold


@pytest.fixture
def bars(bars_of):
    return bars_of([90, 100, 100, 120], "b.s.")


@pytest.mark.parametrize(
    ("argument", "value", "words"),
    [
        ("fee", -0.001, ["fee", "-0.001", "at least 0"]),
        ("fee", 1, ["fee", "1", "below 1"]),
        ("fee", math.nan, ["fee", "nan", "finite"]),
        ("fee", "much", ["fee", "much", "number"]),
        ("slippage_bps", -1, ["slippage_bps", "-1", "at least 0"]),
        ("slippage_bps", 10_000, ["slippage_bps", "10000", "below"]),
        ("cash", 0, ["cash", "0", "above 0"]),
        ("cash", -5, ["cash", "-5", "above 0"]),
        ("cash", math.nan, ["cash", "nan", "finite"]),
        ("cash", math.inf, ["cash", "inf", "finite"]),
        ("cash", None, ["cash", "None", "number"]),
        ("sizing", 0, ["fraction", "0", "above 0"]),
        ("sizing", 1.5, ["fraction", "1.5", "at most 1"]),
        ("sizing", True, ["fraction", "True", "number"]),
        ("sizing", "all", ["sizing", "'all'", "FractionOfEquity"]),
        ("market", "BTC/USDT", ["market", "'BTC/USDT'", "cb.Market"]),
        ("start", "soon", ["start", "'soon'", "2024-01-01 00:00:00 UTC"]),
        ("start", "NaT", ["start", "'NaT'", "None for the first bar"]),
        ("start", "2023-12-31", ["start", "2023-12-31", "2024-01-01 00:03:00 UTC"]),
        ("start", "2024-01-02", ["start", "2024-01-02", "2024-01-01 00:03:00 UTC"]),
    ],
)
def test_a_bad_argument(scripted, bars, argument, value, words):
    with pytest.raises(ConfigError) as raised:
        backtest(scripted, bars, **{argument: value})
    text = str(raised.value)
    assert "\n" not in text
    for word in words:
        assert word in text


def test_a_class_is_not_yet_a_strategy(bars):
    with pytest.raises(ConfigError, match=r"BuyAndHold is a class.*BuyAndHold\(\)"):
        backtest(BuyAndHold, bars)


def test_a_name_is_not_a_strategy(bars):
    with pytest.raises(ConfigError, match=r"cb\.get_strategy\('rsi'\)"):
        backtest("rsi", bars)


def test_bars_that_are_none(scripted, bars):
    with pytest.raises(DataError, match="no rows"):
        backtest(scripted, bars.iloc[:0])
    with pytest.raises(ConfigError, match="not a table of bars"):
        backtest(scripted, [1, 2, 3])


def test_bars_that_cannot_be_trusted_name_the_bar(scripted, bars):
    bars.loc[bars.index[2], "close"] = math.nan
    with pytest.raises(DataError, match=r"bar 2 \(2024-01-01 00:02:00 UTC\)"):
        backtest(scripted, bars)


@pytest.mark.parametrize("wanted", [Decimal(-1), Decimal(10_001)])
def test_a_sizing_that_spends_what_is_not_there(scripted, bars, wanted):
    class Greedy:
        def quote_amount(self, cash):
            return wanted

    with pytest.raises(ConfigError, match=rf"sizing.*{wanted} of 10000"):
        backtest(scripted, bars, sizing=Greedy())


def test_without_the_research_extra_it_says_what_to_install(scripted, bars, monkeypatch):
    monkeypatch.setitem(sys.modules, "vectorbt", None)
    monkeypatch.delitem(sys.modules, "cryptobot.backtest.vectorbt_portfolio", raising=False)
    monkeypatch.delattr(sys.modules["cryptobot.backtest"], "vectorbt_portfolio", raising=False)
    with pytest.raises(ConfigError, match=r"pip install .*research.* in the checkout"):
        second_book.load_vectorbt()
    with pytest.raises(ConfigError, match=r"pip install .*research.* in the checkout"):
        backtest(scripted, bars)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ConfigError, match=r"pip install .*research.* in the checkout"):
        themes.load_plotly()


def test_the_heavy_packages_are_loaded_when_they_are_needed_only():
    probe = (
        "import sys, cryptobot.backtest.run, cryptobot.backtest.report, cryptobot.backtest.compare;"
        "print(sorted({'vectorbt', 'plotly', 'pandas'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
