"""Every answer and event has the fields that the exchange documents, with values of the documented kind.

The lists are our own: names and kinds, nothing else. ``amount`` is a decimal number in a text.
"""

from __future__ import annotations

import re

import pytest

AMOUNT, ID, TEXT, YES, LIST = "amount", int, str, bool, list
ACK = {"symbol": TEXT, "orderId": ID, "orderListId": ID, "clientOrderId": TEXT, "transactTime": ID}
SENT = {
    "price": AMOUNT,
    "origQty": AMOUNT,
    "executedQty": AMOUNT,
    "origQuoteOrderQty": AMOUNT,
    "cummulativeQuoteQty": AMOUNT,
    "status": TEXT,
    "timeInForce": TEXT,
    "type": TEXT,
    "side": TEXT,
    "selfTradePreventionMode": TEXT,
}
RESULT = ACK | SENT | {"workingTime": ID}
FULL = RESULT | {"fills": LIST}
FILL = {"price": AMOUNT, "qty": AMOUNT, "commission": AMOUNT, "commissionAsset": TEXT, "tradeId": ID}
CANCELLED = ACK | SENT | {"origClientOrderId": TEXT}
QUERIED = (
    {name: kind for name, kind in ACK.items() if name != "transactTime"}
    | SENT
    | {
        "stopPrice": AMOUNT,
        "icebergQty": AMOUNT,
        "time": ID,
        "updateTime": ID,
        "isWorking": YES,
        "workingTime": ID,
    }
)
PAIR = {
    "orderListId": ID,
    "contingencyType": TEXT,
    "listStatusType": TEXT,
    "listOrderStatus": TEXT,
    "listClientOrderId": TEXT,
    "transactionTime": ID,
    "symbol": TEXT,
    "orders": LIST,
}
MY_TRADE = {
    "symbol": TEXT,
    "id": ID,
    "orderId": ID,
    "orderListId": ID,
    "price": AMOUNT,
    "qty": AMOUNT,
    "quoteQty": AMOUNT,
    "commission": AMOUNT,
    "commissionAsset": TEXT,
    "time": ID,
    "isBuyer": YES,
    "isMaker": YES,
    "isBestMatch": YES,
}
ACCOUNT = {
    "makerCommission": ID,
    "takerCommission": ID,
    "buyerCommission": ID,
    "sellerCommission": ID,
    "commissionRates": dict,
    "canTrade": YES,
    "canWithdraw": YES,
    "canDeposit": YES,
    "brokered": YES,
    "requireSelfTradePrevention": YES,
    "preventSor": YES,
    "updateTime": ID,
    "accountType": TEXT,
    "balances": LIST,
    "permissions": LIST,
    "uid": ID,
}
MINI = {
    "symbol": TEXT,
    "openPrice": AMOUNT,
    "highPrice": AMOUNT,
    "lowPrice": AMOUNT,
    "lastPrice": AMOUNT,
    "volume": AMOUNT,
    "quoteVolume": AMOUNT,
    "openTime": ID,
    "closeTime": ID,
    "firstId": ID,
    "lastId": ID,
    "count": ID,
}
DAY = MINI | {
    "priceChange": AMOUNT,
    "priceChangePercent": AMOUNT,
    "weightedAvgPrice": AMOUNT,
    "prevClosePrice": AMOUNT,
    "lastQty": AMOUNT,
    "bidPrice": AMOUNT,
    "bidQty": AMOUNT,
    "askPrice": AMOUNT,
    "askQty": AMOUNT,
}
SYMBOL = {
    "symbol": TEXT,
    "status": TEXT,
    "baseAsset": TEXT,
    "baseAssetPrecision": ID,
    "quoteAsset": TEXT,
    "quotePrecision": ID,
    "quoteAssetPrecision": ID,
    "baseCommissionPrecision": ID,
    "quoteCommissionPrecision": ID,
    "orderTypes": LIST,
    "icebergAllowed": YES,
    "ocoAllowed": YES,
    "otoAllowed": YES,
    "opoAllowed": YES,
    "quoteOrderQtyMarketAllowed": YES,
    "allowTrailingStop": YES,
    "cancelReplaceAllowed": YES,
    "amendAllowed": YES,
    "pegInstructionsAllowed": YES,
    "isSpotTradingAllowed": YES,
    "isMarginTradingAllowed": YES,
    "filters": LIST,
    "permissions": LIST,
    "permissionSets": LIST,
    "defaultSelfTradePreventionMode": TEXT,
    "allowedSelfTradePreventionModes": LIST,
}
FILTERS = {
    "PRICE_FILTER": {"minPrice": AMOUNT, "maxPrice": AMOUNT, "tickSize": AMOUNT},
    "LOT_SIZE": {"minQty": AMOUNT, "maxQty": AMOUNT, "stepSize": AMOUNT},
    "MARKET_LOT_SIZE": {"minQty": AMOUNT, "maxQty": AMOUNT, "stepSize": AMOUNT},
    "PERCENT_PRICE_BY_SIDE": {
        "bidMultiplierUp": AMOUNT,
        "bidMultiplierDown": AMOUNT,
        "askMultiplierUp": AMOUNT,
        "askMultiplierDown": AMOUNT,
        "avgPriceMins": ID,
    },
    "NOTIONAL": {
        "minNotional": AMOUNT,
        "applyMinToMarket": YES,
        "maxNotional": AMOUNT,
        "applyMaxToMarket": YES,
        "avgPriceMins": ID,
    },
    "MAX_NUM_ORDERS": {"maxNumOrders": ID},
    "MAX_NUM_ALGO_ORDERS": {"maxNumAlgoOrders": ID},
}
REPORT = {
    **dict.fromkeys("esScCofxXrV", TEXT),
    **dict.fromkeys("qpPFlzLnZYQ", AMOUNT),
    **dict.fromkeys("EgiTtIO", ID),
    **dict.fromkeys("wmM", YES),
    "N": (str, type(None)),
}
LIST_STATUS = {**dict.fromkeys("esclLrC", TEXT), **dict.fromkeys("EgT", ID), "O": LIST}
POSITION = {"e": TEXT, "E": ID, "u": ID, "B": LIST}


