"""One bar through the engine: from the closed bar to the decision and the books, fills at the next open included."""

from __future__ import annotations

import itertools
import statistics
import time

import cryptobot as cb
from benchmarks.figure import Figure
from cryptobot.core.bars import BarColumns
from cryptobot.core.events import BarClosed
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.types import Intent
from cryptobot.exchange.matching import Costs, fill_market_order
from cryptobot.trading.actions import Submit
from cryptobot.trading.engine import Engine

BARS = 20_000
LIMIT = 25.0


def measure(rounds: int) -> list[Figure]:
    """Measure the crossover on the practice market: the median bar of each round, and the slowest in a hundred."""
    columns = BarColumns.of(cb.practice_bars(n=BARS, seed=7))
    middle, slow, alone, trades = [], [], [], 0
    for _ in range(rounds):
        bars, trades = _through_engine(columns)
        middle.append(statistics.median(bars))
        slow.append(statistics.quantiles(bars, n=100)[98])
        alone.append(statistics.median(_strategy_alone(columns)))
    share = statistics.median(m / a for m, a in zip(middle, alone, strict=True))
    return [
        Figure.of(
            "one bar through the engine",
            middle,
            "µs",
            limit=LIMIT,
            ratio=f"{share:.2f} × the strategy alone",
            note=f"{BARS:,} bars, {trades} trades",
        ),
        Figure.of("slowest bar in a hundred", slow, "µs"),
    ]


def _through_engine(columns: BarColumns) -> tuple[list[float], int]:
    """Return the microseconds of every bar, and how many trades were closed."""
    market = cb.Market("BTC/USDT")
    costs = Costs()
    numbers = itertools.count(1)
    engine = Engine(
        cb.MovingAverageCrossover(),
        market,
        columns.timeframe,
        columns.grid,
        Portfolio(10_000),
        cb.FractionOfEquity(),
        lambda: f"bench-{next(numbers)}",
    )
    spent = []
    waiting: list[Intent] = []
    for bar in columns.rows():
        start = time.perf_counter_ns()
        for intent in waiting:
            engine.handle(fill_market_order(intent, bar.open, bar.time, costs, market, intent.id))
        actions = engine.handle(BarClosed(bar))
        spent.append((time.perf_counter_ns() - start) / 1_000)
        sent = [action.intent for action in actions if isinstance(action, Submit)]
        waiting = [intent for intent in sent if isinstance(intent, Intent)]
    if engine.halted:
        raise RuntimeError(f"the engine halted: {engine.halted}")
    return spent, sum(not trade.is_open for trade in engine.portfolio.trades)


def _strategy_alone(columns: BarColumns) -> list[float]:
    live = cb.MovingAverageCrossover().live(columns.grid)
    spent = []
    for bar in columns.rows():
        start = time.perf_counter_ns()
        live.update(bar)
        spent.append((time.perf_counter_ns() - start) / 1_000)
    return spent
