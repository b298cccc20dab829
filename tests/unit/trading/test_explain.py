"""`explain()`: every outcome in words."""

from __future__ import annotations

import itertools

import pytest

from cryptobot.core.events import BarClosed, OrderFilled, OrderRefused
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Fill, Side
from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover
from cryptobot.trading.actions import Submit
from cryptobot.trading.engine import Engine

START = 1_704_067_200_000_000_000
MINUTE = 60_000_000_000


def make_engine(strategy):
    names = (f"o-{n}" for n in itertools.count(1))
    return Engine(
        strategy, Market("BTC/USDT"), Timeframe(60), PriceGrid(2), Portfolio(1_000), FractionOfEquity(), names.__next__
    )


def feed(engine, make_bar, number, word, price=100):
    """Close a bar and return its explanation; an order is filled at once after it."""
    actions = engine.handle(BarClosed(make_bar(number, price, word)))
    said = engine.explain()
    for action in actions:
        if isinstance(action, Submit):
            intent = action.intent
            quantity = intent.quantity if intent.side is Side.SELL else intent.quote_amount / 100
            engine.handle(
                OrderFilled(
                    Fill(
                        f"f{number}", intent.id, 0, intent.side, engine.portfolio.cash * 0 + 100, quantity, quantity * 0
                    )
                )
            )
    return said


CASES = [
    ("", "-", "There is no signal while flat: nothing is done."),
    ("", "s", "There is a sell signal while flat: nothing is done, because there is nothing to sell."),
    ("", "b", "There is a buy signal while flat: a buy order is sent, to be filled at the next bar's open."),
    (
        "",
        "x",
        "There are a buy and a sell signal while flat: a buy order is sent, to be filled at the next bar's open.",
    ),
    ("b", "-", "There is no signal while long: nothing is done."),
    ("b", "b", "There is a buy signal while long: nothing is done, because a position is held already."),
    ("b", "s", "There is a sell signal while long: a sell order is sent, to be filled at the next bar's open."),
]


@pytest.mark.parametrize(("before", "word", "words"), CASES)
def test_each_outcome_has_its_words(told, make_bar, before, word, words):
    engine = make_engine(told())
    for number, earlier in enumerate(before):
        feed(engine, make_bar, number, earlier)
    said = feed(engine, make_bar, len(before), word, 101.5)
    assert (
        said.text
        == f"Bar of 2024-01-01 00:0{len(before)}:00 UTC closed at 101.5. The strategy has no features. {words}"
    )
    assert (said.buy, said.sell) == (word in "bx", word in "sx")
    assert said.position == ("long" if before else "flat")
    assert (said.time, said.close) == (START + len(before) * MINUTE, 101.5)
    assert str(said) == said.text


def test_a_waiting_order_is_the_reason(told, make_bar):
    engine = make_engine(told())
    engine.handle(BarClosed(make_bar(0, word="b")))
    engine.handle(BarClosed(make_bar(1, word="b")))
    assert engine.explain().outcome == "nothing is done, because an order is still on its way"
    engine.handle(OrderRefused("o-1", 0, "no"))
    engine.handle(BarClosed(make_bar(2)))
    assert engine.explain().outcome == "nothing is done"


def test_a_halt_is_the_reason(told, make_bar):
    engine = make_engine(told())
    engine.handle(BarClosed(make_bar(0)))
    engine.handle(BarClosed(Bar(START + MINUTE, 1.0, 1.0, 1.0, float("nan"), 1.0)))
    assert engine.explain().outcome.startswith(
        "the bot halted: The bar of 2024-01-01 00:01:00 UTC cannot be: close is nan"
    )


def test_the_crossover_says_what_it_saw(make_bar):
    engine = make_engine(MovingAverageCrossover(1, 2, 2))
    prices = [100, 100, 100, 90, 110]
    said = [feed(engine, make_bar, number, "-", price) for number, price in enumerate(prices)]
    assert "not defined yet" in said[0].text
    assert "Fast 100.00000 is equal to slow 100.00000: no crossing; volatility 0 is not above" in said[2].text
    assert "Fast 90.000000 is under slow 95.000000: it has just crossed under" in said[3].text
    assert "Fast 110.00000 is above slow 100.00000: it has just crossed above" in said[4].text
    assert said[4].outcome.startswith("a buy order is sent")
    assert said[4].features["fast"] == 110.0