def check(shape, fields, optional=()):
    """Every field is there and of its kind, and there are no others."""
    assert set(shape) - set(optional) == set(fields), shape
    for name, kind in fields.items():
        value = shape[name]
        if kind == AMOUNT:
            assert isinstance(value, str), name
            assert re.fullmatch(r"-?\d+(\.\d+)?", value), (name, value)
        elif kind is int:
            assert isinstance(value, int), name
            assert not isinstance(value, bool), name
        else:
            assert isinstance(value, kind), (name, value)


@pytest.fixture
def traded(desk):
    """A desk with a filled order, an open one, a stop, and a pair."""
    made = desk()
    made.order(quantity="1", newClientOrderId="first")
    made.order("SELL", "LIMIT", quantity="0.5", price="120", timeInForce="GTC", newClientOrderId="resting")
    return made


@pytest.mark.parametrize(("kind", "fields"), [("ACK", ACK), ("RESULT", RESULT), ("FULL", FULL)])
def test_a_new_order(desk, kind, fields):
    status, shape = desk().order(quantity="1", newOrderRespType=kind)
    assert status == 200
    check(shape, fields)
    for fill in shape.get("fills", []):
        check(fill, FILL)


def test_orders_with_a_stop_price_say_it_and_answer_briefly_by_default(desk):
    made = desk()
    brief = made.order("SELL", "STOP_LOSS", quantity="0.5", stopPrice="90")[1]
    check(brief, ACK)
    long = made.order("SELL", "STOP_LOSS_LIMIT", quantity="0.2", stopPrice="90", price="89", timeInForce="GTC",
                      newOrderRespType="RESULT")[1]  # fmt: skip
    check(long, RESULT | {"stopPrice": AMOUNT})
    assert long["workingTime"] == -1
    asked = made.ask("GET", "/api/v3/order", symbol="BTCUSDT", orderId=brief["orderId"])[1]
    assert (asked["isWorking"], asked["workingTime"], asked["stopPrice"]) == (False, -1, "90.00000000")


