"""Kraken: unmodified ccxt against answers in Kraken's form, written for these tests."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from cryptobot.core.errors import AuthError, ConfigError, OrderNotFound, OrderNotSent, OrderRejected, OrderUnknown
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import OrderStatus
from cryptobot.core.types import Balance, Fill, Intent, Side
from cryptobot.exchange.connector.exchange import CcxtExchange
from cryptobot.exchange.rules import MarketStatus

SECRET = "a3Jha2Vuc2VjcmV0a3Jha2Vuc2VjcmV0a3Jha2VuMDA="
PAIR = {
    "altname": "XBTUSD", "wsname": "XBT/USD", "aclass_base": "currency", "base": "XXBT", "aclass_quote": "currency",
    "quote": "ZUSD", "lot": "unit", "cost_decimals": 5, "pair_decimals": 1, "lot_decimals": 8, "lot_multiplier": 1,
    "leverage_buy": [], "leverage_sell": [], "fees": [[0, 0.4]], "fees_maker": [[0, 0.25]],
    "fee_volume_currency": "ZUSD", "ordermin": "0.00005", "costmin": "0.5", "tick_size": "0.1", "status": "online",
}  # fmt: skip
OPEN = {
    "refid": None, "userref": 0, "cl_ord_id": "bot-1", "status": "open", "opentm": 1700000000.25, "starttm": 0,
    "expiretm": 0, "vol": "0.12000000", "vol_exec": "0.02000000", "cost": "600.00000", "fee": "1.50000",
    "price": "30000.0", "oflags": "fciq",
    "descr": {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "price": "30000.0", "price2": "0"},
}  # fmt: skip
TRADE = {
    "ordertxid": "OABC", "pair": "XXBTZUSD", "time": 1700000001.123456, "type": "buy", "ordertype": "limit",
    "price": "30000.10000", "cost": "600.00200", "fee": "1.50001", "vol": "0.02000000", "margin": "0", "trade_id": 7,
}  # fmt: skip


def ok(result):
    return {"error": [], "result": result}


def answers(**more):
    base = {
        "/0/public/Time": ok({"unixtime": 1700000000}),
        "/0/public/Assets": ok(
            {
                "XXBT": {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5},
                "ZUSD": {"aclass": "currency", "altname": "USD", "decimals": 4, "display_decimals": 2},
            }
        ),
        "/0/public/AssetPairs": ok({"XXBTZUSD": PAIR}),
        "/0/public/Depth": ok({"XXBTZUSD": {"asks": [["30000.2", "1.5", 1]], "bids": [["30000.1", "0.25", 1]]}}),
        "/0/private/GetApiKeyInfo": ok({"permissions": ["query-funds", "modify-trades"], "ipAllowlist": ["1.2.3.4"]}),
        "/0/private/BalanceEx": ok(
            {"ZUSD": {"balance": "1000.1234", "hold_trade": "600.0000"}, "XXBT": {"balance": "0.0200000001"}}
        ),
        "/0/private/TradeVolume": ok({"currency": "ZUSD", "fees": {"XXBTZUSD": {"fee": "0.4000"}}}),
        "/0/private/OpenOrders": ok({"open": {"OABC": OPEN}}),
        "/0/private/ClosedOrders": ok({"closed": {}, "count": 0}),
        "/0/private/AddOrder": ok({"txid": ["OABC"], "descr": {"order": "buy"}}),
        "/0/private/QueryOrders": ok({"OABC": {**OPEN, "trades": ["TXYZ"]}}),
        "/0/private/QueryTrades": ok({"TXYZ": TRADE}),
        "/0/private/TradesHistory": ok({"trades": {"TXYZ": TRADE}, "count": 1}),
    }
    return base | {f"/0/private/{name}": value for name, value in more.items()}


def intent(name="bot-1", side="buy", **fields):
    numbers = {k: Decimal(v) for k, v in fields.items() if k in ("quantity", "quote_amount", "price", "stop_price")}
    return Intent(name, 0, "BTC/USD", Side(side), **{**fields, **numbers})


def using(kit, work, **more):
    async def whole():
        async with kit.Stub(answers(**more)) as stub:
            exchange = CcxtExchange("kraken", endpoint=stub.endpoint, api_key="key-of-kraken", secret=SECRET)
            await exchange.connect()
            try:
                return await work(exchange), stub
            finally:
                await exchange.close()

    return asyncio.run(whole())


def test_rules_come_from_the_raw_pair(kit):
    async def work(exchange):
        return await exchange.rules("BTC/USD")

    rules, _ = using(kit, work)
    assert rules.exchange_symbol == "XXBTZUSD"
    market = rules.market
    assert (market.tick_size, market.lot_size, market.min_notional) == (
        Decimal("0.1"), Decimal("0.00000001"), Decimal("0.5"),
    )  # fmt: skip
    assert rules.min_quantity == Decimal("0.00005")
    assert rules.status is MarketStatus.TRADING


def test_balances_are_free_and_locked_in_decimals(kit):
    balances, _ = using(kit, lambda exchange: exchange.balances())
    assert balances["USD"] == Balance(Decimal("400.1234"), Decimal("600.0000"))
    assert balances["BTC"].free == Decimal("0.0200000001")


def test_an_order_is_sent_to_the_digit_with_fees_in_the_quote(kit):
    async def work(exchange):
        return await exchange.submit(intent(quantity="0.123456789", price="30000.05", type=OrderType.LIMIT))

    order, stub = using(kit, work)
    [sent] = stub.sent("/0/private/AddOrder")
    assert {name: sent[name] for name in ("pair", "type", "ordertype", "volume", "price", "cl_ord_id", "oflags")} == {
        "pair": "XXBTZUSD", "type": "buy", "ordertype": "limit", "volume": "0.12345678", "price": "30000",
        "cl_ord_id": "bot-1", "oflags": "fciq",
    }  # fmt: skip
    assert (order.exchange_id, order.status) == ("OABC", OrderStatus.NEW)
    nonces = [int(params["nonce"]) for _, params, headers in stub.seen if "API-Sign" in headers]
    assert nonces == sorted(set(nonces))
    assert len(nonces) >= 2


def test_a_market_buy_by_amount_leaves_room_for_the_fee_and_its_fills_are_asked_for(kit):
    async def work(exchange):
        return await exchange.submit(intent(quote_amount="1004"))

    order, stub = using(kit, work, QueryOrders=lambda _: ok({"OABC": {
        **OPEN, "status": "closed", "vol": "1000.00000000", "oflags": "fciq,viqc", "trades": ["TXYZ"],
        "descr": {**OPEN["descr"], "ordertype": "market", "price": "0"}, "closetm": 1700000002.0,
    }}))  # fmt: skip
    [sent] = stub.sent("/0/private/AddOrder")
    assert (sent["volume"], sent["oflags"], sent["ordertype"]) == ("1000", "fciq,viqc", "market")
    assert (order.status, order.quote_amount, order.filled_quantity) == (OrderStatus.FILLED, 1000, Decimal("0.02"))
    assert stub.sent("/0/private/QueryTrades") == [
        {"nonce": stub.sent("/0/private/QueryTrades")[0]["nonce"], "txid": "TXYZ"}
    ]


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        (
            dict(type=OrderType.LIMIT_MAKER, price="29000"),
            {"ordertype": "limit", "oflags": "fciq,post", "price": "29000"},
        ),
        (
            dict(type=OrderType.LIMIT, price="29000", time_in_force=TimeInForce.IOC),
            {"ordertype": "limit", "timeinforce": "IOC"},
        ),
        (
            dict(side="sell", type=OrderType.STOP_LOSS_LIMIT, stop_price="29000", price="28900"),
            {"ordertype": "stop-loss-limit", "price": "29000", "price2": "28900"},
        ),
        (dict(side="sell", type=OrderType.STOP_LOSS, stop_price="29000"), {"ordertype": "stop-loss", "price": "29000"}),
    ],
)
def test_every_type_of_order_in_krakens_words(kit, fields, sent):
    _, stub = using(kit, lambda exchange: exchange.submit(intent(quantity="0.02", **fields)))
    [seen] = stub.sent("/0/private/AddOrder")
    assert sent.items() <= seen.items()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("EOrder:Insufficient funds", OrderRejected),
        ("EOrder:Order minimum not met", OrderRejected),
        ("EOrder:Orders limit exceeded", OrderRejected),
        ("EGeneral:Invalid arguments:volume", OrderRejected),
        ("EService:Market in cancel_only mode", OrderRejected),
        ("EOrder:Rate limit exceeded", OrderNotSent),
        ("EAPI:Rate limit exceeded", OrderNotSent),
        ("EGeneral:Temporary lockout", OrderNotSent),
        ("EAPI:Invalid nonce", OrderNotSent),
        ("EAPI:Invalid key", AuthError),
        ("EGeneral:Permission denied", AuthError),
        ("EOrder:Duplicate cl_ord_id", OrderUnknown),
        ("EService:Unavailable", OrderUnknown),
        ("EService:Busy", OrderUnknown),
        ("EGeneral:Internal error", OrderUnknown),
        ("EWhatever:Nobody knows", OrderUnknown),
    ],
)
def test_krakens_errors_mean_what_they_mean(kit, error, expected):
    async def work(exchange):
        with pytest.raises(expected):
            await exchange.submit(intent(quantity="0.02"))

    _, stub = using(kit, work, AddOrder={"error": [error]})
    assert len(stub.sent("/0/private/AddOrder")) == 1


def test_an_answer_without_an_order_id_is_unknown(kit):
    async def work(exchange):
        with pytest.raises(OrderUnknown):
            await exchange.submit(intent(quantity="0.02"))

    using(kit, work, AddOrder=ok({"descr": {}}))


def test_an_order_is_found_by_its_client_id_open_or_closed(kit):
    async def work(exchange):
        opened = await exchange.order("BTC/USD", "bot-1")
        with pytest.raises(OrderNotFound):
            await exchange.order("BTC/USD", "bot-2")
        return opened

    order, stub = using(kit, work)
    assert (order.status, order.quantity, order.filled_quantity, order.filled_value) == (
        OrderStatus.PARTIALLY_FILLED, Decimal("0.12"), Decimal("0.02"), Decimal(600),
    )  # fmt: skip
    assert (order.created, order.price, order.client_id) == (1700000000250000000, Decimal(30000), "bot-1")
    assert {params["cl_ord_id"] for params in stub.sent("/0/private/OpenOrders")} == {"bot-1", "bot-2"}


def test_executions_in_decimals_with_their_client_ids(kit):
    async def work(exchange):
        await exchange.submit(intent(quantity="0.12", price="30000", type=OrderType.LIMIT))
        await exchange.order("BTC/USD", "bot-1")
        return await exchange.fills("BTC/USD")

    fills, _ = using(kit, work)
    assert fills == [
        Fill("TXYZ", "bot-1", 1700000001123456000, Side.BUY, Decimal("30000.1"), Decimal("0.02"), Decimal("1.50001"))
    ]


def test_a_key_that_may_withdraw_is_refused(kit):
    rights = ok({"permissions": ["query-funds", "withdraw-funds"], "ipAllowlist": []})
    with pytest.raises(AuthError, match="withdraw"):
        using(kit, lambda exchange: exchange.balances(), GetApiKeyInfo=rights)
    with pytest.raises(AuthError):
        using(kit, lambda exchange: exchange.balances(), GetApiKeyInfo=ok({}))


def test_one_key_serves_one_connection(kit):
    async def work(exchange):
        other = CcxtExchange("kraken", endpoint="http://127.0.0.1:1", api_key="key-of-kraken", secret=SECRET)
        with pytest.raises(ConfigError, match="in use"):
            await other.connect()

    using(kit, work)


def test_a_quote_is_the_best_of_the_book(kit):
    quote, _ = using(kit, lambda exchange: exchange.quote("BTC/USD"))
    assert (quote.bid, quote.ask, quote.bid_quantity) == (Decimal("30000.1"), Decimal("30000.2"), Decimal("0.25"))
