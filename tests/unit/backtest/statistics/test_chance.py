"""Trades in another order, and traders who buy at random moments."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptobot.backtest.ledger import keep_ledger
from cryptobot.backtest.statistics.baselines import random_entries
from cryptobot.backtest.statistics.montecarlo import trade_order
from cryptobot.backtest.statistics.trips import Trips, alternate
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.core.timeframe import Timeframe
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.decision import Decisions


def bars_of(close: np.ndarray) -> BarColumns:
    opened = np.append(close[0], close[:-1])
    columns = {
        "open": opened,
        "high": np.maximum(opened, close),
        "low": np.minimum(opened, close),
        "close": close.copy(),
        "volume": np.ones(close.size),
    }
    return BarColumns.unchecked(np.arange(close.size) * 60_000_000_000, columns, Timeframe(60))


def walk(n: int, seed: int) -> BarColumns:
    return bars_of(np.round(100 * np.exp(np.cumsum(0.002 * np.random.default_rng(seed).standard_normal(n))), 2))


def deepest(returns: tuple[float, ...]) -> float:
    value, peak, fall = 1.0, 1.0, 0.0
    for one in returns:
        value *= 1 + one
        peak = max(peak, value)
        fall = min(fall, value / peak - 1)
    return fall


def test_every_order_is_as_likely():
    trades = (0.1, -0.05, 0.2, -0.3, 0.02)
    exact = sorted(deepest(order) for order in permutations(trades))
    found = trade_order(np.array(trades), samples=60_000)
    assert found.observed == pytest.approx(deepest(trades), rel=1e-12)
    assert np.allclose(np.unique(found.drawdowns.round(12)), np.unique(np.round(exact, 12)))
    for depth in np.unique(np.round(exact, 12)):
        share = np.mean(np.abs(np.array(exact) - depth) < 1e-9)
        assert np.mean(np.abs(found.drawdowns - depth) < 1e-9) == pytest.approx(share, abs=0.01)
    # Of the orders that there are, half are as deep as the median, and one in twenty is as deep as the worst.
    for depth, share in ((found.median, 0.5), (found.worst, 0.05)):
        assert np.mean(np.array(exact) < depth - 1e-9) <= share + 0.01
        assert np.mean(np.array(exact) <= depth + 1e-9) >= share - 0.01


def test_gains_alone_never_fall_and_a_loss_alone_falls_by_itself():
    assert trade_order(np.full(20, 0.01)).worst == 0.0
    assert trade_order(np.array([-0.25])).median == pytest.approx(-0.25)
    assert trade_order(np.array([0.1, -1.0])).worst == pytest.approx(-1.0)
    with pytest.raises(ConfigError, match="at least one"):
        trade_order(np.empty(0))


def test_many_trades_are_shuffled_in_parts_alike():
    trades = 0.01 * np.random.default_rng(1).standard_normal(3_000)
    found = trade_order(trades, samples=1_500)
    assert found.drawdowns.size == 1_500
    assert (np.diff(found.drawdowns) >= 0).all()
    assert trade_order(trades, samples=1_500).worst == found.worst


SIGNALS = st.lists(st.sampled_from(".bsx"), min_size=3, max_size=40)


@given(signals=SIGNALS, fee=st.sampled_from(["0", "0.001", "0.2"]), slippage=st.sampled_from(["0", "3"]))
def test_trips_earn_what_the_exact_books_say(signals, fee, slippage):
    buy = np.array([s in "bx" for s in signals])
    sell = np.array([s in "sx" for s in signals])
    bars = walk(len(signals), 3)
    costs = Costs(fee, slippage)
    ledger = keep_ledger(
        Decisions(bars.time, buy, sell, {}),
        bars,
        cash=1_000,
        costs=costs,
        sizing=FractionOfEquity(),
        market=Market("A/B"),
    )
    entries, exits = alternate(buy, sell)
    exact = Trips.of_ledger(ledger, bars, costs)
    quick = Trips.of(entries, exits, bars, costs)
    assert quick.entries.tolist() == exact.entries.tolist()
    assert quick.exits.tolist() == exact.exits.tolist()
    if len(quick):
        total = float(ledger.portfolio.equity(float(bars.close[-1]))) / 1_000 - 1
        assert quick.total_return == pytest.approx(total, rel=1e-9, abs=1e-12)


def trips(bars: BarColumns, spans: list[tuple[int, int]], fee: str = "0.001") -> Trips:
    entries, exits = (np.array(column) for column in zip(*spans, strict=True))
    return Trips.of(entries, exits, bars, Costs(fee))


def test_random_traders_hold_as_long_and_keep_to_the_bars(monkeypatch):
    bars = walk(60, 1)
    seen = []

    def watched(self, entries, exits):
        seen.append((entries.copy(), exits.copy()))
        return np.zeros(len(entries))

    mine = trips(bars, [(3, 10), (12, 13), (20, 45), (46, 60)])
    monkeypatch.setattr(Trips, "returns_of", watched)
    random_entries(mine, samples=3_000)
    entries, exits = seen[-1]
    assert entries.min() == 1
    assert exits.max() == 60
    assert (entries[:, 1:] > exits[:, :-1]).all()
    assert (np.sort(exits - entries, axis=1) == [1, 7, 14, 25]).all()
    # Every order of the four holding times turns up, and each trader stands somewhere else.
    assert len(np.unique(exits - entries, axis=0)) == 24
    assert len(np.unique(entries, axis=0)) > 1_000


def test_chance_does_as_well_as_chance():
    """Trades placed at random have a p-value spread evenly between 0 and 1."""
    bars = walk(400, 2)
    random = np.random.default_rng(0)
    found = []
    for seed in range(200):
        starts = np.sort(random.choice(np.arange(1, 78) * 5, 12, replace=False))
        found.append(random_entries(trips(bars, [(s, s + 4) for s in starts]), samples=199, seed=seed).p_value)
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.06)
    assert np.mean(found) == pytest.approx(0.5, abs=0.07)


def test_foresight_is_better_than_chance_and_the_p_value_is_never_zero():
    bars = walk(600, 5)
    rising = np.flatnonzero(bars.close[1:-1] > 1.002 * bars.open[1:-1])[::3] + 1
    found = random_entries(trips(bars, [(int(r), int(r) + 1) for r in rising[:60]]), samples=999)
    assert found.p_value == 1 / 1_000
    assert found.observed > found.returns.max()


def test_one_that_holds_all_the_time_is_its_own_chance():
    bars = walk(50, 7)
    found = random_entries(trips(bars, [(1, 50)]), samples=100)
    assert found.p_value == 1.0
    assert np.allclose(found.returns, found.observed)


def test_costs_are_paid_for_every_purchase_and_sale_alike():
    flat = bars_of(np.full(100, 50.0))
    found = random_entries(trips(flat, [(2, 5), (10, 20), (30, 100)], fee="0.01"), samples=50)
    # The last one is still held: three purchases, and two sales unless chance sells the third as well.
    bought, sold = 1 / 1.01, 0.99
    assert found.observed == pytest.approx(bought**3 * sold**2 - 1)
    assert {round(float(value), 9) for value in found.returns} <= {
        round(bought**3 * sold**many - 1, 9) for many in (2, 3)
    }
