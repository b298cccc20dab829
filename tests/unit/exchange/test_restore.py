"""A simulated account that is given back, and what may be done within a bar, after it has opened."""

from __future__ import annotations

import asyncio
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import ConfigError, OrderNotFound, OrderRejected
from cryptobot.core.events import BarClosed, OrderChanged, OrderFilled
from cryptobot.core.money import Market
from cryptobot.core.orders import OrderStatus
from cryptobot.core.types import Side
from cryptobot.exchange.paper import PaperExchange
from cryptobot.exchange.replay import ReplayExchange

MINUTE = 60 * 10**9
START = 1_704_067_200_000_000_000
SYMBOL = "BTC/USDT"
MARKET = Market(SYMBOL, "0.01", "0.00001", "5")


def frame(*rows):
    """Return bars of open, high, low and close."""
    values = np.array(rows, dtype=float)
    index = pd.DatetimeIndex(START + MINUTE * np.arange(len(rows)), tz="UTC", name="time")
    return pd.DataFrame(values, columns=["open", "high", "low", "close"], index=index).assign(volume=1.0)


def flat(*prices):
    return frame(*[(price,) * 4 for price in prices])


def replay(bars, **options):
    options = {"fee": 0, "speed": math.inf, "market": MARKET, **options}
    return ReplayExchange(bars, **options)


def stop(orders, name="stop", quantity=1, price=95):
    return orders.sell(name, quantity, "stop_loss", stop=price)


async def restored(exchange, resting=(), after=None, coins=2, cash=1000):
    balances = {"USDT": Decimal(cash), "BTC": Decimal(coins)}
    return await exchange.restore(SYMBOL, balances, list(resting), after)


async def rest_of(stream):
    return [event async for event in stream]


def fills(events):
    return [event.fill for event in events if isinstance(event, OrderFilled)]


def closes(events):
    return [event.bar.time for event in events if isinstance(event, BarClosed)]


# -- an account that is given back


def test_balances_and_resting_orders_are_given_back(orders):
    async def go():
        exchange = replay(flat(100, 100, 94, 94))
        assert await restored(exchange, [stop(orders)], START) == []
        balances = await exchange.balances()
        assert (balances["USDT"].total, balances["BTC"].total) == (1000, 2)
        assert [order.client_id for order in await exchange.open_orders(SYMBOL)] == ["stop"]
        events = await rest_of(exchange.stream(SYMBOL, exchange.timeframe))
        [fill] = fills(events)
        assert (fill.intent_id, fill.quantity, fill.side) == ("stop", 1, Side.SELL)
        assert (await exchange.balances())["BTC"].total == 1

    asyncio.run(go())


def test_the_market_goes_on_after_the_last_bar_that_was_seen():
    async def go(after):
        exchange = replay(flat(*range(100, 110)))
        await restored(exchange, after=after)
        history = await exchange.history(SYMBOL, exchange.timeframe, 100)
        now = await exchange.now()
        seen = closes(await rest_of(exchange.stream(SYMBOL, exchange.timeframe)))
        return [bar.time for bar in history], now, seen

    times = [START + number * MINUTE for number in range(10)]
    history, now, seen = asyncio.run(go(times[3]))
    assert (history, seen) == (times[:4], times[4:])
    assert now == times[4]
    assert asyncio.run(go(None))[2] == times
    assert asyncio.run(go(times[9]))[2] == []
    assert asyncio.run(go(times[9] + 100 * MINUTE))[2] == []
    history, _, seen = asyncio.run(go(START - MINUTE))
    assert (history, seen) == ([], times)


def test_the_last_close_is_the_price_at_which_it_goes_on(orders):
    async def go():
        exchange = replay(flat(100, 103, 103))
        await restored(exchange, after=START + MINUTE)
        return (await exchange.quote(SYMBOL)).bid

    assert asyncio.run(go()) == 103


def test_a_pair_is_a_pair_again(orders):
    async def go():
        exchange = replay(frame((100, 100, 100, 100), (100, 111, 100, 111), (111, 111, 80, 80)))
        pair = orders.pair("p", orders.sell("high", 1, "limit_maker", price=110), stop(orders, "low"))
        assert await restored(exchange, [pair], START) == []
        events = await rest_of(exchange.stream(SYMBOL, exchange.timeframe))
        assert [fill.intent_id for fill in fills(events)] == ["high"]
        assert (await exchange.order(SYMBOL, "low")).status in (OrderStatus.EXPIRED, OrderStatus.CANCELLED)

    asyncio.run(go())


