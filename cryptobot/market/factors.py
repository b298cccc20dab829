"""Memory in a simulated market: values that decay from bar to bar, computed for many bars at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def decayed_sum(inputs: Floats, keep: float, last: float) -> Floats:
    """Run ``y[t] = keep * y[t-1] + inputs[t]`` over an array, starting from ``y[-1] = last``.

    Hillis and Steele's scan ("Data parallel algorithms", 1986): every pass doubles the span that a value has summed,
    so that n bars take log2(n) vector operations instead of a Python loop.

    Parameters
    ----------
    inputs
        Shape (n,), n >= 1.
    keep
        What is left of a value one bar later, 0 to 1.
    last
        The value before the first one.

    Examples
    --------
    >>> decayed_sum(np.array([1.0, 0.0, 0.0]), 0.5, 4.0).tolist()
    [3.0, 1.5, 0.75]
    """
    total = inputs.copy()
    total[0] += keep * last
    span, weight = 1, keep
    while span < total.size and weight > 0.0:
        total[span:] += weight * total[:-span]
        span, weight = 2 * span, weight * weight
    return total


class Wave:
    """A factor that swings around zero (Ornstein-Uhlenbeck), averaged over each bar.

    Long bars average over many swings of a quick factor, so its deviation shrinks: for a process with deviation s and
    memory T, the average over a bar of length d has the variance ``s² · 2q · (1 - q · (1 - exp(-1/q)))``, q = T/d.

    Parameters
    ----------
    memory
        Minutes after which 1/e of a value is left.
    deviation
        Standard deviation of the process at a moment.
    bar
        Length of a bar in minutes.
    random
        Where the first value comes from: the factor is as old as the market.
    """

    def __init__(self, memory: float, deviation: float, bar: float, random: np.random.Generator) -> None:
        q = memory / bar
        self._keep = math.exp(-1.0 / q)
        self.deviation = deviation * math.sqrt(2.0 * q * (1.0 + q * math.expm1(-1.0 / q)))
        self._last = self.deviation * float(random.standard_normal())

    def next(self, n: int, random: np.random.Generator) -> Floats:
        """Return the values of the next n bars, shape (n,)."""
        shocks = self.deviation * math.sqrt(1.0 - self._keep**2) * random.standard_normal(n)
        values = decayed_sum(shocks, self._keep, self._last)
        self._last = float(values[-1])
        return values


class Echo:
    """How events that fade exponentially spread over their own bar and the bars after it.

    An event falls somewhere in its bar: a part of its effect lands there, the rest in later bars, less in each. The
    parts sum to 1, whatever the length of a bar.

    Parameters
    ----------
    memory
        Minutes after which 1/e of the effect is left.
    bar
        Length of a bar in minutes.
    """

    def __init__(self, memory: float, bar: float) -> None:
        q = memory / bar
        self._keep = math.exp(-1.0 / q)
        self._own = 1.0 + q * math.expm1(-1.0 / q)
        self._last = 0.0

    def next(self, events: Floats) -> Floats:
        """Spread the events of the next n bars, shape (n,): how much lands in each of these bars."""
        sums = decayed_sum(events, self._keep, self._last)
        before = np.concatenate(([self._last], sums[:-1]))
        self._last = float(sums[-1])
        return self._own * events + (1.0 - self._own) * (1.0 - self._keep) * before
