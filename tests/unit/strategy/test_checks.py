"""`check_strategy` on honest strategies, and on every fault that can be planted in one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError, DataError
from cryptobot.strategy.check_report import CheckFailure, CheckReport
from cryptobot.strategy.checks import CHECKS
from cryptobot.strategy.feature import Feature
from cryptobot.strategy.kernel import kernel
from cryptobot.strategy.param import param

N = 800


@pytest.fixture(scope="module")
def bars():
    return BarColumns.of(cb.practice_bars(N, 21))


def strategy_of(buy, features=None):
    body = {"should_buy": lambda self, x: buy(x), "should_sell": lambda self, x: x.close < 0.999 * x.open}
    if features:
        body["features"] = lambda self: features()
    return type("Planted", (cb.Strategy,), body)()


def first_difference(strategy, bars):
    """Return the first bar on which batch and live differ: written apart from the checks."""
    batch, live = strategy.batch(bars), strategy.live(bars.grid)
    for row, bar in enumerate(bars.rows()):
        if repr(live.update(bar)) != repr(batch[row]):
            return row
    return None


def failed(report):
    return {failure.check: failure for failure in report.failures}


HONEST = {
    "crossing": lambda x: cb.crossed_above(x.close, x.fast),
    "previous": lambda x: (x.close > cb.previous(x.high)) & ~(cb.previous(x.volume) > x.volume),
    "transcendental": lambda x: np.tanh(np.log(x.close / x.open) * 1e3) ** 3.7 > np.exp(-x.volume),
    "where": lambda x: np.where(x.fast > x.close, x.high - x.low > 20, x.volume > 15),
    "stacked": lambda x: np.stack([x.open, x.high, x.low, x.close]).mean(axis=0) > x.fast,
    "sliced": lambda x: np.append(False, x.close[1:] > x.close[:-1]),
    "differences": lambda x: np.diff(x.close, prepend=np.nan) > 0,
    "never": lambda x: x.close < 0,
    "always": lambda x: x.close > 0,
    "far levels": lambda x: (x.close > 1e6) | (x.close < 1e3),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_strategies_pass(bars, name):
    report = cb.check_strategy(strategy_of(HONEST[name], lambda: {"fast": cb.SMA(9), "slow": cb.EMA(12)}), bars)
    assert report.ok, report
    assert report.checks == CHECKS


LOOK_AHEAD = {
    "roll 1": lambda x: np.roll(x.close, -1) > x.close,
    "roll 7": lambda x: np.roll(x.close, -7) > x.close,
    "roll 500": lambda x: np.roll(x.close, -500) > x.close,
    "a feature": lambda x: np.append(x.fast[1:], np.nan) > x.fast,
    "mean": lambda x: x.close > x.close.mean(),
    "quantile": lambda x: x.volume > np.quantile(x.volume, 0.9),
    "normalised": lambda x: (x.close - x.close.min()) / np.ptp(x.close) < 0.2,
    "last": lambda x: x.close < x.close[-1],
    "best of all": lambda x: x.close == x.close.min(),
    "reversed sum": lambda x: np.cumsum(x.volume[::-1])[::-1] > 1e3,
    "centred": lambda x: np.convolve(x.close, np.ones(3) / 3)[1:-1] > x.close,
    "rank": lambda x: np.argsort(np.argsort(x.close)) < 100,
    "a quiet next bar": lambda x: np.abs(np.roll(x.close, -1) / x.close - 1) < 1e-4,
    "a rare next bar": lambda x: (x.close > x.open) & (np.roll(x.volume, -1) > 20),
}


@pytest.mark.parametrize("name", LOOK_AHEAD)
def test_every_look_ahead_is_called_one(bars, name):
    strategy = strategy_of(LOOK_AHEAD[name], lambda: {"fast": cb.SMA(9)})
    report = cb.check_strategy(strategy, bars)
    assert not report.ok
    failure = failed(report)["look-ahead"]
    assert failure.bar == first_difference(strategy, bars)
    assert failure.time == bars.time[failure.bar]
    assert f"look-ahead at bar {failure.bar} (20" in repr(report)


def positional(bar, better):
    """Look ahead on one row of the columns."""

    def buy(x):
        mask = x.close > x.open
        if mask.size > bar + 1:
            mask[bar] = better(x.close[bar + 1], x.close[bar])
        return mask

    return buy


def by_value(bars, bar, better):
    """Look ahead where a bar looks like one certain bar."""
    close, volume = bars.close[bar], bars.volume[bar]

    def buy(x):
        that = (x.close == close) & (x.volume == volume)
        return np.where(that, better(np.roll(x.close, -1), x.close), x.close > x.open)

    return buy


@pytest.mark.parametrize("bar", [20, 21, 22, 500, 701, N - 2])
@pytest.mark.parametrize("better", [np.greater, np.less], ids=["up", "down"])
def test_a_look_ahead_on_one_single_bar_is_found_anywhere(bars, bar, better):
    for buy in (positional(bar, better), by_value(bars, bar, better)):
        report = cb.check_strategy(strategy_of(buy), bars)
        assert failed(report)["look-ahead"].bar == bar, report


def test_a_look_ahead_on_one_single_bar_of_many():
    bars = BarColumns.of(cb.practice_bars(20_000, 4))
    bar = int(np.random.default_rng(9).integers(100, 19_900))
    report = cb.check_strategy(strategy_of(by_value(bars, bar, np.greater)), bars)
    assert failed(report)["look-ahead"].bar == bar


LOOK_BACK = {
    "two rows": lambda x: cb.previous(cb.previous(x.close)) < x.close,
    "ten rows": lambda x: np.append(np.full(10, np.nan), x.close[:-10]) < x.close if x.close.size > 10 else x.close < 0,
    "running best": lambda x: x.close >= np.maximum.accumulate(x.close),
    "running sum": lambda x: np.cumsum(x.volume) % 2 > 1,
    "every tenth row": lambda x: np.arange(x.close.size) % 10 == 1,
    "the first row": lambda x: x.close > x.close[0],
}


@pytest.mark.parametrize("name", LOOK_BACK)
def test_what_live_cannot_see_is_a_difference_and_no_look_ahead(bars, name):
    strategy = strategy_of(LOOK_BACK[name])
    report = cb.check_strategy(strategy, bars)
    assert "look-ahead" not in failed(report), report
    assert failed(report)["parity"].bar == first_difference(strategy, bars)


class Memory:
    calls = 0
    last = np.zeros(1)


def toggling(x):
    Memory.calls += 1
    return (x.close > x.open) & (Memory.calls % 2 == 0)


def sticky(x):
    Memory.last = np.where(x.close > x.open, 1.0, Memory.last[-1:] * 0.5)
    return Memory.last > 0.2


def counting(x):
    Memory.calls += x.close.size
    return x.close > x.open if Memory.calls % 7 else x.close < x.open


RANDOM = np.random.default_rng()
STATEFUL = {
    "toggling": toggling,
    "sticky": sticky,
    "counting": counting,
    "random": lambda x: RANDOM.random(x.close.size) < 0.5,
    "a rare coin": lambda x: (x.close > x.open) ^ (RANDOM.random(x.close.size) < 0.01),
}


@pytest.mark.parametrize("name", STATEFUL)
def test_chance_and_hidden_state_are_found(bars, name):
    report = cb.check_strategy(strategy_of(STATEFUL[name]), bars)
    assert {"determinism", "parity"} & set(failed(report)), report
    failure = report.failures[0]
    assert failure.bar is not None
    assert failure.time == bars.time[failure.bar]
    if "random" in name or "coin" in name:
        assert failure.check == "determinism"


def python_if(x):
    if x.close > x.open:
        return x.close > 0
    return x.close < 0


def raising(x):
    raise KeyError("no such thing")


NONSENSE = {
    "python if": (python_if, "ambiguous"),
    "and": (lambda x: x.close > x.open and x.volume > 0, "ambiguous"),
    "raising": (raising, "KeyError"),
    "division": (lambda x: x.close > 1 / 0, "ZeroDivisionError"),
    "floats": (lambda x: x.close - x.open, "float64"),
    "none": (lambda x: None, "NoneType"),
    "scalar": (lambda x: True, "bool"),
    "one value": (lambda x: (x.close > x.open)[-1], "bool"),
    "too short": (lambda x: x.close[1:] > x.close[:-1], "shape"),
    "two columns": (lambda x: np.stack([x.close > 0, x.close > 0]), "shape"),
    "list": (lambda x: (x.close > 0).tolist(), "list"),
    "typo": (lambda x: x.clsoe > 0, "Did you mean `close`?"),
    "only when live": (lambda x: x.close > 0 if x.close.size > 2 else None, "NoneType"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_told_in_words(bars, name):
    buy, words = NONSENSE[name]
    report = cb.check_strategy(strategy_of(buy), bars)
    assert [failure.check for failure in report.failures] == ["runs"]
    assert words in report.failures[0].detail
    assert "Planted.should_buy" in report.failures[0].detail or "Did you mean" in words


def vandal(x):
    x.close[:] = 1.0
    return x.close > 0


def burglar(x):
    x.close.flags.writeable = True
    x.close[-1] *= 1.5
    return x.close > 0


@pytest.mark.parametrize("buy", [vandal, burglar])
def test_writing_into_the_bars_is_found(buy):
    bars = BarColumns.of(cb.practice_bars(300, 1))
    before = bars.close.copy()
    report = cb.check_strategy(strategy_of(buy), bars)
    assert [failure.check for failure in report.failures][:1] == ["inputs unchanged"], report
    frame = bars.to_frame()
    assert buy is burglar or (frame["close"] == before).all()


class Wrong(Feature):
    """A mean of the last ``window`` closes with faults to choose."""

    window = param(6, ge=1)
    fault = param("none", choices=("none", "early", "late", "gap", "forever"))

    def state(self):
        return [0.0] * (3 + self.window)

    @property
    def warm_up(self):
        return {"early": self.window - 2, "late": self.window}.get(self.fault, self.window - 1)

    def arguments(self, scale):
        return (float(self.window), float(self.fault == "gap"), float(self.fault == "forever"))

    @kernel
    def step(state, close, window, gap, forever):  # noqa: N805 - a kernel has no self
        size, count = int(window), int(state[0])
        state[0] += 1.0
        state[1] += close
        state[3 + count % size] = close
        if count + 1 < size or (gap > 0 and count == 700):
            return math.nan
        if forever > 0:
            return state[1] / state[0]
        total = 0.0
        for age in range(size):
            total += state[3 + (count + 1 + age) % size]
        return total / window


@pytest.mark.parametrize(
    ("fault", "check", "bar"),
    [("early", "warm-up", 4), ("late", "warm-up", 5), ("gap", "warm-up", 700), ("forever", "any start", None)],
)
def test_a_feature_that_breaks_its_word_is_found(bars, fault, check, bar):
    buys = lambda x: x.close > x.mean  # noqa: E731
    assert cb.check_strategy(strategy_of(buys, lambda: {"mean": Wrong()}), bars).ok
    report = cb.check_strategy(strategy_of(buys, lambda: {"mean": Wrong(fault=fault)}), bars)
    found = failed(report)[check]
    assert bar is None or found.bar == bar, report


def test_what_cannot_be_checked_is_refused(bars):
    good = strategy_of(HONEST["always"])
    with pytest.raises(ConfigError, match=r"is not a strategy\. Make one: call the class"):
        cb.check_strategy(cb.MovingAverageCrossover, bars)
    with pytest.raises(ConfigError, match="is not a strategy"):
        cb.check_strategy("ma_crossover", bars)
    with pytest.raises(ConfigError, match="30 bars do not reach past the warm-up of 29"):
        cb.check_strategy(cb.MovingAverageCrossover(), bars.head(30))
    assert cb.check_strategy(cb.MovingAverageCrossover(), bars.head(32)).ok
    with pytest.raises(ConfigError, match="not a table"):
        cb.check_strategy(good, [1, 2, 3])
    frame = bars.to_frame()
    frame.iloc[40, 0] = math.nan
    with pytest.raises(DataError, match="bar 40"):
        cb.check_strategy(good, frame)


def test_bars_off_any_grid_and_bars_with_holes_are_fine(bars):
    crossover = cb.MovingAverageCrossover(fast=3, slow=7)
    odd = {name: getattr(bars, name) * np.pi for name in ("open", "high", "low", "close", "volume")}
    assert cb.check_strategy(crossover, BarColumns.unchecked(bars.time.copy(), odd, bars.timeframe)).ok
    keep = np.delete(np.arange(N), [5, 6, 300, *range(600, 700)])
    assert cb.check_strategy(crossover, bars.to_frame().iloc[keep]).ok
    assert cb.check_strategy(crossover, replace(bars)).ok


def test_a_report_reads_well():
    good = CheckReport("Mine(fast=1)", 1_500, CHECKS, (), 0.25)
    assert good.ok
    assert repr(good).splitlines()[0] == "Mine(fast=1) passed every check on 1,500 bars (0.2 s)"
    bad = replace(good, failures=(CheckFailure("parity", 7, 1_700_000_000_000_000_000, "batch <b> says buy"),))
    assert not bad.ok
    assert "✗ parity at bar 7 (2023-11-14 22:13:20 UTC): batch <b> says buy" in repr(bad)
    assert "FAILED 1 of 8 checks" in repr(bad)
    assert "&lt;b&gt;" in bad._repr_html_()
    assert "Passed every check" in good._repr_html_()
    assert str(CheckFailure("runs", None, None, "x")) == "runs: x"