def test_orders_that_would_not_be_taken_now_are_named(orders):
    async def go():
        exchange = replay(flat(90, 90, 90))
        pair = orders.pair("p", orders.sell("high", 1, "limit_maker", price=110), stop(orders, "low"))
        lost = await restored(exchange, [stop(orders), pair, stop(orders, "deep", price=80)], START)
        assert sorted(lost) == ["high", "low", "stop"]
        assert [order.client_id for order in await exchange.open_orders(SYMBOL)] == ["deep"]

    asyncio.run(go())


def test_ids_of_executions_are_never_used_again(orders):
    async def session(clock, after):
        exchange = replay(flat(100, 100, 100, 100), clock=clock)
        if after is not None:
            await restored(exchange, after=after, cash=1000)
        stream = exchange.stream(SYMBOL, exchange.timeframe)
        await anext(stream)
        await exchange.submit(orders.buy(f"b{after}", amount=100))
        [fill] = fills(await rest_of(stream))
        order = await exchange.order(SYMBOL, fill.intent_id)
        return fill.id, order.exchange_id

    clock = SimulatedClock(START)
    made = [asyncio.run(session(clock, None)), asyncio.run(session(clock, START))]
    clock.advance(1)
    made.append(asyncio.run(session(clock, START)))
    clock.advance(1)
    made.append(asyncio.run(session(clock, START + MINUTE)))
    assert len({fill for fill, _ in made}) == len({order for _, order in made}) == 4


def test_ids_go_on_after_the_last_bar_even_if_the_clock_was_set_back(orders):
    async def go():
        exchange = replay(flat(100, 100, 100), clock=SimulatedClock(0))
        await restored(exchange, after=START)
        stream = exchange.stream(SYMBOL, exchange.timeframe)
        await anext(stream)
        await exchange.submit(orders.buy("b", amount=100))
        [fill] = fills(await rest_of(stream))
        assert int("".join(each for each in fill.id if each.isdigit())) >= START

    asyncio.run(go())


def test_costs_stay_what_they_were(orders):
    async def go():
        exchange = replay(flat(100, 100, 100), fee=0.01, slippage_bps=100)
        await restored(exchange, after=START)
        stream = exchange.stream(SYMBOL, exchange.timeframe)
        await exchange.submit(orders.sell("s", 1))
        [fill] = fills(await rest_of(stream))
        assert (fill.price, fill.fee) == (99, Decimal("0.99"))

    asyncio.run(go())


def test_another_market_is_not_given_back():
    with pytest.raises(ConfigError, match="ETH/USDT"):
        asyncio.run(replay(flat(100)).restore("ETH/USDT", {}, [], None))


# -- within a bar


async def opened(exchange, orders, first=None):
    """Let the second bar open, with an order waiting for it; return the stream."""
    stream = exchange.stream(SYMBOL, exchange.timeframe)
    await anext(stream)
    await exchange.submit(first or orders.buy("entry", amount=500))
    assert isinstance(await anext(stream), OrderFilled)
    return stream


@pytest.mark.parametrize(("low", "falls"), [(94, True), (96, False)])
def test_a_stop_that_is_placed_just_after_the_open_sees_the_rest_of_the_bar(orders, low, falls):
    async def go():
        exchange = replay(frame((100,) * 4, (100, 101, low, 99), (99,) * 4))
        stream = await opened(exchange, orders)
        order = await exchange.submit(stop(orders))
        assert order.is_open
        events = await rest_of(stream)
        found = fills(events)
        assert bool(found) is falls
        if falls:
            assert found[0].price == 95
            place = [type(event) for event in events].index(OrderFilled)
            assert closes(events[:place]) == []  # before the bar is told
        assert closes(events) == [START + MINUTE, START + 2 * MINUTE]

    asyncio.run(go())


