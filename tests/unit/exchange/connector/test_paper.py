"""Paper trading: real prices by real requests, fills that only happen here, and nothing ever sent."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal

import pytest

from cryptobot.core.errors import ConfigError, DataError, OrderNotFound, OrderNotSent, OrderRejected, TransientError
from cryptobot.core.events import BarClosed, OrderChanged, OrderFilled
from cryptobot.core.orders import OrderStatus
from cryptobot.core.types import Mode, OcoIntent
from cryptobot.exchange.paper import PaperExchange
from cryptobot.exchange.simulator.faults import Fault


def papered(kit, sim, work, *, clock=None, **options):
    """Trade on paper against a simulator's public data; check that it never was asked for anything else."""
    source = kit.connected(sim, api_key=None, secret=None, clock=clock)

    async def whole():
        exchange = PaperExchange(source=source, clock=clock, **options)
        await exchange.connect()
        try:
            return await asyncio.wait_for(work(exchange), kit.WAIT)
        finally:
            await exchange.close()

    result = asyncio.run(whole())
    assert not kit.posts(sim)
    assert all("signature" not in seen.params and "timestamp" not in seen.params for seen in sim.requests)
    assert not sim.ledger.orders
    return result


def test_it_says_that_it_is_paper(kit, sim):
    exchange = PaperExchange(source=kit.connected(sim, api_key=None, secret=None))
    assert exchange.mode is Mode.PAPER
    assert "paper" in exchange.name
    assert "no orders are sent" in repr(exchange)


def test_a_market_order_is_filled_at_the_live_quote(kit, sim):
    async def work(exchange):
        bought = await exchange.submit(kit.intent("b", amount=1000))
        sim.trade(110)
        sold = await exchange.submit(kit.intent("s", "sell", quantity=bought.filled_quantity))
        return bought, sold, await exchange.balances(), await exchange.fills(kit.SYMBOL)

    bought, sold, balances, fills = papered(kit, sim, work, fee=0.001, slippage_bps=10)
    assert [fill.price for fill in fills] == [Decimal("100.1"), Decimal("109.89")]
    assert bought.filled_quantity == Decimal("9.98002")  # floor(1000 / 1.001 / 100.1) to the lot
    assert sold.status is OrderStatus.FILLED
    cash = 10_000 - sum((f.price * f.quantity * (1 if f.side == "buy" else -1) + f.fee for f in fills), Decimal(0))
    assert balances["USDT"].free == cash
    assert balances["BTC"].free == 0
    assert sim.ledger.balances["USDT"].free == 10_000


def test_events_and_bars_come_in_order(kit, sim):
    async def work(exchange):
        await exchange.history(kit.SYMBOL, kit.MINUTE, 1)
        events = []
        async with aclosing(exchange.stream(kit.SYMBOL, kit.MINUTE)) as stream:
            for n in range(2):
                waiting = asyncio.ensure_future(anext(stream))
                await asyncio.to_thread(sim.step)
                events.append(await waiting)
                await exchange.submit(kit.intent(f"b-{n}", quantity="0.1"))
                await asyncio.to_thread(sim.step)
                events += [await anext(stream), await anext(stream)]
        return events

    events = papered(kit, sim, work)
    assert [type(event) for event in events] == [BarClosed, OrderFilled, BarClosed] * 2
    assert [event.bar.open for event in events if isinstance(event, BarClosed)] == [100, 102, 99, 101]


def test_a_reader_that_leaves_misses_nothing(kit, sim):
    async def work(exchange):
        await exchange.history(kit.SYMBOL, kit.MINUTE, 1)
        seen = []
        for n in range(3):
            for _ in range(2):
                await asyncio.to_thread(sim.step)
            await exchange.submit(kit.intent(f"b-{n}", quantity="0.1"))
            async with aclosing(exchange.stream(kit.SYMBOL, kit.MINUTE)) as stream:
                seen += [await anext(stream) for _ in range(3)]
        return seen

    seen = papered(kit, sim, work)
    assert [event.bar.open for event in seen if isinstance(event, BarClosed)] == [100, 102, 99, 101, 105, 100]
    assert sum(isinstance(event, OrderFilled) for event in seen) == 3


def test_a_bar_that_came_while_its_reader_left_is_told_to_the_next(kit, sim):
    async def work(exchange):
        await exchange.history(kit.SYMBOL, kit.MINUTE, 1)
        await asyncio.to_thread(sim.step)
        await exchange.submit(kit.intent("b", quantity="1"))
        await exchange.submit(kit.intent("s", "sell", quantity="1", price="104.5", kind="limit"))
        for _ in range(6):
            await asyncio.to_thread(sim.step)
        seen = []
        async with aclosing(exchange.stream(kit.SYMBOL, kit.MINUTE)) as stream:
            async for event in stream:
                seen.append(event)
                if isinstance(event, OrderFilled) and event.fill.intent_id == "s":
                    break  # with the bar that filled it in hand
        async with aclosing(exchange.stream(kit.SYMBOL, kit.MINUTE)) as stream:
            while sum(isinstance(event, BarClosed) for event in seen) < 7:
                seen.append(await anext(stream))
        return seen

    seen = papered(kit, sim, work)
    assert [e.bar.open for e in seen if isinstance(e, BarClosed)] == [100, 102, 99, 101, 105, 100, 103]
    assert [e.fill.intent_id for e in seen if isinstance(e, OrderFilled)] == ["b", "s"]


