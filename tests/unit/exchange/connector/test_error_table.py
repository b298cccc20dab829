"""Every row of the error table: what an answer to an order means, and that nobody sends the order again."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest

from cryptobot.core.errors import (
    AuthError,
    ConfigError,
    OrderNotFound,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
    TransientError,
)
from cryptobot.exchange.connector.exchange import CcxtExchange
from cryptobot.exchange.simulator.faults import Fault

HTML = "<html><body>502 Bad Gateway</body></html>"


def error(code, text, status=400, **rest):
    return Fault("error", path="/order", method="POST", code=code, text=text, status=status, **rest)


def http(status, text=HTML, **rest):
    return Fault("http", path="/order", method="POST", status=status, text=text, **rest)


REJECTED = {
    "LOT_SIZE": error(-1013, "Filter failure: LOT_SIZE"),
    "PRICE_FILTER": error(-1013, "Filter failure: PRICE_FILTER"),
    "NOTIONAL": error(-1013, "Filter failure: NOTIONAL"),
    "market closed": error(-1013, "Market is closed."),
    "market closed 2010": error(-2010, "Market is closed."),
    "balance": error(-2010, "Account has insufficient balance for requested action."),
    "would match": error(-2010, "Order would immediately match and take."),
    "would trigger": error(-2010, "Stop price would trigger immediately."),
    "bad parameter": error(-1102, "Mandatory parameter 'side' was not sent, was empty/null, or malformed."),
    "precision": error(-1111, "Parameter 'quantity' has too much precision."),
}
NOT_EXECUTED = {
    "timestamp": error(-1021, "Timestamp for this request is outside of the recvWindow."),
    "429": http(429, '{"code":-1003,"msg":"Too much request weight used."}', headers={"Retry-After": "1"}),
    "418": http(418, '{"code":-1003,"msg":"Way too much request weight used."}', headers={"Retry-After": "1"}),
    "too many orders": error(-1015, "Too many new orders.", 429),
    "weight, other status": error(-1003, "Too much request weight used."),
}
UNKNOWN = {
    "duplicate": error(-2010, "Duplicate order sent."),
    "-1007": error(-1007, "", 504),
    "-1007 executed": error(-1007, "", 504, executed=True),
    "-1000": error(-1000, "An unknown error occurred while processing the request."),
    "-1001": error(-1001, "Internal error; unable to process your request. Please try again.", 500),
    "-1006": error(-1006, "An unexpected response was received from the message bus. Execution status unknown.", 500),
    "-1008": error(-1008, "Server is currently overloaded with other requests.", 503),
    "rejected by a 5xx is not rejected": error(-1013, "Filter failure: LOT_SIZE", 500),
    "502": http(502),
    "503": http(503),
    "503 executed": http(503, executed=True),
    "403": http(403),
    "451": http(451, "{}"),
    "maintenance": error(-1000, "System is under maintenance.", 503),
    "dropped before executing": Fault("drop_before", path="/order", method="POST"),
    "dropped after executing": Fault("drop_after", path="/order", method="POST"),
    "cut off": Fault("truncate", path="/order", method="POST"),
    "html": Fault("html", path="/order", method="POST"),
    "slow answer": Fault("delay_after", path="/order", method="POST", seconds=3),
    "400 without a code": http(400),
}
AUTH = {
    "-2015": error(-2015, "Invalid API-key, IP, or permissions for action.", 401),
    "-2014": error(-2014, "API-key format invalid.", 401),
    "-1022": error(-1022, "Signature for this request is not valid."),
    "-1002": error(-1002, "You are not authorized to execute this request.", 401),
    "account": error(-2010, "This account may not place or cancel orders."),
}


def submitting(kit, sim, fault, expected, **options):
    async def work(exchange):
        sim.faults.add(replace(fault, hits=0))
        with pytest.raises(expected) as caught:
            await exchange.submit(kit.intent(quantity="0.1"))
        return caught.value

    return kit.using(sim, work, **options)


@pytest.mark.parametrize("name", REJECTED)
def test_a_refusal_is_a_refusal(kit, sim, name):
    problem = submitting(kit, sim, REJECTED[name], OrderRejected)
    assert REJECTED[name].text.rstrip(".") in str(problem)
    assert len(kit.posts(sim)) == 1
    assert not sim.ledger.orders


@pytest.mark.parametrize("name", NOT_EXECUTED)
def test_what_was_certainly_not_executed_may_be_tried_again(kit, sim, name):
    problem = submitting(kit, sim, NOT_EXECUTED[name], OrderNotSent)
    assert "o-1" in str(problem)
    assert len(kit.posts(sim)) == 1
    assert not sim.ledger.orders


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_nobody_knows_is_unknown_and_sent_once(kit, sim, name):
    fault = UNKNOWN[name]
    problem = submitting(kit, sim, fault, OrderUnknown, timeout=1.0)
    assert "o-1" in str(problem)
    assert len(kit.posts(sim)) == 1
    executed = fault.executed or fault.kind in ("drop_after", "truncate", "html", "delay_after")
    assert len(sim.ledger.orders) == executed


@pytest.mark.parametrize("name", AUTH)
@pytest.mark.parametrize("after_a_success", [False, True])
def test_a_refused_key_stops(kit, sim, name, after_a_success):
    # ccxt calls -2015 a DDoS protection once any private request has succeeded.
    async def work(exchange):
        if after_a_success:
            await exchange.balances()
        sim.faults.add(replace(AUTH[name], hits=0))
        with pytest.raises(AuthError):
            await exchange.submit(kit.intent(quantity="0.1"))

    kit.using(sim, work)
    assert len(kit.posts(sim)) == 1


def test_a_refused_connection_is_not_sent(kit, sim):
    async def work(exchange):
        exchange._desk.prices[kit.SYMBOL] = Decimal(100)
        sim.stop()
        with pytest.raises(OrderNotSent):
            await exchange.submit(kit.intent(quantity="0.1"))

    kit.using(sim, work)


def test_an_unknown_order_is_found_by_its_client_id(kit, sim):
    async def work(exchange):
        sim.faults.add(Fault("drop_after", path="/order", method="POST"), Fault("not_found", path="/order", times=2))
        with pytest.raises(OrderUnknown):
            await exchange.submit(kit.intent(quantity="0.1"))
        for _ in range(2):  # not there yet: that proves nothing
            with pytest.raises(OrderNotFound):
                await exchange.order(kit.SYMBOL, "o-1")
        return await exchange.order(kit.SYMBOL, "o-1")

    order = kit.using(sim, work)
    assert (order.client_id, order.filled_quantity) == ("o-1", Decimal("0.1"))


def test_questions_fail_as_passing_faults_or_stop(kit, sim):
    async def work(exchange):
        for fault, expected in (
            (Fault("http", path="/account", status=503, text=HTML), TransientError),
            (Fault("drop_before", path="/account", times=2), TransientError),
            (Fault("truncate", path="/account"), TransientError),
            (Fault("html", path="/account"), TransientError),
            (Fault("error", path="/account", code=-1021, text="Timestamp"), TransientError),
            (Fault("error", path="/account", code=-2015, status=401, text="Invalid API-key"), AuthError),
            (Fault("http", path="/account", status=403, text=HTML), AuthError),
            (Fault("http", path="/account", status=451, text="{}"), AuthError),
        ):
            sim.faults.add(fault)
            with pytest.raises(expected):
                await exchange.balances()
        assert (await exchange.balances())["BTC"].free == 1

    kit.using(sim, work)


def test_an_unreachable_host_is_a_passing_fault():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    exchange = CcxtExchange("binance", endpoint=f"http://127.0.0.1:{port}", timeout=2)
    with pytest.raises(TransientError, match="binance"):
        asyncio.run(exchange.connect())


def test_a_wrong_key_is_told_at_the_start(kit, sim):
    async def work(_exchange):
        raise AssertionError("it connected")

    with pytest.raises(AuthError):
        kit.using(sim, work, api_key="x" * 64, secret="y" * 64)


def test_an_unknown_symbol_sends_nothing(kit, sim):
    async def work(exchange):
        with pytest.raises(ConfigError, match="BTC/USDT"):
            await exchange.submit(replace(kit.intent(quantity="0.1"), symbol="BTC/USDC"))

    kit.using(sim, work)
    assert not kit.posts(sim)
