"""Confidence intervals for returns that are not independent: whole blocks of them are drawn anew.

Sources
-------
Politis and Romano (1992), "A circular block-resampling procedure for stationary data"; Politis and Romano (1994), "The
stationary bootstrap", Journal of the American Statistical Association 89; Politis and White (2004), "Automatic
block-length selection for the dependent bootstrap", Econometric Reviews 23, as corrected by Patton, Politis and White
(2009), Econometric Reviews 28.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed

Method = Literal["stationary", "circular"]
_METHODS: Final = ("stationary", "circular")
# A resample is made of at most so many blocks: longer blocks than needed only make an interval a little wider.
_MOST_BLOCKS: Final = 5_000
_ALL_LOST: Final = 1e-300


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """Where Sharpe ratio and total return could as well have come out.

    Attributes
    ----------
    level
        Share of the resamples between the bounds.
    sharpe
        Lower and upper bound, per bar.
    total_return
        Lower and upper bound, a fraction.
    better
        Share of the resamples in which the series earned more than the one it is compared with; NaN without one.
    block
        Mean length of a block, in bars.
    samples
        How many resamples.
    """

    level: float
    sharpe: tuple[float, float]
    total_return: tuple[float, float]
    better: float
    block: float
    samples: int


def intervals(
    returns: NDArray[np.float64],
    against: NDArray[np.float64] | None = None,
    *,
    level: float = 0.95,
    samples: int = 1_000,
    block: float | None = None,
    method: Method = "stationary",
    seed: int = 0,
) -> Intervals:
    """Draw blocks of returns anew and look how far Sharpe ratio and total return spread (percentile intervals).

    Parameters
    ----------
    returns
        float64, shape (n,), per bar; at least 2.
    against
        Returns of the same bars, such as those of buying and holding: drawn with the same blocks.
    level
        Above 0 and below 1.
    samples
        At least 10.
    block
        (Mean) length of a block in bars; the default is `block_length` of the returns.
    method
        ``"stationary"``: lengths are geometric, which keeps the resample stationary. ``"circular"``: all are equal.
    seed
        The same seed gives the same bounds.

    Raises
    ------
    ConfigError
        If an argument is not allowed.
    """
    n = returns.size
    _check(n, against, level, samples, method)
    if block is None:
        block = block_length(returns)[_METHODS.index(method)]
    if not 1 <= block <= n:
        raise ConfigError(f"block: {block!r} bars is not allowed. Give 1 to {n}, the number of returns.")
    block = max(float(block), n / _MOST_BLOCKS)
    logs = [np.log(np.maximum(1.0 + series, _ALL_LOST)) for series in (returns, against) if series is not None]
    sums = resampled_sums(
        np.stack([returns, returns * returns, *logs]), samples=samples, block=block, method=method, seed=seed
    )
    mean = sums[0] / n
    variance = (sums[1] - sums[0] * mean) / (n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpe = np.where(variance > 0, mean / np.sqrt(np.maximum(variance, _ALL_LOST)), 0.0)
    return Intervals(
        level=level,
        sharpe=_bounds(sharpe, level),
        total_return=_bounds(np.expm1(np.minimum(sums[2], 700.0)), level),
        better=math.nan if against is None else float(np.mean(sums[2] > sums[3])),
        block=block,
        samples=samples,
    )


def resampled_sums(
    values: NDArray[np.float64], *, samples: int, block: float, method: Method, seed: int
) -> NDArray[np.float64]:
    """Return the sums of resamples, drawn in blocks around the circle of the rows.

    Parameters
    ----------
    values
        float64, shape (k, n): k columns resampled alike.
    samples, block, method, seed
        As in `intervals`.

    Returns
    -------
    ndarray
        float64, shape (k, samples): sums over n rows drawn.
    """
    many, n = values.shape
    random = np.random.default_rng(seed)
    # Sums up to each row, twice round the circle: a block's sum is one subtraction, whatever its length.
    # A row's columns lie side by side, because it is drawn with all of them.
    up_to = np.zeros((2 * n + 1, many))
    np.cumsum(np.concatenate([values, values], axis=1).T, axis=0, out=up_to[1:])
    result = np.empty((many, samples))
    for sample in range(samples):
        lengths = _lengths(n, block, method, random)
        starts = random.integers(0, n, lengths.size)
        drawn = up_to.take(starts + lengths, axis=0) - up_to.take(starts, axis=0)
        result[:, sample] = np.ascontiguousarray(drawn.T).sum(axis=1)
    return result


def _lengths(n: int, block: float, method: Method, random: np.random.Generator) -> NDArray[np.int64]:
    """Return lengths of blocks that add up to n."""
    if method == "circular":
        size = max(1, round(block))
        lengths = np.full(-(-n // size), size)
    elif block <= 1:
        lengths = np.ones(n, dtype=np.int64)
    else:
        lengths = np.empty(0, dtype=np.int64)
        while lengths.sum() < n:
            more = random.geometric(1 / block, int(1.2 * n / block) + 8)
            lengths = np.concatenate([lengths, more])
    ends = np.cumsum(lengths)
    last = int(np.searchsorted(ends, n))
    lengths = lengths[: last + 1].astype(np.int64)
    lengths[last] -= ends[last] - n
    return lengths


def block_length(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the best mean block length of the stationary and the best length of the circular bootstrap.

    Politis and White (2004) with the correction of Patton, Politis and White (2009): the flat-top window is as wide
    as autocorrelations are significant.

    Parameters
    ----------
    values
        float64, shape (n,), at least 2.

    Returns
    -------
    tuple
        Both in rows, from 1 to min(3 √n, n / 3).
    """
    n = values.size
    if n < 12 or float(np.ptp(values)) == 0.0:
        return 1.0, 1.0
    longest = math.ceil(min(3 * math.sqrt(n), n / 3))
    run = max(5, math.ceil(math.log10(n)))
    lags = min(math.ceil(math.sqrt(n)) + run, n - 2)
    centred = values - values.mean()
    # einsum and not @: the libraries behind @ use threads and round as the machine likes.
    products = np.array([np.einsum("i,i", centred[lag:], centred[: n - lag]) for lag in range(lags + 1)])
    covariance = products / n
    correlation = _correlations(products, centred)
    limit = 2 * math.sqrt(math.log10(n) / n)
    # The first lag of a run of correlations too small to matter, as in the authors' own programs.
    small = np.abs(correlation) < limit
    first = next((row + 1 for row in range(lags - run + 1) if small[row : row + run].all()), lags)
    width = min(2 * first, lags)
    lag = np.arange(-width, width + 1)
    share = np.abs(lag) / width
    window = np.where(share <= 0.5, 1.0, 2 * (1 - share))
    sides = covariance[np.abs(lag)]
    g, long_run = float((window * np.abs(lag) * sides).sum()), float((window * sides).sum())
    if long_run == 0:
        return 1.0, 1.0
    stationary = (g * g / (long_run * long_run) * n) ** (1 / 3)  # (2 g² / (2 s²))^(1/3) n^(1/3)
    circular = (1.5 * g * g / (long_run * long_run) * n) ** (1 / 3)  # D_CB is 4/3 s²
    return max(1.0, min(stationary, longest)), max(1.0, min(circular, longest))


