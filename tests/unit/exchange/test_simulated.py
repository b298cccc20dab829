"""The simulated exchange: order of events, answers, refusals, pacing, and books that conserve every cent."""

from __future__ import annotations

import asyncio
import math
from contextlib import aclosing
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptobot.core.clock import SimulatedClock
from cryptobot.core.errors import ConfigError, OrderRejected
from cryptobot.core.events import BarClosed, OrderFilled, OrderRefused
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import MONEY, Market
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Bar, Intent, Side
from cryptobot.exchange.matching import Costs
from cryptobot.exchange.simulated import SimulatedExchange

MINUTE = 60_000_000_000
SYMBOL = "BTC/USDT"


def bar(number, opened, close=None):
    close = opened if close is None else close
    return Bar(number * MINUTE, opened, max(opened, close), min(opened, close), close, 1.0)


def made(prices, *, past=(), speed=math.inf, cash=1_000, costs=None, market=None, clock=None):
    bars = [bar(number, float(price)) for number, price in enumerate(prices)]
    return SimulatedExchange(
        "test",
        market or Market(SYMBOL),
        Timeframe(60),
        PriceGrid(2),
        list(past),
        iter(bars),
        speed=speed,
        cash=cash,
        costs=costs or Costs(Decimal(0)),
        clock=clock,
    )


def buy(name, amount=1_000, symbol=SYMBOL):
    return Intent(name, 0, symbol, Side.BUY, quote_amount=Decimal(amount))


def sell(name, quantity):
    return Intent(name, 0, SYMBOL, Side.SELL, quantity=Decimal(quantity))


