"""What a Sharpe ratio is worth: its probability, deflated by the trials it was picked from, and the bars it needs.

Sources
-------
Bailey and López de Prado (2012), "The Sharpe ratio efficient frontier", Journal of Risk 15(2).
Bailey and López de Prado (2014), "The deflated Sharpe ratio", Journal of Portfolio Management 40(5).
Ratios here are per bar, not annualised: mean / standard deviation of the returns per bar.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.errors import ConfigError

_NORMAL: Final = NormalDist()
_EULER: Final = 0.5772156649015329


@dataclass(frozen=True, slots=True)
class Shape:
    """What the formulas need to know of a series of returns.

    Attributes
    ----------
    n
        How many returns.
    sharpe
        Mean / standard deviation (of a sample), per bar; NaN when the returns never differ.
    skewness
        Third standardised moment; 0 for a normal distribution.
    kurtosis
        Fourth standardised moment; 3 for a normal distribution.
    """

    n: int
    sharpe: float
    skewness: float
    kurtosis: float

    @classmethod
    def of(cls, returns: NDArray[np.float64]) -> Shape:
        """Measure returns, float64 of shape (n,)."""
        n = int(returns.size)
        # The spread decides whether anything moved: a standard deviation of equal numbers need not be exactly 0.
        if n < 2 or float(np.ptp(returns)) == 0.0:
            return cls(n, math.nan, math.nan, math.nan)
        mean = float(returns.mean())
        centred = returns - mean
        variance = float(np.mean(centred * centred))
        return cls(
            n,
            mean / math.sqrt(variance * n / (n - 1)),
            float(np.mean(centred**3)) / variance**1.5,
            float(np.mean(centred**4)) / variance**2,
        )


def probabilistic_sharpe(
    sharpe: float, n: int, *, skewness: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0
) -> float:
    """Return the probability that the true Sharpe ratio is above a benchmark.

    PSR = Φ( (SR - SR*) √(n - 1) / √(1 - γ₃ SR + (γ₄ - 1)/4 SR²) ): Bailey and López de Prado (2012), equation 11.

    Parameters
    ----------
    sharpe
        As measured, per bar.
    n
        Returns it was measured on, at least 2.
    skewness, kurtosis
        Of the returns; 0 and 3 for a normal distribution.
    benchmark
        The ratio to be above, per bar.

    Returns
    -------
    float
        Between 0 and 1; NaN when the Sharpe ratio is.

    Raises
    ------
    ConfigError
        If n is too small, or no distribution has such a skewness and kurtosis.

    Examples
    --------
    >>> round(probabilistic_sharpe(0.458, 24, skewness=-2.448, kurtosis=10.164), 3)
    0.913
    """
    if n < 2:
        raise ConfigError(f"n: {n} returns say nothing of their spread. Give at least 2.")
    spread = _spread(sharpe, skewness, kurtosis)
    return _below((sharpe - benchmark) * math.sqrt(n - 1), spread)


def minimum_track_record(
    sharpe: float, *, skewness: float = 0.0, kurtosis: float = 3.0, benchmark: float = 0.0, confidence: float = 0.95
) -> float:
    """Return how many returns it takes until the Sharpe ratio is above a benchmark with this confidence.

    MinTRL = 1 + (1 - γ₃ SR + (γ₄ - 1)/4 SR²) (z / (SR - SR*))²: Bailey and López de Prado (2012), equation 13.

    Parameters
    ----------
    sharpe
        As measured, per bar.
    skewness, kurtosis
        Of the returns.
    benchmark
        The ratio to be above, per bar.
    confidence
        Above 0.5 and below 1.

    Returns
    -------
    float
        A number of returns; infinite when the ratio is not above the benchmark, as then no record is long enough.

    Raises
    ------
    ConfigError
        If the confidence is not allowed.

    Examples
    --------
    Two years of months with Sharpe 2 do not prove 1; 3.24 years do.

    >>> round(minimum_track_record(2 / 12**0.5, benchmark=1 / 12**0.5) / 12, 2)
    3.24
    """
    if not 0.5 < confidence < 1:
        raise ConfigError(f"confidence: {confidence!r} is not allowed. Give a number above 0.5 and below 1.")
    if math.isnan(sharpe):
        return math.nan
    if sharpe <= benchmark:
        return math.inf
    return 1 + _spread(sharpe, skewness, kurtosis) * (_NORMAL.inv_cdf(confidence) / (sharpe - benchmark)) ** 2


def best_by_luck(trials: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of so many trials shows on average when none has any skill.

    SR₀ = √V ((1 - γ) Φ⁻¹(1 - 1/N) + γ Φ⁻¹(1 - 1/(N e))), γ Euler's constant: Bailey and López de Prado (2014),
    equation 1. The trials count as independent; those of a grid resemble each other, so that the truth is lower and
    whoever stays above this is the safer.

    Parameters
    ----------
    trials
        At least 1; for 1 nothing was picked, and the answer is 0.
    variance
        Of the trials' Sharpe ratios per bar.

    Examples
    --------
    >>> round(best_by_luck(100, 1 / 2 / 250), 4)
    0.1132
    """
    if trials < 1:
        raise ConfigError(f"trials: {trials} is not allowed. Give how many were tried, at least 1.")
    if trials == 1 or variance == 0:
        return 0.0
    first, second = (_NORMAL.inv_cdf(1 - 1 / (trials * factor)) for factor in (1.0, math.e))
    return math.sqrt(variance) * ((1 - _EULER) * first + _EULER * second)


def deflated_sharpe(
    sharpe: float, n: int, *, trials: int, variance: float, skewness: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Return the probability that the best of many trials has skill: above what luck alone would show.

    DSR = PSR with `best_by_luck` for its benchmark: Bailey and López de Prado (2014), equation 2.

    Parameters
    ----------
    sharpe
        Of the best, per bar.
    n
        Returns it was measured on.
    trials
        How many it was picked from.
    variance
        Of the trials' Sharpe ratios per bar.
    skewness, kurtosis
        Of the best's returns.

    Examples
    --------
    An annual Sharpe ratio of 2.5 on five years of days, the best of 100 trials: not above 95 %.

    >>> round(deflated_sharpe(2.5 / 250**0.5, 1250, trials=100, variance=0.5 / 250, skewness=-3, kurtosis=10), 4)
    0.9004
    """
    benchmark = best_by_luck(trials, variance)
    return probabilistic_sharpe(sharpe, n, skewness=skewness, kurtosis=kurtosis, benchmark=benchmark)


def _spread(sharpe: float, skewness: float, kurtosis: float) -> float:
    """Return the variance of the estimate × (n - 1)."""
    spread = 1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe * sharpe
    if spread < 0:
        raise ConfigError(
            f"kurtosis: {kurtosis:g} with a skewness of {skewness:g} is impossible. "
            "The kurtosis is at least 1 + skewness²; 3 is that of a normal distribution."
        )
    return spread


def _below(distance: float, spread: float) -> float:
    if math.isnan(distance) or math.isnan(spread):
        return math.nan
    if spread == 0:
        return 1.0 if distance > 0 else 0.0 if distance < 0 else 0.5
    return _NORMAL.cdf(distance / math.sqrt(spread))
