"""What is tried in every window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cryptobot.backtest.sweep.combinations import Combinations, combinations_of
from cryptobot.core.errors import ConfigError

_LOOKED_AT: Final = 2_000


@dataclass(frozen=True, slots=True)
class Choices:
    """Parameter sets, checked once and tried again in every window.

    Attributes
    ----------
    arguments
        What `sweep` is given: ranges, or ``combos``; never an iterator that would be empty the second time.
    combinations
        The same, checked.
    longest_warm_up
        Bars that the slowest of them takes before its first decision.
    longest_memory
        Bars that can influence a decision of any of them.
    """

    arguments: dict[str, Any]
    combinations: Combinations
    longest_warm_up: int
    longest_memory: int

    @classmethod
    def of(cls, strategy: Any, ranges: Mapping[str, Any], combos: Any) -> Choices:
        """Read what the user gave.

        Raises
        ------
        ConfigError
            If the class, a parameter or a value is not allowed, there is nothing to try, or every set breaks a
            constraint.
        """
        kept = {name: _kept(values) for name, values in ranges.items()}
        arguments = kept if combos is None else {**kept, "combos": _kept(combos)}
        combinations = combinations_of(strategy, kept, arguments.get("combos"))
        return cls(arguments, combinations, *_longest(combinations))


def _kept(values: Any) -> Any:
    once = isinstance(values, Iterable) and not isinstance(values, str) and not hasattr(values, "columns")
    return list(values) if once else values


def _longest(combinations: Combinations) -> tuple[int, int]:
    """Return the longest warm-up and the longest memory."""
    many = len(combinations)
    rows = set(range(many))
    if many > _LOOKED_AT:
        # Every value of every parameter once, and rows from all over.
        rows = set(np.linspace(0, many - 1, _LOOKED_AT).astype(int).tolist())
        for codes in combinations.codes.values():
            rows |= set(np.unique(codes, return_index=True)[1].tolist())
    warm_up, memory, reason = -1, 0, ""
    for row in sorted(rows):
        try:
            made = combinations.strategy(**combinations.row(row))
        except ConfigError as error:
            reason = str(error)
            continue
        warm_up, memory = max(warm_up, made.warm_up), max(memory, made.memory)
    if warm_up < 0 and many <= _LOOKED_AT:
        whole = "The only combination" if many == 1 else f"Every one of the {many:,} combinations"
        raise ConfigError(f"{whole} breaks a constraint. {reason}")
    return max(warm_up, 0), memory
