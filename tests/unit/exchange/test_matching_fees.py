"""In which currency an execution is paid for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market
from cryptobot.exchange.matching import Fees, MatchingCore, Refused
from cryptobot.exchange.rules import MarketRules

SYMBOL = "BTC/USDT"


@pytest.mark.parametrize(
    ("asset", "side", "usdt", "btc", "fee", "paid_in"),
    [
        ("received", "buy", "-1000", "9.99", "0.01", "BTC"),
        ("received", "sell", "999", "-10", "1", None),
        ("quote", "buy", "-1001", "10", "1", None),
        ("quote", "sell", "999", "-10", "1", None),
        ("base", "buy", "-1000", "9.99", "0.01", "BTC"),
        ("base", "sell", "1000", "-10.01", "0.01", "BTC"),
        ("USDT", "buy", "-1001", "10", "1", None),
        ("USDT", "sell", "999", "-10", "1", None),
        ("BTC", "buy", "-1000", "9.99", "0.01", "BTC"),
        ("BTC", "sell", "1000", "-10.01", "0.01", "BTC"),
    ],
)
def test_where_the_fee_is_taken(make_core, orders, asset, side, usdt, btc, fee, paid_in):
    core = make_core(fees=Fees(asset=asset))
    [_, executed] = core.submit(orders.of(side, "market", "a", 10), 7)
    assert (executed.fill.fee, executed.fill.fee_asset) == (Decimal(fee), paid_in)
    assert core.balances["USDT"].free == 10_000 + Decimal(usdt)
    assert core.balances["BTC"].free == 50 + Decimal(btc)


def test_a_third_currency_pays_as_long_as_it_suffices(make_core, orders):
    core = make_core(
        fees=Fees(asset="BNB", asset_price=300),
        balances={"USDT": Decimal(10_000), "BTC": Decimal(1), "BNB": Decimal("0.005")},
    )
    fills = [core.submit(orders.buy(name, 10), 7)[1].fill for name in "ab"]
    # 1,000 × 0.001 / 300, cut to 18 decimals; the second no longer fits into what is left
    assert [(fill.fee, fill.fee_asset) for fill in fills] == [
        (Decimal("0.003333333333333333"), "BNB"),
        (Decimal("0.01"), "BTC"),
    ]
    assert core.balances["BNB"].free == Decimal("0.001666666666666667")
    assert core.balances["BTC"].free == 1 + 10 + Decimal("9.99")


def test_what_is_locked_pays_no_fee(orders):
    core = MatchingCore(
        [MarketRules(Market(SYMBOL)), MarketRules(Market("BNB/USDT"))],
        {"USDT": Decimal(1_000), "BNB": Decimal(1)},
        Fees(asset="BNB"),
    )
    core.set_price(SYMBOL, 100, 1)
    [_, executed] = core.submit(orders.buy("a", 1), 2)
    assert executed.fill.fee_asset == "BTC"  # nobody knows what a BNB is worth
    core.set_price("BNB/USDT", 50, 3)
    [_, executed] = core.submit(orders.buy("b", 1), 4)
    assert (executed.fill.fee, executed.fill.fee_asset) == (Decimal("0.002"), "BNB")
    core.submit(orders.limit("sell", "c", "0.998", 500, symbol="BNB/USDT"), 5)
    [_, executed] = core.submit(orders.buy("d", 1), 6)
    assert executed.fill.fee_asset == "BTC"
    assert core.balances["BNB"].locked == Decimal("0.998")


def test_fees_are_cut_to_the_decimals_that_the_exchange_keeps(make_core, orders):
    for decimals, fee in ((None, "0.0012345"), (6, "0.001234"), (0, "0")):
        core = make_core(fees=Fees(decimals=decimals))
        [_, executed] = core.submit(orders.buy("a", "1.2345"), 7)
        assert executed.fill.fee == Decimal(fee)
        assert core.balances["BTC"].free == 50 + Decimal("1.2345") - Decimal(fee)


def test_an_open_order_pays_what_it_was_taken_with(make_core, orders):
    core = make_core(fees=Fees(asset="quote"), balances={"USDT": Decimal("901.8")})
    core.submit(orders.limit("buy", "a", 9, 90), 5)
    core.fees = Fees("0.5", "0.5", "base")
    [executed] = core.set_price(SYMBOL, 90, 6)
    assert (executed.fill.fee, executed.fill.fee_asset) == (Decimal("0.81"), None)
    core.set_price(SYMBOL, 9, 7)
    [_, executed] = core.submit(orders.buy("b", 1), 8)
    assert (executed.fill.fee, executed.fill.fee_asset) == (Decimal("0.5"), "BTC")


def test_the_fee_must_be_there_too(make_core, orders):
    for money, side, enough in (("100.1", "buy", True), ("100.09", "buy", False)):
        core = make_core(fees=Fees(asset="quote"), balances={"USDT": Decimal(money)})
        for intent in (orders.of(side, "market", "a", 1), orders.limit(side, "b", 1, 100)):
            if enough:
                core.submit(intent, 7)
                assert core.balances["USDT"].free == 0
                core.deposit("USDT", money)
            else:
                with pytest.raises(Refused, match="it needs 100.1"):
                    core.submit(intent, 7)
    core = make_core(fees=Fees(asset="base"), balances={"BTC": Decimal(1)})
    for intent in (orders.sell("a", 1), orders.limit("sell", "b", 1, 100)):
        with pytest.raises(Refused, match="it needs 1.001 BTC, 1 are free"):
            core.submit(intent, 7)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"maker": 1}, "maker"),
        ({"taker": -0.1}, "taker"),
        ({"taker": "x"}, "taker"),
        ({"asset": ""}, "asset"),
        ({"asset": None}, "asset"),
        ({"asset_price": 0}, "asset_price"),
        ({"decimals": -1}, "decimals"),
        ({"decimals": 2.5}, "decimals"),
        ({"decimals": True}, "decimals"),
    ],
)
def test_fees_that_cannot_be(wrong, field):
    with pytest.raises(ConfigError, match=rf"^{field}: .*Give "):
        Fees(**wrong)
