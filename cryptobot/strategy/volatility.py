"""Volatility of prices, per bar and not annualised.

`RollingVolatility` and `EwmaVolatility` use closes; Parkinson, Garman–Klass and Yang–Zhang use the whole bar and need
fewer bars for the same precision. Each is a standard deviation of returns: 0.001 means 0.1 % a bar.
"""

from __future__ import annotations

import math
from fractions import Fraction

from cryptobot.strategy.feature import Feature, indicator
from cryptobot.strategy.kernel import State, kernel
from cryptobot.strategy.param import param
from cryptobot.strategy.rings import ring_mean, ring_variance


def _add_return(state: State, scaled: float, sign: float) -> None:
    """Add a return, as a whole number of 2**-53, to the exact sums (or take it out with sign -1).

    A return close / last - 1 is a whole multiple of 2**-53 in float64, so that sums of returns and of their squares
    can be kept exactly: each return is split into three limbs of 18 bits and its own sign, so that nothing cancels
    in the sum of squares, and every sum of limbs or of products of limbs stays below 2**53. Returns beyond ±100 %,
    and those from a value that is not above 0, are only counted, in state[2].
    """
    if abs(scaled) > 9007199254740992.0:
        state[2] += sign
        return
    high = float(int(scaled * 1.4551915228366852e-11))  # 2**-36
    rest = scaled - high * 68719476736.0
    middle = float(int(rest * 3.814697265625e-06))  # 2**-18
    low = rest - middle * 262144.0
    state[3] += sign * high
    state[4] += sign * middle
    state[5] += sign * low
    state[6] += sign * high * high
    state[7] += sign * high * middle
    state[8] += sign * (2.0 * high * low + middle * middle)
    state[9] += sign * middle * low
    state[10] += sign * low * low


def _rolling(state: State, close: float, window: float) -> float:
    count = int(state[0])
    last = state[1]
    state[0] = count + 1.0
    state[1] = close
    if count == 0:
        return math.nan
    size = int(window)
    slot = 11 + (count - 1) % size
    if count > size:
        _add_return(state, state[slot], -1.0)
    state[slot] = (close / last - 1.0) * 9007199254740992.0 if last > 0.0 else math.inf  # × 2**53 is exact
    _add_return(state, state[slot], 1.0)
    if count < size:
        return math.nan
    mean = (state[3] * 68719476736.0 + state[4] * 262144.0 + state[5]) / window
    square = (
        state[6] * 4722366482869645213696.0  # 2**72
        + state[7] * 36028797018963968.0  # 2 × 2**54
        + state[8] * 68719476736.0
        + state[9] * 524288.0  # 2 × 2**18
        + state[10]
    ) / window
    variance = square - mean * mean
    if state[2] > 0.0 or variance < 1e-6 * square:
        variance = ring_variance(state, 11, count, size, 0)
    return math.sqrt(variance) * 1.1102230246251565e-16  # 2**-53


@indicator("rolling_volatility")
class RollingVolatility(Feature):
    """Population standard deviation of the last ``window`` simple returns.

    Formula: sqrt(Σ (r - mean r)² / window) with r[t] = close[t] / close[t-1] - 1. Source: the definition of the
    standard deviation; compare J. C. Hull, Options, Futures, and Other Derivatives, on estimating volatility from
    historical data, who takes log returns. Exactly 0 when the window's closes are all equal. Undefined while a value
    in the window is not above 0, as a volume may be.

    The sums are exact (see `_add_return`), so that the value depends on the window's closes alone; where the mean
    return dwarfs the deviations, the window is summed anew in two passes.
    """

    window = param(20, ge=2, le=100_000, doc="Returns in the standard deviation")
    needs_previous = True
    step = kernel(_rolling)

    def state(self) -> list[float]:
        """Return the count, the last close, the exact sums, and the ring of the last returns in units of 2**-53."""
        return [0.0] * (11 + self.window)


def _ewma(state: State, close: float, decay: float, first: float) -> float:
    count = state[0]
    last = state[1]
    state[0] = count + 1.0
    state[1] = close
    if count == 0.0:
        return math.nan
    if close <= 0.0 or last <= 0.0:
        state[0] = 1.0
        state[2] = 0.0
        return math.nan
    change = math.log(close / last)
    if count < first:
        state[2] += change * change
        return math.nan
    if count == first:
        state[2] = (state[2] + change * change) / first
    else:
        state[2] = decay * state[2] + (1.0 - decay) * change * change
    return math.sqrt(state[2])


