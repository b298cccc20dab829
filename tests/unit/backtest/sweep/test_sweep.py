"""`sweep` as it is called: skipped sets, bad input, interruption, progress, and digits that never change."""

from __future__ import annotations

import importlib
import threading

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.backtest.sweep.threads import Crew, Stop

CROSS = cb.MovingAverageCrossover
RANGES = {
    "fast": [3, 5, 8, 40],
    "slow": [10, 20, 60],
    "volatility_window": [10, 30],
    "volatility_threshold": [0.0, 0.0005, 0.001],
}


class Average(cb.Strategy):
    """Nothing crosses here."""

    window = cb.param(10, ge=1)
    length = cb.param(14, ge=2)

    def features(self):
        return {"average": cb.EMA(self.window), "rsi": cb.RSI(self.length)}

    def should_buy(self, x):
        return (x.close > x.average) & (x.rsi < 50.0)

    def should_sell(self, x):
        return x.close < x.average


class Opaque(Average):
    """Nothing can be read here."""

    def should_buy(self, x):
        return np.where(x.close > x.average, x.rsi < 50.0, False)


@pytest.fixture(scope="module")
def bars():
    return cb.practice_bars(6_000, seed=11)


def test_sets_that_break_a_constraint_are_skipped_counted_and_named(bars):
    report = cb.sweep(CROSS, bars, fast=[5, 30], slow=[20, 30, 40])
    assert report.asked == 6
    assert len(report) == report.trials == 4
    assert report.skipped[["fast", "slow"]].to_numpy().tolist() == [[30, 20], [30, 30]]
    assert report.skipped["reason"][0].startswith("MovingAverageCrossover: `fast` is 30 and `slow` is 20.")
    assert "2 combinations break a constraint and were skipped" in repr(report)
    assert report.complete


def test_nothing_left_is_an_error_with_the_reason(bars):
    with pytest.raises(cb.ConfigError, match="each of the 2 combinations breaks a constraint.*`fast` is 30"):
        cb.sweep(CROSS, bars, fast=[30, 31], slow=30)


def test_rows_given_twice_are_one_trial(bars):
    report = cb.sweep(CROSS, bars, combos=[{"fast": 5}, {"fast": 6}, {"fast": 5}])
    assert len(report) == 3
    assert report.trials == 2


BAD = {
    "rank": ({"rank": "sharp"}, "Did you mean `sharpe`?"),
    "workers": ({"workers": 0}, "workers: 0 is not allowed"),
    "blocks": ({"blocks": 1.5}, "blocks: 1.5 is not allowed"),
    "cash": ({"cash": 0}, "cash: 0 is not allowed"),
    "fee": ({"fee": 1}, "fee: 1 is not allowed"),
    "market": ({"market": "BTC/USDT"}, "is not a Market"),
    "progress": ({"progress": "yes"}, "progress: 'yes' is not allowed"),
    "client": ({"client": object()}, "is not a dask.distributed.Client"),
}


@pytest.mark.parametrize(("given", "said"), BAD.values(), ids=BAD)
def test_bad_arguments_say_what_to_do(bars, given, said):
    with pytest.raises(cb.ConfigError) as caught:
        cb.sweep(CROSS, bars, fast=[5], **given)
    assert said in str(caught.value)


def test_bars_with_nan_are_refused(bars):
    broken = bars.copy()
    broken.iloc[7, broken.columns.get_loc("close")] = np.nan
    with pytest.raises(cb.DataError, match="bar 7"):
        cb.sweep(CROSS, broken, fast=[5])


def test_a_condition_that_looks_ahead_is_refused(bars):
    class Peeks(Average):
        def should_buy(self, x):
            return np.append(x.close[1:] > x.close[:-1], False)

    with pytest.raises(cb.StrategyError, match="Peeks looks ahead"):
        cb.sweep(Peeks, bars, window=[5, 6])


