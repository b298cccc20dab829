"""The feed on the real way: ccxt's requests and sockets, against the simulator, while things go wrong there."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("ccxt")
pytest.importorskip("aiohttp")

from cryptobot.core.bars import BarColumns
from cryptobot.core.events import BarClosed, ConnectionChanged
from cryptobot.core.timeframe import Timeframe
from cryptobot.exchange.connector.exchange import CcxtExchange
from cryptobot.exchange.feed.closed_bars import ClosedBarFeed
from cryptobot.exchange.load import load_bars
from cryptobot.exchange.simulator.faults import Fault
from cryptobot.exchange.simulator.server import Simulator
from cryptobot.market.practice import practice_bars

PAST = 20
PATIENCE = 60.0


@pytest.fixture(scope="module")
def bars():
    return practice_bars(60, timeframe="1m", seed=5, holes=2)


async def read(simulator, bars, steps, faults, *, poll=0.3):
    """Step the market and return what the feed gave, until it has given every bar that closed."""
    rows = BarColumns.of(bars).rows()
    exchange = CcxtExchange("binance", endpoint=simulator.endpoint)
    feed = ClosedBarFeed(exchange, exchange, "BTC/USDT", Timeframe(60), since=rows[PAST].time, poll=poll)
    given: list[BarClosed | ConnectionChanged] = []
    came = asyncio.Condition()

    async def take():
        async for event in feed:
            async with came:
                given.append(event)
                came.notify_all()

    async def until(done):
        async with came:
            await asyncio.wait_for(came.wait_for(done), PATIENCE)

    def bars_given():
        return [event.bar for event in given if isinstance(event, BarClosed)]

    def is_up():
        return next((event.up for event in reversed(given) if isinstance(event, ConnectionChanged)), True)

    reader = asyncio.create_task(take())
    try:
        for step in range(steps):
            if step in faults:
                simulator.faults.add(faults[step])
            await asyncio.to_thread(simulator.step)
            # One bar after the other, as a bot's day goes; a hole is stepped over.
            await until(lambda n=step + 1: len(bars_given()) >= n)
        await until(is_up)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await feed.aclose()
        await exchange.close()
    return rows[PAST : PAST + steps], bars_given(), [e for e in given if isinstance(e, ConnectionChanged)], feed


FAULTS = {
    "nothing": ({}, None),
    "a frame that is no json": ({3: Fault("bad_frame", stream="market", text="{oops")}, True),
    "a frame without a candle": ({3: Fault("bad_frame", stream="market", text='{"e":"kline","s":"BTCUSDT"}')}, True),
    "a stream that says nothing": ({3: Fault("mute", stream="market", seconds=2)}, True),
    "a connection that breaks": ({3: Fault("kill", stream="market", status=1006)}, True),
    "old frames": ({3: Fault("stale_frame"), 4: Fault("stale_frame")}, False),
    "a candle that is changed later": ({3: Fault("revise_candle", values={"close": 1.0, "low": 1.0})}, False),
    "answers that are cut": ({3: Fault("truncate", path="klines", times=2)}, None),
    "server errors": ({3: Fault("http", path="klines", status=502, text="<html>", times=2)}, None),
}


@pytest.mark.parametrize(("faults", "told"), FAULTS.values(), ids=FAULTS)
def test_each_bar_comes_once_whatever_goes_wrong(bars, faults, told):
    with Simulator(bars, history=PAST, speed="manual") as simulator:
        expected, given, changes, _ = asyncio.run(read(simulator, bars, 12, faults))
    assert given == expected
    assert [change.up for change in changes] == [bool(i % 2) for i in range(len(changes))]
    if told is not None:
        assert bool(changes) is told


def test_in_the_good_case_candles_are_asked_for_once_a_bar(bars):
    with Simulator(bars, history=PAST, speed="manual") as simulator:
        _, given, changes, feed = asyncio.run(read(simulator, bars, 30, {}, poll=10))
    assert len(given) == 30
    assert changes == []
    # one question at the start; a missing candle is asked for a few times more, in case it is only late
    assert feed.asked <= 30 + 2 + 5 * len(feed.holes)


def test_load_bars_fetches_them_through_ccxt(bars, tmp_path):
    with Simulator(bars, history=50, speed="manual") as simulator:
        source = CcxtExchange("binance", endpoint=simulator.endpoint)
        loaded = load_bars(
            "BTC/USDT", "1m", since=bars.index[0].to_pydatetime(), directory=tmp_path, source=source, progress=False
        )
    assert loaded.equals(bars.head(len(loaded)))
    assert len(loaded) >= 48
