"""Market orders through the matching core: a second's worth of them on one core."""

from __future__ import annotations

import time
from decimal import Decimal

from benchmarks.figure import Figure
from cryptobot.core.money import Market
from cryptobot.core.order_types import OrderType
from cryptobot.core.types import Intent, Side
from cryptobot.exchange.matching import Fees, MatchingCore
from cryptobot.exchange.rules import MarketRules

SYMBOL = "BTC/USDT"
ORDERS = 20_000
RESTING = 100
# 20,000 orders a second.
LIMIT = 50.0


def measure(rounds: int) -> list[Figure]:
    """Measure buys by amount and sells in turn, on an empty book and on one with a hundred resting orders."""
    intents = [_intent(number) for number in range(ORDERS)]
    empty, crowded = [], []
    for _ in range(rounds):
        empty.append(_run(intents, 0))
        crowded.append(_run(intents, RESTING))
    return [
        _figure("a market order through the matching core", empty, "empty book", limit=LIMIT),
        _figure("the same beside resting orders", crowded, f"{RESTING} orders rest", limit=LIMIT),
    ]


def _intent(number: int) -> Intent:
    if number % 2:
        return Intent(f"bench-{number}", 0, SYMBOL, Side.SELL, quantity=Decimal("0.05"))
    return Intent(f"bench-{number}", 0, SYMBOL, Side.BUY, quote_amount=Decimal("3012.5"))


def _run(intents: list[Intent], resting: int) -> float:
    """Return microseconds an order, the price change before each included."""
    core = MatchingCore(
        [MarketRules(Market(SYMBOL, Decimal("0.01"), Decimal("0.00001"), Decimal(5)))],
        {"USDT": Decimal(10**7), "BTC": Decimal(10**4)},
        Fees(decimals=8),
        slippage_bps=2,
    )
    core.set_price(SYMBOL, 60_000, 0)
    for number in range(resting):
        price = Decimal(50_000 + number)
        core.submit(Intent(f"rest-{number}", 0, SYMBOL, Side.BUY, None, Decimal("0.01"), "", OrderType.LIMIT, price), 0)
    start = time.perf_counter_ns()
    for number, intent in enumerate(intents):
        if number % 10 == 0:
            core.set_price(SYMBOL, Decimal(60_000 + number % 7), number)
        core.submit(intent, number)
    spent = time.perf_counter_ns() - start
    if len(core.fills(SYMBOL)) != len(intents):
        raise RuntimeError(f"{len(core.fills(SYMBOL))} of {len(intents)} orders were filled")
    return spent / len(intents) / 1_000


def _figure(name: str, runs: list[float], note: str, limit: float) -> Figure:
    rate = 1e6 / sorted(runs)[len(runs) // 2]
    return Figure.of(name, runs, "µs", limit=limit, note=f"{rate:,.0f} orders a second, {note}")
