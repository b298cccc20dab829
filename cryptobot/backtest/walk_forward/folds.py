"""Groups of bars for combinatorial purged cross-validation.

Source: López de Prado (2018), "Advances in financial machine learning", chapters 7 (purging, embargo) and 12 (paths).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.figures import block_edges
from cryptobot.core.errors import ConfigError
from cryptobot.core.text import count

_MOST_PARTS: Final = 20
_MOST_SPLITS: Final = 2_000


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Which blocks of bars are trained on and tested on in every split.

    Attributes
    ----------
    groups, test_groups
        Contiguous groups of equal length, and how many of them are tested at a time.
    parts
        Blocks in each group, so that purging can leave out less than a group.
    edges
        int64, shape (groups × parts + 1,): rows at which the blocks begin and end.
    tests
        int64, shape (splits, test_groups): the groups that are tested.
    train
        bool, shape (splits, groups × parts): the blocks that are trained on.
    paths
        int64, shape (paths, groups): the split from which each path takes each group.
    """

    groups: int
    test_groups: int
    parts: int
    edges: NDArray[np.int64]
    tests: NDArray[np.int64]
    train: NDArray[np.bool_]
    paths: NDArray[np.int64]

    def rows_of(self, group: int) -> slice:
        """Return the rows of a group."""
        return slice(int(self.edges[group * self.parts]), int(self.edges[(group + 1) * self.parts]))

    def test_blocks(self, split: int) -> NDArray[np.bool_]:
        """Return the blocks that a split tests."""
        return np.repeat(np.isin(np.arange(self.groups), self.tests[split]), self.parts)


def folds(n: int, groups: Any, test_groups: Any, purge: int, embargo: int) -> Folds:
    """Lay out the splits: every choice of ``test_groups`` out of ``groups`` is tested once, the rest trained on.

    Parameters
    ----------
    n
        Bars.
    groups
        At least 3.
    test_groups
        At least 1 and below ``groups``.
    purge
        Bars left out of the training on either side of what is tested, at least.
    embargo
        Further bars left out after it.

    Raises
    ------
    ConfigError
        If a number is not allowed, or nothing is left to train on.
    """
    for name, value, least in (("groups", groups, 3), ("test_groups", test_groups, 1)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise ConfigError(f"{name}: {value!r} is not allowed. Give a whole number of at least {least}.")
    if test_groups >= groups:
        raise ConfigError(f"test_groups: {test_groups} of {groups} groups leave nothing to train on. Give fewer.")
    for name, value in (("purge", purge), ("embargo", embargo)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise ConfigError(f"{name}: {value!r} is not allowed. Give a whole number of bars of at least 0.")
    size = n // groups
    if size < 2 or purge + embargo >= size:
        raise ConfigError(
            f"{n:,} bars in {groups} groups are {count(size, 'bar')} a group, of which purge and embargo leave out "
            f"{purge + embargo:,} beside each tested one. Give more bars, fewer groups, or a smaller purge (the default "
            "is the longest memory of any parameter set)."
        )
    chosen = np.array(list(combinations(range(groups), test_groups)), dtype=np.int64)
    if len(chosen) > _MOST_SPLITS:
        raise ConfigError(
            f"groups: {test_groups} out of {groups} are {len(chosen):,} splits. At most {_MOST_SPLITS:,} are allowed; "
            "10 groups with 2 tested are 45."
        )
    finest = max(1, min(_MOST_PARTS, 4 * size // max(1, purge + embargo), size // 2))
    parts = finest if purge + embargo else 1
    edges = block_edges(n, groups * parts)
    tested = np.repeat(np.array([np.isin(np.arange(groups), row) for row in chosen]), parts, axis=1)
    train = ~tested
    for split, blocks in enumerate(tested):
        for block in np.flatnonzero(blocks):
            begin, end = edges[block] - purge, edges[block + 1] + purge + embargo
            # Whole blocks: whatever has a bar too near is left out.
            train[split] &= ~((edges[1:] > begin) & (edges[:-1] < end))
    if not train.any(axis=1).all():
        raise ConfigError(f"purge: {purge:,} and embargo: {embargo:,} leave nothing to train on. Give smaller ones.")
    where = [np.flatnonzero((chosen == group).any(axis=1)) for group in range(groups)]
    return Folds(int(groups), int(test_groups), parts, edges, chosen, train, np.array(where).T)
