"""Research and live decide the same, bit for bit, and crossings are those of exact arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

import cryptobot as cb
from cryptobot.core.bars import BarColumns
from cryptobot.core.timeframe import Timeframe

RECORDED = [
    "BTC_USDT-1m-2023-halt.feather",
    "BTC_USDT-1h-2017-2024.feather",
    "BTC_USDT-5m-2022-2023.feather",
    "ETH_USDT-5m-2022-2023.feather",
    "SOL_USDT-5m-2022-2023.feather",
    "XRP_ETH-1m-2019-illiquid.feather",
]
LIVE_BARS = 12_000  # stepped in Python; the whole file goes through the exact oracle
STRATEGIES = [
    cb.MovingAverageCrossover(),
    cb.MovingAverageCrossover(fast=3, slow=8, volatility_window=5, volatility_threshold=0.0005),
    cb.RsiReversal(window=7, oversold=35, overbought=65),
]


@pytest.fixture(scope="module", params=RECORDED)
def bars(request, recorded):
    if recorded is None:
        return BarColumns.of(cb.practice_bars(30_000, 100 + RECORDED.index(request.param)))
    return BarColumns.of(cb.read_bars(recorded / request.param))


def exact_crossings(close, decimals, fast, slow):
    """Return where the averages cross, from whole ticks in int64: sum_fast × slow against sum_slow × fast."""
    ticks = np.round(close * 10.0**decimals).astype(np.int64)
    assert (ticks / 10.0**decimals == close).all()
    total = np.concatenate([[0], np.cumsum(ticks)])
    n = close.size
    a, b = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    a[slow - 1 :] = (total[slow:] - total[slow - fast : n - fast + 1]) * slow
    b[slow - 1 :] = (total[slow:] - total[: n - slow + 1]) * fast
    above, below = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    above[slow:] = (a > b)[slow:] & (a <= b)[slow - 1 : -1]
    below[slow:] = (a < b)[slow:] & (a >= b)[slow - 1 : -1]
    return above, below


def stepped(strategy, bars, rows):
    live = strategy.live(bars.grid)
    return [live.update(bar) for bar in rows]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: f"{s.name}-{next(iter(s.params.values()))}")
def test_recorded_candles_bit_for_bit(strategy, bars):
    part = bars.head(LIVE_BARS)
    batch, live = strategy.batch(part), stepped(strategy, part, part.rows())
    for name in ("buy", "sell"):
        np.testing.assert_array_equal(getattr(batch, name), [getattr(decision, name) for decision in live])
    for name, values in batch.features.items():
        got = np.array([decision.features[name] for decision in live])
        np.testing.assert_array_equal(got.view(np.int64), values.view(np.int64))  # NaN for NaN, too
    np.testing.assert_array_equal(batch.time, [decision.time for decision in live])
    assert batch.buy.any()
    assert batch.sell.any()


def test_a_bot_started_late_agrees_with_a_backtest_started_long_ago(bars):
    strategy = STRATEGIES[0]
    full, rows = strategy.batch(bars), bars.rows()
    for first in np.random.default_rng(4).integers(1, len(bars) - 400, 8).tolist():
        late = stepped(strategy, bars, rows[first : first + 400])
        for row in range(strategy.memory - 1, 400):
            assert repr(late[row]) == repr(full[first + row])


@pytest.mark.parametrize(("fast", "slow"), [(10, 30), (3, 8), (1, 2), (50, 200)])
def test_crossings_of_recorded_candles_are_exact(bars, fast, slow):
    assert bars.grid.decimals is not None
    decisions = cb.MovingAverageCrossover(fast=fast, slow=slow, volatility_window=2).batch(bars)
    above, below = exact_crossings(bars.close, bars.grid.decimals, fast, slow)
    above &= decisions.features["volatility"] > 0
    assert int((decisions.buy != above).sum()) == 0
    assert int((decisions.sell != below).sum()) == 0


def coarse(price, tick, sigma, n=100_000):
    decimals = round(-np.log10(tick))
    walk = np.cumsum(np.random.default_rng(11).normal(0, sigma, n))
    walk -= np.linspace(0, walk[-1], n)  # stays near its price
    ticks = np.maximum(1, np.round(price * np.exp(walk) / tick)).astype(np.int64)
    close = ticks / 10.0**decimals
    columns = {name: close.copy() for name in ("open", "high", "low", "close")}
    time = np.arange(n, dtype=np.int64) * 60_000_000_000
    return BarColumns.unchecked(time, {**columns, "volume": np.ones(n)}, Timeframe(60)), decimals


@pytest.mark.parametrize(
    ("price", "tick", "sigma"),
    [(0.085, 1e-5, 1e-3), (0.085, 1e-4, 1e-3), (1.0003, 1e-4, 1e-4), (64_000.0, 0.1, 1e-3), (0.00000234, 1e-8, 1e-2)],
)
def test_crossings_of_coarse_prices_are_exact(price, tick, sigma):
    bars, decimals = coarse(price, tick, sigma)
    decisions = cb.MovingAverageCrossover(volatility_window=2).batch(bars)
    above, below = exact_crossings(bars.close, decimals, 10, 30)
    defined = decisions.features["volatility"] > 0
    assert above.sum() > 1_000
    assert int((decisions.buy != (above & defined)).sum()) == 0
    assert int((decisions.sell != below).sum()) == 0
    late = 70_001
    part = BarColumns(
        *(getattr(bars, name)[late:] for name in ("time", "open", "high", "low", "close", "volume")),
        timeframe=bars.timeframe,
        grid=bars.grid,
    )
    again = cb.MovingAverageCrossover(volatility_window=2).batch(part)
    assert int((again.sell[31:] != below[late + 31 :]).sum()) == 0


def test_the_oracle_itself_finds_what_plain_floats_get_wrong():
    # Floats summed in the usual way do invent crossings on these prices, so that the tests above can fail.
    bars, decimals = coarse(1.0003, 1e-4, 1e-4)
    above, _ = exact_crossings(bars.close, decimals, 10, 30)
    total = np.concatenate([[0.0], np.cumsum(bars.close)])
    fast, slow = (total[30:] - total[20:-10]) / 10, (total[30:] - total[:-30]) / 30
    naive = np.zeros(len(bars), dtype=bool)
    naive[29:] = cb.crossed_above(fast, slow)
    assert int((naive != above).sum()) > 100


UFUNCS = ["log", "log2", "log10", "log1p", "exp", "expm1", "exp2", "sqrt", "cbrt", "tanh", "sinh", "cosh", "sin", "cos",
          "tan", "arctan", "arcsin", "abs", "floor", "rint", "sign", "square", "reciprocal"]  # fmt: skip
BINARY = {
    "power 2": lambda a, b: a**2,
    "power 0.5": lambda a, b: a**0.5,
    "power 3.7": lambda a, b: a**3.7,
    "power": lambda a, b: a**b,
    "divide": lambda a, b: a / b,
    "mod": lambda a, b: a % b,
    "floor divide": lambda a, b: a // b,
    "maximum": np.maximum,
    "fmin": np.fmin,
    "hypot": np.hypot,
    "arctan2": np.arctan2,
    "logaddexp": np.logaddexp,
    "where": lambda a, b: np.where(a > b, a * b, a - b),
    "clip": lambda a, b: np.clip(a, 0.3, 1.7) + b,
}


@pytest.fixture(scope="module")
def columns():
    random = np.random.default_rng(7)
    n = 60_003  # no multiple of a vector register, so that there is a rest at the end
    return np.exp(random.normal(0, 1.5, n)), np.exp(random.normal(0, 0.5, n)), random


def assert_rows_equal_columns(compute, a, b, rows):
    """Compare a function of whole columns with the same on two-row views, laid out as live rows are."""
    with np.errstate(all="ignore"):
        full = compute(a, b)
        live = np.empty((7, 2))
        view = live.view()
        view.flags.writeable = False
        for row in [*rows, *range(1, 20), *range(a.size - 20, a.size)]:
            live[3], live[5] = a[row - 1 : row + 1], b[row - 1 : row + 1]
            two = compute(view[3], view[5])
            assert two.tobytes() == full[row - 1 : row + 1].tobytes(), (row, two, full[row - 1 : row + 1])


@pytest.mark.parametrize("name", UFUNCS)
def test_functions_of_two_rows_have_the_bits_of_the_column(columns, name):
    a, b, random = columns
    a = np.minimum(a, 1.0) if name == "arcsin" else a
    rows = random.integers(1, a.size, 3_000).tolist()
    assert_rows_equal_columns(lambda x, _: getattr(np, name)(x), a, b, rows)
    assert_rows_equal_columns(lambda x, _: getattr(np, name)(-x), a, b, rows[:300])


@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two_columns_have_the_bits_of_the_column(columns, name):
    a, b, random = columns
    assert_rows_equal_columns(BINARY[name], a, b, random.integers(1, a.size, 3_000).tolist())
