"""Bars and orders in one order, through everything that a reader may do."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

import cryptobot as cb
from cryptobot.core.errors import ConfigError
from cryptobot.core.events import BarClosed, OrderFilled
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Side
from cryptobot.exchange.matching import Costs
from cryptobot.exchange.simulator.faults import Fault


def test_history_ends_where_the_stream_begins(kit, simulator):
    sim = simulator(practice=3, history=300)

    async def work(exchange):
        past = await exchange.history(kit.SYMBOL, kit.MINUTE, 100)
        none = await exchange.history(kit.SYMBOL, kit.MINUTE, 0)
        async with kit.Reader(exchange, sim) as reader:
            bars = [await reader.bar() for _ in range(3)]
        return past, none, bars, await exchange.history(kit.SYMBOL, kit.MINUTE, 2)

    past, none, bars, again = kit.using(sim, work)
    expected = cb.practice_bars(303, seed=3)
    assert none == []
    assert [bar.close for bar in past + bars] == expected["close"].tolist()[200:]
    assert [bar.volume for bar in past + bars] == expected["volume"].tolist()[200:]
    assert again == bars[-2:]


def test_a_hole_in_the_history_is_filled_up_from_further_back(kit, simulator):
    bars = kit.frame(*range(100, 130))
    sim = simulator(bars.drop(bars.index[[10, 11, 12]]), history=20)
    past = kit.using(sim, lambda exchange: exchange.history(kit.SYMBOL, kit.MINUTE, 12))
    assert [bar.open for bar in past] == [108, 109, *range(113, 123)]


def test_a_reader_that_leaves_misses_nothing(kit, sim):
    async def work(exchange):
        seen = []
        await exchange.history(kit.SYMBOL, kit.MINUTE, 1)
        for _ in range(3):
            for _ in range(2):
                await asyncio.to_thread(sim.step)
            async with aclosing(exchange.stream(kit.SYMBOL, kit.MINUTE)) as stream:
                seen += [(await anext(stream)).bar for _ in range(2)]
        return seen

    seen = kit.using(sim, work)
    assert [bar.open for bar in seen] == [100, 102, 99, 101, 105, 100]


def test_only_one_reads_at_a_time(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            with pytest.raises(ConfigError, match="reading"):
                await anext(exchange.stream(kit.SYMBOL, kit.MINUTE))

    kit.using(sim, work)


def test_an_answer_comes_before_the_next_bar(kit, sim):
    async def work(exchange):
        async with aclosing(exchange.stream(kit.SYMBOL, kit.MINUTE)) as stream:
            await exchange.history(kit.SYMBOL, kit.MINUTE, 1)
            events = []
            for _ in range(3):
                waiting = asyncio.ensure_future(anext(stream))
                await asyncio.to_thread(sim.step)
                events.append(await waiting)
                order = replace(kit.intent(f"b-{len(events)}", quantity="0.1"), side=Side.BUY)
                await exchange.submit(order)
                await asyncio.to_thread(sim.step)  # the next bar is ready before the answer was read
                events.append(await anext(stream))
                events.append(await anext(stream))
            return events

    events = kit.using(sim, work)
    assert [type(event) for event in events] == [BarClosed, OrderFilled, BarClosed] * 3


def test_intervals_that_the_exchange_lacks_are_made_of_shorter_ones(kit, simulator):
    sim = simulator(practice=3, history=300)

    async def work(exchange):
        with pytest.raises(ConfigError, match="`1m`"):
            await exchange.candles(kit.SYMBOL, Timeframe(7 * 60), 0)
        return await exchange.history(kit.SYMBOL, Timeframe(7 * 60), 20)

    past = kit.using(sim, work)
    bars = cb.practice_bars(300, seed=3)
    assert len(past) == 20
    for bar in past:
        part = bars[(bars.index.view("i8") >= bar.time) & (bars.index.view("i8") < bar.time + 7 * 60 * 10**9)]
        assert (bar.open, bar.high, bar.low, bar.close) == (
            part["open"].iloc[0], part["high"].max(), part["low"].min(), part["close"].iloc[-1],
        )  # fmt: skip


@pytest.mark.parametrize("timeframe", ["1x", "5"])
def test_an_interval_that_is_none_is_refused(timeframe):
    with pytest.raises(ConfigError, match="interval"):
        Timeframe.parse(timeframe)


@pytest.mark.slow
@pytest.mark.parametrize("faults", [False, True], ids=["quiet", "disturbed"])
def test_a_bot_through_ccxt_trades_what_the_backtest_trades(kit, simulator, faults):
    """What you test, trades: the same trades through signed requests, sockets and filters, disturbed or not."""
    bars = cb.practice_bars(500, seed=5)
    market = cb.Market(kit.SYMBOL, "0.01", "0.00001", "5")
    sim = simulator(bars, history=300, fee_asset="quote", fee_decimals=None, market=market, balances={"USDT": 10_000})
    exchange = kit.connected(sim, buy_fee="quote")
    exchange.costs = Costs(*(cb.core.money.decimal_of(n) for n in ("0.001", "0")))
    strategy = cb.MovingAverageCrossover(3, 8)
    bot = cb.Bot(strategy, exchange=exchange, symbol=kit.SYMBOL, timeframe="1m")
    bot.start()
    if faults:
        for kind in ("duplicate_event", "reorder_event", "lose_event"):
            sim.faults.add(Fault(kind, path="executionReport", times=5, skip=4))
    session = bot.session
    for told in range(1, 200):
        sim.step()
        # The market stands still until the bot has seen the bar and its order, if it sent one, is answered.
        assert bot.wait_until(lambda told=told: session.bars >= told and session.engine.waiting is None, 60)
    bot.stop()
    assert bot.status().state == "stopped", bot.status().reason
    result = cb.reconcile(bot)
    assert bot.status().trades >= 5
    assert result.differences == 0, result.summary()


def test_closing_does_not_wait_for_a_peer_that_is_gone(kit, sim, monkeypatch):
    monkeypatch.setattr("cryptobot.exchange.connector.connection.GOODBYE", 0.05)

    async def work():
        exchange = kit.connected(sim)
        await exchange.connect()
        raw = exchange._connection.exchange
        session = raw.session
        raw.close_ws_clients = asyncio.Event().wait  # a farewell that is never answered
        await asyncio.wait_for(exchange.close(), kit.WAIT)
        return session.closed

    assert asyncio.run(work())


def test_a_fault_of_our_own_in_the_order_stream_ends_the_stream_with_its_reason(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()

            async def broken():
                raise ZeroDivisionError("ours")

            exchange._orders.settle = broken
            with pytest.raises(ZeroDivisionError):
                await reader.until(lambda _: None)

    kit.using(sim, work, clock=kit.QuickClock())
