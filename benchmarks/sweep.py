"""Sweeps: against vectorbt with its Rust engine in the same run, and against their own limits.

Ratios are of processor time, from a DataFrame to a table by the public API, everything compiled before. vectorbt is given
a batch of the same parameter sets, and each feature once; its time a bar and set is that of a whole sweep, because it
has nothing to share between batches. Nothing is recorded in the registry of runs. Threads, memory and cold starts are measured by the clock and in processes of
their own.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

import cryptobot as cb
from benchmarks.cluster import measure_cluster
from benchmarks.figure import Figure, alternating, ratio
from cryptobot.backtest.sweep import compute, threads

BARS, YEAR, SETS, BATCH = 100_000, 525_600, 1_000, 20
UNSHARED = "year of minutes, 1,000 unshared"
GRID: dict[str, Any] = {
    "fast": [5, 10, 15, 20, 25],
    "slow": [30, 40, 50, 60, 80, 100, 120, 150, 200, 250],
    "volatility_window": [20, 40, 60, 120],
    "volatility_threshold": [0.0004, 0.0008, 0.001, 0.0012, 0.0014],
}
TYPED_GRID: dict[str, Any] = {
    "window": list(range(5, 25)),
    "low": [25.0, 30.0, 35.0, 40.0, 45.0],
    "length": list(range(20, 220, 20)),
}


class Typed(cb.Strategy):
    """As somebody types it into a cell: nothing in it crosses."""

    window = cb.param(14, ge=2)
    low = cb.param(30.0)
    length = cb.param(100, ge=2)

    def features(self) -> dict[str, cb.Feature]:
        """Return the oscillator and the trend."""
        return {"rsi": cb.RSI(self.window), "trend": cb.SMA(self.length)}

    def should_buy(self, x: Any) -> Any:
        """Tell the rows that are cheap in a rising market."""
        return (x.rsi < self.low) & (x.close > x.trend)

    def should_sell(self, x: Any) -> Any:
        """Tell the rows that are dear."""
        return x.rsi > 100.0 - self.low


def measure(rounds: int) -> list[Figure]:
    """Measure everything."""
    bars = cb.practice_bars(BARS, seed=7)
    year = _year(rounds)
    seconds = next((figure.value for figure in year if figure.name == UNSHARED), math.nan)
    return [
        *_against_vectorbt(bars, rounds),
        *_shape(bars, rounds),
        *year,
        *_cold(rounds),
        *measure_cluster(rounds, seconds, unshared(1_024)),
    ]


def unshared(m: int, seed: int = 3) -> pd.DataFrame:
    """Parameter sets of which no two share a pair of averages."""
    random = np.random.default_rng(seed)
    chosen = random.choice(98 * 900, m, replace=False)
    return pd.DataFrame(
        {
            "fast": 2 + chosen // 900,
            "slow": 100 + chosen % 900,
            "volatility_window": random.choice(GRID["volatility_window"], m),
            "volatility_threshold": random.choice(GRID["volatility_threshold"], m),
        }
    )


def _cpu(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Measure works turn by turn in seconds of processor time."""
    runs: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(rounds + 1):
        for name, work in works.items():
            begin = time.process_time()
            work()
            if round_:  # the first one compiles and loads
                runs[name].append(time.process_time() - begin)
    return runs


