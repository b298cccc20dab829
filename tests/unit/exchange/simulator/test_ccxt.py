"""Unmodified ccxt trades on the simulator: by changed addresses, and under Binance's own names over TLS."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from cryptobot.exchange.simulator.faults import Fault
from tests.unit.exchange.simulator.helpers import frame

ccxt = pytest.importorskip("ccxt.async_support")
ccxtpro = pytest.importorskip("ccxt.pro")

SYMBOL = "BTC/USDT"
OPTIONS = {
    "defaultType": "spot",
    "fetchMarkets": {"types": ["spot"]},
    "fetchMargins": False,
    "fetchCurrencies": False,
    "warnOnFetchOpenOrdersWithoutSymbol": False,
}


def nowhere(node):
    """Point every address at a port where nobody listens."""
    return {name: nowhere(value) for name, value in node.items()} if isinstance(node, dict) else "http://127.0.0.1:9/no"


class SpotErrors(ccxtpro.binance):
    """ccxt finds the spot market's errors by Binance's address; this keeps them under another one."""

    def get_exceptions_by_url(self, url, kind):
        return self.exceptions["spot"].get(kind, {})


@asynccontextmanager
async def by_address(simulator, cls=SpotErrors):
    """Variant A: a plain ccxt object with other addresses."""
    exchange = cls({"apiKey": simulator.api_key, "secret": simulator.secret, "options": OPTIONS, "timeout": 5_000})
    api = nowhere(exchange.urls["api"])
    rest = simulator.rest
    api.update(public=f"{rest}/api/v3", private=f"{rest}/api/v3", v1=f"{rest}/api/v1", sapi=f"{rest}/sapi/v1")
    api["ws"].update(spot=simulator.stream, margin=simulator.stream)
    api["ws"]["ws-api"] = {"spot": simulator.ws_api}
    exchange.urls["api"] = api
    try:
        yield exchange
    finally:
        await exchange.close()


class Loopback(AbstractResolver):
    """Finds these hosts on this machine and no other host anywhere."""

    def __init__(self, hosts, port):
        self.hosts, self.port = hosts, port
        self.refused = []

    async def resolve(self, host, port=0, family=socket.AF_INET):
        if host not in self.hosts:
            self.refused.append(host)
            raise OSError(f"blocked: {host}")
        return [
            {"hostname": host, "host": "127.0.0.1", "port": self.port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        ]

    async def close(self):
        pass


@asynccontextmanager
async def by_name(simulator):
    """Variant B: ccxt as it is; the way to the network leads here, with the run's own certificate."""
    files = simulator.tls_files
    resolver = Loopback(files.hosts, simulator.port)
    connector = aiohttp.TCPConnector(resolver=resolver, ssl=files.client_context(), use_dns_cache=False)
    async with aiohttp.ClientSession(connector=connector) as session:
        exchange = ccxtpro.binance(
            {
                "apiKey": simulator.api_key,
                "secret": simulator.secret,
                "options": OPTIONS,
                "session": session,
                "timeout": 5_000,
            }
        )
        try:
            yield exchange, resolver
        finally:
            await exchange.close()


def run(work):
    return asyncio.run(asyncio.wait_for(work, 100))