def _correlations(products: NDArray[np.float64], centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Correlation of the rows with those 1, 2 … earlier, each pair of stretches by its own spread."""
    squares = np.concatenate([[0.0], np.cumsum(centred * centred)])
    lag = np.arange(1, products.size)
    spread = np.sqrt((squares[-1] - squares[lag]) * squares[centred.size - lag])
    correlation: NDArray[np.float64] = np.divide(products[1:], spread, out=np.zeros(lag.size), where=spread > 0)
    return correlation


def _bounds(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _check(n: int, against: NDArray[np.float64] | None, level: float, samples: int, method: str) -> None:
    if n < 2 or (against is not None and against.size != n):
        other = "" if against is None else f" and {against.size} to compare with"
        raise ConfigError(f"returns: {n} returns{other}. Give at least 2, and equally many to compare with.")
    if not 0 < level < 1:
        raise ConfigError(f"level: {level!r} is not allowed. Give a share above 0 and below 1; 0.95 is usual.")
    if samples < 10:
        raise ConfigError(f"samples: {samples!r} is not allowed. Give at least 10; 1,000 is usual.")
    if method not in _METHODS:
        raise ConfigError(
            f"method: {method!r} is unknown.{closest(str(method), _METHODS)} Allowed: {listed(_METHODS)}."
        )
