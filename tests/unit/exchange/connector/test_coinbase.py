"""Coinbase: unmodified ccxt against answers in Coinbase's form, written for these tests."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cryptobot.core.errors import AuthError, OrderNotFound, OrderNotSent, OrderRejected, OrderUnknown, TransientError
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import OrderStatus
from cryptobot.core.types import Balance, Fill, Intent, Side
from cryptobot.exchange.connector.exchange import CcxtExchange
from cryptobot.exchange.rules import MarketStatus

KEY = "organizations/made-up/apiKeys/made-up"
PRODUCT = {
    "product_id": "BTC-USD", "price": "30000", "base_increment": "0.00000001", "quote_increment": "0.01",
    "quote_min_size": "1", "quote_max_size": "150000000", "base_min_size": "0.00000001", "base_max_size": "3400",
    "base_name": "Bitcoin", "quote_name": "US Dollar", "is_disabled": False, "status": "online", "cancel_only": False,
    "limit_only": False, "post_only": False, "trading_disabled": False, "auction_mode": False, "product_type": "SPOT",
    "quote_currency_id": "USD", "base_currency_id": "BTC", "view_only": False, "price_increment": "0.01",
    "alias": "", "alias_to": [],
}  # fmt: skip
ORDER = {
    "order_id": "11-22", "product_id": "BTC-USD", "side": "BUY", "client_order_id": "bot-1", "status": "OPEN",
    "order_configuration": {"limit_limit_gtc": {"base_size": "0.12", "limit_price": "30000", "post_only": False}},
    "created_time": "2023-11-14T22:13:20.123456789Z", "filled_size": "0.02", "filled_value": "600.002",
    "last_fill_time": "2023-11-14T22:13:21Z",
}  # fmt: skip
FILL = {
    "entry_id": "e", "trade_id": "t-1", "order_id": "11-22", "trade_time": "2023-11-14T22:13:21.5Z", "trade_type": "FILL",
    "price": "30000.10", "size": "0.02", "commission": "3.600012", "product_id": "BTC-USD", "size_in_quote": False,
    "side": "BUY",
}  # fmt: skip
ORDERS = "/api/v3/brokerage/orders"


@pytest.fixture(scope="module")
def secret():
    made = ec.generate_private_key(ec.SECP256R1())
    kinds = serialization
    return made.private_bytes(kinds.Encoding.PEM, kinds.PrivateFormat.TraditionalOpenSSL, kinds.NoEncryption()).decode()


def answers(**more):
    base = {
        "/v2/currencies": {"data": [{"id": "USD", "name": "US Dollar", "min_size": "0.01"}]},
        "/v2/currencies/crypto": {"data": [{"code": "BTC", "name": "Bitcoin", "type": "crypto", "exponent": 8}]},
        "/v2/exchange-rates": {"data": {"currency": "USD", "rates": {}}},
        "/api/v3/brokerage/time": {"iso": "2023-11-14T22:13:20Z", "epochSeconds": "1700000000", "epochMillis": "1700000000000"},
        "/api/v3/brokerage/market/products": lambda params: {
            "products": [] if params.get("product_type") == "FUTURE" else [PRODUCT], "num_products": "1",
        },
        "/api/v3/brokerage/market/product_book": {
            "pricebook": {
                "product_id": "BTC-USD", "bids": [{"price": "29999.99", "size": "1"}],
                "asks": [{"price": "30000.01", "size": "2"}], "time": "2023-11-14T22:13:20Z",
            }
        },
        "/api/v3/brokerage/transaction_summary": {
            "fee_tier": {"taker_fee_rate": "0.006", "maker_fee_rate": "0.004"}, "total_fees": 0,
        },
        "/api/v3/brokerage/key_permissions": {"can_view": True, "can_trade": True, "can_transfer": False},
        "/api/v3/brokerage/accounts": {
            "accounts": [
                {"currency": "USD", "available_balance": {"value": "400.12"}, "hold": {"value": "600.00"}},
                {"currency": "BTC", "available_balance": {"value": "0.0200000001"}, "hold": {"value": "0"}},
            ],
            "has_next": False, "cursor": "",
        },
        ORDERS: {"success": True, "success_response": {"order_id": "11-22", "client_order_id": "bot-1"}},
        f"{ORDERS}/batch_cancel": {"results": [{"success": True, "order_id": "11-22"}]},
        f"{ORDERS}/historical/batch": {"orders": [ORDER], "has_next": False, "cursor": ""},
        f"{ORDERS}/historical/11-22": {"order": ORDER},
        f"{ORDERS}/historical/fills": {"fills": [FILL], "cursor": ""},
    }  # fmt: skip
    return base | more


def intent(name="bot-1", side="buy", **fields):
    numbers = {k: Decimal(v) for k, v in fields.items() if k in ("quantity", "quote_amount", "price", "stop_price")}
    return Intent(name, 0, "BTC/USD", Side(side), **{**fields, **numbers})


@pytest.fixture
def using(kit, secret):
    def use(work, more=None):
        async def whole():
            async with kit.Stub(answers(**(more or {}))) as stub:
                exchange = CcxtExchange("coinbase", endpoint=stub.endpoint, api_key=KEY, secret=secret)
                await exchange.connect()
                try:
                    return await work(exchange), stub
                finally:
                    await exchange.close()

        return asyncio.run(whole())

    return use


def test_rules_come_from_the_raw_product(using):
    rules, _ = using(lambda exchange: exchange.rules("BTC/USD"))
    market = rules.market
    assert (market.tick_size, market.lot_size, market.min_notional) == (Decimal("0.01"), Decimal("1E-8"), 1)
    assert (rules.max_quantity, rules.max_notional, rules.quote_decimals) == (3400, 150_000_000, 2)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"trading_disabled": True}, MarketStatus.HALTED),
        ({"cancel_only": True}, MarketStatus.CANCEL_ONLY),
        ({"view_only": True}, MarketStatus.HALTED),
    ],
)
def test_a_product_that_does_not_trade_takes_no_order(using, change, status):
    async def work(exchange):
        assert (await exchange.rules("BTC/USD")).status is status
        with pytest.raises(OrderRejected, match="STATUS"):
            await exchange.submit(intent(quantity="0.02"))

    path = "/api/v3/brokerage/market/products"
    listed = lambda p: {"products": [] if p.get("product_type") == "FUTURE" else [{**PRODUCT, **change}]}  # noqa: E731
    _, stub = using(work, {path: listed})
    assert not stub.sent(ORDERS)


def test_balances_are_free_and_locked_in_decimals(using):
    balances, _ = using(lambda exchange: exchange.balances())
    assert balances == {
        "USD": Balance(Decimal("400.12"), Decimal(600)),
        "BTC": Balance(Decimal("0.0200000001"), Decimal(0)),
    }


def test_our_client_id_is_sent_and_not_ccxts(using):
    async def work(exchange):
        return await exchange.submit(intent(quantity="0.123456789", price="29999.999", type=OrderType.LIMIT))

    order, stub = using(work)
    [sent] = stub.sent(ORDERS)
    assert sent == {
        "client_order_id": "bot-1", "product_id": "BTC-USD", "side": "BUY",
        "order_configuration": {
            "limit_limit_gtc": {"base_size": "0.12345678", "limit_price": "29999.99", "post_only": False}
        },
    }  # fmt: skip
    assert (order.exchange_id, order.client_id) == ("11-22", "bot-1")


@pytest.mark.parametrize(
    ("fields", "configuration"),
    [
        (dict(quote_amount="100.129"), {"market_market_ioc": {"quote_size": "100.12"}}),
        (dict(side="sell", quantity="0.02"), {"market_market_ioc": {"base_size": "0.02"}}),
        (
            dict(quantity="0.02", type=OrderType.LIMIT_MAKER, price="29000"),
            {"limit_limit_gtc": {"base_size": "0.02", "limit_price": "29000", "post_only": True}},
        ),
        (
            dict(quantity="0.02", type=OrderType.LIMIT, price="29000", time_in_force=TimeInForce.FOK),
            {"limit_limit_fok": {"base_size": "0.02", "limit_price": "29000"}},
        ),
        (
            dict(quantity="0.02", type=OrderType.LIMIT, price="29000", time_in_force=TimeInForce.IOC),
            {"sor_limit_ioc": {"base_size": "0.02", "limit_price": "29000"}},
        ),
        *(
            (
                dict(side=side, quantity="0.02", type=kind, price="29000", stop_price="29100"),
                {
                    "stop_limit_stop_limit_gtc": {
                        "base_size": "0.02", "limit_price": "29000", "stop_price": "29100",
                        "stop_direction": f"STOP_DIRECTION_STOP_{way}",
                    }
                },
            )
            for side, kind, way in (
                ("sell", OrderType.STOP_LOSS_LIMIT, "DOWN"), ("buy", OrderType.STOP_LOSS_LIMIT, "UP"),
                ("sell", OrderType.TAKE_PROFIT_LIMIT, "UP"), ("buy", OrderType.TAKE_PROFIT_LIMIT, "DOWN"),
            )
        ),
    ],
)  # fmt: skip
def test_every_type_of_order_in_coinbases_words(using, fields, configuration):
    _, stub = using(lambda exchange: exchange.submit(intent(**fields)))
    [sent] = stub.sent(ORDERS)
    assert sent["order_configuration"] == configuration


def refusal(error, preview="", message=""):
    return {"success": False, "failure_reason": "UNKNOWN_FAILURE_REASON", "error_response": {
        "error": error, "message": message, "preview_failure_reason": preview,
    }}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal("INSUFFICIENT_FUND", message="Insufficient balance in source account"), OrderRejected),
        (refusal("UNKNOWN_FAILURE_REASON", "PREVIEW_STOP_PRICE_ABOVE_LAST_TRADE_PRICE"), OrderRejected),
        (refusal("UNSUPPORTED_ORDER_CONFIGURATION"), OrderRejected),
        (refusal("UNKNOWN_FAILURE_REASON"), OrderUnknown),
        ((400, {"error": "INVALID_ARGUMENT", "message": "bad"}), OrderRejected),
        ((401, {"errors": [{"id": "authentication_error", "message": "no"}]}), AuthError),
        ((403, {"error": "PERMISSION_DENIED"}), OrderUnknown),
        ((429, {"error": "rate_limit_exceeded"}), OrderNotSent),
        ((500, {"error": "internal"}), OrderUnknown),
        ((503, refusal("INSUFFICIENT_FUND")), OrderUnknown),
        ({"success": True, "success_response": {}}, OrderUnknown),
        ({}, OrderUnknown),
    ],
)
def test_coinbases_errors_mean_what_they_mean(using, answer, expected):
    async def work(exchange):
        with pytest.raises(expected):
            await exchange.submit(intent(quantity="0.02"))

    _, stub = using(work, {ORDERS: answer})
    assert len(stub.sent(ORDERS)) == 1


def test_an_order_is_found_by_its_client_id(using):
    async def work(exchange):
        with pytest.raises(OrderNotFound):
            await exchange.order("BTC/USD", "bot-2")
        return await exchange.order("BTC/USD", "bot-1")

    order, _ = using(work)
    assert (order.status, order.quantity, order.filled_quantity, order.filled_value, order.price) == (
        OrderStatus.PARTIALLY_FILLED, Decimal("0.12"), Decimal("0.02"), Decimal("600.002"), Decimal(30000),
    )  # fmt: skip
    assert order.created == 1700000000123456789
    assert order.updated == 1700000001000000000


@pytest.mark.parametrize(("size", "in_quote"), [("0.02", False), ("600.002", True)])
def test_executions_in_the_base_currency_whichever_way_they_are_told(using, size, in_quote):
    path = f"{ORDERS}/historical/fills"
    answer = {"fills": [{**FILL, "size": size, "size_in_quote": in_quote}], "cursor": ""}
    fills, _ = using(lambda exchange: exchange.fills("BTC/USD"), {path: answer})
    assert fills == [
        Fill("t-1", "bot-1", 1700000001500000000, Side.BUY, Decimal("30000.1"), Decimal("0.02"), Decimal("3.600012"))
    ]


def test_a_cancel_asks_for_the_order_afterwards(using):
    states = iter(["OPEN", "CANCELLED", "CANCELLED"])
    path = f"{ORDERS}/historical/batch"

    async def work(exchange):
        return await exchange.cancel("BTC/USD", "bot-1")

    order, stub = using(
        work,
        {
            path: lambda p: {"orders": [] if "order_status" in p else [{**ORDER, "status": next(states)}]},
            f"{ORDERS}/historical/11-22": {"order": {**ORDER, "status": "CANCELLED"}},
        },
    )
    assert stub.sent(f"{ORDERS}/batch_cancel") == [{"order_ids": ["11-22"]}]
    assert order.status is OrderStatus.CANCELLED


@pytest.mark.parametrize("rights", [{"can_transfer": True}, {"can_trade": True}, {"can_transfer": "no"}])
def test_a_key_that_may_transfer_is_refused(using, rights):
    with pytest.raises(AuthError):
        using(lambda exchange: exchange.balances(), {"/api/v3/brokerage/key_permissions": rights})


def test_a_time_that_is_none_is_no_answer(using):
    with pytest.raises(TransientError):
        using(
            lambda exchange: exchange.order("BTC/USD", "bot-1"),
            {f"{ORDERS}/historical/batch": {"orders": [{**ORDER, "created_time": "yesterday"}]}},
        )