async def trade(exchange, simulator):
    """What a plain ccxt script does; the same for both ways."""
    markets = await exchange.load_markets()
    assert list(markets) == [SYMBOL]
    assert markets[SYMBOL]["precision"]["amount"] == 0.00001
    assert markets[SYMBOL]["limits"]["cost"]["min"] == 5
    assert await exchange.fetch_time() == simulator.now // 1_000_000
    candles = await exchange.fetch_ohlcv(SYMBOL, "1m")
    assert candles[0][1:] == [100, 103, 99, 102, 10]
    ticker = await exchange.fetch_ticker(SYMBOL)
    assert ticker["last"] == ticker["bid"] == ticker["ask"] == 102
    assert (await exchange.fetch_order_book(SYMBOL, 5))["bids"][0][0] == 102
    assert (await exchange.fetch_balance())["USDT"]["free"] == 10_000

    orders = asyncio.ensure_future(exchange.watch_orders(SYMBOL))
    bars = asyncio.ensure_future(exchange.watch_ohlcv(SYMBOL, "1m"))
    seen = {"userDataStream.subscribe.signature"}
    while not seen <= {request.path for request in simulator.requests}:
        await exchange.fetch_time()

    bought = await exchange.create_order(SYMBOL, "market", "buy", 1, None, {"clientOrderId": "mine"})
    assert (bought["status"], bought["average"], bought["filled"]) == ("closed", 102, 1)
    assert bought["fees"] == [{"currency": "BTC", "cost": 0.001}]
    assert (await orders)[-1]["clientOrderId"] == "mine"
    while not bars.done():
        await asyncio.to_thread(simulator.step)
        await asyncio.sleep(0.05)
    assert bars.result()[-1][4] in (99.0, 101.0, 105.0)
    by_money = await exchange.create_order(SYMBOL, "market", "buy", 0, None, {"cost": 500})
    assert by_money["cost"] <= 500

    limit = await exchange.create_order(SYMBOL, "limit", "sell", 0.5, 150)
    stop = await exchange.create_order(SYMBOL, "limit", "sell", 0.2, 50, {"stopLossPrice": 60})
    assert {order["id"] for order in await exchange.fetch_open_orders(SYMBOL)} == {limit["id"], stop["id"]}
    ended = await exchange.cancel_order(limit["id"], SYMBOL)
    assert (ended["status"], ended["id"]) == ("canceled", limit["id"])
    assert (await exchange.fetch_order(stop["id"], SYMBOL))["status"] == "open"
    assert (await exchange.fetch_order(None, SYMBOL, {"clientOrderId": "mine"}))["id"] == bought["id"]
    await exchange.cancel_all_orders(SYMBOL)
    pair = await exchange.private_post_orderlist_oco(
        {
            "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.5", "aboveType": "LIMIT_MAKER", "abovePrice": "150",
            "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "60", "belowPrice": "59", "belowTimeInForce": "GTC",
        }
    )  # fmt: skip
    assert pair["listOrderStatus"] == "EXECUTING"
    await exchange.cancel_all_orders(SYMBOL)
    sold = await exchange.create_order_ws(SYMBOL, "market", "sell", 0.5)
    assert sold["status"] == "closed"
    trades = await exchange.fetch_my_trades(SYMBOL)
    assert [trade["side"] for trade in trades] == ["buy", "buy", "sell"]
    assert len(await exchange.fetch_orders(SYMBOL)) == len(simulator.ledger.orders)
    rights = await exchange.sapi_get_account_apirestrictions()
    assert rights["enableWithdrawals"] is False
    assert (await exchange.fetch_trading_fee(SYMBOL))["taker"] == 0.001
    held = await exchange.fetch_balance()
    for asset, balance in simulator.ledger.balances.items():
        assert held[asset]["total"] == float(balance.total)


def stepped(simulator, **options):
    made = simulator(frame(100, 102, 99, 101, 105, 100, *range(101, 130)), **options)
    made.step()
    return made


def test_a_plain_ccxt_script_trades_by_changed_addresses(simulator):
    made = stepped(simulator)

    async def work():
        async with by_address(made, ccxtpro.binance) as exchange:
            await trade(exchange, made)

    run(work())


def test_ccxt_trades_under_binances_own_names_over_tls(simulator):
    made = stepped(simulator, tls=True)
    assert made.rest.startswith("https://")

    async def work():
        async with by_name(made) as (exchange, resolver):
            await trade(exchange, made)
            assert resolver.refused == []
            with pytest.raises(ccxt.BadSymbol):  # the error class of the spot market
                await exchange.public_get_klines({"symbol": "NOPE", "interval": "1m"})
            # Anything else is refused: nothing leaves this machine.
            with pytest.raises(ccxt.NetworkError):
                await exchange.fapipublic_get_time()
            assert resolver.refused == ["fapi.binance.com"]

    run(work())
    folder = made.tls_files.authority.parent
    made.stop()
    assert not folder.exists()


def test_a_client_that_does_not_trust_the_certificate_gets_nothing(simulator):
    made = simulator(tls=True)

    async def work():
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(f"{made.rest}/api/v3/time")

    run(work())


def test_the_testnets_names_lead_here_too(simulator):
    made = stepped(simulator, tls=True)

    async def work():
        async with by_name(made) as (exchange, resolver):
            exchange.set_sandbox_mode(True)
            await exchange.load_markets()
            order = await exchange.create_order(SYMBOL, "market", "buy", 1)
            assert order["status"] == "closed"
            assert resolver.refused == []

    run(work())


