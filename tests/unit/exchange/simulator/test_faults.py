"""Faults by themselves: what they may be, when they happen, and that a seed repeats them."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market
from cryptobot.exchange.simulator.faults import EVENT_KINDS, KINDS, REQUEST_KINDS, Fault, Faults
from tests.unit.exchange.simulator.helpers import frame


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"kind": "drop_aftr"}, "Did you mean `drop_after`"),
        ({"kind": "mute", "stream": "markt"}, "Did you mean `market`"),
        ({"kind": "drop_after", "times": 0}, "times 0 is not allowed"),
        ({"kind": "drop_after", "skip": -1}, "skip -1 is not allowed"),
        ({"kind": "drop_after", "skip": True}, "skip True is not allowed"),
        ({"kind": "drop_after", "tmes": 2}, "Did you mean `times`"),
        ({"path": "/api"}, "`kind` is missing"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(fields, text):
    with pytest.raises(ConfigError, match=text):
        Fault.of(fields)


def test_every_kind_can_be_made_and_is_explained():
    for kind, words in KINDS.items():
        assert Fault(kind).kind == kind
        assert len(words) > 10


def test_a_fault_happens_to_what_it_names_after_what_it_lets_through():
    faults = Faults()
    faults.add(Fault("drop_before", path="/order", method="POST", times=2, skip=1))
    seen = [
        faults.for_request(method, path) is not None
        for method, path in [
            ("GET", "/api/v3/order"),
            ("POST", "/api/v3/time"),
            ("POST", "/api/v3/order"),
            ("POST", "/api/v3/order"),
            ("POST", "/api/v3/orderList"),
            ("POST", "/api/v3/order"),
        ]
    ]
    assert seen == [False, False, False, True, True, False]
    assert faults.waiting == []


def test_faults_wait_in_a_queue():
    faults = Faults()
    faults.add(Fault("drop_before"), Fault("drop_after"), Fault("truncate", times=None))
    assert [faults.for_request("GET", "/").kind for _ in range(4)] == [
        "drop_before", "drop_after", "truncate", "truncate",
    ]  # fmt: skip
    faults.clear()
    assert faults.for_request("GET", "/") is None


def drawn(seed):
    faults = Faults(seed)
    faults.attach(lambda fault: None)
    faults.seeded(rate=0.3)
    return [fault and fault.kind for fault in (faults.for_request("GET", "/") for _ in range(200))]


def test_a_seed_repeats_its_faults_and_another_does_not():
    first = drawn(1)
    assert first == drawn(1)
    assert first != drawn(2)
    assert 20 < sum(kind is not None for kind in first) < 90
    assert len({kind for kind in first if kind}) > 3


def test_a_fault_that_needs_an_exchange_says_so():
    with pytest.raises(ConfigError, match="belong to none"):
        Faults().add(Fault("halt"))
    with pytest.raises(ConfigError, match="is not a Fault"):
        Faults().add("halt")


def test_a_seeded_run_draws_only_what_was_asked_for():
    faults = Faults(3)
    faults.seeded(5, 1.0, ("drop_after",))
    assert {faults.for_request("GET", "/").kind for _ in range(20)} == {"drop_after"}
    with pytest.raises(ConfigError, match="Did you mean `drop_after`"):
        faults.seeded(5, 1.0, ("drop_aftr",))
    with pytest.raises(ConfigError, match="0 to 1"):
        faults.seeded(5, 1.5)
    faults.seeded(rate=0)
    assert faults.for_request("GET", "/") is None


def test_faults_that_change_the_exchange_happen_at_once_or_after_candles(desk):
    made = desk()
    made.world.faults.add(Fault("halt"))
    assert made.order(quantity="1")[1] == {"code": -1013, "msg": "Market is closed."}
    made.world.faults.add(Fault("resume"), Fault("cancel_only", skip=2))
    order = made.order("BUY", "LIMIT", quantity="1", price="50", timeInForce="GTC")[1]
    made.world.step()
    assert made.order(quantity="1")[0] == 200
    made.world.step()
    assert made.order(quantity="1")[0] == 400
    assert made.ask("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])[0] == 200
    made.world.repair()
    assert made.order(quantity="1")[0] == 200


def test_a_delisted_market_is_gone_and_its_orders_with_it(desk):
    made = desk()
    made.order("BUY", "LIMIT", quantity="1", price="50", timeInForce="GTC")
    made.told()
    made.world.faults.add(Fault("delist"))
    assert made.ask("GET", "/api/v3/exchangeInfo")[1]["symbols"] == []
    assert made.ask("GET", "/api/v3/klines", symbol="BTCUSDT", interval="1m")[1]["code"] == -1121
    assert made.ask("GET", "/api/v3/ticker/price")[1] == []
    assert made.order(quantity="1")[1]["code"] == -1121
    (report,) = made.told("executionReport")
    assert (report["X"], report["eR"]) == ("EXPIRED", "EXCHANGE_CANCELED")


def test_filters_change_under_way(desk):
    made = desk()
    made.world.faults.add(Fault("filters", values={"min_notional": "200", "max_orders": 1, "tick_size": 0.1}))
    assert made.order(quantity="1")[1]["msg"] == "Filter failure: NOTIONAL"
    filters = {
        entry["filterType"]: entry for entry in made.ask("GET", "/api/v3/exchangeInfo")[1]["symbols"][0]["filters"]
    }
    assert filters["NOTIONAL"]["minNotional"] == "200.00000000"
    assert filters["MAX_NUM_ORDERS"]["maxNumOrders"] == 1
    assert filters["PRICE_FILTER"]["tickSize"] == "0.10000000"
    with pytest.raises(ConfigError, match="Did you mean `min_notional`"):
        made.world.faults.add(Fault("filters", values={"min_notionl": 3}))


def test_the_clock_can_be_wrong(desk):
    made = desk(speed=1, market=Market("BTC/USDT", "0.01", "0.00001", "5"))
    made.world.play()
    right = made.world.now // 1_000_000
    made.world.faults.add(Fault("clock_offset", seconds=-7))
    assert made.ask("GET", "/api/v3/time")[1]["serverTime"] == right - 7_000
    assert made.ask("GET", "/api/v3/account", stamp=right)[1]["code"] == -1021
    made.world.faults.add(Fault("clock_jump", seconds=2))
    assert made.ask("GET", "/api/v3/time")[1]["serverTime"] == right - 5_000
    made.world.repair()
    assert made.ask("GET", "/api/v3/account", stamp=right)[0] == 200


def test_a_ban_lasts_and_ends_by_the_computers_clock(desk):
    made = desk()
    made.world.faults.add(Fault("ban", seconds=30))
    answer = made.gate.ask("GET", "/api/v3/time")
    assert (answer.status, answer.headers["Retry-After"]) == (418, "30")
    made.clock.advance(30)
    assert made.gate.ask("GET", "/api/v3/time").status == 200
    made.world.faults.add(Fault("ban"))
    made.clock.advance(119)
    assert made.gate.ask("GET", "/api/v3/time").headers["Retry-After"] == "1"
    made.world.repair()
    assert made.gate.ask("GET", "/api/v3/time").status == 200


def test_weight_can_be_used_up_by_others(desk):
    made = desk()
    made.world.faults.add(Fault("weight"))
    assert made.gate.ask("GET", "/api/v3/time").status == 429
    made.world.step()
    assert made.gate.ask("GET", "/api/v3/time").status == 200


def test_an_order_is_hidden_from_so_many_queries(desk):
    made = desk()
    made.order(quantity="1", newClientOrderId="mine")
    made.world.faults.add(Fault("not_found", times=2))
    asked = [made.ask("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine") for _ in range(3)]
    assert [(status, content.get("code")) for status, content in asked] == [(400, -2013), (400, -2013), (200, None)]


def test_young_orders_are_hidden_everywhere(desk):
    made = desk()
    made.world.faults.add(Fault("not_found", seconds=5))
    made.order("BUY", "LIMIT", quantity="1", price="50", timeInForce="GTC", newClientOrderId="mine")
    made.clock.advance(4.9)
    assert made.ask("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine")[1]["code"] == -2013
    assert made.ask("GET", "/api/v3/openOrders", symbol="BTCUSDT")[1] == []
    made.clock.advance(0.2)
    assert made.ask("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine")[0] == 200
    assert len(made.ask("GET", "/api/v3/openOrders", symbol="BTCUSDT")[1]) == 1


def test_events_come_twice_late_or_never(desk):
    made = desk()

    def kinds():
        return [event.get("x", event["e"]) for event in made.told()]

    made.world.faults.add(Fault("duplicate_event", path="executionReport", skip=1))
    made.order(quantity="0.1")
    assert kinds() == ["NEW", "TRADE", "TRADE", "outboundAccountPosition"]
    made.world.faults.add(Fault("reorder_event"))
    made.order(quantity="0.1")
    assert kinds() == ["TRADE", "NEW", "outboundAccountPosition"]
    made.world.faults.add(Fault("lose_event", path="outbound"))
    made.order(quantity="0.1")
    assert kinds() == ["NEW", "TRADE"]
    assert kinds() == []


def test_an_event_that_was_held_back_is_not_lost(desk):
    made = desk()
    made.world.faults.add(Fault("reorder_event", path="outbound"))
    made.order(quantity="0.1")
    assert "outboundAccountPosition" not in [event["e"] for event in made.told()]
    made.world.repair()
    assert [event["e"] for event in made.told()] == ["outboundAccountPosition"]


def test_a_closed_candle_is_revised_or_comes_late(desk):
    made = desk(bars=frame(100, 102, 99, 101))
    with pytest.raises(ConfigError, match="no candle has closed yet"):
        made.world.faults.add(Fault("revise_candle"))
    made.world.step()
    made.world.step()

    def rows():
        return made.ask("GET", "/api/v3/klines", symbol="BTCUSDT", interval="1m")[1]

    before = rows()
    made.world.faults.add(Fault("revise_candle", values={"close": 98.5}))
    after = rows()
    assert (after[0], after[2]) == (before[0], before[2])
    assert after[1][4] == "98.50000000"
    made.world.faults.add(Fault("late_candle", times=1))
    assert [row[0] for row in rows()] == [before[0][0]]
    assert len(rows()) == 3
    with pytest.raises(ConfigError, match="Did you mean `close`"):
        made.world.faults.add(Fault("revise_candle", values={"clos": 3}))


def test_the_keys_rights_and_the_balances_can_change(desk):
    made = desk()
    made.world.faults.add(Fault("rights", values={"enableWithdrawals": True}))
    assert made.ask("GET", "/sapi/v1/account/apiRestrictions")[1]["enableWithdrawals"]
    with pytest.raises(ConfigError, match="Did you mean `enableWithdrawals`"):
        made.world.faults.add(Fault("rights", values={"enableWithdrawal": True}))
    made.world.faults.add(Fault("balance", values={"USDT": -9_000, "BNB": "0.5"}))
    assert made.world.ledger.balances["USDT"].free == 1_000
    (event,) = made.told()
    assert {held["a"]: held["f"] for held in event["B"]} == {"USDT": "1000.00000000", "BNB": "0.50000000"}
    with pytest.raises(ConfigError, match="cannot be taken out"):
        made.world.faults.add(Fault("balance", values={"USDT": -9_000}))


def test_a_fault_is_plain_data():
    fault = Fault("error", code=-1007, executed=True)
    assert fault.status == 504
    assert "execution status unknown" in fault.text
    given = {name: value for name, value in asdict(fault).items() if name != "hits"}
    assert Fault.of(given) == fault
    assert {kind for kind in KINDS if kind in REQUEST_KINDS and kind in EVENT_KINDS} == set()
