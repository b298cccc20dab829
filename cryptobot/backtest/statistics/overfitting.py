"""The probability of backtest overfitting, by combinatorially symmetric cross-validation (CSCV).

Source
------
Bailey, Borwein, López de Prado and Zhu (2017), "The probability of backtest overfitting", Journal of Computational
Finance 20(4): the history is cut into S blocks; for every choice of S/2 of them the best combination there is looked
up in the other half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.errors import ConfigError

MAX_BLOCKS: Final = 20
# Cells (splits × combinations) that are looked at; beyond, splits are drawn at random. About two seconds.
_CELLS: Final = 150_000_000
_GROUP: Final = 4
_AT_ONCE: Final = 100_000


@dataclass(frozen=True, slots=True, eq=False)
class Overfitting:
    """What became of the winners of one half of the history in the other half.

    Attributes
    ----------
    probability
        Share of the splits whose winner was at or below the median of all combinations in the other half (PBO):
        about 0.5 when the choice is worth nothing, 0 when winners stay winners.
    loss_probability
        Share of the splits whose winner had a Sharpe ratio below 0 in the other half.
    slope
        Of the line through the winners' Sharpe ratios, other half against chosen half: below 0, the better a winner
        looked the worse it did. NaN when all looked the same.
    logits
        float64, shape (splits,): ln(ω / (1 - ω)) with ω the winner's rank in the other half / (combinations + 1).
    chosen, other
        float64, shape (splits,): the winners' Sharpe ratios per bar in the half they were chosen in, and in the other.
    """

    probability: float
    loss_probability: float
    slope: float
    logits: NDArray[np.float64]
    chosen: NDArray[np.float64]
    other: NDArray[np.float64]

    @property
    def splits(self) -> int:
        """How many splits were looked at."""
        return int(self.logits.size)


def overfitting(moments: NDArray[np.float64], *, max_splits: int | None = None, seed: int = 0) -> Overfitting:
    """Measure how often the best of one half of the history is below the median in the other.

    Parameters
    ----------
    moments
        float64, shape (combinations, blocks, 3): for each block the number of returns, their sum and the sum of
        their squares, as `SweepReport.moments` and `block_moments` give them. At least 2 combinations; an even number
        of blocks, 4 to 20.
    max_splits
        Draw so many splits at random when there are more, always with their mirror images; the default is as many as
        take seconds.
    seed
        Of that draw.

    Returns
    -------
    Overfitting
        A block without any movement counts as a Sharpe ratio of 0.

    Raises
    ------
    ConfigError
        If the shape does not fit.
    """
    many, blocks = _check(moments)
    halves = np.array(list(combinations(range(1, blocks), blocks // 2 - 1)))
    allowed = max(1, (_CELLS // many if max_splits is None else max_splits) // 2)
    if len(halves) > allowed:
        rows = np.random.default_rng(seed).choice(len(halves), allowed, replace=False)
        halves = halves[np.sort(rows)]
    inside = np.zeros((len(halves), blocks), dtype=bool)
    inside[:, 0] = True
    np.put_along_axis(inside, halves, values=True, axis=1)
    tables = _Tables(moments)
    results = np.empty((2 * len(halves), 3))
    step = max(1, _AT_ONCE // many)
    for first in range(0, len(halves), step):
        part = inside[first : first + step]
        ratios = (tables.sharpe(part), tables.sharpe(~part))
        results[2 * first : 2 * (first + len(part)) : 2] = _winners(*ratios)
        results[2 * first + 1 : 2 * (first + len(part)) : 2] = _winners(*reversed(ratios))
    chosen, other, rank = results.T
    share = rank / (many + 1)
    logits = np.log(share / (1 - share))
    return Overfitting(
        probability=float(np.mean(logits <= 0)),
        loss_probability=float(np.mean(other < 0)),
        slope=_slope(chosen, other),
        logits=logits,
        chosen=chosen,
        other=other,
    )


def overfitting_probability(moments: NDArray[np.float64], *, max_splits: int | None = None, seed: int = 0) -> float:
    """Return the probability of backtest overfitting, or NaN where there is too little to measure it by.

    Blocks are put together until there are at most sixteen, an even number, of at least 2 returns each.

    Parameters
    ----------
    moments, max_splits, seed
        As for `overfitting`, with any number of combinations and blocks.
    """
    if len(moments) < 2:
        return math.nan
    for blocks in range(16, 2, -2):
        together = merged(moments, blocks)
        if together.shape[1] == blocks and together[:, :, 0].min() >= 2:
            return overfitting(together, max_splits=max_splits, seed=seed).probability
    return math.nan


def block_moments(returns: NDArray[np.float64], blocks: int = 16) -> NDArray[np.float64]:
    """Sum up a table of returns by blocks.

    Parameters
    ----------
    returns
        float64, shape (n, combinations).
    blocks
        Contiguous and of equal length, to within one row.

    Returns
    -------
    ndarray
        float64, shape (combinations, blocks, 3): number of returns, sum, sum of squares.
    """
    parts = np.array_split(returns, blocks)
    table = [[np.full(part.shape[1], len(part)), part.sum(axis=0), (part * part).sum(axis=0)] for part in parts]
    return np.ascontiguousarray(np.array(table, dtype=np.float64).transpose(2, 0, 1))


def merged(moments: NDArray[np.float64], blocks: int = 16) -> NDArray[np.float64]:
    """Put neighbouring blocks together until there are at most so many, an even number of them.

    Parameters
    ----------
    moments
        float64, shape (combinations, blocks, 3).
    blocks
        Even.
    """
    have = moments.shape[1]
    target = min(blocks, have - have % 2)
    if target in (have, 0):
        return moments
    starts = np.arange(target) * have // target
    return np.add.reduceat(moments, starts, axis=1)


def sharpe_of_sums(
    count: NDArray[np.float64], total: NDArray[np.float64], squares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return Sharpe ratios per bar from sums of returns; 0 where nothing moved.

    Parameters
    ----------
    count, total, squares
        Number of returns, their sum and the sum of their squares, of any equal shape.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / count
        variance = (squares - total * mean) / (count - 1)
        # Of equal returns only rounding is left.
        moved = variance > 1e-13 * squares / count
        return np.where(moved, mean / np.sqrt(np.where(moved, variance, 1.0)), 0.0)


class _Tables:
    """Sums over any choice of blocks in a few additions, always in the same order.

    The blocks are taken in groups of four, and each group's sixteen possible sums are made once: a matrix product
    would be no quicker, and its rounding depends on the machine's libraries.
    """

    def __init__(self, moments: NDArray[np.float64]) -> None:
        columns = np.ascontiguousarray(moments.transpose(1, 2, 0))  # blocks, 3, combinations
        self._groups = [columns[first : first + _GROUP] for first in range(0, len(columns), _GROUP)]
        self._sums = [self._table(group) for group in self._groups]

    @staticmethod
    def _table(group: NDArray[np.float64]) -> NDArray[np.float64]:
        table = np.zeros((1 << len(group), *group.shape[1:]))
        for choice in range(1, len(table)):
            lowest = (choice & -choice).bit_length() - 1
            table[choice] = table[choice & (choice - 1)] + group[lowest]
        return table

    def sharpe(self, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the Sharpe ratio of every combination over chosen blocks.

        Parameters
        ----------
        inside
            bool, shape (splits, blocks).

        Returns
        -------
        ndarray
            float64, shape (splits, combinations).
        """
        total = np.zeros(1)
        for number, sums in enumerate(self._sums):
            part = inside[:, number * _GROUP : number * _GROUP + _GROUP]
            total = total + sums[part @ (1 << np.arange(part.shape[1]))]
        return sharpe_of_sums(total[:, 0], total[:, 1], total[:, 2])


