"""The model behind the practice market: one stretch of bars after another, each from where the last one ended.

The path of the price inside a bar gives its high, low and close. Trades alternate between bid and ask, one tick apart,
and now and then a large order pins the price for a whole bar: real quiet minutes look like that. Over years the
logarithm of the price leans toward its start, so that it neither explodes nor vanishes.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cryptobot.market.factors import Floats, Wave, decayed_sum
from cryptobot.market.forces import Drift, Jumps, Volatility, calm_deviation

Integers = NDArray[np.int64]

# Ticks in one unit of the quote currency, lots in one unit of the base currency.
TICKS: Final = 100
LOTS: Final = 100_000

# Standard deviation of all one-minute log returns (47% a year), and of those between the jumps.
_CALM: Final = calm_deviation(6.5e-4)
# The logarithm of the price forgets in a year: in the long run it stays within a third of its start, mostly.
_PULL_MEMORY: Final = 365 * 1440.0
# Moves of the price inside a one-minute bar; longer bars have more, up to a limit that costs little time.
_STEPS: Final = 24
_MOST_STEPS: Final = 64
# Share of bars with a spike past the path on one side, and its mean size in standard deviations of the bar.
_SPIKES: Final = 0.25
_SPIKE: Final = 0.40
# Share of one-minute bars in which a large order holds the price.
_PINNED: Final = 0.03
# Share of bars that open with a gap, and its mean size in standard deviations of the bar.
_GAPS: Final = 0.07
_GAP: Final = 0.10
# Worth of what is traded in a minute, in the quote currency, and the crowds that come and go: memory, deviation.
_TURNOVER: Final = 1_200_000.0
_CROWDS: Final = ((10 * 1440.0, 0.60), (1440.0, 0.40), (20.0, 0.35))


class Stretch(NamedTuple):
    """Bars in whole ticks and lots, each an int64 array of shape (n,)."""

    open: Integers
    high: Integers
    low: Integers
    close: Integers
    volume: Integers


class Path(NamedTuple):
    """The log price of each bar against the bar's start, each a float64 array of shape (n,)."""

    end: Floats
    top: Floats
    bottom: Floats


class Model:
    """The market for one length of bar.

    Parameters
    ----------
    seconds
        Length of a bar.
    price
        Where the price starts and what it leans toward, in the quote currency.
    random
        Where the first values of all factors come from.
    """

    def __init__(self, seconds: int, price: float, random: np.random.Generator) -> None:
        bar = self._bar = seconds / 60.0
        self._volatility = Volatility(seconds, random)
        self._jumps = Jumps(bar)
        self._drift = Drift(bar, random)
        self._crowds = [Wave(memory, deviation, bar, random) for memory, deviation in _CROWDS]
        self._centre = price * TICKS
        self._away = 0.0  # logarithm of the price over its centre
        self._keep = math.exp(-bar / _PULL_MEMORY)
        self._steps = min(_MOST_STEPS, max(_STEPS // 3, round(_STEPS * bar)))
        # A short bar is pinned more easily than a long one.
        self._pinned = _PINNED * min(4.0, bar**-1.1)

    def next(self, opened: Integers, random: np.random.Generator) -> Stretch:
        """Make the next bars.

        Parameters
        ----------
        opened
            int64, shape (n,): open times in seconds since 1970-01-01 UTC.
        random
            Source of this stretch's random numbers.
        """
        n = opened.size
        calm = _CALM * self._volatility.next(opened, random)
        jumps, excited = self._jumps.next(n, random)
        drift = self._drift.next(calm, random)
        pinned = (random.random(n) < np.minimum(0.5, self._pinned * _CALM / calm)) & (jumps == 0.0)
        free = np.where(pinned, 0.0, 1.0)
        deviation = free * calm * np.sqrt(self._bar * excited)
        path = self._path(deviation, free * drift, jumps * calm, random)
        ends = decayed_sum(path.end, self._keep, self._away)
        starts = np.concatenate(([self._away], ends[:-1]))
        self._away = float(ends[-1])
        # The pull of years moves a price far from its centre by some ticks a bar; a pinned one stays put meanwhile.
        shown = np.where(pinned, starts, ends)
        gaps = _sometimes(_GAPS, random.laplace(0.0, _GAP, n), random) * deviation
        opens, closes = self._trades(starts + gaps, 0.5, random), self._trades(shown, 0.5, random)
        tops = self._trades(np.maximum(starts + path.top, shown), 0.85, random)
        bottoms = self._trades(np.minimum(starts + path.bottom, shown), 0.15, random)
        high = np.maximum(tops, np.maximum(opens, closes))
        low = np.minimum(bottoms, np.minimum(opens, closes))
        volume = self._volume(calm * np.sqrt(excited), deviation, path.top - path.bottom, random)
        return Stretch(opens, high, low, closes, volume)

    def _path(self, deviation: Floats, drift: Floats, jumps: Floats, random: np.random.Generator) -> Path:
        n, k = deviation.size, self._steps
        # Few trades make a quiet minute, many a lively one: the steps share the variance the more unevenly, the
        # quieter it is. A pinned bar (deviation 0) has no variance to share.
        lively = np.where(deviation > 0.0, deviation, _CALM) / _CALM
        shares = random.standard_exponential((n, k)) ** np.clip(5.0 / lively, 0.5, 6.0)[:, None]
        shares /= shares.sum(axis=1, keepdims=True)
        steps = deviation[:, None] * np.sqrt(shares) * random.standard_normal((n, k)) + (drift / k)[:, None]
        steps[np.arange(n), random.integers(0, k, n)] += jumps
        prices = np.cumsum(steps, axis=1)
        spikes = _sometimes(_SPIKES, random.exponential(_SPIKE, (2, n)), random) * deviation
        top = np.maximum(prices.max(axis=1), 0.0) + spikes[0]
        bottom = np.minimum(prices.min(axis=1), 0.0) - spikes[1]
        return Path(prices[:, -1], top, bottom)

    def _trades(self, away: Floats, asks: float, random: np.random.Generator) -> Integers:
        """Round log prices to trades at the bid or, for a share of them, one tick higher at the ask."""
        bids = np.floor(self._centre * np.exp(away)).astype(np.int64)
        trades: Integers = np.maximum(bids, 1) + (random.random(away.size) < asks)
        return trades

    def _volume(self, lively: Floats, deviation: Floats, spread: Floats, random: np.random.Generator) -> Integers:
        """Return volumes: more in lively times, more in bars that moved far, and with the crowds."""
        typical = 1.5 * np.where(deviation > 0.0, deviation, 1.0)
        moved = np.where(deviation > 0.0, np.log((spread + 0.1 * typical) / (1.1 * typical)), -2.0)
        crowds = sum((wave.next(lively.size, random) for wave in self._crowds), start=np.zeros(lively.size))
        noise = 0.35 / math.sqrt(max(self._bar, 1.0)) * random.standard_normal(lively.size)
        usual = _TURNOVER * self._bar / (self._centre / TICKS)
        volume = usual * np.exp(1.2 * np.log(lively / _CALM) + 0.55 * moved + crowds + noise)
        lots: Integers = np.maximum(np.rint(volume * LOTS), 1.0).astype(np.int64)
        return lots


def _sometimes(share: float, values: Floats, random: np.random.Generator) -> Floats:
    """Keep a random share of the values; the others become 0."""
    kept: Floats = np.where(random.random(values.shape) < share, values, 0.0)
    return kept
