"""One measured figure, and how to measure: medians of runs that alternate with what they are compared to."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A result and its limit.

    Attributes
    ----------
    name
        What was measured.
    value
        Median, in `unit`.
    unit
        For example ``"s"``.
    spread
        Smallest and largest run, in `unit`.
    limit
        Most that is allowed, in `unit`; None where nothing is promised.
    ratio
        Against what was measured beside it in the same run, in words.
    note
        What else a reader should know.
    """

    name: str
    value: float
    unit: str
    spread: tuple[float, float]
    limit: float | None = None
    ratio: str = ""
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the limit holds."""
        return self.limit is None or self.value <= self.limit

    @classmethod
    def of(
        cls,
        name: str,
        runs: list[float],
        unit: str,
        *,
        limit: float | None = None,
        ratio: str = "",
        note: str = "",
    ) -> Figure:
        """Make a figure of several runs: their median, smallest and largest."""
        return cls(name, statistics.median(runs), unit, (min(runs), max(runs)), limit, ratio, note)


def seconds(work: Callable[[], object]) -> float:
    """Measure one call by the wall clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternating(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Measure several things turn by turn, so that a busy moment of the machine hits all of them alike.

    Returns
    -------
    dict
        Wall-clock seconds of each round, by name.
    """
    runs: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            runs[name].append(seconds(work))
    return runs


def ratio(above: list[float], below: list[float]) -> float:
    """Return the median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))
