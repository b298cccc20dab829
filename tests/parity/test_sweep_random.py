"""Sweeps of strategies that nobody wrote, on bars that nobody saw: random conditions, random markets, extreme costs."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cryptobot as cb
from cryptobot.backtest.ledger import keep_ledger
from cryptobot.core.bars import BarColumns
from cryptobot.core.sizing import FractionOfEquity
from cryptobot.exchange.matching import Costs

COLUMNS = ("fast", "slow", "rsi", "volatility", "open", "high", "low", "close", "volume")
COMPARE = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}

numbers = st.sampled_from([0.0, 0.001, 0.02, 1.0, 2.0, 3.0, 5.0, 40.0, 50.0, 60.0])
sides = st.one_of(
    st.sampled_from(COLUMNS).map(lambda name: ("column", name)),
    numbers.map(lambda value: ("number", value)),
    st.just(("level",)),
    st.tuples(st.just("scaled"), st.sampled_from(COLUMNS), st.sampled_from([0.5, 0.99, 1.0, 1.01, 2.0])),
    st.tuples(st.just("previous"), st.sampled_from(COLUMNS)),
)
columns = sides.filter(lambda side: side[0] in ("column", "scaled", "previous"))
atoms = st.one_of(
    st.tuples(st.just("above"), columns, sides),
    st.tuples(st.just("below"), columns, sides),
    st.tuples(st.sampled_from(sorted(COMPARE)), columns, sides),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(st.just("and"), inner, inner),
        st.tuples(st.just("or"), inner, inner),
        st.tuples(st.just("not"), inner),
    ),
    max_leaves=4,
)


def side(tree, x, strategy):
    if tree[0] == "column":
        return getattr(x, tree[1])
    if tree[0] == "number":
        return tree[1]
    if tree[0] == "level":
        return strategy.level
    if tree[0] == "scaled":
        return getattr(x, tree[1]) * tree[2]
    return cb.previous(getattr(x, tree[1]))


def condition(tree, x, strategy):
    if tree[0] == "and":
        return condition(tree[1], x, strategy) & condition(tree[2], x, strategy)
    if tree[0] == "or":
        return condition(tree[1], x, strategy) | condition(tree[2], x, strategy)
    if tree[0] == "not":
        return ~condition(tree[1], x, strategy)
    a, b = side(tree[1], x, strategy), side(tree[2], x, strategy)
    if tree[0] == "above":
        return cb.crossed_above(a, b)
    if tree[0] == "below":
        return cb.crossed_below(a, b)
    return COMPARE[tree[0]](a, b)


def strategy_of(buy, sell, average):
    """A class as a cell would define it, with these conditions."""

    class Random(cb.Strategy):
        fast = cb.param(2, ge=1)
        slow = cb.param(5, ge=1)
        window = cb.param(3, ge=2)
        level = cb.param(1.0)

        def features(self):
            return {
                "fast": average(self.fast),
                "slow": average(self.slow),
                "rsi": cb.RSI(self.window),
                "volatility": cb.RollingVolatility(self.window),
            }

        def should_buy(self, x):
            return condition(buy, x, self)

        def should_sell(self, x):
            return condition(sell, x, self)

    return Random


def frame(path, digits: int, gaps) -> pd.DataFrame:
    scale = 10.0**digits
    opened, closed = np.array([p[0] for p in path]) / scale, np.array([p[1] for p in path]) / scale
    minutes = np.cumsum([1 + gap for gap in gaps][: len(path)])
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, closed),
            "low": np.minimum(opened, closed),
            "close": closed,
            "volume": [float(p[2]) for p in path],
        },
        index=pd.DatetimeIndex(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(minutes, unit="min")),
    )


def reference(strategy, bars, cash, fee, slippage, market):
    """The figures by the decisions of `Strategy.batch` and the exact ledger."""
    columns = BarColumns.of(bars)
    costs = Costs(Decimal(repr(fee)), Decimal(repr(slippage)))
    ledger = keep_ledger(
        strategy.batch(columns),
        columns,
        cash=Decimal(repr(cash)),
        costs=costs,
        sizing=FractionOfEquity(),
        market=market or cb.Market("A/B"),
    )
    equity = ledger.equity(columns.close)
    books = ledger.portfolio
    final = books.equity(float(columns.close[-1])) / books.initial_cash - 1
    _, held = ledger.after_bar(len(columns))
    return {
        "trades": len(books.trades),
        "total_return": float(final),
        "max_drawdown": float((equity / np.maximum.accumulate(equity)).min()) - 1.0,
        "exposure": float((held > 0).mean()),
        "win_rate": float(np.mean([t.pnl > 0 for t in books.trades])) if books.trades else math.nan,
        "returns": np.append(0.0, equity[1:] / equity[:-1] - 1.0),
    }


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    buy=conditions,
    sell=conditions,
    average=st.sampled_from([cb.SMA, cb.EMA]),
    path=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=150),
    gaps=st.lists(st.sampled_from([0, 0, 0, 7]), min_size=150, max_size=150),
    digits=st.integers(0, 3),
    cash=st.sampled_from([0.01, 50.0, 10_000.0, 1e12]),
    fee=st.sampled_from([0.0, 0.001, 0.3]),
    slippage=st.sampled_from([0.0, 2.5, 3_000.0]),
    market=st.sampled_from(
        [
            None,
            None,
            cb.Market("A/B", tick_size="0.25", lot_size="0.5"),
            cb.Market("A/B", tick_size="0.001", lot_size="0.01", min_notional="5"),
            cb.Market("A/B", min_notional="49"),
        ]
    ),
)
def test_any_strategy_on_any_bars(buy, sell, average, path, gaps, digits, cash, fee, slippage, market):
    bars = frame(path, digits, gaps)
    cls = strategy_of(buy, sell, average)
    terms = {"cash": cash, "fee": fee, "slippage_bps": slippage, "market": market}
    report = cb.sweep(cls, bars, fast=[1, 3], slow=[2, 200], window=[2], level=[1.0, 50.0], blocks=len(bars), **terms)
    assert len(report) == 8
    for row in range(len(report)):
        wanted = reference(report.strategy_of(row), bars, cash, fee, slippage, market)
        got = report.table.iloc[row]
        assert got["trades"] == wanted["trades"]
        assert got["exposure"] == wanted["exposure"]
        assert got["total_return"] == pytest.approx(wanted["total_return"], rel=1e-9, abs=1e-15)
        assert got["max_drawdown"] == pytest.approx(wanted["max_drawdown"], rel=1e-9, abs=1e-12)
        assert got["win_rate"] == pytest.approx(wanted["win_rate"], rel=1e-12, nan_ok=True)
        assert report.moments[row, :, 1] == pytest.approx(wanted["returns"], rel=1e-9, abs=1e-12)
