"""Orders through ccxt: what is sent is what was checked, to the digit, and the exchange's own ledger agrees."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from cryptobot.core.errors import (
    AuthError,
    ConfigError,
    ExchangeError,
    OrderNotFound,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
)
from cryptobot.core.events import OrderChanged, OrderFilled
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import OrderStatus
from cryptobot.core.types import OcoIntent
from cryptobot.exchange.simulator.faults import Fault

# What breaks which filter; the market's price is 100, its tick 0.01, its lot 0.00001, its least value 5.
BROKEN = {
    "NOTIONAL": dict(quantity="0.04"),
    "LOT_SIZE": dict(quantity="0.000001"),
    "PARAMETERS": dict(quantity="0.1", price=100),
    "PERCENT_PRICE_BY_SIDE": dict(side="sell", quantity="0.1", price=10_000, kind="limit"),
    "PRICE_FILTER": dict(side="sell", quantity="0.1", price=100_000_000, kind="limit"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_every_filter_is_checked_before_anything_is_sent(kit, sim, rule):
    async def work(exchange):
        with pytest.raises(OrderRejected, match=rule):
            await exchange.submit(kit.intent(**BROKEN[rule]))

    kit.using(sim, work)
    assert not kit.posts(sim)


def test_a_market_that_does_not_trade_takes_no_order(kit, sim):
    async def work(exchange):
        sim.faults.add(Fault("halt"))
        await exchange._connection.load()
        with pytest.raises(OrderRejected, match="STATUS"):
            await exchange.submit(kit.intent(quantity="0.1"))

    kit.using(sim, work)
    assert not kit.posts(sim)


def test_too_many_stop_orders_are_counted_before_sending(kit, sim):
    async def work(exchange):
        for n in range(5):
            await exchange.submit(
                kit.intent(f"s-{n}", "sell", quantity="0.1", stop=90, price=89, kind="stop_loss_limit")
            )
        with pytest.raises(OrderRejected, match="MAX_NUM_ALGO_ORDERS"):
            await exchange.submit(kit.intent("s-5", "sell", quantity="0.1", stop=90, price=89, kind="stop_loss_limit"))

    kit.using(sim, work)
    assert len(kit.posts(sim)) == 5


def test_a_type_that_the_market_does_not_take_is_refused_before_sending(kit, simulator):
    sim = simulator(order_types=["market", "limit", "stop_loss_limit"])

    async def work(exchange):
        with pytest.raises(OrderRejected, match="ORDER_TYPE"):
            await exchange.submit(kit.intent("s", "sell", quantity="0.1", stop=90, kind="stop_loss"))

    kit.using(sim, work)
    assert not kit.posts(sim)


def test_quantities_and_prices_are_rounded_toward_safety_and_sent_to_the_digit(kit, sim):
    async def work(exchange):
        await exchange.submit(kit.intent("buy", quantity="0.123456789", price="90.009", kind="limit"))
        await exchange.submit(kit.intent("sell", "sell", quantity="0.123456789", price="150.001", kind="limit"))
        await exchange.submit(kit.intent("maker", "sell", quantity="0.1", price="151", kind="limit_maker"))
        stop = kit.intent("stop", "sell", quantity="0.1", price="89", stop="90", kind="stop_loss_limit")
        return await exchange.submit(stop), await exchange.open_orders(kit.SYMBOL)

    stop, resting = kit.using(sim, work)
    sent = {seen.params["newClientOrderId"]: seen.params for seen in kit.posts(sim)}
    assert (sent["buy"]["quantity"], sent["buy"]["price"]) == ("0.12345", "90")
    assert (sent["sell"]["quantity"], sent["sell"]["price"]) == ("0.12345", "150.01")
    assert "timeInForce" not in sent["maker"]
    assert sent["stop"]["timeInForce"] == "GTC"
    assert [order.client_id for order in resting] == ["buy", "sell", "maker", "stop"]
    assert (stop.type, stop.stop_price, stop.price) == (OrderType.STOP_LOSS_LIMIT, 90, 89)
    assert [order.type for order in resting[2:]] == [OrderType.LIMIT_MAKER, OrderType.STOP_LOSS_LIMIT]
    assert sim.ledger.orders == tuple(resting)


def test_times_in_force_reach_the_exchange(kit, sim):
    async def work(exchange):
        ioc = kit.intent("ioc", quantity="0.1", price=90, kind="limit", time_in_force=TimeInForce.IOC)
        fok = kit.intent("fok", quantity="0.1", price=101, kind="limit", time_in_force=TimeInForce.FOK)
        return await exchange.submit(ioc), await exchange.submit(fok)

    ioc, fok = kit.using(sim, work)
    assert (ioc.status, ioc.time_in_force) == (OrderStatus.EXPIRED, TimeInForce.IOC)
    assert (fok.status, fok.time_in_force) == (OrderStatus.FILLED, TimeInForce.FOK)


@pytest.mark.parametrize(("buy_fee", "sent"), [(None, "1000"), ("base", "1000"), ("quote", "999.000999")])
def test_a_buy_spends_its_amount_with_the_fee_wherever_that_is_taken(kit, simulator, buy_fee, sent):
    sim = simulator(fee_asset="quote" if buy_fee == "quote" else "received")
    order = kit.using(sim, lambda e: e.submit(kit.intent(amount="1000")), buy_fee=buy_fee)
    [seen] = kit.posts(sim)
    assert seen.params["quoteOrderQty"].startswith(sent)
    paid = 10_000 - sim.ledger.balances["USDT"].total
    assert Decimal("998.9") < paid <= 1000
    assert order.quote_amount == Decimal(seen.params["quoteOrderQty"])


def test_the_ledger_and_what_was_told_agree(kit, simulator):
    sim = simulator(volume_share=0.1)

    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            await exchange.submit(kit.intent("b", quantity="0.5"))  # more than is there at once
            await exchange.submit(kit.intent("s", "sell", quantity="0.7", price=102, kind="limit"))
            for _ in range(6):
                await reader.bar()
            return reader.of(OrderFilled), await exchange.fills(kit.SYMBOL), await exchange.balances()

    told, fills, balances = kit.using(sim, work)
    assert [event.fill for event in told] == list(sim.ledger.fills) == fills
    assert {name: held.total for name, held in balances.items()} == {
        name: held.total for name, held in sim.ledger.balances.items()
    }
    assert len(told) > 3
    for order in sim.ledger.orders:
        ended = [event.complete for event in told if event.fill.intent_id == order.client_id]
        assert ended == [False] * (len(ended) - 1) + [order.status is OrderStatus.FILLED]
    assert {order.status for order in sim.ledger.orders} == {OrderStatus.FILLED, OrderStatus.EXPIRED}


def test_what_cannot_be_filled_whole_at_once_ends_with_a_word(kit, simulator):
    sim = simulator(volume_share=0.01)  # a hundredth of a bar's 10: too little for what follows

    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            order = await exchange.submit(kit.intent("b", quantity="0.9"))
            await reader.until(lambda _: reader.of(OrderChanged))
            return order, reader.events

    order, events = kit.using(sim, work)
    assert order.status is OrderStatus.EXPIRED
    assert 0 < order.filled_quantity < Decimal("0.9")
    said = [e for e in events if isinstance(e, OrderFilled | OrderChanged)]
    assert not any(event.complete for event in said[:-1])
    assert said[-1] == OrderChanged(order)


def test_a_pair_is_one_order_that_cancels_the_other(kit, sim):
    above = kit.intent("tp", "sell", quantity="0.5", price=150, kind="limit_maker")
    below = kit.intent("sl", "sell", quantity="0.5", stop=90, price=89, kind="stop_loss_limit")

    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            made = await exchange.submit_oco(OcoIntent("pair/1", above, below))
            assert [order.client_id for order in made] == ["tp", "sl"]
            assert len({order.list_id for order in made}) == 1
            sim.trade(151)
            await reader.until(lambda _: any(not e.order.is_open for e in reader.of(OrderChanged)))
            await reader.until(lambda _: reader.of(OrderFilled))
            return [e.fill.intent_id for e in reader.of(OrderFilled)], reader.of(OrderChanged)[-1].order

    filled, ended = kit.using(sim, work)
    assert filled == ["tp"]
    assert (ended.client_id, ended.status) == ("sl", OrderStatus.EXPIRED)
    assert kit.posts(sim)[0].params["listClientOrderId"] == "pair_x2f_1"


def test_a_pair_with_unequal_legs_is_refused_before_sending(kit, sim):
    above = kit.intent("tp", "sell", quantity="0.5", price=150, kind="limit_maker")
    below = kit.intent("sl", "sell", quantity="0.4", stop=90, price=89, kind="stop_loss_limit")

    async def work(exchange):
        with pytest.raises(OrderRejected, match="one quantity"):
            await exchange.submit_oco(OcoIntent("pair", above, below))

    kit.using(sim, work)
    assert not kit.posts(sim)


def test_a_client_id_comes_back_as_it_was_given(kit, sim):
    async def work(exchange):
        await exchange.submit(kit.intent("my bot/1", quantity="0.1"))
        return await exchange.order(kit.SYMBOL, "my bot/1"), await exchange.fills(kit.SYMBOL)

    order, [fill] = kit.using(sim, work)
    assert order.client_id == fill.intent_id == "my bot/1"
    assert kit.posts(sim)[0].params["newClientOrderId"] == "my_x20_bot_x2f_1"


def test_a_client_id_that_is_too_long_sends_nothing(kit, sim):
    async def work(exchange):
        with pytest.raises(ConfigError, match="36"):
            await exchange.submit(kit.intent("x" * 37, quantity="0.1"))

    kit.using(sim, work)
    assert not kit.posts(sim)


def test_the_newest_order_of_a_client_id_is_the_one_meant(kit, sim):
    async def work(exchange):
        first = await exchange.submit(kit.intent("same", quantity="0.1"))
        second = await exchange.submit(kit.intent("same", quantity="0.2"))  # allowed: the first is no longer open
        return first, second, await exchange.order(kit.SYMBOL, "same")

    first, second, asked = kit.using(sim, work)
    assert asked == second
    assert first.exchange_id != second.exchange_id


def test_an_open_client_id_is_not_used_twice(kit, sim):
    async def work(exchange):
        rest = kit.intent("same", "sell", quantity="0.1", price=150, kind="limit")
        await exchange.submit(rest)
        with pytest.raises(OrderUnknown, match="already has an open order"):
            await exchange.submit(rest)

    kit.using(sim, work)
    assert len(sim.ledger.orders) == 1


def test_cancelling_what_nobody_knows_is_not_found(kit, sim):
    async def work(exchange):
        with pytest.raises(OrderNotFound, match="nothing"):
            await exchange.cancel(kit.SYMBOL, "nothing")

    kit.using(sim, work)


def test_a_cancel_gets_through_where_questions_do_not(kit, sim):
    async def work(exchange):
        await exchange.submit(kit.intent("rest", "sell", quantity="0.1", price=150, kind="limit"))
        sim.faults.add(Fault("http", path="/order", method="GET", status=503, text="<html>"))
        with pytest.raises(OrderUnknown, match="rest"):
            await exchange.cancel(kit.SYMBOL, "rest")
        return await exchange.order(kit.SYMBOL, "rest")

    assert kit.using(sim, work).status is OrderStatus.CANCELLED


def test_a_cancel_that_did_not_arrive_is_unknown_and_the_order_open(kit, sim):
    async def work(exchange):
        await exchange.submit(kit.intent("rest", "sell", quantity="0.1", price=150, kind="limit"))
        sim.faults.add(Fault("http", path="/order", method="DELETE", status=503, text="<html>"))
        with pytest.raises(OrderUnknown, match="not cancelled it yet"):
            await exchange.cancel(kit.SYMBOL, "rest")
        return await exchange.cancel(kit.SYMBOL, "rest")

    assert kit.using(sim, work).status is OrderStatus.CANCELLED


def test_an_order_of_an_earlier_session_is_followed_once_it_was_asked_for(kit, sim):
    async def before(exchange):
        for name in ("mine", "foreign"):
            await exchange.submit(kit.intent(name, "sell", quantity="0.1", price=150, kind="limit"))

    async def after(exchange):
        assert (await exchange.order(kit.SYMBOL, "mine")).is_open
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            sim.trade(151)
            await reader.until(lambda _: reader.of(OrderFilled))
            await reader.bar()
            return [event.fill.intent_id for event in reader.of(OrderFilled)], await exchange.fills(kit.SYMBOL)

    kit.using(sim, before)
    told, fills = kit.using(sim, after)
    assert told == ["mine"]
    assert sorted(fill.intent_id for fill in fills) == ["foreign", "mine"]


def test_an_answer_that_is_lost_is_made_up_by_the_order_stream(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            await reader.listening()
            sim.faults.add(Fault("delay_after", path="/order", method="POST", seconds=3))
            order = await exchange.submit(kit.intent("lost", quantity="0.1"))
            assert order.status is OrderStatus.FILLED
            await reader.until(lambda _: reader.of(OrderFilled))
            return reader.of(OrderFilled)

    [event] = kit.using(sim, work, timeout=1.0)
    assert (event.fill.intent_id, event.complete) == ("lost", True)
    assert len(kit.posts(sim)) == 1


def test_an_order_in_doubt_is_resolved_by_the_stream(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            sim.faults.add(Fault("lose_event", times=None), Fault("drop_after", path="/order", method="POST"))
            with pytest.raises(OrderUnknown):
                await exchange.submit(kit.intent("doubt", quantity="0.1"))
            await reader.bar()
            return reader.events

    events = kit.using(sim, work)
    kinds = [type(event).__name__ for event in events]
    assert kinds[-2:] == ["OrderFilled", "BarClosed"]  # before the next bar, always


def test_without_keys_nothing_is_traded_and_data_flows(kit, sim):
    async def work(exchange):
        assert str(exchange.mode) == "paper"
        assert not exchange.capabilities.orders
        with pytest.raises(ConfigError, match="orders"):
            await exchange.submit(kit.intent(quantity="0.1"))
        return await exchange.quote(kit.SYMBOL)

    quote = kit.using(sim, work, api_key=None, secret=None)
    assert quote.bid == quote.ask == 100
    assert not kit.posts(sim)


@pytest.mark.parametrize("right", ["enableWithdrawals", "enableInternalTransfer", "permitsUniversalTransfer"])
def test_a_key_that_may_take_money_away_is_refused(kit, sim, right):
    sim.faults.add(Fault("rights", values={right: True}))
    with pytest.raises(AuthError, match="may"):
        kit.using(sim, lambda exchange: exchange.balances())


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (Fault("http", path="apiRestrictions", status=200, text='{"ipRestrict": true}'), "does not say"),
        (Fault("rights", values={"enableWithdrawals": "false"}), "does not say"),
        (Fault("http", path="apiRestrictions", status=404, text="<html>"), "rights"),
        (Fault("http", path="apiRestrictions", status=200, text="<html>"), "JSON"),
        (Fault("http", path="apiRestrictions", status=503, text="<html>"), "rights"),
    ],
    ids=["left out", "not a yes or no", "no such page", "html", "down"],
)
def test_a_key_whose_rights_are_unclear_is_not_used(kit, sim, fault, problem):
    sim.faults.add(replace(fault, hits=0))
    with pytest.raises(ExchangeError, match=problem):
        kit.using(sim, lambda exchange: exchange.submit(kit.intent(quantity="0.1")))
    assert not kit.posts(sim)


def test_a_key_without_an_address_is_a_warning(kit, sim):
    async def work(exchange):
        return exchange.warnings

    sim.faults.add(Fault("rights", values={"ipRestrict": False}))
    [warning] = kit.using(sim, work)
    assert "address" in warning


def test_while_banned_nothing_is_asked(kit, sim):
    async def work(exchange):
        sim.faults.add(Fault("http", path="/account", status=418, text="{}", headers={"Retry-After": "60"}))
        for _ in range(3):
            with pytest.raises(OrderNotSent if _ == 2 else Exception):
                await (exchange.submit(kit.intent(quantity="0.1")) if _ == 2 else exchange.balances())
        return len(sim.requests)

    async def asked():
        exchange = kit.connected(sim)
        await exchange.connect()
        exchange._desk.prices[kit.SYMBOL] = Decimal(100)
        before = len(sim.requests)
        await work(exchange)
        after = len(sim.requests)
        await exchange.close()
        return after - before

    assert asyncio.run(asked()) == 1


def test_a_wrong_clock_is_mended_and_told_as_not_sent(kit, simulator):
    sim = simulator(speed=1)  # real time: timestamps count

    async def work(exchange):
        sim.faults.add(Fault("clock_offset", seconds=-30))
        with pytest.raises(OrderNotSent, match="-1021"):
            await exchange.submit(kit.intent(quantity="0.1"))
        order = await exchange.submit(kit.intent(quantity="0.1"))
        return order, exchange._connection.time.skew

    order, skew = kit.using(sim, work)
    assert order.status is OrderStatus.FILLED
    assert -31 < skew < -29
