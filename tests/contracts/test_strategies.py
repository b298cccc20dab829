"""What every registered strategy promises. A new one is tested by registering it."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.strategy.catalogue import STRATEGIES


class TypedHere(cb.Strategy):
    """Buy strength after calm, as a user would type it into a cell."""

    window = cb.param(8, ge=2, le=500, doc="Bars of the averages")
    calm = cb.param(1.5, gt=0, doc="Most volatility, in units of its average")

    def features(self):
        volatility = cb.ParkinsonVolatility(self.window)
        return {"trend": cb.EMA(self.window), "volatility": volatility, "usual": cb.SMA(self.window, of="high")}

    def should_buy(self, x):
        return (x.close > x.trend) & (cb.previous(x.close) <= cb.previous(x.trend)) & (x.volatility < self.calm)

    def should_sell(self, x):
        return cb.crossed_below(x.close, x.usual) | (np.log(x.high / x.low) > 3 * x.volatility)


def parts():
    """Return every strategy there is, and one that is not registered."""
    return {**dict(STRATEGIES), "typed_here": TypedHere}


SOURCES = {
    "practice": None,
    "BTC_USDT-1m-2023-halt.feather": 11_000,  # zero volume, then missing bars
    "XRP_ETH-1m-2019-illiquid.feather": 0,
    "BTC_USDT-1h-2017-2024.feather": 4_000,
    "ETH_USDT-5m-2022-2023.feather": 20_000,
}
N = 1_200


@pytest.fixture(scope="module", params=SOURCES)
def bars(request, recorded):
    first = SOURCES[request.param]
    if first is None or recorded is None:
        return BarColumns.of(cb.practice_bars(N, 13 + list(SOURCES).index(request.param)))
    return BarColumns.of(cb.read_bars(recorded / request.param).iloc[first : first + N])


@pytest.fixture(params=sorted(parts()))
def strategy(request):
    return parts()[request.param]()


def part_of(bars, first, last=None):
    columns = {name: getattr(bars, name)[first:last] for name in ("time", *COLUMNS)}
    return BarColumns(**columns, timeframe=bars.timeframe, grid=bars.grid)


def said(decisions, first=0, last=None):
    """Return all of some decisions as text: equal text means equal bits."""
    last = len(decisions) if last is None else last
    return [repr(decisions[row]) for row in range(first, last)]


def test_it_passes_every_check(strategy, bars):
    report = cb.check_strategy(strategy, bars)
    assert report.ok, report
    assert len(report.checks) >= 8


def test_live_has_the_bits_of_batch_also_across_restarts(strategy, bars):
    wanted = said(strategy.batch(bars))
    restarts = set(np.random.default_rng(2).integers(0, N, 12).tolist())
    live, got = strategy.live(bars.grid), []
    for row, bar in enumerate(bars.rows()):
        if row in restarts:
            fresh = strategy.replace().live(bars.grid)
            fresh.restore(json.loads(json.dumps(live.snapshot())))
            live = fresh
        got.append(repr(live.update(bar)))
    assert got == wanted


def test_nothing_is_known_of_later_bars(strategy, bars):
    full = said(strategy.batch(bars))
    for last in (1, 2, 3, 60, 777, N - 1):
        assert said(strategy.batch(part_of(bars, 0, last))) == full[:last]


def test_a_later_start_agrees_after_the_memory(strategy, bars):
    full = strategy.batch(bars)
    primed = any("EMA" in repr(node) or node.priming for node in strategy.nodes.values())
    for first in (1, 2, 61, 444):
        late = strategy.batch(part_of(bars, first))
        if not primed:
            assert said(late, strategy.memory - 1) == said(full, first + strategy.memory - 1)
            continue
        for name, values in late.features.items():
            np.testing.assert_allclose(
                values[strategy.memory :], full.features[name][first + strategy.memory :], rtol=1e-9, atol=1e-12
            )


def test_it_waits_for_its_warm_up(strategy, bars):
    decisions = strategy.batch(bars)
    before = slice(0, strategy.warm_up)
    assert not decisions.buy[before].any()
    assert not decisions.sell[before].any()
    for values in decisions.features.values():
        assert np.isfinite(values[strategy.warm_up :]).all()


def test_the_same_bars_give_the_same_decisions_and_stay_as_they_are(strategy, bars):
    frame = bars.to_frame()
    before = frame.copy(deep=True)
    assert said(strategy.batch(frame)) == said(type(strategy)().batch(bars))
    assert frame.equals(before)


def test_it_trades_somewhere(strategy):
    decisions = strategy.batch(cb.practice_bars(4_000, 5))
    assert decisions.buy.any()
    assert isinstance(strategy, type(cb.get_strategy("buy_and_hold"))) or decisions.sell.any()


def test_it_describes_itself(strategy):
    cls = type(strategy)
    assert cls.__doc__
    assert cls.__doc__.split("\n")[0].endswith(".")
    for name, declared in cls.parameters().items():
        assert declared.doc, name
        assert getattr(strategy, name) == declared.default
    assert strategy == cls() == pickle.loads(pickle.dumps(strategy))
    assert repr(strategy).startswith(f"{cls.__name__}(")


def test_registering_is_enough_to_be_tested():
    assert "typed_later" not in parts()
    cb.strategy("typed_later")(TypedHere)
    try:
        assert parts()["typed_later"] is TypedHere
    finally:
        del STRATEGIES._parts["typed_later"]
        TypedHere.name = "TypedHere"


def test_those_that_are_promised_are_there():
    assert {"ma_crossover", "rsi", "buy_and_hold"} <= set(parts())
