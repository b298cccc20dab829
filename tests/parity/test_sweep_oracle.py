"""A sweep against whole numbers: crossings of sums of ticks, money in fractions. No code is shared with it.

On ticks, averages tie: rounded arithmetic then invents crossings or moves them. Here not one may differ.
"""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cryptobot as cb

FEE, SLIPPAGE = Fraction(1, 1000), Fraction(3, 10_000)


def crossings(ticks: list[int], fast: int, slow: int, defined: int) -> tuple[list[int], list[int]]:
    """Rows where the fast mean rises above the slow one and falls below it, by whole numbers alone."""
    sums = [0, *itertools.accumulate(ticks)]
    ups, downs, before = [], [], None
    for t in range(max(fast, slow) - 1, len(ticks)):
        gap = (sums[t + 1] - sums[t + 1 - fast]) * slow - (sums[t + 1] - sums[t + 1 - slow]) * fast
        if before is not None and t >= defined:
            if gap > 0 >= before:
                ups.append(t)
            if gap < 0 <= before:
                downs.append(t)
        before = gap
    return ups, downs


def trade(opens: list[int], last: int, ups: list[int], downs: list[int]) -> tuple[int, Fraction, list[tuple[int, int]]]:
    """Trade with everything; return closed trades, what 1 became, and the rows of each entry and exit."""
    n, money, held, spans, signals = len(opens), Fraction(1), Fraction(0), [], sorted([*ups, *downs])
    rising = set(ups)
    for t in signals:
        if t == n - 1:
            break
        if not held and t in rising:
            held = money / (Fraction(opens[t + 1]) * (1 + SLIPPAGE) * (1 + FEE))
            spans.append((t + 1, n))
        elif held and t not in rising:
            money = held * opens[t + 1] * (1 - SLIPPAGE) * (1 - FEE)
            held = Fraction(0)
            spans[-1] = (spans[-1][0], t + 1)
    final = held * last if held else money
    return sum(end < n for _, end in spans), final, spans


def frame(opens: list[int], closes: list[int], decimals: int) -> pd.DataFrame:
    scale = 10.0**decimals
    opened, closed = np.array(opens) / scale, np.array(closes) / scale
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, closed),
            "low": np.minimum(opened, closed),
            "close": closed,
            "volume": 1.0,
        },
        index=pd.date_range("2024-01-01", periods=len(opens), freq="1min", tz="UTC"),
    )


def check(opens: list[int], closes: list[int], decimals: int, pairs: list[tuple[int, int]]) -> int:
    """Compare the crossover without its volatility filter having a say; return how many trades there were."""
    bars = frame(opens, closes, decimals)
    rows = [{"fast": f, "slow": s, "volatility_window": 2} for f, s in pairs]
    report = cb.sweep(Plain, bars, combos=rows, fee=float(FEE), slippage_bps=float(SLIPPAGE * 10_000), blocks=len(bars))
    trades = 0
    for row, (fast, slow) in enumerate(pairs):
        ups, downs = crossings(closes, fast, slow, max(fast, slow) - 1)
        closed, final, spans = trade(opens, closes[-1], ups, downs)
        got = report.table.iloc[row]
        assert got["trades"] == closed
        assert got["total_return"] == pytest.approx(float(final - 1), rel=1e-12, abs=1e-16)
        assert round(got["exposure"] * len(closes)) == sum(end - begin for begin, end in spans)
        # Outside of the trades the equity stands still.
        inside = {t for begin, end in spans for t in range(begin, end + 1)}
        assert set(np.flatnonzero(report.moments[row, :, 2]).tolist()) <= inside
        trades += closed
    return trades


class Plain(cb.Strategy):
    """The crossover alone."""

    fast = cb.param(10, ge=1)
    slow = cb.param(30, ge=1)
    volatility_window = cb.param(2, ge=2)

    def features(self):
        return {"fast": cb.SMA(self.fast), "slow": cb.SMA(self.slow)}

    def should_buy(self, x):
        return cb.crossed_above(x.fast, x.slow)

    def should_sell(self, x):
        return cb.crossed_below(x.fast, x.slow)


PAIRS = [(1, 2), (1, 3), (2, 3), (9, 10), (10, 30), (30, 10), (7, 64), (63, 64), (64, 65), (50, 400)]


@pytest.mark.parametrize(
    ("price", "decimals", "spread"),
    [(850, 4, 2), (8_500, 5, 9), (10_003, 4, 1), (640_000, 1, 700), (6_400_000, 2, 5_000)],
    ids=["coarse ticks", "ticks", "stable pair", "large", "fine"],
)
def test_walks_on_ticks(price, decimals, spread):
    random = np.random.default_rng(price)
    steps = random.integers(-spread, spread + 1, 6_000)
    closes = np.maximum(1, price + np.cumsum(steps) - np.cumsum(steps)[::-1] // 2).tolist()
    if decimals == 4 and price == 10_003:
        closes = (price + random.integers(-spread, spread + 1, 6_000)).tolist()  # around 1.0003, for ever
    opens = [closes[0], *closes[:-1]]
    assert check(opens, closes, decimals, PAIRS) > 300


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    path=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=200),
    decimals=st.integers(0, 6),
    pairs=st.lists(
        st.tuples(st.integers(1, 70), st.integers(1, 70)).filter(lambda pair: pair[0] != pair[1]),
        min_size=1,
        max_size=6,
    ),
)
def test_any_small_market(path, decimals, pairs):
    """Prices of a few ticks, where averages tie all the time; windows longer than the data; fast = slow - 1."""
    check([a for a, _ in path], [b for _, b in path], decimals, [*pairs, (pairs[0][0], pairs[0][0] + 1)])


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 300), price=st.integers(1, 1_000))
def test_constant_prices_never_cross(n, price):
    assert check([price] * n, [price] * n, 2, PAIRS) == 0


def test_the_oracle_itself_by_hand():
    assert crossings([1, 1, 2, 3, 1], 1, 2, 1) == ([2], [4])
    closed, final, spans = trade([1, 1, 2, 4, 1, 2], 2, [2], [4])
    assert (closed, spans) == (1, [(3, 5)])
    assert final == Fraction(2, 4) * (1 - SLIPPAGE) * (1 - FEE) / ((1 + SLIPPAGE) * (1 + FEE))