def test_everything_that_ccxt_asks_with_keys_and_its_own_settings_is_answered(simulator):
    made = stepped(simulator)

    async def work():
        async with by_address(made) as exchange:
            exchange.options.update(fetchMargins=True, fetchCurrencies=True)
            markets = await exchange.load_markets()
            assert list(markets) == [SYMBOL]
            assert {"BTC", "USDT"} <= set(exchange.currencies)

    run(work())
    assert {seen.status for seen in made.requests} == {200}


LIMIT = ("limit", "buy", 1, 90)
ERRORS = [
    (("limit", "buy", 1, 90), Fault("halt"), "MarketClosed"),
    (("market", "buy", 1_000, None), None, "InsufficientFunds"),
    (("limit", "buy", 0.01, 90), None, "BadRequest"),  # NOTIONAL: ccxt never checks it
    (("limit", "buy", 1, 600), None, "InvalidOrder"),
    (LIMIT, Fault("error", path="order", status=400, code=-1021, text="Timestamp for this request is outside."),
     "InvalidNonce"),
    (LIMIT, Fault("error", path="order", status=429, code=-1003, text="Too much."), "DDoSProtection"),
    (LIMIT, Fault("ban", seconds=60), "DDoSProtection"),
    (LIMIT, Fault("error", path="order", code=-1007), "RequestTimeout"),
    (LIMIT, Fault("error", path="order", status=500, code=-1001, text="Internal error."), "OperationFailed"),
    (LIMIT, Fault("http", path="order", status=502, text="<html>bad gateway</html>"), "ExchangeNotAvailable"),
    (LIMIT, Fault("drop_after", path="order"), "ExchangeNotAvailable"),
    (LIMIT, Fault("drop_before", path="order"), "ExchangeNotAvailable"),
    (LIMIT, Fault("delay_after", path="order", seconds=3.0), "RequestTimeout"),
    (LIMIT, Fault("error", path="order", status=503, code=1, text="System is under maintenance."), "OnMaintenance"),
]  # fmt: skip


@pytest.mark.parametrize(("order", "fault", "name"), ERRORS)
def test_ccxt_understands_the_errors_as_binances(simulator, order, fault, name):
    made = stepped(simulator)

    async def work():
        async with by_address(made) as exchange:
            await exchange.load_markets()
            exchange.timeout = 1_000
            if fault is not None:
                made.faults.add(fault)
            with pytest.raises(ccxt.BaseError) as caught:
                await exchange.create_order(SYMBOL, *order)
            return type(caught.value).__name__

    assert run(work()) == name


def test_a_wrong_key_is_an_authentication_error(simulator):
    made = stepped(simulator)

    async def work():
        async with by_address(made) as exchange:
            await exchange.load_markets()
            exchange.apiKey = "another"
            with pytest.raises(ccxt.AuthenticationError):
                await exchange.fetch_balance()
            exchange.apiKey, exchange.secret = made.api_key, "wrong"
            with pytest.raises(ccxt.AuthenticationError):
                await exchange.fetch_balance()

    run(work())


def test_a_dropped_cancel_is_sent_twice_and_the_second_says_unknown_order(simulator):
    """Trap 6 of ccxt: aiohttp itself sends a DELETE again when a kept-alive connection breaks."""
    made = stepped(simulator)

    async def work():
        async with by_address(made) as exchange:
            await exchange.load_markets()
            order = await exchange.create_order(SYMBOL, *LIMIT)
            made.faults.add(Fault("drop_after", method="DELETE"))
            with pytest.raises(ccxt.OrderNotFound):
                await exchange.cancel_order(order["id"], SYMBOL)
            return await exchange.fetch_order(order["id"], SYMBOL)

    assert run(work())["status"] == "canceled"
    assert sum(seen.method == "DELETE" for seen in made.requests) == 2


def test_ccxt_pages_through_a_long_history(simulator):
    made = simulator(frame(*([100, 101] * 900)), history=1_700)

    async def work():
        async with by_address(made) as exchange:
            await exchange.load_markets()
            since, rows = made.now // 1_000_000 - 1_700 * 60_000, []
            while page := await exchange.fetch_ohlcv(SYMBOL, "1m", since, 5_000):
                assert len(page) <= 1_000
                rows += page
                since = page[-1][0] + 60_000
            return rows

    times = [row[0] for row in run(work())]
    assert times == list(range(times[0], times[0] + 1_701 * 60_000, 60_000))  # the open one is the last
