"""Five recorded minutes of Binance's best prices, through ccxt's parser and the matching core."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal

import pytest

from cryptobot.core.money import Market
from cryptobot.core.types import Intent, Side
from cryptobot.exchange.matching.core import MatchingCore
from cryptobot.exchange.matching.events import Executed
from cryptobot.exchange.matching.fees import Fees
from cryptobot.exchange.rules import MarketRules

SYMBOL = "BTC/USDT"
NOTHING = Decimal(0)


def test_every_recorded_best_price_is_a_quote_that_orders_fill_at(recorded):
    if recorded is None:
        pytest.skip("the recordings are kept beside a development checkout only")
    ccxt = pytest.importorskip("ccxt.pro")
    exchange = ccxt.binance()
    rules = MarketRules(Market(SYMBOL, "0.01", "0.00001", "5"))
    core = MatchingCore([rules], {"USDT": Decimal(10**9)}, Fees(NOTHING, NOTHING))
    frames, bought = 0, NOTHING
    with gzip.open(recorded / "BTCUSDT-binance-websocket-20240808.gz", "rt") as lines:
        for line in lines:
            received, text = line.split(" ", 1)
            message = json.loads(text)
            if not message.get("stream", "").endswith("@bookTicker"):
                continue
            raw = message["data"]
            parsed = exchange.parse_ws_ticker(raw, "spot")
            # ccxt gives floats: what an order may be filled at is the raw text.
            assert (parsed["bid"], parsed["ask"]) == (float(raw["b"]), float(raw["a"]))
            bid, ask = Decimal(raw["b"]), Decimal(raw["a"])
            core.set_quote(SYMBOL, bid, ask, int(received), Decimal(raw["B"]), Decimal(raw["A"]))
            quote = core.quote(SYMBOL)
            assert quote.bid < quote.ask
            assert quote.ask % rules.market.tick_size == quote.bid % rules.market.tick_size == 0
            frames += 1
            if frames % 1_000 == 0:
                order = Intent(f"buy-{frames}", 0, SYMBOL, Side.BUY, quantity=Decimal("0.0001"))
                fills = [one.fill for one in core.submit(order, int(received)) if isinstance(one, Executed)]
                assert {fill.price for fill in fills} == {ask}
                [quantity] = [fill.quantity for fill in fills]
                assert quantity == min(Decimal("0.0001"), Decimal(raw["A"]))  # never more than is offered there
                bought += quantity
    assert frames == 28_040
    assert core.balances["BTC"].total == bought > 0