def play(exchange, orders):
    """Read to the end, sending ``orders[n]`` when bar n closes; return everything that was said."""

    async def reading():
        said = []
        async for event in exchange.stream(SYMBOL, Timeframe(60)):
            said.append(event)
            if isinstance(event, BarClosed):
                for intent in orders.get(event.bar.time // MINUTE, ()):
                    await exchange.submit(intent)
        return said

    return asyncio.run(reading())


def test_an_order_fills_at_the_next_open_and_is_told_before_that_bar_closes():
    exchange = made([10, 20, 40])
    first, fill, second, third = play(exchange, {0: [buy("a")]})
    assert [first.bar.open, second.bar.open, third.bar.open] == [10, 20, 40]
    assert isinstance(fill, OrderFilled)
    assert (fill.fill.intent_id, fill.fill.price, fill.fill.time) == ("a", 20, MINUTE)
    assert exchange.executed == [fill.fill]
    assert (exchange.ledger.cash, exchange.ledger.quantity) == (0, 50)


def test_an_order_on_the_last_bar_is_never_filled():
    exchange = made([10, 20])
    assert len(play(exchange, {1: [buy("a")]})) == 2
    assert exchange.executed == []
    assert exchange.ledger.cash == 1_000


def test_several_orders_are_answered_in_the_order_they_came():
    exchange = made([10, 10, 10])
    said = play(exchange, {0: [buy("a", 600), buy("b", 600), buy("c", 400)]})
    answers = said[1:4]
    assert [getattr(a, "intent_id", None) or a.fill.intent_id for a in answers] == ["a", "b", "c"]
    assert isinstance(answers[1], OrderRefused)
    assert answers[1].reason == "it needs 600 USDT, 400 are free"
    assert (exchange.ledger.cash, exchange.ledger.quantity) == (0, 100)


@pytest.mark.parametrize("intent", [buy("a", "1000.01"), sell("a", "0.1")])
def test_what_the_account_does_not_hold_is_refused_and_the_stream_goes_on(intent):
    exchange = made([10, 10, 10])
    kinds = [type(event).__name__ for event in play(exchange, {0: [intent]})]
    assert kinds == ["BarClosed", "OrderRefused", "BarClosed", "BarClosed"]
    assert exchange.ledger.cash == 1_000
    assert exchange.executed == []


def test_all_the_cash_of_31_digits_can_be_spent():
    # Books hold 34 digits; Python's usual 28 would round what is needed above what is there and refuse the order.
    price, quantity = Decimal("47749.46"), Decimal("0.123456789012345678901239")
    cash = MONEY.multiply(price, quantity)
    exchange = made([price, price], cash=cash)
    play(exchange, {0: [buy("a", cash)]})
    assert [fill.quantity for fill in exchange.executed] == [quantity]
    assert exchange.ledger.cash == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(1, 10**7), min_size=2, max_size=25),
    st.dictionaries(
        st.integers(0, 24), st.lists(st.tuples(st.booleans(), st.integers(0, 120)), max_size=3), max_size=12
    ),
    st.sampled_from(["0", "0.001", "0.0375"]),
    st.sampled_from([0, 3, 250]),
    st.sampled_from([None, Market(SYMBOL, "0.01", "0.00001", "5")]),
)
def test_the_ledger_conserves_and_never_goes_below_zero(ticks, wishes, fee, slippage, market):
    orders, number = {}, 0
    for at, wished in wishes.items():
        for buys, percent in wished:
            number += 1
            size = Decimal(percent)
            orders.setdefault(at, []).append(
                buy(f"o{number}", size * 10) if buys else sell(f"o{number}", size.scaleb(-3))
            )
    exchange = made([tick / 100 for tick in ticks], costs=Costs(Decimal(fee), Decimal(slippage)), market=market)
    said = play(exchange, orders)
    cash, held, paid = Fraction(1_000), Fraction(0), Fraction(0)
    for fill in exchange.executed:
        sign = 1 if fill.side is Side.BUY else -1
        cash -= sign * Fraction(fill.price) * Fraction(fill.quantity) + Fraction(fill.fee)
        held += sign * Fraction(fill.quantity)
        paid += Fraction(fill.fee)
        assert cash >= -Fraction(1, 10**25)
        assert held >= 0
    for kept, exact in ((exchange.ledger.cash, cash), (exchange.ledger.quantity, held), (exchange.ledger.fees, paid)):
        assert abs(Fraction(kept) - exact) < Fraction(1, 10**22)
    answered = [event for event in said if not isinstance(event, BarClosed)]
    sent = [intent.id for at in range(len(ticks) - 1) for intent in orders.get(at, ())]
    assert [getattr(a, "intent_id", None) or a.fill.intent_id for a in answered] == sent
    assert [event.bar.time // MINUTE for event in said if isinstance(event, BarClosed)] == list(range(len(ticks)))
    assert len({fill.id for fill in exchange.executed}) == len(exchange.executed)


def test_a_second_reader_is_refused_and_does_the_first_no_harm():
    exchange = made([10, 20, 40])

    async def reading():
        async with aclosing(exchange.stream(SYMBOL, Timeframe(60))) as first:
            await anext(first)
            await exchange.submit(buy("a"))
            with pytest.raises(ConfigError, match="somebody is reading this exchange already. Make one exchange a bot"):
                await anext(exchange.stream(SYMBOL, Timeframe(60)))
            await exchange.close()  # what the refused reader does on its way out
            return await anext(first), await anext(first)

    fill, closed = asyncio.run(reading())
    assert isinstance(fill, OrderFilled)
    assert closed.bar.open == 20


def test_a_reader_that_left_can_come_back_and_misses_nothing():
    exchange = made([10, 20, 40])

    async def reading():
        said = []
        for _ in range(20):
            async with aclosing(exchange.stream(SYMBOL, Timeframe(60))) as stream:
                event = await anext(stream, None)
                if event is None:
                    return said
                said.append(event)
                if len(said) == 1:
                    await exchange.submit(buy("a"))
                past = await exchange.history(SYMBOL, Timeframe(60), 10)
                assert past == [e.bar for e in said if isinstance(e, BarClosed)]
        return said

    kinds = [type(event).__name__ for event in asyncio.run(reading())]
    assert kinds == ["BarClosed", "OrderFilled", "BarClosed", "BarClosed"]


def test_close_withdraws_what_waits():
    exchange = made([10, 20])

    async def reading():
        async with aclosing(exchange.stream(SYMBOL, Timeframe(60))) as stream:
            await anext(stream)
            await exchange.submit(buy("a"))
        await exchange.close()
        await exchange.connect()
        return [event async for event in exchange.stream(SYMBOL, Timeframe(60))]

    assert [type(event) for event in asyncio.run(reading())] == [BarClosed]
    assert exchange.ledger.cash == 1_000


def test_a_client_id_of_an_open_order_is_refused_and_may_be_used_again_once_it_filled():
    exchange = made([10, 10, 10, 10])

    async def reading():
        async with aclosing(exchange.stream(SYMBOL, Timeframe(60))) as stream:
            await anext(stream)
            await exchange.submit(buy("a", 100))
            with pytest.raises(OrderRejected, match="order a: an open order has this client id already"):
                await exchange.submit(buy("a", 100))
            await anext(stream)
            await exchange.submit(buy("a", 100))  # as Binance does, see the facts: an id alone is no idempotency
            await anext(stream)
            await anext(stream)

    asyncio.run(reading())
    assert [fill.intent_id for fill in exchange.executed] == ["a", "a"]


def test_an_order_for_another_market_is_refused():
    with pytest.raises(OrderRejected, match="no market 'ETH/USDT'"):
        asyncio.run(made([10]).submit(buy("a", symbol="ETH/USDT")))


def test_an_unknown_market_names_the_closest():
    exchange = made([10])

    async def each():
        async with aclosing(exchange.stream("BTC/USD", Timeframe(60))) as stream:
            await anext(stream)

    for asked in (
        exchange.market("BTC/USD"),
        exchange.grid("BTC/USD"),
        exchange.history("BTC/USD", Timeframe(60), 1),
        each(),
    ):
        with pytest.raises(ConfigError, match=r"no market 'BTC/USD'\. Did you mean `BTC/USDT`\?"):
            asyncio.run(asked)


def test_another_timeframe_is_refused_with_its_own():
    exchange = made([10])

    async def each():
        async with aclosing(exchange.stream(SYMBOL, Timeframe(300))) as stream:
            await anext(stream)

    for asked in (exchange.history(SYMBOL, Timeframe(300), 1), each()):
        with pytest.raises(ConfigError, match="has bars of 1m, not 5m"):
            asyncio.run(asked)


@pytest.mark.parametrize(("limit", "numbers"), [(0, []), (-3, []), (2, [1, 2]), (3, [0, 1, 2]), (99, [0, 1, 2])])
def test_history_is_the_newest_closed_bars_oldest_first(limit, numbers):
    exchange = made([], past=[bar(number, 5.0) for number in range(3)])
    got = asyncio.run(exchange.history(SYMBOL, Timeframe(60), limit))
    assert [b.time // MINUTE for b in got] == numbers


def test_history_grows_with_the_stream():
    exchange = made([10, 20], past=[bar(-1, 5.0)])
    play(exchange, {})
    got = asyncio.run(exchange.history(SYMBOL, Timeframe(60), 99))
    assert [b.time // MINUTE for b in got] == [-1, 0, 1]


def test_a_long_past_is_kept_whole():
    exchange = made([], past=[bar(number, 5.0) for number in range(30_000)])
    assert len(asyncio.run(exchange.history(SYMBOL, Timeframe(60), 10**6))) == 30_000


def test_balances_are_those_of_the_ledger():
    exchange = made([10, 20])
    assert asyncio.run(exchange.balances()) == {"USDT": Balance(Decimal(1_000)), "BTC": Balance(Decimal(0))}
    play(exchange, {0: [buy("a", 400)]})
    assert asyncio.run(exchange.balances()) == {"USDT": Balance(Decimal(600)), "BTC": Balance(Decimal(20))}


@pytest.mark.parametrize(("speed", "seconds"), [(1, 60.0), (60, 1.0), (600, 0.1)])
def test_bars_come_at_the_pace_that_was_asked_for(speed, seconds):
    clock = SimulatedClock()
    exchange = made([1, 2, 3], speed=speed, clock=clock)

    async def watching():
        times = []

        async def reading():
            times.extend([(clock.monotonic(), e.bar.open) async for e in exchange.stream(SYMBOL, Timeframe(60))])

        task = asyncio.ensure_future(reading())
        await asyncio.sleep(0)
        for _ in range(60):
            clock.advance(seconds / 10)
            for _ in range(3):
                await asyncio.sleep(0)
        task.cancel()
        return times

    assert asyncio.run(watching()) == [pytest.approx((seconds * n, n)) for n in (1, 2, 3)]


def test_a_reader_that_was_slow_does_not_get_a_burst():
    clock = SimulatedClock()
    exchange = made(range(1, 100), speed=60, clock=clock)

    async def watching():
        seen = []

        async def reading():
            async for event in exchange.stream(SYMBOL, Timeframe(60)):
                seen.append(event.bar.open)
                if len(seen) == 1:
                    clock.advance(30)  # as if a debugger or a sleeping laptop held the thread for thirty bars

        task = asyncio.ensure_future(reading())
        await asyncio.sleep(0)
        clock.advance(1)
        for _ in range(50):
            await asyncio.sleep(0)
        task.cancel()
        return seen

    assert len(asyncio.run(watching())) <= 3


def test_at_full_speed_other_tasks_are_let_in():
    exchange = made(range(1, 2_000))

    async def watching():
        turns = 0
        done = False

        async def other():
            nonlocal turns
            while not done:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        read = [event async for event in exchange.stream(SYMBOL, Timeframe(60))]
        done = True
        await task
        return len(read), turns

    read, turns = asyncio.run(watching())
    assert read == 1_999
    assert turns >= 20


@pytest.mark.parametrize("speed", [0, -1, math.nan, -math.inf, "fast", None, True])
def test_a_speed_that_cannot_be(speed):
    with pytest.raises(ConfigError, match=r"^speed: .*Give a number above 0"):
        made([1], speed=speed)


@pytest.mark.parametrize("cash", [0, -5, math.nan, math.inf, "money", None])
def test_cash_that_cannot_be(cash):
    with pytest.raises(ConfigError, match=r"^cash: .*Give "):
        made([1], cash=cash)
