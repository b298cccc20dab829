"""What every registered indicator promises. A new one is tested by registering it."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.strategy.batch import feature_columns
from cryptobot.strategy.feature import INDICATORS, Feature
from cryptobot.strategy.kernel import Kernel, kernel
from cryptobot.strategy.param import param


class TypedHere(Feature):
    """The share of the last ``window`` bars that closed higher, as a user would type it into a cell.

    Formula: count of x[t] > x[t-1] in the window / window. Source: this test.
    """

    window = param(12, ge=1, le=1_000, doc="Bars that are counted")

    def state(self):
        return [0.0] * (2 + self.window)

    @property
    def warm_up(self):
        return int(self.window)

    @kernel
    def step(state, close, window):  # noqa: N805 - a kernel has no self
        count, size = int(state[0]), int(window)
        rose = 1.0 if close > state[1] else 0.0
        state[0], state[1] = count + 1.0, close
        if count == 0:
            return np.nan
        state[2 + count % size] = rose
        if count < size:
            return np.nan
        total = 0.0
        for slot in range(size):
            total += state[2 + slot]
        return total / window


def parts():
    """Return every indicator there is, and one that is not registered."""
    return {**dict(INDICATORS), "typed_here": TypedHere}


def variants(cls):
    """Return an indicator with its default parameters, with small ones, and on another column."""
    small = {
        name: p.ge + 2 if p.ge is not None else p.default for name, p in cls.parameters().items() if p.kind == "int"
    }
    small |= {name: (p.gt + p.lt) / 2 for name, p in cls.parameters().items() if p.kind == "float" and p.gt is not None}
    made = [cls(), cls(**small)]
    if len(cls.inputs) == 1:
        made += [cls(**small, of="high"), cls(**small, of=cb.SMA(3, of="low"))]
    return made


SOURCES = {
    "practice": None,
    "BTC_USDT-1m-2023-halt.feather": 11_100,  # zero volume, then missing bars
    "XRP_ETH-1m-2019-illiquid.feather": 0,
    "BTC_USDT-1h-2017-2024.feather": 4_000,
    "SOL_USDT-5m-2022-2023.feather": 20_000,
}
N = 700


@pytest.fixture(scope="module", params=SOURCES)
def bars(request, recorded):
    first = SOURCES[request.param]
    if first is None or recorded is None:
        return BarColumns.of(cb.practice_bars(N, 3 + list(SOURCES).index(request.param)))
    return BarColumns.of(cb.read_bars(recorded / request.param).iloc[first : first + N])


@pytest.fixture(params=sorted(parts()))
def cls(request):
    return parts()[request.param]


def carrier(feature):
    """Return the plainest strategy around a feature."""

    class Carrier(cb.Strategy):
        def features(self):
            return {"x": feature}

        def should_buy(self, x):
            return x.x > cb.previous(x.x)

        def should_sell(self, x):
            return x.x < cb.previous(x.x)

    return Carrier()


def compute(feature, bars):
    return feature_columns({"x": feature}, bars)["x"]


def part_of(bars, first, last=None):
    columns = {name: getattr(bars, name)[first:last] for name in ("time", *COLUMNS)}
    return BarColumns(**columns, timeframe=bars.timeframe, grid=bars.grid)


def same_bits(a, b):
    np.testing.assert_array_equal(np.asarray(a, dtype=float).view(np.int64), np.asarray(b, dtype=float).view(np.int64))


def is_primed(feature):
    return bool(feature.priming) or any(is_primed(source) for source in feature.sources if isinstance(source, Feature))


def test_live_has_the_bits_of_batch_also_across_restarts(cls, bars):
    random = np.random.default_rng(1)
    for feature in variants(cls):
        wanted = compute(feature, bars)
        live, got, restarts = carrier(feature).live(bars.grid), [], set(random.integers(0, N, 12).tolist())
        for row, bar in enumerate(bars.rows()):
            if row in restarts:
                fresh = carrier(feature).live(bars.grid)
                fresh.restore(json.loads(json.dumps(live.snapshot())))
                live = fresh
            got.append(live.update(bar).features["x"])
        same_bits(got, wanted)


def test_the_first_value_comes_when_it_was_declared_and_never_stops(cls, bars):
    for feature in variants(cls):
        defined = np.isfinite(compute(feature, bars))
        assert not defined[: feature.total_warm_up].any(), feature
        assert defined[feature.total_warm_up :].all(), feature


def test_nothing_is_known_of_later_bars(cls, bars):
    for feature in variants(cls):
        full = compute(feature, bars)
        for last in (1, 2, 37, 500, N - 1):
            same_bits(compute(feature, part_of(bars, 0, last)), full[:last])


def test_a_later_start_agrees_after_the_memory(cls, bars):
    for feature in variants(cls):
        full, memory = compute(feature, bars), feature.total_memory
        for first in (1, 2, 61, 300):
            late = compute(feature, part_of(bars, first))[memory - 1 :]
            if is_primed(feature):
                np.testing.assert_allclose(late, full[first + memory - 1 :], rtol=1e-9, atol=1e-12)
            else:
                same_bits(late, full[first + memory - 1 :])


def test_a_window_forgets_as_soon_as_it_says_and_an_average_says_how_it_starts(cls, bars):
    for feature in variants(cls):
        if is_primed(feature):
            assert feature.total_memory > feature.total_warm_up + 1
        else:
            assert feature.total_memory == feature.total_warm_up + 1
    assert not cls.priming or cls.priming.endswith(".")


def test_the_same_bars_give_the_same_values_and_stay_as_they_are(cls, bars):
    frame = bars.to_frame()
    before = frame.copy(deep=True)
    for feature in variants(cls):
        first = carrier(feature).batch(frame)
        same_bits(first.features["x"], carrier(feature).batch(frame).features["x"])
        same_bits(first.features["x"], compute(feature, bars))
        assert not first.features["x"].flags.writeable
    assert frame.equals(before)


def test_values_are_plausible(cls, bars):
    for feature in variants(cls)[:2]:
        values = compute(feature, bars)[feature.total_warm_up :]
        assert (values >= 0).all()
        assert values.size


def test_it_says_what_it_computes_and_where_that_comes_from(cls):
    text = " ".join(cls.__doc__.split())
    assert "Formula: " in text
    assert "Source: " in text
    assert isinstance(cls.step, Kernel)
    for name, declared in cls.parameters().items():
        assert declared.doc, name
        assert declared.ge is not None or declared.gt is not None, name


def test_it_is_a_value(cls):
    for feature, twin in zip(variants(cls), variants(cls), strict=True):
        assert feature == twin
        assert hash(feature) == hash(twin)
        assert feature.replace() == feature
        assert pickle.loads(pickle.dumps(feature)) == feature
        names = {part.__name__: part for part in parts().values()}
        assert eval(repr(feature), names) == feature
    assert len(set(variants(cls))) == len(variants(cls))


def test_registering_is_enough_to_be_tested():
    assert "typed_later" not in parts()
    INDICATORS.register("typed_later")(TypedHere)
    try:
        assert parts()["typed_later"] is TypedHere
    finally:
        del INDICATORS._parts["typed_later"]


def test_those_that_are_promised_are_there():
    promised = {"sma", "ema", "rsi", "atr", "rolling_volatility", "ewma_volatility", "parkinson_volatility",
                "garman_klass_volatility", "yang_zhang_volatility"}  # fmt: skip
    assert promised <= set(parts())
