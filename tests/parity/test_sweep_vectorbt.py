"""A sweep against plain vectorbt on thousands of combinations.

vectorbt is fed as it can be trusted: prices as whole ticks, so that its rolling sums are exact; plenty of cash, so that no
order is small; DataFrames, a column a combination.
"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest

import cryptobot as cb

FILES = (
    "BTC_USDT-1h-2017-2024",
    "BTC_USDT-1m-2023-halt",
    "BTC_USDT-5m-2022-2023",
    "ETH_USDT-5m-2022-2023",
    "SOL_USDT-5m-2022-2023",
)
BARS = 5_000
FEE, SLIPPAGE_BPS = 0.001, 1
FAST, SLOW, WINDOWS = (2, 3, 5, 8, 13, 21, 34, 40), (41, 55, 70, 89, 110, 144, 180, 233), (2, 20, 40, 60)
LEVELS = (0.0, 0.7)  # of the median volatility
BATCH = 64


def plain_vectorbt(bars: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return vectorbt's figures of every combination; it never saw our code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import vectorbt as vbt

        step = pd.Timedelta(int(np.diff(bars.index.as_unit("ns").asi8).min()), unit="ns")
        decimals = max(len(repr(price).partition(".")[2].removesuffix("0")) for price in bars["close"].tolist())
        ticks = (bars[["open", "close"]] * 10.0**decimals).round().tz_localize(None)
        close, opened = ticks["close"], ticks["open"]
        sums = {size: close.rolling(size).sum() for size in (*FAST, *SLOW)}
        returns = bars["close"].tz_localize(None).pct_change()
        volatility = {size: returns.rolling(size).std(ddof=0) for size in WINDOWS}
        flat = {size: close.rolling(size + 1).max() == close.rolling(size + 1).min() for size in WINDOWS}
        rows = []
        for begin in range(0, len(table), BATCH):
            buys, sells = {}, {}
            for row in table.iloc[begin : begin + BATCH].itertuples():
                gap = sums[row.fast] * row.slow - sums[row.slow] * row.fast
                before = gap.shift(1)
                size = row.volatility_window
                moving = (volatility[size] > row.volatility_threshold) & ~flat[size]
                buys[row.Index] = (gap > 0) & (before <= 0) & moving
                sells[row.Index] = (gap < 0) & (before >= 0) & (np.arange(len(gap)) >= size)
            entries, exits = (
                pd.DataFrame(signals).shift(1, fill_value=False).astype(bool) for signals in (buys, sells)
            )
            prices = pd.DataFrame(dict.fromkeys(buys, opened))
            folio = vbt.Portfolio.from_signals(
                pd.DataFrame(dict.fromkeys(buys, close)),
                entries=entries,
                exits=exits,
                price=prices,
                size=np.inf,
                fees=FEE,
                slippage=SLIPPAGE_BPS / 10_000,
                init_cash=1e14,
                freq=step,
            )
            closed = folio.trades.closed
            rows.append(
                pd.DataFrame(
                    {
                        "total_return": folio.total_return(),
                        "max_drawdown": folio.max_drawdown(),
                        "sharpe": folio.sharpe_ratio(year_freq="365 days"),
                        "trades": closed.count(),
                        "win_rate": closed.win_rate(),
                        "profit_factor": closed.profit_factor(),
                    }
                )
            )
        return pd.concat(rows)


def compare(bars: pd.DataFrame) -> int:
    """Compare a grid; return how many combinations."""
    middle = float(bars["close"].pct_change().rolling(20).std(ddof=0).median())
    combos = pd.DataFrame(
        [(f, s, w, level * middle) for f, s, w, level in itertools.product(FAST, SLOW, WINDOWS, LEVELS)],
        columns=["fast", "slow", "volatility_window", "volatility_threshold"],
    )
    ours = cb.sweep(cb.MovingAverageCrossover, bars, combos=combos, fee=FEE, slippage_bps=SLIPPAGE_BPS).table
    theirs = plain_vectorbt(bars, combos)
    assert ours["trades"].tolist() == theirs["trades"].tolist()
    assert ours["trades"].sum() > 1_000
    assert ours["total_return"].to_numpy() == pytest.approx(theirs["total_return"].to_numpy(), rel=1e-9, abs=1e-12)
    assert ours["max_drawdown"].to_numpy() == pytest.approx(theirs["max_drawdown"].to_numpy(), rel=1e-9, abs=1e-12)
    assert ours["win_rate"].to_numpy() == pytest.approx(theirs["win_rate"].to_numpy(), rel=1e-12, nan_ok=True)
    some = (ours["trades"] > 0).to_numpy()
    sharpe = theirs["sharpe"].to_numpy()[some]
    assert ours["sharpe"].to_numpy()[some] == pytest.approx(sharpe, rel=1e-8, abs=1e-8)
    lost = some & (theirs["win_rate"] < 1).to_numpy()
    factor = theirs["profit_factor"].to_numpy()[lost]
    assert ours["profit_factor"].to_numpy()[lost] == pytest.approx(factor, rel=1e-9, abs=1e-12)
    return len(combos)


@pytest.mark.parametrize("seed", [5, 6])
def test_practice_market(seed):
    assert compare(cb.practice_bars(BARS, seed=seed, timeframe="15m")) == 512


@pytest.mark.parametrize("name", FILES)
def test_recorded_candles(recorded, name):
    if recorded is None:
        bars = cb.practice_bars(BARS, seed=50 + FILES.index(name), timeframe="1h")
    else:
        bars = pd.read_feather(recorded / f"{name}.feather")
        bars.index = pd.DatetimeIndex(pd.to_datetime(bars.pop("date"), utc=True), name="time")
        bars = bars.astype(float).iloc[-BARS:]
    assert compare(bars) == 512