@indicator("ewma_volatility")
class EwmaVolatility(Feature):
    """Exponentially weighted volatility of log returns.

    Formula: v[t] = decay × v[t-1] + (1 - decay) × ln(close[t] / close[t-1])², the value is sqrt(v). Source:
    J.P. Morgan/Reuters, RiskMetrics — Technical Document, 4th ed. (1996), section 5.2; 0.94 is its daily decay.
    """

    decay = param(0.94, gt=0, lt=1, doc="Weight of the past, per bar")
    priming = (
        "The first value is the root mean square of the first ceil(1 / (1 - decay)) returns. A value that is not above "
        "0 has no logarithm: after it the average is primed anew."
    )
    step = kernel(_ewma)

    def state(self) -> list[float]:
        """Return the count, the last close, and the variance."""
        return [0.0, 0.0, 0.0]

    @property
    def _first(self) -> int:
        return math.ceil(1 / (1 - Fraction(repr(self.decay))))  # exact: floats make 11 out of 1 / (1 - 0.9)

    @property
    def warm_up(self) -> int:
        """Rows before the first valid value."""
        return self._first

    @property
    def alpha(self) -> float:
        """Weight of the newest value."""
        return 1.0 - float(self.decay)

    def arguments(self, scale: float) -> tuple[float, ...]:
        """Return the decay and the number of returns that prime the average."""
        return (self.decay, float(self._first))


def _parkinson(state: State, high: float, low: float, window: float) -> float:
    size = int(window)
    count = int(state[0])
    width = math.log(high / low)
    state[1 + count % size] = width * width
    state[0] = count + 1.0
    if count + 1 < size:
        return math.nan
    return math.sqrt(ring_mean(state, 1, count + 1, size) / 2.772588722239781)  # 4 ln 2


@indicator("parkinson_volatility")
class ParkinsonVolatility(Feature):
    """Volatility from the range of each bar.

    Formula: sqrt(mean of ln(high / low)² / (4 ln 2)). Source: M. Parkinson, The Extreme Value Method for Estimating
    the Variance of the Rate of Return, Journal of Business 53 (1980).
    """

    window = param(20, ge=1, le=100_000, doc="Bars in the mean")
    inputs = ("high", "low")
    step = kernel(_parkinson)

    def state(self) -> list[float]:
        """Return the count and the ring of squared ranges."""
        return [0.0] * (1 + self.window)


def _garman_klass(state: State, opened: float, high: float, low: float, close: float, window: float) -> float:
    size = int(window)
    count = int(state[0])
    width = math.log(high / low)
    change = math.log(close / opened)
    state[1 + count % size] = 0.5 * width * width - 0.3862943611198906 * change * change  # 2 ln 2 - 1
    state[0] = count + 1.0
    if count + 1 < size:
        return math.nan
    mean = ring_mean(state, 1, count + 1, size)
    return math.sqrt(mean) if mean > 0.0 else 0.0


@indicator("garman_klass_volatility")
class GarmanKlassVolatility(Feature):
    """Volatility from open, high, low and close of each bar.

    Formula: sqrt(mean of ½ ln(high / low)² - (2 ln 2 - 1) ln(close / open)²). Source: M. Garman and M. Klass, On the
    Estimation of Security Price Volatilities from Historical Data, Journal of Business 53 (1980).
    """

    window = param(20, ge=1, le=100_000, doc="Bars in the mean")
    inputs = ("open", "high", "low", "close")
    step = kernel(_garman_klass)

    def state(self) -> list[float]:
        """Return the count and the ring of terms."""
        return [0.0] * (1 + self.window)


def _yang_zhang(state: State, opened: float, high: float, low: float, close: float, window: float) -> float:
    count = int(state[0])
    last = state[1]
    state[0] = count + 1.0
    state[1] = close
    if count == 0:
        return math.nan
    size = int(window)
    slot = (count - 1) % size
    state[2 + slot] = math.log(opened / last)
    state[2 + size + slot] = math.log(close / opened)
    state[2 + 2 * size + slot] = math.log(high / close) * math.log(high / opened) + math.log(low / close) * math.log(
        low / opened
    )
    if count < size:
        return math.nan
    weight = 0.34 / (1.34 + (window + 1.0) / (window - 1.0))
    variance = (
        ring_variance(state, 2, count, size, 1)
        + weight * ring_variance(state, 2 + size, count, size, 1)
        + (1.0 - weight) * ring_mean(state, 2 + 2 * size, count, size)
    )
    return math.sqrt(variance) if variance > 0.0 else 0.0


@indicator("yang_zhang_volatility")
class YangZhangVolatility(Feature):
    """Volatility that copes with drift and with gaps between bars.

    Formula: sqrt(o + k c + (1 - k) s) with o and c the sample variances of ln(open / previous close) and
    ln(close / open), s the mean of ln(high / close) ln(high / open) + ln(low / close) ln(low / open), and
    k = 0.34 / (1.34 + (n + 1) / (n - 1)). Source: D. Yang and Q. Zhang, Drift-Independent Volatility Estimation Based
    on High, Low, Open, and Close Prices, Journal of Business 73 (2000).
    """

    window = param(20, ge=2, le=100_000, doc="Bars in the estimate")
    inputs = ("open", "high", "low", "close")
    needs_previous = True
    step = kernel(_yang_zhang)

    def state(self) -> list[float]:
        """Return the count, the last close, and three rings."""
        return [0.0] * (2 + 3 * self.window)