def _winners(chosen: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, for each split, the winner's ratio where it was chosen, in the other half, and its rank there.

    Equal ratios share their rank; of equal winners the first is taken.
    """
    rows = np.arange(len(chosen))
    best = np.argmax(chosen, axis=1)
    mine = other[rows, best]
    rank = (other < mine[:, None]).sum(axis=1) + 0.5 * ((other == mine[:, None]).sum(axis=1) + 1)
    return np.stack([chosen[rows, best], mine, rank], axis=1)


def _slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    centred = x - x.mean()
    spread = float((centred * centred).sum())
    return float((centred * (y - y.mean())).sum()) / spread if spread > 0 else math.nan


def _check(moments: NDArray[np.float64]) -> tuple[int, int]:
    if moments.ndim != 3 or moments.shape[2] != 3:
        raise ConfigError(
            f"moments: shape {moments.shape} is not (combinations, blocks, 3). Give SweepReport.moments, or "
            "block_moments(returns)."
        )
    many, blocks, _ = moments.shape
    if many < 2 or blocks % 2 or not 4 <= blocks <= MAX_BLOCKS:
        raise ConfigError(
            f"moments: {many} combinations in {blocks} blocks. Allowed: at least 2 combinations, and an even number "
            f"of blocks from 4 to {MAX_BLOCKS}; 16 is usual."
        )
    if not np.isfinite(moments).all() or (moments[:, :, 0] < 2).any():
        raise ConfigError(
            "moments: a block has under 2 returns, or a sum is not finite. Give more bars or fewer blocks."
        )
    return many, blocks