def test_a_feature_that_looks_ahead_is_refused(bars):
    future = bars["close"].to_numpy()

    class Oracle(cb.Feature):
        """Knows how the bars it was made for go on."""

        window = cb.param(3, ge=1)
        inputs = ("close",)

        @property
        def step(self):
            values = np.append(future[1:], future[-1])

            class Kernel:
                @staticmethod
                def scan(state, inputs, arguments):
                    # On fewer bars it knows less, as any indicator computed from whole columns would.
                    return np.append(values[: len(inputs[0]) - 1], inputs[0][-1]).copy()

            return Kernel

        def state(self):
            return [0.0]

    class Cheats(cb.Strategy):
        window = cb.param(3, ge=1)

        def features(self):
            return {"next": Oracle(self.window)}

        def should_buy(self, x):
            return x.next > x.close

        def should_sell(self, x):
            return x.next < x.close

    with pytest.raises(cb.StrategyError, match="the feature `next` depends on the future"):
        cb.sweep(Cheats, bars, window=[3, 4])


def test_an_error_in_a_condition_is_told_as_by_the_backtest(bars):
    class Broken(Average):
        def should_buy(self, x):
            return x.clsoe > x.average

    class Branches(Average):
        def should_buy(self, x):
            return x.close > x.average and x.rsi < 50

    for cls in (Broken, Branches):
        with pytest.raises(cb.StrategyError) as theirs:
            cb.backtest(cls(), bars)
        with pytest.raises(cb.StrategyError) as ours:
            cb.sweep(cls, bars, window=[5, 6])
        assert str(ours.value) == str(theirs.value)


def same(a, b) -> bool:
    return a.figures.tobytes() == b.figures.tobytes() and a.block_sums.tobytes() == b.block_sums.tobytes()


@pytest.mark.parametrize(
    ("cls", "ranges"),
    [(CROSS, RANGES), (Average, {"window": [5, 9, 30], "length": [5, 14]}), (Opaque, {"window": [5, 9]})],
)
def test_order_neighbours_blocks_and_threads_change_no_digit(bars, cls, ranges, monkeypatch):
    compute = importlib.import_module("cryptobot.backtest.sweep.compute")
    whole = cb.sweep(cls, bars, workers=1, **ranges)
    assert same(whole, cb.sweep(cls, bars, workers=3, **ranges))
    other = cb.sweep(cls, bars, workers=1, blocks=7, **ranges)
    assert whole.figures.tobytes() == other.figures.tobytes()
    assert other.moments[..., 1].sum(axis=1) == pytest.approx(whole.moments[..., 1].sum(axis=1), rel=1e-12, abs=1e-15)
    # Backwards, one by one, and in shares of a single pair.
    rows = whole.table[list(whole.combinations.values)]
    turned = cb.sweep(cls, bars, combos=rows.iloc[::-1])
    assert turned.figures[::-1].tobytes() == whole.figures.tobytes()
    assert turned.block_sums[::-1].tobytes() == whole.block_sums.tobytes()
    for row in (0, len(whole) - 1):
        alone = cb.sweep(cls, bars, combos=rows.iloc[[row]])
        assert alone.figures.tobytes() == whole.figures[[row]].tobytes()
    monkeypatch.setattr(importlib.import_module("cryptobot.backtest.sweep.tables"), "_TASK", 1e-9)
    monkeypatch.setattr(importlib.import_module("cryptobot.backtest.sweep.tables"), "_SETS", 2)
    monkeypatch.setattr(compute, "_WALKS", 1)
    assert same(whole, cb.sweep(cls, bars, workers=2, **ranges))


def test_the_way_it_is_computed_changes_no_result(bars, monkeypatch):
    """What trades between crossings, what is walked through, and what cannot be read: the same strategy three ways."""

    class Walked(CROSS):
        def should_sell(self, x):
            return cb.crossed_below(x.fast, x.slow) & (x.close > 0.0)

    class Hidden(CROSS):
        def should_buy(self, x):
            return np.asarray(super().should_buy(x)) | np.zeros(x.close.size, dtype=bool)

    wanted = cb.sweep(CROSS, bars, **RANGES)
    for cls in (Walked, Hidden):
        got = cb.sweep(cls, bars, **RANGES)
        assert got.figures == pytest.approx(wanted.figures, rel=1e-13, nan_ok=True)
        assert (got.table["trades"] == wanted.table["trades"]).all()


