"""Features of a whole history: every distinct feature is computed once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cryptobot.core.bars import BarColumns
from cryptobot.strategy.conditions import Column
from cryptobot.strategy.feature import Feature


def feature_columns(
    nodes: Mapping[str, Feature], bars: BarColumns, known: Mapping[Feature, Column] | None = None
) -> dict[str, Column]:
    """Compute named features over bars.

    Parameters
    ----------
    nodes
        The features by name.
    bars
        On what.
    known
        Features that have been computed on these bars already.

    Returns
    -------
    dict
        float64 arrays of shape (n,), read-only, NaN while a feature is undefined.
    """
    done: dict[Feature, Column] = dict(known or {})
    return {name: _column(node, bars, done) for name, node in nodes.items()}


def _column(feature: Feature, bars: BarColumns, done: dict[Feature, Column]) -> Column:
    if feature in done:
        return done[feature]
    inputs = [_column(s, bars, done) if isinstance(s, Feature) else getattr(bars, s) for s in feature.sources]
    # A feature of a feature takes the rows on which its source has a value, exactly as it does live.
    sources = [column for column, s in zip(inputs, feature.sources, strict=True) if isinstance(s, Feature)]
    rows = np.logical_and.reduce([np.isfinite(column) for column in sources]) if sources else slice(None)
    scanned = feature.step.scan(
        feature.state(), [column[rows] for column in inputs], feature.arguments(bars.grid.scale)
    )
    values = np.full(len(bars), np.nan)
    values[rows] = scanned
    values.flags.writeable = False
    done[feature] = values
    return values