def test_questions_and_cancels(traded):
    check(traded.ask("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="first")[1], QUERIED)
    (resting,) = traded.ask("GET", "/api/v3/openOrders", symbol="BTCUSDT")[1]
    check(resting, QUERIED)
    for order in traded.ask("GET", "/api/v3/allOrders", symbol="BTCUSDT")[1]:
        check(order, QUERIED)
    check(traded.ask("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=resting["orderId"])[1], CANCELLED)
    for trade in traded.ask("GET", "/api/v3/myTrades", symbol="BTCUSDT")[1]:
        check(trade, MY_TRADE)


def test_pairs(desk):
    made = desk()
    pair = {
        "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.5", "aboveType": "LIMIT_MAKER", "abovePrice": "110",
        "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "90", "belowPrice": "89", "belowTimeInForce": "GTC",
    }  # fmt: skip
    status, shape = made.ask("POST", "/api/v3/orderList/oco", **pair)
    assert status == 200
    check(shape, PAIR | {"orderReports": LIST})
    above, below = shape["orderReports"]
    check(above, RESULT)
    check(below, RESULT | {"stopPrice": AMOUNT})
    for order in shape["orders"]:
        check(order, {"symbol": TEXT, "orderId": ID, "clientOrderId": TEXT})
    for event in made.told("listStatus"):
        check(event, LIST_STATUS)
    number = shape["orderListId"]
    check(made.ask("GET", "/api/v3/orderList", orderListId=number)[1], PAIR)
    check(made.ask("GET", "/api/v3/openOrderList")[1][0], PAIR)
    ended = made.ask("DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=number)[1]
    check(ended, PAIR | {"orderReports": LIST})
    for report in ended["orderReports"]:
        check(report, CANCELLED, optional=["stopPrice"])
    check(made.ask("GET", "/api/v3/allOrderList")[1][0], PAIR)


def test_the_account(traded):
    account = traded.ask("GET", "/api/v3/account")[1]
    check(account, ACCOUNT)
    check(account["commissionRates"], dict.fromkeys(("maker", "taker", "buyer", "seller"), AMOUNT))
    for held in account["balances"]:
        check(held, {"asset": TEXT, "free": AMOUNT, "locked": AMOUNT})
    commission = traded.ask("GET", "/api/v3/account/commission", symbol="BTCUSDT")[1]
    check(
        commission,
        {"symbol": TEXT, "standardCommission": dict, "specialCommission": dict, "taxCommission": dict,
         "discount": dict},
    )  # fmt: skip
    for row in traded.ask("GET", "/api/v3/rateLimit/order")[1]:
        check(row, {"rateLimitType": TEXT, "interval": TEXT, "intervalNum": ID, "limit": ID, "count": ID})


def test_the_market(traded):
    info = traded.ask("GET", "/api/v3/exchangeInfo")[1]
    check(info, {"timezone": TEXT, "serverTime": ID, "rateLimits": LIST, "exchangeFilters": LIST, "symbols": LIST})
    (symbol,) = info["symbols"]
    check(symbol, SYMBOL)
    assert {entry["filterType"] for entry in symbol["filters"]} == set(FILTERS)
    for entry in symbol["filters"]:
        check(entry, FILTERS[entry["filterType"]] | {"filterType": TEXT})
    check(traded.ask("GET", "/api/v3/ticker/24hr", symbol="BTCUSDT")[1], DAY)
    check(traded.ask("GET", "/api/v3/ticker/24hr", symbol="BTCUSDT", type="MINI")[1], MINI)
    check(traded.ask("GET", "/api/v3/ticker/price")[1][0], {"symbol": TEXT, "price": AMOUNT})
    book = dict.fromkeys(("bidPrice", "bidQty", "askPrice", "askQty"), AMOUNT) | {"symbol": TEXT}
    check(traded.ask("GET", "/api/v3/ticker/bookTicker", symbols='["BTCUSDT"]')[1][0], book)
    depth = traded.ask("GET", "/api/v3/depth", symbol="BTCUSDT", limit=5)[1]
    check(depth, {"lastUpdateId": ID, "bids": LIST, "asks": LIST})
    assert [len(depth[side]) for side in ("bids", "asks")] == [5, 5]
    trades = {"id": ID, "price": AMOUNT, "qty": AMOUNT, "quoteQty": AMOUNT, "time": ID, "isBuyerMaker": YES,
              "isBestMatch": YES}  # fmt: skip
    check(traded.ask("GET", "/api/v3/trades", symbol="BTCUSDT")[1][-1], trades)
    together = {"a": ID, "p": AMOUNT, "q": AMOUNT, "f": ID, "l": ID, "T": ID, "m": YES, "M": YES}
    check(traded.ask("GET", "/api/v3/aggTrades", symbol="BTCUSDT")[1][-1], together)
    average = traded.ask("GET", "/api/v3/avgPrice", symbol="BTCUSDT", signed=False)[1]
    check(average, {"mins": ID, "price": AMOUNT, "closeTime": ID})


def test_the_wallet(traded):
    rights = traded.ask("GET", "/sapi/v1/account/apiRestrictions")[1]
    wanted = {"ipRestrict", "createTime", "enableReading", "enableWithdrawals", "enableInternalTransfer",
              "permitsUniversalTransfer", "enableSpotAndMarginTrading", "enableMargin", "enableFutures",
              "enableVanillaOptions", "enablePortfolioMarginTrading", "enableFixApiTrade",
              "enableFixReadOnly"}  # fmt: skip
    assert set(rights) == wanted
    assert not rights["enableWithdrawals"]
    assert {coin["coin"] for coin in traded.ask("GET", "/sapi/v1/capital/config/getall")[1]} == {"BTC", "USDT"}
    (fee,) = traded.ask("GET", "/sapi/v1/asset/tradeFee")[1]
    check(fee, {"symbol": TEXT, "makerCommission": AMOUNT, "takerCommission": AMOUNT})


def test_what_the_account_is_told(traded):
    for event in traded.told():
        if event["e"] == "executionReport":
            check(event, REPORT, optional=["W", "eR"])
        else:
            check(event, POSITION)
            for held in event["B"]:
                check(held, {"a": TEXT, "f": AMOUNT, "l": AMOUNT})