def _against_vectorbt(bars: pd.DataFrame, rounds: int) -> list[Figure]:
    rows = unshared(SETS)
    grid = cb.sweep(cb.MovingAverageCrossover, bars.iloc[:1_000], record=False, **GRID).table[list(GRID)]
    typed = cb.sweep(Typed, bars.iloc[:1_000], record=False, **TYPED_GRID).table[list(TYPED_GRID)]
    works: dict[str, Callable[[], object]] = {
        "grid": lambda: cb.sweep(cb.MovingAverageCrossover, bars, workers=1, record=False, **GRID).table,
        "vectorbt grid": lambda: _crossover(bars, _batch(grid)),
        "unshared": lambda: cb.sweep(cb.MovingAverageCrossover, bars, workers=1, record=False, combos=rows).table,
        "vectorbt unshared": lambda: _crossover(bars, _batch(rows)),
        "typed": lambda: cb.sweep(Typed, bars, workers=1, record=False, **TYPED_GRID).table,
        "vectorbt typed": lambda: _reversal(bars, _batch(typed)),
    }
    runs = _cpu(works, rounds)
    found = []
    for name, what, least in (
        ("grid", "sweep of a grid (50 pairs)", 2_000),
        ("unshared", "sweep without shared pairs", 250),
        ("typed", "sweep of a typed strategy", 30),
    ):
        ours = [run / BARS / SETS * 1e9 for run in runs[name]]
        theirs = [run / BARS / BATCH * 1e9 for run in runs[f"vectorbt {name}"]]
        found.append(
            Figure.of(
                what,
                ours,
                "ns a bar and set",
                limit=statistics.median(theirs) / least,
                ratio=f"{ratio(theirs, ours):,.0f} × faster than vectorbt (at least {least:,})",
                note=f"{SETS:,} sets × {BARS:,} bars, processor time; vectorbt {statistics.median(theirs):.0f} ns",
            )
        )
    return found


def _batch(sets: pd.DataFrame) -> pd.DataFrame:
    return sets.sample(BATCH, random_state=5)


def _vectorbt() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import vectorbt  # noqa: PLC0415 - three seconds
    vectorbt.settings["engine"] = "rust"
    return vectorbt


