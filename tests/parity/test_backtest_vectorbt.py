"""The backtest against plain vectorbt: signals from whole ticks, simulated by `from_signals` with all the cash.

vectorbt is fed as it can be trusted: prices as whole ticks, so that its rolling sums are exact; plenty of cash, so that no
order is small; whole Series, as it takes a bare array for a row.
"""

from __future__ import annotations

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
    "XRP_ETH-1m-2019-illiquid",
)
STEPS = [(10, 30), (3, 50), (100, 400)]
FEE, SLIPPAGE_BPS = 0.001, 2


def plain_vectorbt(bars: pd.DataFrame, fast: int, slow: int, window: int):
    """Return a vectorbt portfolio that never saw our code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import vectorbt as vbt
    step = int(np.diff(bars.index.as_unit("ns").asi8).min())
    decimals = max(len(repr(price).partition(".")[2].removesuffix("0")) for price in bars["close"].tolist())
    ticks = (bars[["open", "close"]] * 10.0**decimals).round().tz_localize(None)
    close, opened = ticks["close"], ticks["open"]
    gap = close.rolling(fast).sum() * slow - close.rolling(slow).sum() * fast
    before = gap.shift(1)
    moving = close.rolling(window + 1).max() > close.rolling(window + 1).min()
    entries = (gap > 0) & (before <= 0) & moving
    exits = (gap < 0) & (before >= 0)
    entries[: window + 1] = exits[: window + 1] = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return vbt.Portfolio.from_signals(
            close,
            entries=entries.shift(1, fill_value=False),
            exits=exits.shift(1, fill_value=False),
            price=opened,
            size=np.inf,
            fees=FEE,
            slippage=SLIPPAGE_BPS / 10_000,
            init_cash=1e12,
            freq=pd.Timedelta(step, unit="ns"),
        )


def compare(bars: pd.DataFrame, fast: int, slow: int) -> None:
    strategy = cb.MovingAverageCrossover(fast=fast, slow=slow, volatility_window=20)
    report = cb.backtest(strategy, bars, fee=FEE, slippage_bps=SLIPPAGE_BPS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = plain_vectorbt(bars, fast, slow, 20)
        trades = theirs.trades.records
        stats = report.stats
        assert len(trades) == stats.trades + stats.open_trades
        assert int((trades["status"] == 0).sum()) == stats.open_trades
        closed = trades[trades["status"] == 1]
        assert list(closed["entry_idx"]) == [bars.index.get_loc(t) for t in report.trades["entry_time"][: len(closed)]]
        assert list(closed["exit_idx"]) == [bars.index.get_loc(t) for t in report.trades["exit_time"][: len(closed)]]
        assert list(report.trades["return"][: len(closed)]) == pytest.approx(
            list(closed["return"]), rel=1e-9, abs=1e-12
        )
        assert 1 + stats.total_return == pytest.approx(1 + theirs.total_return(), rel=1e-9)
        assert stats.max_drawdown == pytest.approx(theirs.max_drawdown(), rel=1e-9)
        assert stats.sharpe == pytest.approx(theirs.sharpe_ratio(), rel=1e-9)
        assert stats.win_rate == pytest.approx((closed["pnl"] > 0).mean())
        value = np.asarray(theirs.value()) * (10_000 / 1e12)
    assert report.equity.to_numpy() == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(("fast", "slow"), STEPS)
def test_practice_market(fast, slow):
    compare(cb.practice_bars(60_000, seed=11), fast, slow)


@pytest.mark.parametrize(("fast", "slow"), STEPS)
@pytest.mark.parametrize("name", FILES)
def test_recorded_candles(recorded, name, fast, slow):
    if recorded is None:
        bars = cb.practice_bars(20_000, seed=20 + FILES.index(name))
    else:
        bars = pd.read_feather(recorded / f"{name}.feather")
        bars.index = pd.DatetimeIndex(pd.to_datetime(bars.pop("date"), utc=True), name="time")
    compare(bars.astype(float), fast, slow)
