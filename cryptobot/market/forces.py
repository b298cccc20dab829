"""What moves the price of the practice market: volatility, jumps and drift, each with its own memory."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.market.factors import Echo, Floats, Wave
from cryptobot.market.season import variance_share

# Factors of the logarithm of the volatility: memory in minutes, deviation. From weeks to a minute and a half.
_VOLATILITY: Final = ((40 * 1440.0, 0.27), (2 * 1440.0, 0.28), (180.0, 0.30), (25.0, 0.25), (1.5, 0.38))

# Jumps a minute that come by themselves; the aftershocks a jump causes on average, and for how many minutes.
_JUMPS: Final = 1 / 300
_AFTERSHOCKS: Final = 0.55
_AFTERSHOCK_MEMORY: Final = 15.0
_GENERATIONS: Final = 4
# A jump in standard deviations of a calm minute: at least, and on average so much more.
_LEAST: Final = 2.5
_MORE: Final = 2.5
# How many times the variance of a calm minute a jump adds to what follows, and for how many minutes.
_EXCITEMENT: Final = 6.0
_EXCITEMENT_MEMORY: Final = 10.0

_TREND: Final = 0.06
_TREND_MEMORY: Final = 45.0
_REVERSAL: Final = 0.6
_REVERSAL_MEMORY: Final = 5.0
_REGIME_MEMORY: Final = 480.0

ALL_JUMPS: Final = _JUMPS * sum(_AFTERSHOCKS**k for k in range(_GENERATIONS))
JUMP_VARIANCE: Final = ALL_JUMPS * (_LEAST**2 + 2.0 * _LEAST * _MORE * math.sqrt(2.0 / math.pi) + _MORE**2)
EXCESS_VARIANCE: Final = _EXCITEMENT * _EXCITEMENT_MEMORY * ALL_JUMPS


class Volatility:
    """Lognormal factors with memories from weeks to a minute (Taylor 1986), times the hour of the week.

    Parameters
    ----------
    seconds
        Length of a bar.
    random
        Where the first values come from.
    """

    def __init__(self, seconds: int, random: np.random.Generator) -> None:
        self._seconds = seconds
        self._waves = [Wave(memory, deviation, seconds / 60, random) for memory, deviation in _VOLATILITY]
        # exp(2x) of a normal x with deviation s averages exp(2 s²): taken off, the variance is 1 on average.
        self._level = math.fsum(wave.deviation**2 for wave in self._waves)

    def next(self, opened: NDArray[np.int64], random: np.random.Generator) -> Floats:
        """Return the volatility of the next n bars as a multiple of the average one (in the mean square).

        Parameters
        ----------
        opened
            int64, shape (n,): open times in seconds since 1970-01-01 UTC.
        random
            Source of this stretch's random numbers.
        """
        logarithm = sum((wave.next(opened.size, random) for wave in self._waves), start=np.zeros(opened.size))
        volatility: Floats = np.exp(logarithm - self._level) * np.sqrt(variance_share(opened, self._seconds))
        return volatility


class Jumps:
    """Jumps that bring aftershocks and excitement (Hawkes 1971), drawn generation by generation.

    Parameters
    ----------
    bar
        Length of a bar in minutes.
    """

    def __init__(self, bar: float) -> None:
        self._bar = bar
        self._generations = [Echo(_AFTERSHOCK_MEMORY, bar) for _ in range(_GENERATIONS - 1)]
        self._excitement = Echo(_EXCITEMENT_MEMORY, bar)

    def next(self, n: int, random: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw the jumps of the next n bars.

        Returns
        -------
        tuple of ndarray
            Each float64, shape (n,): the sum of a bar's jumps in standard deviations of a calm minute (mostly 0), and
            the variance between the jumps as a multiple of the calm one (1 or more).
        """
        counts = events = random.poisson(_JUMPS * self._bar, n).astype(np.float64)
        for echo in self._generations:
            events = random.poisson(_AFTERSHOCKS * echo.next(events)).astype(np.float64)
            counts = counts + events
        excited = 1.0 + _EXCITEMENT * _EXCITEMENT_MEMORY / self._bar * self._excitement.next(counts)
        sizes = _LEAST + _MORE * np.abs(random.standard_normal(n))
        signs = np.where(random.random(n) < 0.5, -1.0, 1.0)
        # Jumps of one bar have random signs: their sum grows with the root of their number.
        return signs * sizes * np.sqrt(counts), excited


class Drift:
    """Trends and short reversals that take turns; both too weak to earn the fees back.

    Parameters
    ----------
    bar
        Length of a bar in minutes.
    random
        Where the first values come from.
    """

    def __init__(self, bar: float, random: np.random.Generator) -> None:
        self._bar = bar
        self._regime = Wave(_REGIME_MEMORY, 1.5, bar, random)
        self._trend = Wave(_TREND_MEMORY, _TREND, bar, random)
        self._reversal = Wave(_REVERSAL_MEMORY, _REVERSAL, bar, random)
        self._displaced = 0.0

    def next(self, deviation: Floats, random: np.random.Generator) -> Floats:
        """Return the drift of the next n bars as log returns.

        Parameters
        ----------
        deviation
            float64, shape (n,): standard deviation of a calm minute's log return.
        random
            Source of this stretch's random numbers.
        """
        trending = 1.0 / (1.0 + np.exp(-self._regime.next(deviation.size, random)))
        trend = trending * self._trend.next(deviation.size, random) * deviation * self._bar
        # A passing displacement of the price: what it gains it gives back, which makes short returns reverse.
        displaced = (1.0 - trending) * self._reversal.next(deviation.size, random) * deviation
        change = np.diff(displaced, prepend=self._displaced)
        self._displaced = float(displaced[-1])
        drift: Floats = trend + change
        return drift


def calm_deviation(minute: float) -> float:
    """Return the deviation of a minute without jumps and excitement, when ``minute`` is that of all minutes."""
    return minute / math.sqrt(1.0 + EXCESS_VARIANCE + JUMP_VARIANCE)