def test_resting_orders_are_filled_by_quotes(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            await exchange.submit(kit.intent("b", quantity="1"))
            await exchange.submit(kit.intent("s", "sell", quantity="1", price=150, kind="limit"))
            assert (await exchange.open_orders(kit.SYMBOL))[0].client_id == "s"
            sim.trade(151)
            await reader.until(lambda _: len(reader.of(OrderFilled)) == 2)
            return reader.of(OrderFilled)[-1], reader.of(OrderChanged)

    filled, changed = papered(kit, sim, work, clock=kit.QuickClock())
    assert (filled.fill.intent_id, filled.fill.price, filled.complete) == ("s", 150, True)
    assert [event.order.client_id for event in changed] == ["s"]


def test_a_bar_that_opened_after_an_order_shows_what_no_quote_showed(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            for _ in range(3):
                await reader.bar()
            await exchange.submit(kit.intent("b", quantity="1"))
            await exchange.submit(kit.intent("s", "sell", quantity="1", stop="99.5", kind="stop_loss"))
            for _ in range(7):
                await reader.bar()
                if len(reader.of(OrderFilled)) == 2:
                    break
            return reader.events

    events = papered(kit, sim, work)
    position = next(n for n, e in enumerate(events) if isinstance(e, OrderFilled) and e.fill.intent_id == "s")
    following = next(event for event in events[position:] if isinstance(event, BarClosed))
    assert events[position].fill.price <= Decimal("99.5")
    assert following.bar.low <= float(events[position].fill.price)  # told before the bar that shows it


def test_a_pair_and_a_cancel(kit, sim):
    async def work(exchange):
        await exchange.submit(kit.intent("b", quantity="1"))
        above = kit.intent("tp", "sell", quantity="1", price=150, kind="limit_maker")
        below = kit.intent("sl", "sell", quantity="1", stop=90, price=89, kind="stop_loss_limit")
        made = await exchange.submit_oco(OcoIntent("pair", above, below))
        cancelled = await exchange.cancel(kit.SYMBOL, "tp")
        with pytest.raises(OrderNotFound):
            await exchange.cancel(kit.SYMBOL, "nothing")
        return made, cancelled, await exchange.open_orders(kit.SYMBOL), await exchange.balances()

    made, cancelled, left, balances = papered(kit, sim, work)
    assert [order.client_id for order in made] == ["tp", "sl"]
    assert cancelled.status is OrderStatus.CANCELLED
    assert left == []
    assert balances["BTC"].free == 1


class Stale:
    """A source whose quotes are what a test says."""

    def __init__(self, source, change):
        self._source = source
        self._change = change

    def __getattr__(self, name):
        return getattr(self._source, name)

    async def quote(self, symbol):
        return self._change(await self._source.quote(symbol))


def raising(error):
    def change(_quote):
        raise error

    return change


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda quote: replace(quote, time=quote.time - 11 * 10**9), OrderRejected),
        (raising(DataError("no price")), OrderRejected),
        (raising(TransientError("no way there")), OrderNotSent),
    ],
    ids=["stale", "none", "unreachable"],
)
def test_nothing_is_traded_without_a_fresh_quote(kit, sim, change, problem):
    source = kit.connected(sim, api_key=None, secret=None)

    async def work():
        exchange = PaperExchange(source=Stale(source, change))
        await exchange.connect()
        try:
            with pytest.raises(problem, match="b"):
                await exchange.submit(kit.intent("b", quantity="1"))
            return await exchange.balances()
        finally:
            await exchange.close()

    assert asyncio.run(work())["USDT"].free == 10_000


def test_filters_hold_on_paper(kit, sim):
    async def work(exchange):
        with pytest.raises(OrderRejected, match="notional"):
            await exchange.submit(kit.intent("b", quantity="0.04"))
        with pytest.raises(OrderRejected):
            await exchange.submit(kit.intent("b", quantity="1000"))  # more than the cash
        sim.faults.add(Fault("halt"))
        exchange._source._connection._stale = True
        with pytest.raises(OrderRejected, match="halted"):
            await exchange.submit(kit.intent("b", quantity="1"))

    papered(kit, sim, work)


@pytest.mark.parametrize("cash", [0, -1, "much", float("nan")])
def test_cash_must_be_money(kit, sim, cash):
    with pytest.raises(ConfigError, match="cash"):
        PaperExchange(source=kit.connected(sim, api_key=None, secret=None), cash=cash)


def test_an_exchange_in_place_of_its_name_is_told_where_it_belongs(kit, sim):
    source = kit.connected(sim, api_key=None, secret=None)
    with pytest.raises(ConfigError, match=r"is not a name.*PaperExchange\(source=exchange\)"):
        PaperExchange(source)


def test_balances_need_a_market(kit, sim):
    async def work(exchange):
        with pytest.raises(ConfigError, match="symbol="):
            await exchange.balances()

    papered(kit, sim, work)
    balances = papered(kit, sim, lambda exchange: exchange.balances(), symbol=kit.SYMBOL, cash=123)
    assert balances["USDT"].free == 123