def test_volatility_that_lies_on_its_threshold_is_asked_exactly(bars):
    """Thresholds that are the volatility of some row, and one rounding below: an estimate cannot tell these apart."""
    strategy = CROSS(fast=3, slow=10, volatility_window=10)
    decisions = strategy.batch(bars)
    on = decisions.features["volatility"][decisions.buy][:20]
    levels = [*on.tolist(), *np.nextafter(on, 0.0).tolist()]
    report = cb.sweep(CROSS, bars, fast=3, slow=10, volatility_window=10, volatility_threshold=levels)
    for row, level in enumerate(report.table["volatility_threshold"]):
        single = cb.sweep(Exact, bars, combos=[{"fast": 3, "slow": 10, "volatility_window": 10, "threshold": level}])
        assert single.figures == pytest.approx(report.figures[[row]], rel=1e-13)
    half = len(levels) // 2
    assert (report.table["trades"][half:].to_numpy() > report.table["trades"][:half].to_numpy()).any()


class Exact(cb.Strategy):
    """The crossover with its volatility compared in full."""

    fast = cb.param(3, ge=1)
    slow = cb.param(10, ge=1)
    volatility_window = cb.param(10, ge=2)
    threshold = cb.param(0.0)

    def features(self):
        return {
            "fast": cb.SMA(self.fast),
            "slow": cb.SMA(self.slow),
            "volatility": cb.RollingVolatility(self.volatility_window),
        }

    def should_buy(self, x):
        return np.asarray(cb.crossed_above(x.fast, x.slow) & (x.volatility > self.threshold)) | np.zeros(
            len(x.close), bool
        )

    def should_sell(self, x):
        return cb.crossed_below(x.fast, x.slow)


def test_progress_is_told(bars, monkeypatch):
    monkeypatch.setattr(importlib.import_module("cryptobot.backtest.sweep.tables"), "_TASK", 1e-9)
    told = []
    cb.sweep(CROSS, bars, progress=lambda *said: told.append(said), workers=1, **RANGES)
    done = [said[0] for said in told]
    assert done == sorted(done)
    assert told[-1] == (len(cb.sweep(CROSS, bars, **RANGES)), done[-1], 0.0)
    assert len(told) > 3
    assert all(left >= 0 for _, _, left in told)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("cls", "ranges", "work", "calls"),
    [(CROSS, RANGES, "sweep_pairs", 4), (Average, {"window": range(5, 105)}, "walk", 64)],
)
def test_ctrl_c_returns_what_is_done_and_says_so(bars, monkeypatch, workers, cls, ranges, work, calls):
    compute = importlib.import_module("cryptobot.backtest.sweep.compute")
    monkeypatch.setattr(importlib.import_module("cryptobot.backtest.sweep.tables"), "_TASK", 1e-9)
    whole = cb.sweep(cls, bars, **ranges)
    pressed, begun, plain = threading.Event(), [], getattr(compute, work)

    def waits(*given):
        """Work on, but not to the end before the key is pressed."""
        begun.append(1)
        if len(begun) > calls:
            assert pressed.wait(60)
        return plain(*given)

    def press(done, total, left):
        if done >= total // 4:
            pressed.set()
            raise KeyboardInterrupt

    monkeypatch.setattr(compute, work, waits)
    part = cb.sweep(cls, bars, workers=workers, progress=press, **ranges)
    assert not part.complete
    assert 0 < len(part) < len(whole)
    assert f"The sweep was interrupted: {len(part)} of {len(whole)} combinations are done" in repr(part)
    assert "interrupted" in part._repr_html_()
    merged = part.table.merge(whole.table, on=list(whole.combinations.values))
    assert len(merged) == len(part)
    assert (merged["total_return_x"] == merged["total_return_y"]).all()


def test_ctrl_c_before_anything_is_done_is_no_report(bars, monkeypatch):
    compute = importlib.import_module("cryptobot.backtest.sweep.compute")

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(compute, "sweep_pairs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        cb.sweep(CROSS, bars, workers=1, **RANGES)


def test_a_failing_task_stops_the_others_and_is_told():
    stop, begun = Stop(), []
    gate = threading.Event()

    def fails() -> int:
        gate.wait(10)
        raise ValueError("broken")

    def late() -> int:
        begun.append(1)
        return 1

    def first() -> int:
        gate.set()
        return 1

    with Crew(2) as crew, pytest.raises(ValueError, match="broken"):
        crew.run([first, fails, *[late] * 200], lambda _: None, stop)
    assert stop.is_set()
