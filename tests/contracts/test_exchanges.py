"""The contract of an exchange: what the engine relies on, whoever is behind it.

A new exchange is added to `FACTORIES` and must pass everything here.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import math
from collections.abc import Mapping
from contextlib import aclosing
from decimal import Decimal

import pytest

import cryptobot as cb
from cryptobot.core.bars import problem_of
from cryptobot.core.errors import OrderRejected
from cryptobot.core.events import BarClosed, OrderFilled, OrderRefused
from cryptobot.core.grid import PriceGrid
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Intent, Side
from cryptobot.exchange.protocol import Exchange
from cryptobot.market.practice import PRACTICE_MARKET

FACTORIES = {
    "replay": lambda: cb.ReplayExchange(cb.practice_bars(400, seed=3, holes=5), history=100),
    "replay-rules": lambda: cb.ReplayExchange(cb.practice_bars(400, seed=3), history=100, market=PRACTICE_MARKET),
    "practice": lambda: cb.PracticeExchange(3, speed=math.inf, history=100),
}
DOORS = ["connect", "close", "market", "grid", "balances", "history", "stream", "submit"]


@pytest.fixture(params=FACTORIES)
def exchange(request):
    made = FACTORIES[request.param]()
    asyncio.run(made.connect())
    yield made
    asyncio.run(made.close())


def symbol_of(exchange):
    return exchange.symbol or "BTC/USDT"


def timeframe_of(exchange):
    return exchange.timeframe or Timeframe(60)


def read(exchange, bars, orders=None):
    """Read so many bars, sending ``orders[n]`` at the close of the n-th; return all events."""

    async def reading():
        said, count = [], 0
        async with aclosing(exchange.stream(symbol_of(exchange), timeframe_of(exchange))) as stream:
            while count < bars:
                event = await anext(stream)
                said.append(event)
                if isinstance(event, BarClosed):
                    for intent in (orders or {}).get(count, ()):
                        await exchange.submit(intent)
                    count += 1
        return said

    return asyncio.run(reading())


def buy(exchange, name="buy-1", amount=1_000):
    return Intent(name, 0, symbol_of(exchange), Side.BUY, quote_amount=Decimal(amount))


def test_it_offers_every_door_with_the_protocols_arguments(exchange):
    for door in DOORS:
        offered = inspect.signature(getattr(exchange, door)).parameters
        wanted = list(inspect.signature(getattr(Exchange, door)).parameters)[1:]
        assert list(offered) == wanted, door
    assert exchange.name
    assert isinstance(exchange.mode, cb.Mode)
    assert exchange.timeframe is None or isinstance(exchange.timeframe, Timeframe)


def test_it_can_be_closed_and_connected_again(exchange):
    async def around():
        for _ in range(3):
            await exchange.close()
            await exchange.close()
            await exchange.connect()

    asyncio.run(around())
    assert len(read(exchange, 3)) == 3


def test_its_market_has_rules_in_decimals(exchange):
    market = asyncio.run(exchange.market(symbol_of(exchange)))
    assert isinstance(market, cb.Market)
    assert market.symbol == symbol_of(exchange)
    for rule in (market.tick_size, market.lot_size, market.min_notional):
        assert rule is None or (isinstance(rule, Decimal) and rule > 0)


def test_an_unknown_market_is_an_error_that_helps(exchange):
    for asked in (exchange.market("XXX/YYY"), exchange.grid("XXX/YYY")):
        with pytest.raises(cb.ConfigError, match="XXX/YYY"):
            asyncio.run(asked)


def test_its_balances_are_free_decimals(exchange):
    balances = asyncio.run(exchange.balances())
    assert isinstance(balances, Mapping)
    market = asyncio.run(exchange.market(symbol_of(exchange)))
    assert balances[market.quote] > 0
    assert all(isinstance(amount, Decimal) and amount >= 0 for amount in balances.values())


def test_its_bars_can_be_trusted_and_lie_on_its_grid(exchange):
    grid = asyncio.run(exchange.grid(symbol_of(exchange)))
    assert isinstance(grid, PriceGrid)
    past = asyncio.run(exchange.history(symbol_of(exchange), timeframe_of(exchange), 100))
    bars = [*past, *(event.bar for event in read(exchange, 200))]
    assert all(problem_of(bar) is None for bar in bars)
    for bar in bars:
        grid.check(bar)
    step = timeframe_of(exchange).nanoseconds
    for before, after in itertools.pairwise(bars):
        assert after.time > before.time
        assert (after.time - before.time) % step == 0
    assert all(type(bar.time) is int and type(bar.close) is float for bar in bars)


@pytest.mark.parametrize("limit", [0, 1, 50, 100])
def test_its_history_ends_where_the_stream_begins(exchange, limit):
    past = asyncio.run(exchange.history(symbol_of(exchange), timeframe_of(exchange), limit))
    assert len(past) == limit
    [first] = read(exchange, 1)
    assert all(bar.time < first.bar.time for bar in past)
    again = asyncio.run(exchange.history(symbol_of(exchange), timeframe_of(exchange), 1))
    assert again == [first.bar]


def test_a_market_order_is_answered_before_the_next_bar_closes(exchange):
    said = read(exchange, 4, {1: [buy(exchange)]})
    assert [type(event) for event in said] == [BarClosed, BarClosed, OrderFilled, BarClosed, BarClosed]
    fill, bar = said[2].fill, said[3].bar
    assert (fill.intent_id, fill.side, fill.time) == ("buy-1", Side.BUY, bar.time)
    assert fill.price == Decimal(str(bar.open))
    assert fill.price * fill.quantity + fill.fee <= 1_000


def test_every_fill_is_in_its_books_and_balances(exchange):
    market = asyncio.run(exchange.market(symbol_of(exchange)))
    before = asyncio.run(exchange.balances())
    said = read(exchange, 3, {0: [buy(exchange)]})
    [fill] = [event.fill for event in said if isinstance(event, OrderFilled)]
    held = asyncio.run(exchange.balances())
    assert held[market.base] == before[market.base] + fill.quantity
    assert abs(held[market.quote] - (before[market.quote] - fill.price * fill.quantity - fill.fee)) < Decimal("1e-20")
    sale = Intent("sell-1", 0, symbol_of(exchange), Side.SELL, quantity=fill.quantity)
    said = read(exchange, 2, {0: [sale]})
    [sold] = [event.fill for event in said if isinstance(event, OrderFilled)]
    assert sold.id != fill.id
    assert asyncio.run(exchange.balances())[market.base] == before[market.base]


def test_what_cannot_be_paid_is_refused_with_a_reason(exchange):
    said = read(exchange, 3, {0: [buy(exchange, amount=10**9)]})
    [answer] = [event for event in said if not isinstance(event, BarClosed)]
    assert isinstance(answer, OrderRefused)
    assert answer.intent_id == "buy-1"
    assert answer.reason


def test_two_open_orders_do_not_share_a_client_id(exchange):
    with pytest.raises(OrderRejected, match="buy-1"):
        read(exchange, 2, {0: [buy(exchange), buy(exchange)]})


@pytest.mark.parametrize("name", FACTORIES)
def test_a_reader_that_leaves_can_come_back_and_misses_no_bar(name):
    exchange = FACTORIES[name]()
    parts = [event.bar for _ in range(4) for event in read(exchange, 10)]
    assert parts == [event.bar for event in read(FACTORIES[name](), 40)]


def test_a_bot_trades_on_it(exchange):
    bot = cb.Bot(cb.MovingAverageCrossover(2, 5), exchange=exchange)
    touch = bot.session.touch

    def touched():
        touch()
        if bot.session.bars >= 250:
            bot.session.request_stop()

    bot.session.touch = touched
    bot.start()
    assert bot.wait(60)
    assert bot.status().state == "stopped", bot.status().reason
    assert bot.status().trades >= 3
    assert cb.reconcile(bot).differences == 0
