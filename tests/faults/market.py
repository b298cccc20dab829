"""A short stretch of a market, drawn from a seed, and a strategy that does what the bars tell it."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Final, NamedTuple

from cryptobot.core.money import Market
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar
from cryptobot.strategy.base import Strategy

SYMBOL: Final = "BTC/USDT"
TIMEFRAME: Final = Timeframe(5)
MARKET: Final = Market(SYMBOL, Decimal("0.01"), Decimal("0.001"), Decimal(5))
STEP: Final = TIMEFRAME.nanoseconds
START: Final = 1_704_067_200_000_000_000 - 300 * 10**9  # a day ends in the middle of a run
PAST: Final = 5

_WORDS: Final = {"wait": 0.5, "buy": 1.0, "sell": 2.0}


class Told(Strategy):
    """Obeys the bars' volume: 1 buys, 2 sells."""

    def should_buy(self, x):
        return x.volume == _WORDS["buy"]

    def should_sell(self, x):
        return x.volume == _WORDS["sell"]


class Played(NamedTuple):
    """A bar with the way that the price takes through it: open, two extremes, close."""

    bar: Bar
    way: tuple[Decimal, Decimal, Decimal, Decimal]


def draw(chance: Random, count: int, signals: int, jumps: dict[int, int]) -> list[Played]:
    """Return bars, oldest first; the first `PAST` are over when the world begins.

    Parameters
    ----------
    chance
        Decides.
    count
        How many, those of the past included.
    signals
        Only bars before this one may tell the strategy to trade.
    jumps
        Ticks by which the price jumps into a bar, by its number.
    """
    made = []
    at = 10_000
    for number in range(count):
        at = max(2_000, at + jumps.get(number, 0))
        ticks = [at, at + chance.randint(-60, 60), at + chance.randint(-60, 60), at + chance.randint(-40, 40)]
        at = ticks[-1]
        way = tuple(Decimal(tick).scaleb(-2) for tick in ticks)
        word = "wait"
        if PAST <= number < signals:
            word = chance.choices(("wait", "buy", "sell"), (4, 4, 3))[0]
        low, high = float(min(way)), float(max(way))
        time = START + (number - PAST) * STEP
        made.append(Played(Bar(time, float(way[0]), high, low, float(way[3]), _WORDS[word]), way))  # type: ignore[arg-type]
    return made
