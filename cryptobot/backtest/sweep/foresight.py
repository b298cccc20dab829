"""Refusing strategies that look ahead, before thousands of parameter sets profit from it."""

from __future__ import annotations

from typing import Final

import numpy as np

from cryptobot.backtest.sweep.combinations import Combinations
from cryptobot.core.bars import COLUMNS, BarColumns, time_text
from cryptobot.core.errors import StrategyError
from cryptobot.strategy.batch import feature_columns
from cryptobot.strategy.conditions import Column, Mask
from cryptobot.strategy.feature import Feature
from cryptobot.strategy.locality import find_leak, rows_of

_ROWS: Final = 384  # bars that an unreadable condition is tried on


def refuse_foresight(combinations: Combinations, row: int, bars: BarColumns, *, readable: bool) -> None:
    """Look for a feature or a condition that depends on the future, in one parameter set.

    Features that come with the library cannot: their kernels are given one bar after another. Others are computed on
    the first half of the bars alone, which must not change them. A condition that could be read says itself which rows
    it looks at; any other is tried on rows that are exchanged behind its back (see `strategy.locality`).

    Parameters
    ----------
    combinations, row
        The parameter set.
    bars
        What is swept on.
    readable
        Whether its conditions could be read.

    Raises
    ------
    StrategyError
        If it does.
    """
    nodes = combinations.strategy(**combinations.row(row)).nodes
    foreign = {name: node for name, node in nodes.items() if not _is_ours(node)}
    half = len(bars) // 2
    if foreign and half:
        _check_features(combinations, foreign, bars, half)
    if not readable:
        _check_conditions(combinations, row, nodes, bars)


def _is_ours(node: Feature) -> bool:
    ours = type(node).__module__.startswith("cryptobot.")
    return ours and all(_is_ours(source) for source in node.sources if isinstance(source, Feature))


def _check_features(combinations: Combinations, nodes: dict[str, Feature], bars: BarColumns, half: int) -> None:
    whole, part = feature_columns(nodes, bars), feature_columns(nodes, bars.head(half))
    for name in nodes:
        same = (whole[name][:half] == part[name]) | (np.isnan(whole[name][:half]) & np.isnan(part[name]))
        if not same.all():
            at = int(np.argmin(same))
            raise StrategyError(
                f"{combinations.strategy.__name__}: the feature `{name}` depends on the future. At bar {at} "
                f"({time_text(int(bars.time[at]))}) it is {float(whole[name][at])!r} when all {len(bars):,} bars are known "
                f"and {float(part[name][at])!r} when only the first {half:,} are. A feature may use the bars up to its "
                "own; `cb.check_strategy` helps to find where it does not."
            )


def _check_conditions(combinations: Combinations, row: int, nodes: dict[str, Feature], bars: BarColumns) -> None:
    strategy = combinations.strategy(**combinations.row(row))
    begin = min(strategy.warm_up, max(0, len(bars) - _ROWS))
    # The features are computed from the first bar on; the conditions see some rows from the first defined one on.
    features = feature_columns(nodes, bars.head(begin + _ROWS))
    columns: dict[str, Column] = {
        **{name: values[begin:].copy() for name, values in features.items()},
        **{name: getattr(bars, name)[begin : begin + _ROWS].copy() for name in COLUMNS},
    }
    size = columns["close"].size

    def decide(seen: dict[str, Column]) -> Mask:
        return np.stack(strategy.decide(rows_of(seen), size))

    signals: Mask = np.logical_or.reduce(decide(columns))
    leak = find_leak(decide, columns, signals)
    if leak is not None and leak.ahead:
        at = begin + leak.row
        where = f" Seen at bar {at} ({time_text(int(bars.time[at]))})." if leak.real else ""
        raise StrategyError(
            f"{type(strategy).__name__} looks ahead: a decision changes with a later bar, which nobody knows when the "
            f"order is sent.{where} Use the row and the one before it only; `cb.check_strategy` names the first bar."
        )
