"""The eleven traps of ccxt, each sprung on purpose: what is lost, doubled or believed wrongly without the guard."""

from __future__ import annotations

import asyncio
import logging
import traceback
from decimal import Decimal

import pytest

from cryptobot.core.errors import AuthError, OrderUnknown, TransientError
from cryptobot.core.events import ConnectionChanged, OrderChanged, OrderFilled
from cryptobot.core.orders import OrderStatus
from cryptobot.exchange.simulator.faults import Fault

# 1 and 2: streams that die or fall silent


@pytest.mark.parametrize("text", ['{"e":"kline","k":', '{"e":"kline"}', "[1, 2, 3]"])
def test_1_a_bad_frame_breaks_the_watch_instead_of_ending_it_silently(kit, sim, text):
    async def work(exchange):
        async def watching():
            """Begin to wait for a message; the waiting has begun when this returns."""
            task = asyncio.create_task(exchange.watch(kit.SYMBOL, kit.MINUTE))
            raw = exchange._connection.exchange
            while not any(name.startswith("ohlcv") for client in raw.clients.values() for name in client.futures):
                await asyncio.sleep(0.01)
                if task.done():  # something was still on its way
                    task = asyncio.create_task(exchange.watch(kit.SYMBOL, kit.MINUTE))
            return task

        waiting = await watching()
        for _ in range(3):  # the first may be before the exchange has heard of us
            await asyncio.to_thread(sim.step)
            await asyncio.wait({waiting}, timeout=1)
        assert waiting.result() > 0
        waiting = await watching()
        sim.faults.add(Fault("bad_frame", stream="market", text=text))
        with pytest.raises(TransientError):
            await waiting
        # The next one is a new connection, and hears again.
        waiting = await watching()
        for _ in range(5):
            await asyncio.to_thread(sim.step)
            done, _ = await asyncio.wait({waiting}, timeout=1)
            if done:
                break
        assert waiting.result() > 0

    kit.using(sim, work)


