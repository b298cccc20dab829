"""A market with Binance's usual rules, and orders for it in one line each."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.types import Intent, OcoIntent, Side
from cryptobot.exchange.matching import MatchingCore
from cryptobot.exchange.rules import MarketRules

SYMBOL = "BTC/USDT"


class Orders:
    """Makes intents; numbers may be given as text."""

    @staticmethod
    def of(side, kind, name, quantity=None, *, amount=None, price=None, stop=None, tif="GTC", symbol=SYMBOL):
        quantity, amount, price, stop = (
            None if number is None else Decimal(str(number)) for number in (quantity, amount, price, stop)
        )
        return Intent(name, 0, symbol, Side(side), amount, quantity, "", OrderType(kind), price, stop, TimeInForce(tif))

    def buy(self, name, quantity=None, kind="market", **rest):
        return self.of("buy", kind, name, quantity, **rest)

    def sell(self, name, quantity=None, kind="market", **rest):
        return self.of("sell", kind, name, quantity, **rest)

    def limit(self, side, name, quantity, price, **rest):
        return self.of(side, "limit", name, quantity, price=price, **rest)

    @staticmethod
    def pair(name, above, below):
        return OcoIntent(name, above, below)


@pytest.fixture
def orders():
    return Orders()


@pytest.fixture
def make_core():
    def make(price=100, *, rules=None, fees=None, balances=None, **options):
        core = MatchingCore(
            [rules or MarketRules(Market(SYMBOL, "0.01", "0.00001", "5"))],
            balances or {"USDT": Decimal(10_000), "BTC": Decimal(50)},
            fees,
            **options,
        )
        if price is not None:
            core.set_price(SYMBOL, price, 1)
        return core

    return make
