"""Every kind of order on the simulated exchange, by the whole exchange protocol."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing
from decimal import Decimal

import pytest

from cryptobot.core.errors import ConfigError, OrderNotFound, OrderRejected, TransientError
from cryptobot.core.events import BarClosed, OrderChanged, OrderFilled, OrderRefused
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import OrderStatus
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Bar
from cryptobot.exchange.matching import Costs
from cryptobot.exchange.simulated import SimulatedExchange

MINUTE = 60_000_000_000
SYMBOL = "BTC/USDT"
BARS = [(100, 100, 100, 100), (101, 110, 95, 105), (105, 120, 90, 115), (80, 85, 75, 82), (82, 130, 60, 100)]


def made(rows=BARS, *, past=(), fee=0, slippage=0, market=None, cash=1_000):
    bars = [Bar(number * MINUTE, *map(float, row), 1.0) for number, row in enumerate(rows)]
    return SimulatedExchange(
        "test",
        market or Market(SYMBOL, "0.01", "0.00001", "5"),
        Timeframe(60),
        PriceGrid(2),
        list(past),
        iter(bars),
        speed=math.inf,
        cash=cash,
        costs=Costs(Decimal(str(fee)), Decimal(str(slippage))),
    )


def play(exchange, acts):
    """Read to the end, doing ``acts[n]`` when bar n closes; return events as (kind, client id, what)."""

    async def reading():
        said = []
        async for event in exchange.stream(SYMBOL, Timeframe(60)):
            said.append(brief(event))
            if isinstance(event, BarClosed):
                for act in acts.get(event.bar.time // MINUTE, ()):
                    await act(exchange)
        return said

    return asyncio.run(reading())


def brief(event):
    if isinstance(event, BarClosed):
        return event.bar.time // MINUTE
    if isinstance(event, OrderFilled):
        fill = event.fill
        return "fill", fill.intent_id, float(fill.price), float(fill.quantity), event.complete, fill.time / MINUTE
    if isinstance(event, OrderChanged):
        return event.order.status.value, event.order.client_id
    return "refused", event.intent_id


def send(intent):
    return lambda exchange: exchange.submit(intent)


def cancel(name):
    return lambda exchange: exchange.cancel(SYMBOL, name)


def test_a_resting_limit_order_is_filled_by_the_bar_that_gets_there(orders):
    exchange = made()
    assert play(exchange, {0: [send(orders.limit("buy", "a", 2, 92))]}) == [
        0,
        ("new", "a"),
        1,
        ("fill", "a", 92, 2, True, 2 + 2 / 3),  # the high comes first: only buys are open
        2,
        3,
        4,
    ]
    assert exchange.core.balances["USDT"] == Balance(Decimal(816))


def test_an_order_sent_at_a_close_meets_the_next_open_not_the_close_that_is_past(orders):
    exchange = made(slippage=100)
    intents = [
        orders.limit("buy", "limit", 1, 110),
        orders.buy("market", 1),
        orders.limit("buy", "ioc", 1, 100, tif="IOC"),
    ]
    assert play(exchange, {0: [send(intent) for intent in intents]})[:7] == [
        0,
        ("new", "limit"),
        ("new", "ioc"),
        ("fill", "limit", 102.01, 1, True, 1),  # 101 and one per cent
        ("expired", "ioc"),
        ("fill", "market", 102.01, 1, True, 1),
        1,
    ]


def test_a_stop_loss_is_filled_at_its_price_inside_a_bar_and_at_the_open_after_a_gap(orders):
    acts = {
        0: [send(orders.buy("in", 4))],
        1: [send(orders.sell("inside", 1, "stop_loss", stop=92)), send(orders.sell("gap", 1, "stop_loss", stop=89))],
    }
    said = [event for event in play(made(), acts) if isinstance(event, tuple) and event[0] == "fill"]
    assert said[1:] == [("fill", "inside", 92, 1, True, 2 + 1 / 3), ("fill", "gap", 80, 1, True, 3)]


def test_a_pair_protects_a_position_and_only_one_of_it_is_filled(orders):
    pair = orders.pair(
        "p",
        orders.sell("profit", 4, "limit_maker", price=118),
        orders.sell("loss", 4, "stop_loss_limit", price=91, stop=92),
    )

    async def protect(exchange):
        first, second = await exchange.submit_oco(pair)
        assert (first.client_id, second.client_id, first.list_id) == ("profit", "loss", second.list_id)

    exchange = made()
    said = play(exchange, {0: [send(orders.buy("in", 4))], 1: [protect]})
    # Bar 2 reaches both; the low comes first for whoever holds something.
    assert said[3:] == [
        ("new", "profit"),
        ("new", "loss"),
        ("expired", "profit"),
        ("fill", "loss", 92, 4, True, 2 + 1 / 3),
        2,
        3,
        4,
    ]
    assert exchange.ledger.is_flat
    assert exchange.ledger.cash == exchange.core.balances["USDT"].free == 1_000 - 4 * 101 + 4 * 92


def test_an_order_can_be_followed_by_its_client_id(orders):
    exchange = made()

    async def follow():
        async with aclosing(exchange.stream(SYMBOL, Timeframe(60))) as stream:
            await anext(stream)
            assert await exchange.submit(orders.buy("m", 2)) is None
            resting = await exchange.submit(orders.limit("buy", "r", 1, 50))
            assert resting == await exchange.order(SYMBOL, "r")
            assert (resting.status, resting.exchange_id, resting.created) == (OrderStatus.NEW, "1", MINUTE)
            waiting = await exchange.order(SYMBOL, "m")
            assert (waiting.status, waiting.exchange_id, waiting.quantity) == (OrderStatus.NEW, "", 2)
            assert await exchange.open_orders(SYMBOL) == [resting, waiting]
            assert await exchange.balances() == {
                "USDT": Balance(Decimal(950), Decimal(50)),
                "BTC": Balance(Decimal(0)),
            }
            while not isinstance(event := await anext(stream), BarClosed):
                pass
            assert event.bar.time == MINUTE
            done = await exchange.order(SYMBOL, "m")
            assert (done.status, done.filled_value, done.exchange_id) == (OrderStatus.FILLED, 202, "2")
            assert await exchange.open_orders(SYMBOL) == [resting]
            assert [fill.intent_id for fill in await exchange.fills(SYMBOL)] == ["m"]
            assert await exchange.fills(SYMBOL, MINUTE + 1) == []
            with pytest.raises(OrderNotFound):
                await exchange.order(SYMBOL, "nobody")

    asyncio.run(follow())


def test_what_is_cancelled_is_told_and_frees_its_money(orders):
    async def too_late(exchange):
        assert (await exchange.cancel(SYMBOL, "m")).status is OrderStatus.FILLED

    acts = {
        0: [send(orders.limit("buy", "r", 1, 50)), send(orders.buy("m", 1)), cancel("m"), cancel("r")],
        1: [send(orders.buy("m", 1))],  # its client id is free again
        2: [too_late],
    }
    exchange = made()
    assert play(exchange, acts) == [
        0,
        ("new", "r"),
        ("cancelled", "m"),
        ("cancelled", "r"),
        1,
        ("fill", "m", 105, 1, True, 2),
        2,
        3,
        4,
    ]
    assert asyncio.run(exchange.order(SYMBOL, "m")).status is OrderStatus.FILLED
    assert asyncio.run(exchange.order(SYMBOL, "r")).status is OrderStatus.CANCELLED
    with pytest.raises(OrderNotFound):
        asyncio.run(exchange.cancel(SYMBOL, "nobody"))


def test_orders_end_one_by_one_and_their_ends_are_remembered(orders):
    exchange = made()

    async def story():
        await exchange.submit(orders.buy("a", 1))
        assert (await exchange.cancel(SYMBOL, "a")).status is OrderStatus.CANCELLED
        assert (await exchange.cancel(SYMBOL, "a")).status is OrderStatus.CANCELLED
        assert (await exchange.order(SYMBOL, "a")).status is OrderStatus.CANCELLED
        await exchange.submit(orders.limit("buy", "a", 1, 50))
        assert (await exchange.order(SYMBOL, "a")).type is OrderType.LIMIT
        await exchange.submit(orders.buy("b", amount=10**6))
        await exchange.submit(orders.buy("c", 1))
        await exchange.close()
        assert (await exchange.order(SYMBOL, "c")).status is OrderStatus.CANCELLED
        assert [order.client_id for order in await exchange.open_orders(SYMBOL)] == ["a"]

    asyncio.run(story())


def test_a_refused_market_order_is_told_and_remembered(orders):
    exchange = made()
    said = play(exchange, {0: [send(orders.buy("poor", amount=5_000)), send(orders.sell("small", "0.000001"))]})
    assert said[1:3] == [("refused", "poor"), ("refused", "small")]
    assert asyncio.run(exchange.order(SYMBOL, "poor")).status is OrderStatus.REJECTED


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda o: o.limit("buy", "x", 100, 90), "it needs 9000 USDT, 1000 are free"),
        (lambda o: o.limit("buy", "x", "0.01", 90), "under the minimum notional"),
        (lambda o: o.buy("x", 1, "limit_maker", price=101), "would be filled at once, at 100"),
        (lambda o: o.sell("x", 1, "stop_loss", stop=101), "reached already"),
        (lambda o: o.buy("x", 1, amount=100), "needs either `quote_amount` or `quantity`"),
        (lambda o: o.sell("x", amount=100), "takes no `quote_amount`"),
        (lambda o: o.buy("open", 1), "an open order has this client id already"),
        (lambda o: o.limit("buy", "waiting", 1, 50), "an open order has this client id already"),
        (lambda o: o.limit("buy", "x", 1, 50, symbol="ETH/USDT"), "no market 'ETH/USDT'"),
    ],
)
def test_what_is_refused_at_once_is_not_heard_of_again(orders, make, words):
    async def refuse(exchange):
        with pytest.raises(OrderRejected, match=words):
            await exchange.submit(make(orders))

    acts = {0: [send(orders.limit("buy", "open", "0.1", 55)), send(orders.buy("waiting", "0.1")), cancel("none")]}
    acts[0][2:] = [refuse, cancel("open"), cancel("waiting")]
    if "USDT, 1000" in words:
        acts[0] = [refuse]
    said = play(made(), acts)
    assert all("x" not in event for event in said if isinstance(event, tuple))


def test_numbers_are_rounded_to_the_market_in_favour_of_the_order(orders):
    exchange = made()

    async def story():
        return await exchange.submit(orders.limit("buy", "a", "1.0000099", "90.009"))

    order = asyncio.run(story())
    assert (order.price, order.quantity) == (Decimal("90.00"), Decimal("1.00000"))


def test_its_time_and_quote_are_those_of_the_market():
    past = [Bar(-2 * MINUTE, 50.0, 50.0, 50.0, 50.0, 1.0), Bar(-MINUTE, 51.0, 52.0, 50.0, 52.0, 1.0)]
    exchange = made(past=past)

    async def story():
        assert await exchange.now() == 0
        quote = await exchange.quote(SYMBOL)
        assert (quote.bid, quote.ask, quote.time) == (52, 52, 0)
        async with aclosing(exchange.stream(SYMBOL, Timeframe(60))) as stream:
            await anext(stream)
            await anext(stream)
        assert await exchange.now() == 2 * MINUTE
        quote = await exchange.quote(SYMBOL)
        assert (quote.bid, quote.time, quote.age(3 * MINUTE)) == (105, 2 * MINUTE, 60)
        with pytest.raises(ConfigError, match="Did you mean `BTC/USDT`"):
            await exchange.quote("BTC/USD")

    asyncio.run(story())


def test_without_a_past_the_time_is_the_first_bars_and_there_is_no_price():
    exchange = made([(100, 100, 100, 100)])
    assert asyncio.run(exchange.now()) == 0
    with pytest.raises(TransientError, match="no bar of BTC/USDT has closed yet"):
        asyncio.run(exchange.quote(SYMBOL))
    assert play(exchange, {}) == [0]
    assert asyncio.run(made([]).now()) == 0


def test_it_says_what_it_can():
    exchange = made()
    assert repr(exchange) == "SimulatedExchange(BTC/USDT 1m, practice: simulated money)"
    can = exchange.capabilities
    assert can.order_types == frozenset(OrderType)
    assert can.time_in_force == frozenset(TimeInForce)
    assert can.timeframes == ("1m",)
    for name in ("orders", "oco", "quote_amount", "cancel", "query_by_client_id", "bar_stream", "order_stream"):
        can.require(name, exchange.name)
    with pytest.raises(ConfigError, match="cannot do `dead_man_switch`"):
        can.require("dead_man_switch", exchange.name)
    rules = asyncio.run(exchange.rules(SYMBOL))
    assert asyncio.run(exchange.markets()) == {SYMBOL: rules}
    assert rules.market == asyncio.run(exchange.market(SYMBOL))


def test_nothing_is_traded_on_a_bar_that_cannot_be(orders):
    exchange = made([(100, 100, 100, 100), (100, 90, 110, 100), (100, 100, 100, 100)])
    said = play(exchange, {0: [send(orders.buy("a", 1)), send(orders.limit("buy", "b", 1, 95))]})
    assert said == [0, ("new", "b"), 1, ("fill", "a", 100, 1, True, 2), 2]


def test_a_refusal_that_is_told_carries_its_reason(orders):
    exchange = made()

    async def reading():
        async with aclosing(exchange.stream(SYMBOL, Timeframe(60))) as stream:
            await anext(stream)
            await exchange.submit(orders.sell("a", 3))
            return await anext(stream)

    refused = asyncio.run(reading())
    assert refused == OrderRefused("a", MINUTE, "it needs 3 BTC, 0 are free", "INSUFFICIENT_BALANCE")
