"""Features of a whole history: every distinct feature is computed once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cryptobot.core.bars import BarColumns
from cryptobot.strategy.conditions import Column
from cryptobot.strategy.feature import Feature


def feature_columns(nodes: Mapping[str, Feature], bars: BarColumns) -> dict[str, Column]:
    """Compute named features over bars.

    Returns
    -------
    dict
        float64 arrays of shape (n,), read-only, NaN while a feature is undefined.
    """
    done: dict[Feature, Column] = {}
    return {name: _column(node, bars, done) for name, node in nodes.items()}


def _column(feature: Feature, bars: BarColumns, done: dict[Feature, Column]) -> Column:
    if feature in done:
        return done[feature]
    inputs = [_column(s, bars, done) if isinstance(s, Feature) else getattr(bars, s) for s in feature.sources]
    # A feature of a feature starts with its source's first value, exactly as it does live.
    skip = sum(source.total_warm_up for source in feature.sources if isinstance(source, Feature))
    values = feature.step.scan(
        feature.state(), [column[skip:] for column in inputs], feature.arguments(bars.grid.scale)
    )
    if skip:
        values = np.concatenate([np.full(min(skip, len(bars)), np.nan), values])
        values.flags.writeable = False
    done[feature] = values
    return values
