"""A sweep against the backtest, trade for trade.

With a block for every bar, `SweepReport.moments` holds the return of the equity at each bar. Where these are the returns
of the backtest's equity at every bar, each trade began and ended on the same bars at the same prices.
"""

from __future__ import annotations

import math

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


class Pullback(cb.Strategy):
    """Conditions without a crossing to buy on, and two ways to sell."""

    window = cb.param(14, ge=2)
    low = cb.param(30.0)
    length = cb.param(50, ge=2)

    def features(self):
        return {"rsi": cb.RSI(self.window), "average": cb.EMA(self.length)}

    def should_buy(self, x):
        return (x.rsi < self.low) & (x.close > x.average * 0.99)

    def should_sell(self, x):
        return (x.rsi > 100 - self.low) | cb.crossed_below(x.close, x.average)


class Unreadable(cb.Strategy):
    """Conditions that can only be asked for whole columns."""

    window = cb.param(14, ge=2)
    low = cb.param(30.0)

    def features(self):
        return {"rsi": cb.RSI(self.window)}

    def should_buy(self, x):
        return np.where(x.rsi < self.low, True, False)

    def should_sell(self, x):
        return np.where(x.rsi > 65, True, False)


class GatedCross(cb.Strategy):
    """A crossing of exponential averages with gates of every kind."""

    fast = cb.param(10, ge=1)
    slow = cb.param(30, ge=2)
    most = cb.param(60.0)

    def features(self):
        return {"fast": cb.EMA(self.fast), "slow": cb.EMA(self.slow), "rsi": cb.RSI(14), "atr": cb.ATR(14)}

    def should_buy(self, x):
        return cb.crossed_above(x.fast, x.slow) & (self.most >= x.rsi) & (x.atr < x.close) & (x.high != x.low)

    def should_sell(self, x):
        return cb.crossed_below(x.fast, x.slow)


class PriceCross(cb.Strategy):
    """The price itself crosses its average, moved a little by a parameter."""

    window = cb.param(10, ge=1)
    off = cb.param(0.0)

    def features(self):
        return {"average": cb.SMA(self.window)}

    def should_buy(self, x):
        return (
            cb.crossed_above(x.close, x.average + self.off) if self.window > 7 else cb.crossed_above(x.close, x.average)
        )

    def should_sell(self, x):
        return (
            cb.crossed_below(x.close, x.average + self.off) if self.window > 7 else cb.crossed_below(x.close, x.average)
        )


class Levels(cb.Strategy):
    """The number comes first: buys when the RSI falls under a level, sells when it is above again."""

    window = cb.param(14, ge=2)
    level = cb.param(45.0)

    def features(self):
        return {"rsi": cb.RSI(self.window, of="high")}

    def should_buy(self, x):
        return cb.crossed_below(x.rsi, self.level)

    def should_sell(self, x):
        return cb.crossed_above(x.rsi, self.level)


class Holes(cb.Strategy):
    """A feature that is undefined again and again: volumes are 0 now and then."""

    window = cb.param(3, ge=2)

    def features(self):
        return {"volatility": cb.EwmaVolatility(0.6, of="volume"), "average": cb.SMA(self.window)}

    def should_buy(self, x):
        return cb.crossed_above(x.close, x.average)

    def should_sell(self, x):
        return cb.crossed_below(x.close, x.average) & (cb.previous(x.volatility) > 0.0)


class TwoAverages(cb.Strategy):
    """The crossover without its filter."""

    fast = cb.param(10, ge=1)
    slow = cb.param(30, ge=1)

    def features(self):
        return {"fast": cb.SMA(self.fast), "slow": cb.SMA(self.slow)}

    def should_buy(self, x):
        return cb.crossed_above(x.fast, x.slow)

    def should_sell(self, x):
        return cb.crossed_below(x.fast, x.slow)


SWEEPS = {
    cb.MovingAverageCrossover: {
        "fast": [3, 11],
        "slow": [10, 30, 75],
        "volatility_window": [15, 40],
        "volatility_threshold": [0.0, 0.0006],
    },
    cb.RsiReversal: {"window": [5, 14], "oversold": [25, 40.0], "overbought": [60.0]},
    Pullback: {"window": [5, 14], "low": [35.0, 45.0], "length": [20]},
    Unreadable: {"window": [5, 9], "low": [35.0]},
    GatedCross: {"fast": [5], "slow": [20, 40], "most": [55.0, 101.0]},
    PriceCross: {"window": [5, 12], "off": [0.0, 0.5]},
    Levels: {"window": [7], "level": [40.0, 52.0]},
    Holes: {"window": [3, 8]},
    cb.BuyAndHold: None,
}
LOTS = cb.Market("A/B", tick_size="0.01", lot_size="0.00001", min_notional="5")
TERMS = {
    "plain": {},
    "costly": {"fee": 0.004, "slippage_bps": 12.5},
    "free": {"fee": 0, "cash": 3},
    "lots": {"market": LOTS, "slippage_bps": 2},
    "coarse ticks": {"market": cb.Market("A/B", tick_size="0.5"), "slippage_bps": 1},
    "refusals": {"market": cb.Market("A/B", lot_size="0.001", min_notional="9700"), "cash": 10_000},
    "least value": {"market": cb.Market("A/B", min_notional="9900"), "cash": 10_000, "fee": 0.0005},
}


