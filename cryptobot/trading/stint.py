"""A strategy and since when it trades: one with changed parameters takes over where the other one left off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cryptobot.core.bars import BarColumns
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.decision import Decisions


class Stint(NamedTuple):
    """A strategy with its parameters, from a bar on.

    Attributes
    ----------
    since
        Open time of the first bar that it decided on, nanoseconds since 1970-01-01 UTC; of the first stint any before.
    strategy
        What decided.
    """

    since: int
    strategy: Strategy


def decide(stints: Sequence[Stint], bars: BarColumns) -> Decisions:
    """Decide every bar by the strategy of its time; each has seen all bars before, as a bot shows them to it.

    Parameters
    ----------
    stints
        Oldest first, at least one.
    bars
        Those before the first stint only warm it up.
    """
    found = stints[0].strategy.batch(bars)
    for since, strategy in stints[1:]:
        rows, now = bars.time >= since, strategy.batch(bars)
        unknown = np.full(len(bars), np.nan)
        names = dict.fromkeys([*found.features, *now.features])
        found = Decisions(
            bars.time,
            np.where(rows, now.buy, found.buy),
            np.where(rows, now.sell, found.sell),
            {
                name: np.where(rows, now.features.get(name, unknown), found.features.get(name, unknown))
                for name in names
            },
        )
    return found