def test_a_pair_that_is_placed_just_after_the_open_sees_the_rest_of_the_bar(orders):
    async def go():
        exchange = replay(frame((100,) * 4, (100, 111, 99, 99), (99,) * 4))
        stream = await opened(exchange, orders)
        await exchange.submit_oco(
            orders.pair("p", orders.sell("high", 5, "limit_maker", price=110), stop(orders, "low", 5))
        )
        events = await rest_of(stream)
        assert [(fill.intent_id, fill.price) for fill in fills(events)] == [("high", 110)]

    asyncio.run(go())


def test_a_market_order_just_after_the_open_is_filled_at_it(orders):
    async def go():
        exchange = replay(frame((100,) * 4, (107, 120, 90, 95), (99,) * 4))
        stream = await opened(exchange, orders)
        order = await exchange.submit(orders.sell("out", 1))
        assert order.status is OrderStatus.FILLED
        assert order.updated == START + MINUTE
        events = await rest_of(stream)
        assert [(fill.intent_id, fill.price, fill.time) for fill in fills(events)] == [("out", 107, START + MINUTE)]

    asyncio.run(go())


def test_a_stop_that_the_open_has_passed_is_refused(orders):
    async def go():
        exchange = replay(frame((100,) * 4, (94, 96, 93, 95), (99,) * 4))
        stream = await opened(exchange, orders)
        with pytest.raises(OrderRejected, match="is reached already") as refused:
            await exchange.submit(stop(orders))
        assert refused.value.rule == "WOULD_TRIGGER"
        with pytest.raises(OrderNotFound):
            await exchange.order(SYMBOL, "stop")
        await stream.aclose()

    asyncio.run(go())


def test_after_the_bar_a_market_order_waits_for_the_next_open_again(orders):
    async def go():
        exchange = replay(frame((100,) * 4, (100, 101, 99, 99), (98,) * 4))
        stream = await opened(exchange, orders)
        assert isinstance(await anext(stream), BarClosed)
        assert await exchange.submit(orders.sell("out", 1)) is None
        [fill] = fills(await rest_of(stream))
        assert fill.price == 98

    asyncio.run(go())


def test_a_reader_that_leaves_within_a_bar_finds_the_rest_of_it(orders):
    async def go():
        exchange = replay(frame((100,) * 4, (100, 101, 94, 99), (99,) * 4))
        stream = await opened(exchange, orders)
        await exchange.submit(stop(orders))
        await stream.aclose()
        events = await rest_of(exchange.stream(SYMBOL, exchange.timeframe))
        assert [fill.intent_id for fill in fills(events)] == ["stop"]
        assert closes(events) == [START + MINUTE, START + 2 * MINUTE]

    asyncio.run(go())


def test_a_cancel_within_a_bar_counts(orders):
    async def go():
        exchange = replay(frame((100,) * 4, (100, 101, 94, 99), (99,) * 4))
        stream = await opened(exchange, orders)
        await exchange.submit(stop(orders))
        await exchange.cancel(SYMBOL, "stop")
        events = await rest_of(stream)
        assert fills(events) == []
        assert any(isinstance(event, OrderChanged) and event.order.client_id == "stop" for event in events)

    asyncio.run(go())


# -- paper


def test_a_paper_account_is_given_back(orders):
    async def go():
        clock = SimulatedClock(START + 10 * MINUTE)
        source = ReplayExchange(flat(100, 100, 100), fee=0, speed=math.inf, market=MARKET)
        await restored(source, after=START + MINUTE)
        paper = PaperExchange(source=source, cash=1000, fee=0, clock=clock, symbol=SYMBOL)
        await paper.connect()
        pair = orders.pair("p", orders.sell("high", 1, "limit_maker", price=110), stop(orders, "low"))
        lost = await restored(paper, [pair, stop(orders, "gone", price=105), stop(orders)], START, coins=3)
        assert lost == ["gone"]
        balances = await paper.balances()
        assert (balances["USDT"].total, balances["BTC"].total) == (1000, 3)
        assert {order.client_id for order in await paper.open_orders(SYMBOL)} == {"high", "low", "stop"}
        sold = await paper.submit(orders.sell("out", 1))
        assert sold.status is OrderStatus.FILLED
        [fill] = await paper.fills(SYMBOL)
        assert int("".join(each for each in fill.id if each.isdigit())) >= START

    asyncio.run(go())
