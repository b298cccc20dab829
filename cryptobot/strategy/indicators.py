"""Averages and oscillators: SMA, EMA, RSI, ATR."""

from __future__ import annotations

import math

from cryptobot.strategy.feature import Feature, indicator
from cryptobot.strategy.kernel import State, kernel
from cryptobot.strategy.param import param
from cryptobot.strategy.rings import ring_mean


def _sma(state: State, close: float, window: float, scale: float) -> float:
    size = int(window)
    count = int(state[0])
    slot = 2 + count % size
    state[0] = count + 1.0
    if scale > 0.0:
        ticks = float(math.floor(close * scale + 0.5))
        state[1] += ticks - state[slot]
        state[slot] = ticks
        return state[1] / (window * scale) if count + 1 >= size else math.nan
    state[slot] = close
    if count + 1 < size:
        return math.nan
    return ring_mean(state, 2, count + 1, size)


@indicator("sma")
class SMA(Feature):
    """Simple moving average of the last ``window`` values.

    Formula: (x[t] + … + x[t-window+1]) / window. Source: J. J. Murphy, Technical Analysis of the Financial Markets
    (1999), chapter 9.

    Prices are summed as whole ticks, which is exact, and divided once, so that the result is the correctly rounded
    mean of the window's decimal prices whatever came before it. Averages that are equal on paper are equal here.
    Values on no decimal grid are summed anew for each row, oldest first.
    """

    window = param(20, ge=1, le=100_000, doc="Bars in the average")
    on_ticks = True
    step = kernel(_sma)

    def state(self) -> list[float]:
        """Return the count, the sum, and the ring of the last values."""
        return [0.0] * (2 + self.window)


def _ema(state: State, close: float, window: float) -> float:
    count = state[0] + 1.0
    state[0] = count
    if count < window:
        state[1] += close
        return math.nan
    if count == window:
        state[1] = (state[1] + close) / window
    else:
        state[1] += 2.0 / (window + 1.0) * (close - state[1])
    return state[1]


@indicator("ema")
class EMA(Feature):
    """Exponential moving average with weight 2 / (window + 1).

    Formula: y[t] = y[t-1] + 2 / (window + 1) × (x[t] - y[t-1]). Source: R. G. Brown, Smoothing, Forecasting and
    Prediction of Discrete Time Series (1963): with this weight the values are on average as old as in a simple average.
    """

    window = param(20, ge=1, le=100_000, doc="Bars whose simple average would be as old")
    priming = "The first value is the simple mean of the first `window` values; what came before weighs under 2**-53 after `memory` rows."
    step = kernel(_ema)

    @property
    def alpha(self) -> float:
        """Weight of the newest value."""
        return 2.0 / (float(self.window) + 1.0)

    def state(self) -> list[float]:
        """Return the count and the average."""
        return [0.0, 0.0]


def _rsi(state: State, close: float, window: float) -> float:
    count = state[0]
    change = close - state[1]
    state[0] = count + 1.0
    state[1] = close
    if count == 0.0:
        return math.nan
    gain = max(0.0, change)
    loss = -change if change < 0.0 else 0.0
    if count <= window:
        state[2] += gain
        state[3] += loss
        if count < window:
            return math.nan
        if count == window:
            state[2] /= window
            state[3] /= window
    else:
        state[2] += (gain - state[2]) / window
        state[3] += (loss - state[3]) / window
    total = state[2] + state[3]
    return 100.0 * state[2] / total if total > 0.0 else 50.0


@indicator("rsi")
class RSI(Feature):
    """Relative strength index with Wilder's smoothing, 0 to 100.

    Formula: 100 × g / (g + l), with g and l the smoothed gains and losses, y[t] = y[t-1] + (x[t] - y[t-1]) / window;
    50 when neither a gain nor a loss is left. Source: J. Welles Wilder, New Concepts in Technical Trading Systems
    (1978).
    """

    window = param(14, ge=1, le=100_000, doc="Bars of Wilder's smoothing")
    priming = "The first value uses the simple means of the first `window` gains and losses."
    needs_previous = True
    step = kernel(_rsi)

    @property
    def alpha(self) -> float:
        """Weight of the newest value."""
        return 1.0 / float(self.window)

    def state(self) -> list[float]:
        """Return the count, the last close, and the smoothed gain and loss."""
        return [0.0, 0.0, 0.0, 0.0]


def _atr(state: State, high: float, low: float, close: float, window: float) -> float:
    count = state[0]
    last = state[1]
    state[0] = count + 1.0
    state[1] = close
    if count == 0.0:
        return math.nan
    width = max(high - low, abs(high - last), abs(low - last))
    if count < window:
        state[2] += width
        return math.nan
    if count == window:
        state[2] = (state[2] + width) / window
    else:
        state[2] += (width - state[2]) / window
    return state[2]


@indicator("atr")
class ATR(Feature):
    """Average true range with Wilder's smoothing, in the quote currency.

    Formula: true range = max(high - low, |high - previous close|, |low - previous close|), then
    y[t] = y[t-1] + (x[t] - y[t-1]) / window. Source: J. Welles Wilder, New Concepts in Technical Trading Systems
    (1978).
    """

    window = param(14, ge=1, le=100_000, doc="Bars of Wilder's smoothing")
    inputs = ("high", "low", "close")
    priming = "The first value is the simple mean of the first `window` true ranges; the first bar has none."
    needs_previous = True
    step = kernel(_atr)

    @property
    def alpha(self) -> float:
        """Weight of the newest value."""
        return 1.0 / float(self.window)

    def state(self) -> list[float]:
        """Return the count, the last close, and the average."""
        return [0.0, 0.0, 0.0]