def compare(cls, bars, ranges, **terms) -> int:
    """Compare every combination; return how many trades there were."""
    n = len(bars)
    how = {"combos": [{}]} if ranges is None else ranges
    report = cb.sweep(cls, bars, blocks=n, **how, **terms)
    assert report.complete
    trades = 0
    for row in range(len(report)):
        single = cb.backtest(report.strategy_of(row), bars, **terms)
        stats, got = single.stats, report.table.iloc[row]
        equity = single.equity_values
        returns = np.append(0.0, equity[1:] / equity[:-1] - 1.0)
        assert report.moments[row, :, 1] == pytest.approx(returns, rel=1e-9, abs=1e-13)
        assert report.moments[row, :, 2] == pytest.approx(returns**2, rel=1e-9, abs=1e-15)
        assert got["trades"] == stats.trades
        assert got["exposure"] == stats.exposure
        assert got["total_return"] == pytest.approx(stats.total_return, rel=1e-12, abs=1e-15)
        assert got["max_drawdown"] == pytest.approx(stats.max_drawdown, rel=1e-10, abs=1e-14)
        assert got["sharpe"] == pytest.approx(stats.sharpe, rel=1e-9, abs=1e-8, nan_ok=True)
        assert got["win_rate"] == pytest.approx(stats.win_rate, rel=1e-15, nan_ok=True)
        assert got["profit_factor"] == pytest.approx(stats.profit_factor, rel=1e-11, nan_ok=True)
        trades += stats.trades
    return trades


@pytest.mark.parametrize("terms", TERMS.values(), ids=TERMS)
def test_practice_market(terms):
    bars = cb.practice_bars(1_500, seed=7, holes=3)
    bars.iloc[50:1_400:97, bars.columns.get_loc("volume")] = 0.0
    trades = sum(compare(cls, bars, ranges, **terms) for cls, ranges in SWEEPS.items())
    assert trades > 200


@pytest.mark.parametrize("name", FILES)
def test_recorded_candles(recorded, name):
    if recorded is None:
        bars = cb.practice_bars(1_500, seed=FILES.index(name), timeframe="1h")
    else:
        bars = pd.read_feather(recorded / f"{name}.feather")
        bars.index = pd.DatetimeIndex(pd.to_datetime(bars.pop("date"), utc=True), name="time")
        bars = bars.astype(float).iloc[-1_500:]
    illiquid = name.startswith("XRP")
    market = cb.Market("XRP/ETH", tick_size="0.00000001", lot_size="1", min_notional="0.01") if illiquid else LOTS
    trades = 0
    for cls in (cb.MovingAverageCrossover, Pullback, GatedCross):
        trades += compare(cls, bars, SWEEPS[cls], slippage_bps=1)
        trades += compare(cls, bars, SWEEPS[cls], market=market)
    assert trades > 100


def test_prices_on_no_grid():
    """Averages of such prices are summed anew for each row, and their crossings are found in the columns."""
    bars = cb.practice_bars(1_500, seed=3)
    bars[["open", "high", "low", "close"]] /= 3.0
    for cls in (cb.MovingAverageCrossover, PriceCross):
        assert compare(cls, bars, SWEEPS[cls]) > 0
        assert compare(cls, bars, SWEEPS[cls], market=cb.Market("A/B", tick_size="0.03", lot_size="0.007")) > 0


def test_ticks_too_large_for_crosswise_products():
    """Eleven digits and long windows: sums, crosswise multiplied, would be rounded, and so are the means that count."""
    random = np.random.default_rng(1)
    closes = (60_000_000_000 + random.integers(0, 2, 3_000)) / 1e6
    bars = pd.DataFrame(
        {"open": closes, "high": closes, "low": closes, "close": closes, "volume": 1.0},
        index=pd.date_range("2024-01-01", periods=closes.size, freq="1min", tz="UTC"),
    )
    ranges = {"fast": [999, 1_000, 1_001], "slow": [1_002, 1_003]}
    assert compare(TwoAverages, bars, ranges, fee=0) > 20
    # The other way to find crossings; returns are too small here for a Sharpe ratio to have digits.
    market = cb.Market("A/B", lot_size="0.00001")
    report = cb.sweep(TwoAverages, bars, fee=0, market=market, **ranges)
    for row in range(len(report)):
        stats = cb.backtest(report.strategy_of(row), bars, fee=0, market=market).stats
        assert report.table["trades"][row] == stats.trades > 20
        assert report.table["exposure"][row] == stats.exposure


def test_a_small_return_keeps_its_digits():
    """Thousands of trades without costs that end almost where they began: nothing may be left of their roundings."""
    n = 6_001
    closes = 100.0 + (np.arange(n) // 2 % 2) * 0.01
    closes[-1] = 100.0
    bars = pd.DataFrame(
        {"open": closes, "high": closes, "low": closes, "close": closes, "volume": 1.0},
        index=pd.date_range("2024-01-01", periods=n, freq="1min", tz="UTC"),
    )
    report = cb.sweep(PriceCross, bars, combos=[{"window": 2}], fee=1e-7)
    single = cb.backtest(PriceCross(window=2), bars, fee=1e-7).stats
    assert single.trades > 1_000
    assert report.table["trades"][0] == single.trades
    assert math.isclose(report.table["total_return"][0], single.total_return, rel_tol=1e-13)
