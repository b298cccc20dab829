"""Orders, through the gate and without a network: what is filled, told, refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptobot.core.money import Market
from cryptobot.exchange.matching import Fees
from tests.unit.exchange.simulator.helpers import KEYS, frame


def balances(desk):
    return {row["asset"]: row for row in desk.ask("GET", "/api/v3/account")[1]["balances"]}


def test_a_market_order_is_filled_at_the_present_open_with_the_fee_in_what_is_received(desk):
    made = desk()
    made.world.step()  # the second bar opens at 102
    status, order = made.order(quantity="1", newClientOrderId="mine")
    assert status == 200
    assert (order["status"], order["executedQty"], order["cummulativeQuoteQty"]) == (
        "FILLED", "1.00000000", "102.00000000",
    )  # fmt: skip
    (fill,) = order["fills"]
    assert (fill["price"], fill["commission"], fill["commissionAsset"]) == ("102.00000000", "0.00100000", "BTC")
    assert balances(made)["BTC"]["free"] == "1.99900000"
    assert balances(made)["USDT"]["free"] == "9898.00000000"


def test_an_amount_of_money_buys_what_it_is_worth_and_never_more(desk):
    made = desk()
    _, order = made.order(quoteOrderQty="250")
    assert order["origQuoteOrderQty"] == "250.00000000"
    assert order["executedQty"] == order["origQty"] == "2.50000000"
    made.world.step()
    _, order = made.order(quoteOrderQty="1000")
    spent = Decimal(order["cummulativeQuoteQty"])
    assert spent == Decimal(order["executedQty"]) * 102 <= 1000
    assert 1000 - spent < 102 * Decimal("0.00001")


def test_fees_are_cut_to_eight_decimals_or_kept_whole(desk):
    cut = desk(bars=frame(100.01, 102), fees=Fees(decimals=8)).order("SELL", quantity="0.12345")[1]
    whole = desk(bars=frame(100.01, 102), fees=Fees(asset="quote", decimals=None)).order(quantity="0.05001")[1]
    assert cut["fills"][0]["commission"] == "0.01234623"
    assert Decimal(whole["fills"][0]["commission"]) == Decimal("100.01") * Decimal("0.05001") / 1000
    assert len(whole["fills"][0]["commission"].partition(".")[2]) == 10


def test_events_come_in_the_order_in_which_things_happened(desk):
    made = desk()
    made.order(quantity="1", newClientOrderId="mine")
    events = made.told()
    assert [(event["e"], event.get("x"), event.get("X")) for event in events] == [
        ("executionReport", "NEW", "NEW"),
        ("executionReport", "TRADE", "FILLED"),
        ("outboundAccountPosition", None, None),
    ]
    new, trade, position = events
    assert (trade["l"], trade["L"], trade["z"], trade["Z"], trade["n"], trade["N"], trade["m"]) == (
        "1.00000000", "100.00000000", "1.00000000", "100.00000000", "0.00100000", "BTC", False,
    )  # fmt: skip
    assert new["t"] == -1
    assert trade["t"] > 0
    assert trade["I"] == new["I"] + 1
    assert {held["a"]: (held["f"], held["l"]) for held in position["B"]} == {
        "BTC": ("1.99900000", "0.00000000"),
        "USDT": ("9900.00000000", "0.00000000"),
    }


def test_a_resting_order_locks_money_is_filled_on_the_way_and_told_as_maker(desk):
    made = desk()
    _, order = made.order("BUY", "LIMIT", quantity="1", price="98.5", timeInForce="GTC")
    assert order["status"] == "NEW"
    assert balances(made)["USDT"]["locked"] == "98.50000000"
    made.told()
    made.world.step()  # low of the first bar is 99
    assert made.told("executionReport") == []
    made.world.step()  # low of the second bar is 98
    (report,) = made.told("executionReport")
    assert (report["X"], report["L"], report["m"]) == ("FILLED", "98.50000000", True)
    opened = made.world.feed.book.base.time[1] // 1_000_000
    assert opened < report["T"] < opened + 60_000
    assert balances(made)["USDT"]["locked"] == "0.00000000"


def test_a_stop_waits_is_triggered_and_filled(desk):
    made = desk()
    _, order = made.order("SELL", "STOP_LOSS_LIMIT", quantity="1", stopPrice="99.5", price="99", timeInForce="GTC")
    number = order["orderId"]
    assert not made.ask("GET", "/api/v3/order", symbol="BTCUSDT", orderId=number)[1]["isWorking"]
    made.world.step()
    after = made.ask("GET", "/api/v3/order", symbol="BTCUSDT", orderId=number)[1]
    assert after["isWorking"]
    assert after["status"] == "FILLED"
    assert Decimal(after["cummulativeQuoteQty"]) >= 99


def test_orders_that_must_be_filled_at_once_expire_and_say_why(desk):
    made = desk(volume_share=0.1)  # a quarter of ten is traded at the open, a tenth of it is ours
    _, order = made.order("BUY", "LIMIT", quantity="1", price="101", timeInForce="IOC")
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.25000000")
    reports = made.told("executionReport")
    assert [report["x"] for report in reports] == ["NEW", "TRADE", "EXPIRED"]
    assert reports[-1]["eR"]
    made.world.step()
    _, order = made.order("BUY", "LIMIT", quantity="1", price="103", timeInForce="FOK")
    assert (order["status"], order["executedQty"]) == ("EXPIRED", "0.00000000")


def test_a_pair_ends_as_one_and_says_so(desk):
    made = desk()
    pair = {
        "symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "listClientOrderId": "pair",
        "aboveType": "LIMIT_MAKER", "abovePrice": "102.5", "aboveClientOrderId": "above",
        "belowType": "STOP_LOSS", "belowStopPrice": "90", "belowClientOrderId": "below",
    }  # fmt: skip
    status, shape = made.ask("POST", "/api/v3/orderList/oco", **pair)
    assert (status, shape["listOrderStatus"]) == (200, "EXECUTING")
    assert balances(made)["BTC"]["locked"] == "1.00000000"
    status, error = made.ask("POST", "/api/v3/orderList/oco", **pair)
    assert (status, error["code"]) == (400, -2010)
    made.told()
    made.world.step()  # the high of the first bar is 103
    events = made.told()
    lines = [(event["e"], event.get("c"), event.get("X", event.get("L"))) for event in events]
    assert sorted(lines[:2]) == [("executionReport", "above", "FILLED"), ("executionReport", "below", "EXPIRED")]
    assert lines[-1] == ("listStatus", "OCO", "ALL_DONE")
    assert next(event["eR"] for event in events if event.get("X") == "EXPIRED") == "OCO_TRIGGER"
    assert made.ask("GET", "/api/v3/openOrderList")[1] == []
    assert made.ask("GET", "/api/v3/orderList", origClientOrderId="pair")[1]["listOrderStatus"] == "ALL_DONE"
    status, error = made.ask("DELETE", "/api/v3/orderList", symbol="BTCUSDT", listClientOrderId="pair")
    assert (status, error["code"]) == (400, -2011)


def test_cancelling_one_of_a_pair_cancels_both(desk):
    made = desk()
    shape = made.ask(
        "POST", "/api/v3/orderList/oco", symbol="BTCUSDT", side="SELL", quantity="1", aboveType="TAKE_PROFIT",
        aboveStopPrice="110", belowType="STOP_LOSS_LIMIT", belowStopPrice="90", belowPrice="89", belowTimeInForce="GTC",
    )[1]  # fmt: skip
    made.told()
    status, ended = made.ask(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=shape["orders"][0]["orderId"], newClientOrderId="stop"
    )
    assert status == 200
    assert [report["status"] for report in ended["orderReports"]] == ["CANCELED", "CANCELED"]
    assert {(event["C"] != "", event["c"]) for event in made.told("executionReport")} == {(True, "stop")}
    assert balances(made)["BTC"]["free"] == "1.00000000"


def test_a_client_id_is_refused_among_open_orders_only(desk):
    made = desk()
    limit = {"quantity": "1", "price": "90", "timeInForce": "GTC", "newClientOrderId": "same"}
    assert made.order("BUY", "LIMIT", **limit)[0] == 200
    status, error = made.order("BUY", "LIMIT", **limit)
    assert (status, error) == (400, {"code": -2010, "msg": "Duplicate order sent."})
    assert made.ask("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="same")[0] == 200
    assert made.order("BUY", "LIMIT", **limit)[0] == 200
    # A filled order's id is taken again: it proves nothing, and both are executed.
    first = made.order(quantity="0.1", newClientOrderId="market")[1]
    second = made.order(quantity="0.1", newClientOrderId="market")[1]
    assert first["orderId"] < second["orderId"]
    found = made.ask("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="market")[1]
    assert found["orderId"] == second["orderId"]


def test_a_cancel_names_itself_and_the_order_beside_it(desk):
    made = desk()
    order = made.order("BUY", "LIMIT", quantity="1", price="90", timeInForce="GTC", newClientOrderId="mine")[1]
    made.told()
    status, ended = made.ask(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"], newClientOrderId="the-cancel"
    )
    assert status == 200
    assert (ended["clientOrderId"], ended["origClientOrderId"], ended["status"]) == ("the-cancel", "mine", "CANCELED")
    (report,) = made.told("executionReport")
    assert (report["c"], report["C"], report["x"]) == ("the-cancel", "mine", "CANCELED")
    status, error = made.ask("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
    assert (status, error) == (400, {"code": -2011, "msg": "Unknown order sent."})


def test_all_open_orders_are_cancelled_together(desk):
    made = desk()
    for price in ("90", "91"):
        made.order("BUY", "LIMIT", quantity="1", price=price, timeInForce="GTC")
    made.ask(
        "POST", "/api/v3/orderList/oco", symbol="BTCUSDT", side="SELL", quantity="1", aboveType="LIMIT_MAKER",
        abovePrice="110", belowType="STOP_LOSS", belowStopPrice="90",
    )  # fmt: skip
    status, ended = made.ask("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert status == 200
    assert [("orderReports" in entry) for entry in ended] == [False, False, True]
    assert made.ask("GET", "/api/v3/openOrders")[1] == []
    assert made.ask("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")[1]["code"] == -2011


def test_cancels_can_be_restricted(desk):
    made = desk(volume_share=0.1)
    order = made.order("BUY", "LIMIT", quantity="1", price="100", timeInForce="GTC")[1]
    assert order["status"] == "PARTIALLY_FILLED"
    asked = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    status, error = made.ask("DELETE", "/api/v3/order", cancelRestrictions="ONLY_NEW", **asked)
    assert (status, error["code"]) == (400, -2011)
    assert made.ask("DELETE", "/api/v3/order", cancelRestrictions="SOME", **asked)[1]["code"] == -1145
    assert made.ask("DELETE", "/api/v3/order", cancelRestrictions="ONLY_PARTIALLY_FILLED", **asked)[0] == 200


def test_a_test_order_is_checked_and_forgotten(desk):
    made = desk()
    asked = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
    assert made.ask("POST", "/api/v3/order/test", quantity="1", **asked) == (200, {})
    assert made.ask("POST", "/api/v3/order/test", quantity="0.00001", **asked)[1]["msg"] == "Filter failure: NOTIONAL"
    assert made.world.ledger.orders == ()


def test_lists_of_orders_and_executions_are_cut_as_asked(desk):
    made = desk()
    for number in range(5):
        made.order(quantity="0.1", newClientOrderId=f"n{number}")
        if number < 4:
            made.world.step()

    def ids(path, name="orderId", **asked):
        return [row[name] for row in made.ask("GET", path, symbol="BTCUSDT", **asked)[1]]

    start = made.world.feed.book.base.time[0] // 1_000_000
    for path, name in (("/api/v3/allOrders", "orderId"), ("/api/v3/myTrades", "id")):
        assert ids(path, name) == [1, 2, 3, 4, 5]
        assert ids(path, name, limit=2) == [4, 5]
        assert ids(path, name, startTime=start + 60_000, limit=2) == [2, 3]
        assert ids(path, name, startTime=start, endTime=start + 60_000) == [1, 2]
        far = made.ask("GET", path, symbol="BTCUSDT", startTime=0, endTime=86_400_001)[1]
        assert far["code"] == -1127
    assert ids("/api/v3/allOrders", orderId=3) == [3, 4, 5]
    assert ids("/api/v3/myTrades", "id", fromId=4) == [4, 5]
    assert ids("/api/v3/myTrades", "id", orderId=2) == [2]


def test_after_the_last_bar_nothing_is_traded(desk):
    made = desk(bars=frame(100, 101))
    made.world.step()
    made.world.step()
    assert made.world.feed.finished
    assert made.order(quantity="1") == (400, {"code": -1013, "msg": "Market is closed."})
    assert made.ask("GET", "/api/v3/exchangeInfo")[1]["symbols"][0]["status"] == "BREAK"


TYPES = ("LIMIT", "LIMIT_MAKER", "MARKET")
LIMIT = {"quantity": "1", "price": "90", "timeInForce": "GTC"}
REFUSED = [
    ("BUY", "LIMIT", {**LIMIT, "price": "90.001"}, -1013, "Filter failure: PRICE_FILTER"),
    ("BUY", "LIMIT", {**LIMIT, "quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
    ("BUY", "LIMIT", {**LIMIT, "quantity": "0.01"}, -1013, "Filter failure: NOTIONAL"),
    ("BUY", "LIMIT", {**LIMIT, "price": "600"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    ("BUY", "LIMIT", {**LIMIT, "quantity": "0"}, -1013, "Filter failure: LOT_SIZE"),
    ("BUY", "MARKET", {"quantity": "1000"}, -2010, "Account has insufficient balance for requested action."),
    ("SELL", "MARKET", {"quantity": "2"}, -2010, "Account has insufficient balance for requested action."),
    ("BUY", "LIMIT_MAKER", {"quantity": "1", "price": "101"}, -2010, "Order would immediately match and take."),
    ("SELL", "STOP_LOSS", {"quantity": "1", "stopPrice": "101"}, -2010, "Stop price would trigger immediately."),
    ("BUY", "MARKET", {}, -1102, "Param 'quantity' or 'quoteOrderQty' must be sent, but both were empty/null!"),
    ("BUY", "MARKET", {"quantity": "1", "quoteOrderQty": "9"}, -1106, "Parameter 'quoteOrderQty' sent when not required."),
    ("BUY", "MARKET", {"quantity": "1", "price": "9"}, -1106, "Parameter 'price' sent when not required."),
    ("BUY", "MARKET", {"quantity": "1", "timeInForce": "GTC"}, -1106, "Parameter 'timeInForce' sent when not required."),
    ("BUY", "LIMIT", {**LIMIT, "stopPrice": "9"}, -1106, "Parameter 'stopPrice' sent when not required."),
    ("BUY", "LIMIT", {"quantity": "1", "price": "9"}, -1102,
     "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed."),
    ("BUY", "STOP_LOSS", {"quantity": "1"}, -1102,
     "Mandatory parameter 'stopPrice' was not sent, was empty/null, or malformed."),
    ("BUY", "LIMIT", {**LIMIT, "timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
    ("BUY", "LOTTERY", LIMIT, -1116, "Invalid orderType."),
    ("HOLD", "LIMIT", LIMIT, -1117, "Invalid side."),
    ("BUY", "LIMIT", {**LIMIT, "quantity": "1.123456789"}, -1111, "Parameter 'quantity' has too much precision."),
    ("BUY", "LIMIT", {**LIMIT, "quantity": "1e3"}, -1100,
     "Illegal characters found in parameter 'quantity'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'."),
    ("BUY", "LIMIT", {**LIMIT, "price": "-1"}, -1100,
     "Illegal characters found in parameter 'price'; legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'."),
    ("BUY", "LIMIT", {**LIMIT, "newClientOrderId": "a b"}, -1100,
     "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'."),
    ("BUY", "LIMIT", {**LIMIT, "newClientOrderId": ""}, -1105, "Parameter 'newClientOrderId' was empty."),
    ("BUY", "LIMIT", {**LIMIT, "colour": "red"}, -1104,
     "Not all sent parameters were read; read '8' parameter(s) but was sent '9'."),
]  # fmt: skip


@pytest.mark.parametrize(("side", "kind", "params", "code", "text"), REFUSED)
def test_bad_orders_are_refused_in_the_exchanges_words_and_nothing_happens(desk, side, kind, params, code, text):
    made = desk()
    assert made.order(side, kind, **params) == (400, {"code": code, "msg": text})
    assert made.world.ledger.orders == ()
    assert made.told() == []
    assert balances(made)["USDT"]["free"] == "10000.00000000"


def test_a_market_takes_only_the_types_it_names(desk):
    made = desk(order_types=TYPES)
    assert made.ask("GET", "/api/v3/exchangeInfo")[1]["symbols"][0]["orderTypes"] == ["MARKET", "LIMIT", "LIMIT_MAKER"]
    status, error = made.order("SELL", "STOP_LOSS", quantity="1", stopPrice="90")
    assert (status, error["msg"]) == (400, "Stop loss orders are not supported for this symbol.")


def test_there_are_only_so_many_open_orders(desk):
    made = desk(balances={"USDT": 10**6, "BTC": 100})
    for number in range(5):
        assert made.order("SELL", "STOP_LOSS", quantity="1", stopPrice=str(80 + number))[0] == 200
    assert (
        made.order("SELL", "STOP_LOSS", quantity="1", stopPrice="85")[1]["msg"] == "Filter failure: MAX_NUM_ALGO_ORDERS"
    )


PAIRS = [
    ("SELL", "LIMIT_MAKER", "LIMIT_MAKER", -1168),
    ("SELL", "STOP_LOSS", "STOP_LOSS", -1197),
    ("SELL", "STOP_LOSS", "LIMIT_MAKER", -1166),
    ("BUY", "LIMIT_MAKER", "STOP_LOSS", -1165),
    ("BUY", "TAKE_PROFIT", "TAKE_PROFIT", -1198),
    ("SELL", "TAKE_PROFIT", "TAKE_PROFIT", -1199),
    ("BUY", "STOP_LOSS", "STOP_LOSS", -1196),
    ("SELL", "LIMIT", "STOP_LOSS", -1158),
]


@pytest.mark.parametrize(("side", "above", "below", "code"), PAIRS)
def test_pairs_that_cannot_be_are_refused(desk, side, above, below, code):
    made = desk()
    given = {"symbol": "BTCUSDT", "side": side, "quantity": "1", "aboveType": above, "belowType": below}
    status, error = made.ask("POST", "/api/v3/orderList/oco", **given)
    assert (status, error["code"]) == (400, code)
    assert made.world.ledger.orders == ()


def test_prices_of_a_pair_must_lie_around_the_market(desk):
    made = desk()
    given = {
        "symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": "99",
        "belowType": "STOP_LOSS", "belowStopPrice": "90",
    }  # fmt: skip
    assert made.ask("POST", "/api/v3/orderList/oco", **given)[0] == 400
    given |= {"abovePrice": "110", "belowStopPrice": "105"}
    assert made.ask("POST", "/api/v3/orderList/oco", **given)[0] == 400
    assert made.world.ledger.orders == ()


PUBLIC = [
    ("/api/v3/klines", {"symbol": "BTCUSDT"}, -1102),
    ("/api/v3/klines", {"interval": "1m"}, -1102),
    ("/api/v3/klines", {"symbol": "btcusdt", "interval": "1m"}, -1100),
    ("/api/v3/klines", {"symbol": "ETHUSDT", "interval": "1m"}, -1121),
    ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "7m"}, -1120),
    ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1s"}, -1120),
    ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "many"}, -1100),
    ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "0"}, -1102),
    ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "startTime": "9" * 20}, -1108),
    ("/api/v3/klines", {"symbol": "", "interval": "1m"}, -1102),
    ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "page": "2"}, -1104),
    ("/api/v3/ticker/24hr", {"symbol": "ETHUSDT"}, -1121),
    ("/api/v3/ticker/24hr", {"symbol": "BTCUSDT", "symbols": '["BTCUSDT"]'}, -1128),
    ("/api/v3/ticker/24hr", {"symbols": "BTCUSDT"}, -1100),
    ("/api/v3/ticker/price", {"symbols": '["BTCUSDT","BTCUSDT"]'}, -1151),
    ("/api/v3/ticker/24hr", {"symbol": "BTCUSDT", "type": "HUGE"}, -1139),
]


@pytest.mark.parametrize(("path", "params", "code"), PUBLIC)
def test_bad_questions_are_refused(desk, path, params, code):
    status, error = desk().ask("GET", path, **params)
    assert (status, error["code"]) == (400, code), error


PRIVATE = [
    ("GET", "/api/v3/order", {"symbol": "BTCUSDT", "orderId": 7}, -2013),
    ("GET", "/api/v3/order", {"symbol": "BTCUSDT", "origClientOrderId": "none"}, -2013),
    ("GET", "/api/v3/order", {"symbol": "BTCUSDT"}, -1102),
    ("DELETE", "/api/v3/order", {"symbol": "BTCUSDT", "orderId": 7}, -2011),
    ("DELETE", "/api/v3/order", {"symbol": "BTCUSDT"}, -1102),
    ("GET", "/api/v3/myTrades", {}, -1102),
    ("GET", "/api/v3/orderList", {"orderListId": 3}, -2013),
    ("GET", "/api/v3/orderList", {}, -1102),
]


@pytest.mark.parametrize(("method", "path", "params", "code"), PRIVATE)
def test_questions_about_what_is_not_there(desk, method, path, params, code):
    status, error = desk().ask(method, path, **params)
    assert (status, error["code"]) == (400, code), error


def test_who_signs_nothing_gets_nothing(desk):
    made = desk()
    assert made.ask("GET", "/api/v3/account", signed=False)[1]["code"] == -2014
    query = "timestamp=1"
    assert made.gate.ask("GET", "/api/v3/account", query, "", KEYS.api_key).content["code"] == -1102
    answer = made.gate.ask("GET", "/api/v3/account", query + "&signature=00", "", KEYS.api_key)
    assert (answer.status, answer.content["code"]) == (400, -1022)
    assert made.gate.ask("GET", "/api/v3/account", query + "&signature=00", "", "wrong").status == 401


def test_a_market_in_real_time_holds_its_clients_to_the_clock(desk):
    made = desk(speed=1, market=Market("BTC/USDT", "0.01", "0.00001", "5"))
    made.world.play()
    now = made.world.server_time
    assert made.ask("GET", "/api/v3/account", stamp=now - 5000)[0] == 200
    late = made.ask("GET", "/api/v3/account", stamp=now - 5001)[1]
    assert late == {"code": -1021, "msg": "Timestamp for this request is outside of the recvWindow."}
    early = made.ask("GET", "/api/v3/account", stamp=now + 1000)[1]
    assert early["msg"] == "Timestamp for this request was 1000ms ahead of the server's time."
    assert desk().ask("GET", "/api/v3/account", stamp=1)[0] == 200  # a clock of its own: anything goes


def test_a_path_that_is_not_there_and_a_method_that_does_not_fit(desk):
    made = desk()
    assert made.gate.ask("GET", "/api/v3/nothing").status == 404
    assert made.gate.ask("PUT", "/api/v3/order").status == 405
    assert made.gate.ask("POST", "/api/v3/userDataStream").status == 410
    assert made.gate.ask("GET", "/api/v3/ticker/price", "symbol=BTCUSDT&symbol=BTCUSDT").content["code"] == -1101


def test_weights_are_those_of_the_documentation(desk):
    made = desk()
    spent = []
    for path, params in (
        ("/api/v3/time", {}), ("/api/v3/exchangeInfo", {}), ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"}),
        ("/api/v3/ticker/24hr", {"symbol": "BTCUSDT"}), ("/api/v3/ticker/24hr", {}),
        ("/api/v3/ticker/price", {"symbol": "BTCUSDT"}), ("/api/v3/ticker/price", {}),
        ("/api/v3/depth", {"symbol": "BTCUSDT"}), ("/api/v3/depth", {"symbol": "BTCUSDT", "limit": 5000}),
        ("/api/v3/account", {}), ("/api/v3/openOrders", {}), ("/api/v3/openOrders", {"symbol": "BTCUSDT"}),
        ("/api/v3/myTrades", {"symbol": "BTCUSDT"}), ("/api/v3/myTrades", {"symbol": "BTCUSDT", "orderId": 1}),
        ("/api/v3/order", {"symbol": "BTCUSDT", "orderId": 1}), ("/api/v3/allOrders", {"symbol": "BTCUSDT"}),
    ):  # fmt: skip
        before = made.world.limits.used_weight
        made.ask("GET", path, **params)
        spent.append(made.world.limits.used_weight - before)
    assert spent == [1, 20, 2, 2, 80, 2, 4, 5, 250, 20, 80, 6, 20, 5, 4, 20]


def test_used_weight_is_told_and_the_limit_kept(desk):
    made = desk()
    answer = made.gate.ask("GET", "/api/v3/exchangeInfo")
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "20"
    made.world.limits.use(6_000, made.clock.now(), made.world.now)
    status, error = made.ask("GET", "/api/v3/time")
    assert (status, error["code"]) == (429, -1003)
