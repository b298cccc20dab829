"""The two exchanges that ship: whose bars they stream, and what they refuse."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing

import pandas as pd
import pytest

from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Mode
from cryptobot.exchange.practice import PracticeExchange
from cryptobot.exchange.replay import ReplayExchange
from cryptobot.market.practice import PRACTICE_MARKET, practice_bars


def read(exchange, n=None):
    """Return history and the first n streamed bars as one DataFrame."""

    async def reading():
        bars = await exchange.history(exchange.symbol, exchange.timeframe, 10**6)
        past = len(bars)
        async with aclosing(exchange.stream(exchange.symbol, exchange.timeframe)) as stream:
            async for event in stream:
                bars.append(event.bar)
                if n is not None and len(bars) - past == n:
                    break
        return past, bars

    past, bars = asyncio.run(reading())
    index = pd.DatetimeIndex([b.time for b in bars], tz="UTC", name="time")
    return past, pd.DataFrame({c: [getattr(b, c) for b in bars] for c in COLUMNS}, index=index)


@pytest.mark.parametrize(
    ("seed", "timeframe", "history"), [(7, "1m", 300), (0, "1h", 0), (123, "5m", 4_096), (7, "1m", 1)]
)
def test_practice_streams_exactly_the_practice_bars_of_its_seed(seed, timeframe, history):
    exchange = PracticeExchange(seed, speed=math.inf, timeframe=timeframe, history=history)
    past, got = read(exchange, 5_000)
    assert past == history
    wanted = practice_bars(history + 5_000, seed, timeframe=timeframe)
    pd.testing.assert_frame_equal(got, wanted, check_exact=True, check_freq=False, check_index_type=False)


def test_practice_offers_the_practice_market():
    exchange = PracticeExchange()
    assert (exchange.name, exchange.mode, exchange.symbol, str(exchange.timeframe)) == (
        "practice",
        Mode.PRACTICE,
        "BTC/USDT",
        "1m",
    )
    assert asyncio.run(exchange.market("BTC/USDT")) == PRACTICE_MARKET
    assert asyncio.run(exchange.grid("BTC/USDT")) == PriceGrid(2)
    assert exchange.speed == 60


@pytest.mark.parametrize("history", [0, 1, 250, 499])
def test_replay_streams_every_bar_once(history):
    bars = practice_bars(500, seed=3, holes=4)
    past, got = read(ReplayExchange(bars, history=history))
    assert past == history
    pd.testing.assert_frame_equal(got, bars, check_exact=True, check_freq=False, check_index_type=False)


def test_replay_takes_columns_as_well_and_knows_timeframe_and_grid():
    exchange = ReplayExchange(BarColumns.of(practice_bars(100, seed=3, timeframe="15m")))
    assert exchange.timeframe == Timeframe(900)
    assert asyncio.run(exchange.grid("BASE/QUOTE")) == PriceGrid(2)
    assert ReplayExchange(practice_bars(10, 3), market=Market("ETH/EUR")).symbol == "ETH/EUR"


def test_replay_leaves_the_users_frame_alone():
    bars = practice_bars(200, seed=3)
    before = bars.copy(deep=True)
    read(ReplayExchange(bars))
    pd.testing.assert_frame_equal(bars, before, check_exact=True)


@pytest.mark.parametrize("history", [-1, 10, 11, 2.5, "5", True, None])
def test_replay_needs_a_bar_to_trade(history):
    with pytest.raises(ConfigError, match=r"^history: .* is not allowed\. Give 0 to 9"):
        ReplayExchange(practice_bars(10, 3), history=history)


@pytest.mark.parametrize("history", [-1, 1_000_001, 2.5, "5", True, None])
def test_practice_history_is_a_number_of_bars(history):
    with pytest.raises(ConfigError, match=r"^history: .*Give a whole number of bars"):
        PracticeExchange(history=history)


@pytest.mark.parametrize(
    ("given_arguments", "field"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": "x"}, "seed"),
        ({"timeframe": "1x"}, "timeframe"),
        ({"speed": 0}, "speed"),
        ({"fee": -0.1}, "fee"),
        ({"fee": 1}, "fee"),
        ({"slippage_bps": -1}, "slippage_bps"),
        ({"cash": 0}, "cash"),
    ],
)
def test_practice_names_the_argument_that_is_wrong(given_arguments, field):
    with pytest.raises(ConfigError, match=field):
        PracticeExchange(**given_arguments)


@pytest.mark.parametrize(
    ("given_arguments", "field"),
    [
        ({"speed": -1}, "speed"),
        ({"fee": math.nan}, "fee"),
        ({"slippage_bps": 10_000}, "slippage_bps"),
        ({"cash": -1}, "cash"),
        ({"market": "BTC/USDT"}, "market"),
    ],
)
def test_replay_names_the_argument_that_is_wrong(given_arguments, field):
    with pytest.raises(ConfigError, match=rf"^{field}: "):
        ReplayExchange(practice_bars(10, 3), **given_arguments)


def test_replay_refuses_bars_that_cannot_be_trusted():
    bars = practice_bars(10, 3)
    with pytest.raises(DataError):
        ReplayExchange(bars.iloc[::-1])
    bars.iloc[4, 3] = math.nan
    with pytest.raises(DataError, match="bar 4"):
        ReplayExchange(bars)