def _figures(vbt: Any, bars: pd.DataFrame, entries: Any, exits: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folio = vbt.Portfolio.from_signals(
            bars["close"],
            entries.shift(1, fill_value=False),
            exits.shift(1, fill_value=False),
            price=bars["open"],
            fees=0.001,
            init_cash=1e10,
            freq="1min",
        )
        closed = folio.trades.closed
        # The seven figures of the table.
        return [
            folio.total_return(),
            folio.max_drawdown(),
            folio.sharpe_ratio(),
            closed.count(),
            closed.win_rate(),
            closed.profit_factor(),
            (folio.assets() > 0).mean(),
        ]


def _columns(columns: dict[int, Any], names: Any) -> pd.DataFrame:
    """Return a column a set, from a column a window."""
    return pd.DataFrame({i: columns[name] for i, name in enumerate(names)})


def _crossover(bars: pd.DataFrame, sets: pd.DataFrame) -> Any:
    vbt = _vectorbt()
    bars = bars.tz_localize(None)
    close = bars["close"]
    returns = close.pct_change()
    sizes = sorted({*sets["fast"], *sets["slow"]})
    means = dict(zip(sizes, vbt.MA.run(close, sizes, short_name="ma").ma.to_numpy().T, strict=True))
    windows = sorted(set(sets["volatility_window"]))
    deviations = dict(zip(windows, vbt.MSTD.run(returns, windows).mstd.to_numpy().T, strict=True))
    fast, slow = _columns(means, sets["fast"]), _columns(means, sets["slow"])
    volatility = _columns(deviations, sets["volatility_window"])
    fast.index = slow.index = volatility.index = close.index
    moves = volatility.gt(sets["volatility_threshold"].to_numpy(), axis=1)
    return _figures(vbt, bars, fast.vbt.crossed_above(slow) & moves, fast.vbt.crossed_below(slow))


def _reversal(bars: pd.DataFrame, sets: pd.DataFrame) -> Any:
    vbt = _vectorbt()
    bars = bars.tz_localize(None)
    close = bars["close"]
    windows, lengths = sorted(set(sets["window"])), sorted(set(sets["length"]))
    strengths = dict(zip(windows, vbt.RSI.run(close, windows, ewm=True).rsi.to_numpy().T, strict=True))
    means = dict(zip(lengths, vbt.MA.run(close, lengths).ma.to_numpy().T, strict=True))
    rsi, trend = _columns(strengths, sets["window"]), _columns(means, sets["length"])
    rsi.index = trend.index = close.index
    low = sets["low"].to_numpy()
    return _figures(vbt, bars, rsi.lt(low, axis=1) & trend.lt(close, axis=0), rsi.gt(100 - low, axis=1))


def _shape(bars: pd.DataFrame, rounds: int) -> list[Figure]:
    """Measure how the cost grows with windows, bars and cores."""

    def crossing(m: int, fast: range, slow: range) -> pd.DataFrame:
        pairs = [(fast[i % len(fast)], slow[i // len(fast) % len(slow)]) for i in range(m)]
        return pd.DataFrame(pairs, columns=["fast", "slow"]).assign(volatility_window=2, volatility_threshold=1.0)

    # A threshold that nothing passes: what is left is finding the crossings, whose number is not that of the windows.
    short, long = crossing(400, range(2, 22), range(30, 50)), crossing(400, range(5_000, 5_020), range(19_980, 20_000))
    half = bars.iloc[: BARS // 2]
    rows = unshared(SETS)
    plain = cb.MovingAverageCrossover
    runs = _cpu(
        {
            "short": lambda: cb.sweep(plain, bars, workers=1, record=False, combos=short),
            "long": lambda: cb.sweep(plain, bars, workers=1, record=False, combos=long),
            "half": lambda: cb.sweep(plain, half, workers=1, record=False, combos=rows),
            "whole": lambda: cb.sweep(plain, bars, workers=1, record=False, combos=rows),
        },
        rounds,
    )
    found = [
        Figure.of(
            "sweep: windows of 20,000 against 30",
            [a / b for a, b in zip(runs["long"], runs["short"], strict=True)],
            "×",
            limit=1.1,
            note="400 pairs, processor time",
        ),
        Figure.of(
            "sweep: twice the bars",
            [a / b for a, b in zip(runs["whole"], runs["half"], strict=True)],
            "×",
            limit=2.2,
            note="1,000 pairs, processor time",
        ),
    ]
    return [*found, *_cores(rounds)] if (os.cpu_count() or 1) > 1 else found


def _cores(rounds: int) -> list[Figure]:
    """Measure two cores against one, on what a person would wait for: ten thousand sets on a year of minutes."""
    year = cb.practice_bars(YEAR, seed=7)

    def works(m: int) -> dict[str, Callable[[], object]]:
        rows = unshared(m)
        return {
            str(many): partial(
                cb.sweep, cb.MovingAverageCrossover, year, workers=many, record=False, progress=False, combos=rows
            )
            for many in (1, 2)
        }

    def gains(m: int) -> list[float]:
        walls = alternating(works(m), rounds)
        return [a / b for a, b in zip(walls["2"], walls["1"], strict=True)]

    few, many = gains(SETS), gains(10 * SETS)
    shares = [_two_cores(works(10 * SETS)["2"]) for _ in range(min(rounds, 3))]
    return [
        Figure.of(
            "sweep: two cores against one",
            many,
            "× the time",
            limit=1 / 1.8,
            ratio=f"{1 / statistics.median(many):.2f} × faster",
            note=f"{10 * SETS:,} pairs × a year of minutes, by the clock: neighbours on the machine show; "
            f"{SETS:,} pairs: {1 / statistics.median(few):.2f} ×",
        ),
        Figure.of(
            "sweep: two free cores against one",
            shares,
            "× the time",
            limit=1 / 1.8,
            ratio=f"{1 / statistics.median(shares):.2f} × faster",
            note="the same in processor time: what is not in tasks, and the tasks on whichever of two cores is free",
        ),
    ]


def _two_cores(work: Callable[[], object]) -> float:
    """Return the time that a sweep takes on two cores that nobody else uses, as a share of its processor time."""
    took: list[float] = []

    def timed(task: Callable[[], int]) -> int:
        begin = time.thread_time()
        done = task()
        took.append(time.thread_time() - begin)
        return done

    class Timed(threads.Crew):
        def run(self, tasks: Sequence[Callable[[], int]], told: Callable[[int], None], stop: threads.Stop) -> None:
            super().run([partial(timed, task) for task in tasks], told, stop)

    with mock.patch.object(compute, "Crew", Timed):
        begin = time.process_time()
        work()
        whole = time.process_time() - begin
    busy = [0.0, 0.0]
    for seconds in took:
        busy[busy.index(min(busy))] += seconds
    return (whole - sum(took) + max(busy)) / whole


# Only what a user would import, because the memory of the whole process is measured. Linux begins a child's ru_maxrss
# with what its parent held, but says its own peak elsewhere.
_PROBE = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
import pandas as pd
import cryptobot as cb
columns = dict(np.load(sys.argv[1]))
index = pd.DatetimeIndex(columns.pop("time"), tz="UTC")
bars = pd.DataFrame(columns, index=index)
del columns
how = json.loads(sys.argv[2])
if "combos" in how:
    how["combos"] = pd.DataFrame(how["combos"])
runs = []
for _ in range(int(sys.argv[3]) + 1):
    begin = time.process_time()
    cb.sweep(cb.MovingAverageCrossover, bars, workers=1, record=False, **how).table
    runs.append(time.process_time() - begin)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
status = Path("/proc/self/status")
if status.exists():
    peak = int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps([runs[1:], peak]))
"""


def _year(rounds: int) -> list[Figure]:
    """Measure a year of minutes on one core, each in a process of its own."""
    if sys.platform == "win32":  # no `resource` there
        return []
    found = []
    with tempfile.TemporaryDirectory() as folder:
        # Made here: making them takes more memory than sweeping them.
        file = Path(folder) / "year.npz"
        bars = cb.practice_bars(YEAR, seed=7)
        columns: dict[str, Any] = {str(name): bars[name].to_numpy() for name in bars}
        np.savez(file, time=pd.DatetimeIndex(bars.index).as_unit("ns").asi8.view("M8[ns]"), **columns)
        works: dict[str, Any] = {
            "grid": GRID,
            "unshared": {"combos": unshared(SETS).to_dict("list")},
            "single": {"fast": 10},
        }
        answers = {}
        for name, how in works.items():
            command = [sys.executable, "-c", _PROBE, str(file), json.dumps(how), str(rounds)]
            answers[name] = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for name, what, seconds in (
        ("grid", "year of minutes, grid of 1,000", 0.15),
        ("unshared", UNSHARED, 1.0),
        ("single", "year of minutes, one backtest, figures only", 0.03),
    ):
        runs, peak = json.loads(answers[name].splitlines()[-1])
        found.append(
            Figure.of(what, runs, "s", limit=seconds, note="one core, processor time, from DataFrame to table")
        )
        found.append(Figure.of(f"{what}: memory", [peak], "MB", limit=300, note="peak of the whole process"))
    return found


def _cold(rounds: int) -> list[Figure]:
    """Measure `cryptobot sweep` from nothing to what it says, with numba's cache there."""
    command = [sys.executable, "-c", "from cryptobot.cli import main; main()", "sweep", "--no-progress"]
    told = {**os.environ, "PYTHONUNBUFFERED": "1"}
    first, whole = [], []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=told) as run:
            assert run.stdout is not None
            run.stdout.readline()
            first.append(time.perf_counter() - begin)
            _, complaint = run.communicate()
            whole.append(time.perf_counter() - begin)
        if run.returncode:
            raise RuntimeError(f"cryptobot sweep failed: {complaint}")
    note = "190 sets × 50,000 bars, by the clock, a new process each time"
    return [
        Figure.of("cryptobot sweep, cold to its first result", first[1:], "s", limit=2.0, note=note),
        Figure.of("cryptobot sweep, cold to its end", whole[1:], "s", limit=2.0, note=f"{note}, with their luck"),
    ]