def test_1_bars_go_on_after_a_bad_frame(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            first = await reader.bar()
            sim.faults.add(Fault("bad_frame", stream="all"))
            bars = [await reader.bar() for _ in range(3)]
            assert [bar.time - first.time for bar in bars] == [n * kit.MINUTE.nanoseconds for n in (1, 2, 3)]

    kit.using(sim, work, clock=kit.QuickClock())


@pytest.mark.parametrize("pongs", [True, False])
def test_2_a_silent_order_stream_is_found_out_by_asking(kit, sim, pongs):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            await exchange.submit(kit.intent("rest", "sell", quantity="0.1", price=150, kind="limit"))
            await reader.listening()
            sim.faults.add(Fault("mute", stream="user", pongs=pongs))
            sim.trade(151)
            [told] = await reader.until(lambda _: reader.of(OrderFilled))
            assert (told.fill.intent_id, told.complete) == ("rest", True)
            lost = await reader.until(lambda _: [e for e in reader.of(ConnectionChanged) if not e.up])
            assert "silent" in lost[0].reason
            sim.faults.clear()
            await reader.until(lambda _: [e for e in reader.of(ConnectionChanged) if e.up])

    kit.using(sim, work, clock=kit.QuickClock())


# 3: what happened during a disconnect


@pytest.mark.parametrize("status", [1006, 1001])
def test_3_what_happened_while_the_stream_was_away_is_asked_for(kit, sim, status):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            for name, price in (("one", 150), ("two", 160)):
                await exchange.submit(kit.intent(name, "sell", quantity="0.1", price=price, kind="limit"))
            await reader.listening()
            sim.faults.add(Fault("lose_event", path="executionReport", times=None))
            sim.trade(151)
            sim.faults.add(Fault("kill", stream="user", status=status))
            await reader.until(lambda _: [e for e in reader.of(ConnectionChanged) if e.up])
            # Asked for before the connection counts as back, not ten seconds later by chance.
            kinds = [type(event) for event in reader.events]
            assert kinds[-2:] == [OrderFilled, ConnectionChanged]
            assert [e.fill.intent_id for e in reader.of(OrderFilled)] == ["one"]
            assert (await exchange.order(kit.SYMBOL, "two")).is_open

    kit.using(sim, work)


# 4: open, late and repeated candles


def test_4_only_closed_bars_once_and_in_order(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            bars = [await reader.bar()]
            for _ in range(5):
                sim.faults.add(Fault("stale_frame"))
                bars.append(await reader.bar())
            assert reader.bars == bars
            times = [bar.time for bar in bars]
            assert times == sorted(set(times))
            assert bars[-1].time + kit.MINUTE.nanoseconds <= sim.now

    kit.using(sim, work, clock=kit.QuickClock())


# 5: an answer that is none


@pytest.mark.parametrize(
    "text", ["<html></html>", "", "OK", "[]", "{}", '{"balances": []}', '{"balances": {}}', "null"]
)
def test_5_a_balance_is_not_read_out_of_nothing(kit, sim, text):
    async def work(exchange):
        sim.faults.add(Fault("http", path="/account", status=200, text=text))
        with pytest.raises(TransientError):
            await exchange.balances()
        assert (await exchange.balances())["USDT"].free == 10_000

    kit.using(sim, work)


@pytest.mark.parametrize("text", ["<html></html>", "", "OK", "null", "[[1, 2]]", '[[1, "a", "b", "c", "d", "e"]]'])
def test_5_candles_are_not_read_out_of_nothing(kit, sim, text):
    async def work(exchange):
        sim.faults.add(Fault("http", path="/klines", status=200, text=text))
        with pytest.raises(TransientError):
            await exchange.candles(kit.SYMBOL, kit.MINUTE, 0)
        assert await exchange.candles(kit.SYMBOL, kit.MINUTE, 0)

    kit.using(sim, work)


# 6: a DELETE that the HTTP layer repeats


def test_6_a_cancel_that_is_repeated_below_us_is_still_a_cancel(kit, sim):
    async def work(exchange):
        await exchange.submit(kit.intent("rest", "sell", quantity="0.1", price=150, kind="limit"))
        sim.faults.add(Fault("drop_after", method="DELETE"))
        return await exchange.cancel(kit.SYMBOL, "rest")

    order = kit.using(sim, work)
    assert order.status is OrderStatus.CANCELLED
    deletes = [seen for seen in sim.requests if seen.method == "DELETE"]
    assert len(deletes) == 2  # aiohttp's doing; the second was told -2011


def test_6_a_cancel_that_raced_a_fill_tells_the_fill(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            await exchange.submit(kit.intent("rest", "sell", quantity="0.1", price=150, kind="limit"))
            sim.trade(151)
            order = await exchange.cancel(kit.SYMBOL, "rest")
            assert order.status is OrderStatus.FILLED
            [told] = await reader.until(lambda _: reader.of(OrderFilled))
            assert told.fill.price == 150

    kit.using(sim, work)


# 7: nothing is sent twice


def test_7_no_layer_sends_an_order_again(kit, sim):
    async def work(exchange):
        raw = exchange._connection.exchange
        assert raw.options["maxRetriesOnFailure"] == 0
        for kind in ("drop_after", "drop_before"):
            sim.faults.add(Fault(kind, path="/order", method="POST"))
            with pytest.raises(OrderUnknown):
                await exchange.submit(kit.intent(kind, quantity="0.1"))

    kit.using(sim, work)
    assert [seen.params["newClientOrderId"] for seen in kit.posts(sim)] == ["drop_after", "drop_before"]
    assert [order.client_id for order in sim.ledger.orders] == ["drop_after"]


# 8: the WebSocket API's strange errors


def test_8_a_key_that_the_order_stream_refuses_is_asked_about(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            await reader.listening()
            refused = {"code": -2015, "status": 401, "text": "Invalid API-key", "times": None}
            sim.faults.add(Fault("error", path="userDataStream", **refused), Fault("error", path="/account", **refused))
            sim.faults.add(Fault("kill", stream="user"))
            with pytest.raises(AuthError):
                await reader.until(lambda _: None)

    kit.using(sim, work, clock=kit.QuickClock())


def test_8_an_order_stream_that_is_refused_for_no_reason_is_only_down(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            await reader.listening()
            sim.faults.add(Fault("error", path="userDataStream", code=-2015, status=401, times=2))
            sim.faults.add(Fault("kill", stream="user"))
            await reader.until(lambda _: [e for e in reader.of(ConnectionChanged) if e.up])
            changes = [event.up for event in reader.of(ConnectionChanged)]
            assert changes[0] is False
            assert changes[-1] is True

    kit.using(sim, work, clock=kit.QuickClock())


# 9: serverShutdown


def test_9_an_announced_shutdown_and_what_follows_is_survived(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            sim.faults.add(Fault("shutdown", stream="all"), Fault("kill", stream="all", status=1001))
            await reader.bar()
            await exchange.submit(kit.intent("rest", "sell", quantity="0.1", price=150, kind="limit"))
            sim.trade(151)
            await reader.until(lambda _: reader.of(OrderFilled))

    kit.using(sim, work, clock=kit.QuickClock())


# 10: secrets in errors and logs


def test_10_no_secret_in_any_error_or_log(kit, sim, caplog):
    said = []

    async def work(exchange):
        for fault in (
            Fault("drop_before", path="/account", times=2),
            Fault("http", path="/account", status=502, text="<html>"),
            Fault("error", path="/account", code=-1022, text="Signature for this request is not valid."),
            Fault("delay_after", path="/account", seconds=2),
            Fault("truncate", path="/account"),
        ):
            sim.faults.add(fault)
            try:
                await exchange.balances()
            except Exception as error:  # noqa: BLE001 - whatever comes must hold no secret
                said.append("".join(traceback.format_exception(error)))
                said.append("".join(map(str, _everything(error))))
        sim.faults.add(Fault("drop_after", path="/order", method="POST"))
        with pytest.raises(OrderUnknown) as caught:
            await exchange.submit(kit.intent(quantity="0.1"))
        said.append("".join(map(str, _everything(caught.value))))
        said.append(repr(exchange) + repr(exchange._access) + repr(exchange._connection.redactor))

    with caplog.at_level(logging.DEBUG):
        kit.using(sim, work, timeout=1.0)
    text = "\n".join([*said, *(record.getMessage() for record in caplog.records)])
    assert len(said) >= 11
    assert sim.api_key not in text
    assert sim.secret not in text
    assert "signature=" not in text.replace("signature=…", "")


def _everything(error):
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        yield repr(error)
        yield repr(error.args)
        error = error.__cause__ or error.__context__


# 11: markets


def test_11_markets_are_loaded_first_and_once(kit, sim):
    async def work(exchange):
        await exchange.rules(kit.SYMBOL)
        await exchange.submit(kit.intent(quantity="0.1"))
        await exchange.quote(kit.SYMBOL)

    kit.using(sim, work)
    assert sum(seen.path.endswith("exchangeInfo") for seen in sim.requests) == 1


def test_11_changed_rules_are_seen_after_a_refusal(kit, sim):
    from cryptobot.core.errors import OrderRejected

    async def work(exchange):
        assert (await exchange.rules(kit.SYMBOL)).market.min_notional == 5
        sim.faults.add(Fault("filters", values={"min_notional": "50"}))
        small = kit.intent(quantity="0.1")  # worth 10
        with pytest.raises(OrderRejected, match="NOTIONAL"):
            await exchange.submit(small)
        assert (await exchange.rules(kit.SYMBOL)).market.min_notional == 50
        with pytest.raises(OrderRejected, match="Nothing was sent"):
            await exchange.submit(small)
        sim.faults.add(Fault("halt"))

    kit.using(sim, work)
    assert len(kit.posts(sim)) == 1


def test_a_market_buy_is_never_turned_into_an_order_by_amount(kit, sim):
    # ccxt does so when a price is passed along.
    order = kit.using(sim, lambda exchange: exchange.submit(kit.intent(quantity="0.12345")))
    assert order.filled_quantity == Decimal("0.12345")
    [sent] = kit.posts(sim)
    assert "quoteOrderQty" not in sent.params
    assert sent.params["quantity"] == "0.12345"


def test_an_amount_is_not_cut_to_the_tick(kit, sim):
    # ccxt cuts an amount of money to the price's tick, which can cost a lot.
    kit.using(sim, lambda exchange: exchange.submit(kit.intent(amount="99.98765432")))
    [sent] = kit.posts(sim)
    assert sent.params["quoteOrderQty"] == "99.98765432"


def test_events_that_come_twice_or_out_of_order_are_told_once(kit, sim):
    async def work(exchange):
        async with kit.Reader(exchange, sim) as reader:
            await reader.bar()
            await reader.listening()
            sim.faults.add(*(Fault(k, path="executionReport", times=2) for k in ("duplicate_event", "reorder_event")))
            for n in range(3):
                await exchange.submit(kit.intent(f"rest-{n}", "sell", quantity="0.1", price=150 + n, kind="limit"))
            sim.trade(160)
            await reader.until(lambda _: len(reader.of(OrderFilled)) == 3)
            await reader.bar()
            filled = [event.fill.intent_id for event in reader.of(OrderFilled)]
            rested = [event.order.client_id for event in reader.of(OrderChanged)]
            assert sorted(filled) == sorted(rested) == ["rest-0", "rest-1", "rest-2"]
            assert all(event.complete for event in reader.of(OrderFilled))

    kit.using(sim, work)
