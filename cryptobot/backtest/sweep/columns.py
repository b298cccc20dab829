"""The columns that conditions compare: each distinct one computed once, kept while there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.compiled import Floats, compiled
from cryptobot.backtest.sweep.expression import Tree, evaluate
from cryptobot.backtest.sweep.features import FeatureList
from cryptobot.core.bars import PRICES, BarColumns
from cryptobot.strategy.batch import feature_columns
from cryptobot.strategy.feature import Feature
from cryptobot.strategy.indicators import SMA
from cryptobot.strategy.volatility import RollingVolatility

_ROOM: Final = 96_000_000  # bytes of columns that are kept
_EXACT: Final = 2.0**53
COMPARABLE: Final = _EXACT / 4  # ticks × both windows: below, sums compare as the rounded means do


class Span(NamedTuple):
    """Where a column has values.

    Attributes
    ----------
    first
        First row with one; the number of bars when there is none.
    whole
        Whether every row from there on has one.
    """

    first: int
    whole: bool


@compiled
def tick_sums(prices: Floats, scale: float) -> Floats:
    """Return the sums of whole ticks up to each row, beginning with 0: shape (n + 1,)."""
    sums = np.empty(prices.size + 1)
    sums[0] = total = 0.0
    for t in range(prices.size):
        total += np.floor(prices[t] * scale + 0.5)
        sums[t + 1] = total
    return sums


@compiled
def window_means(sums: Floats, window: int, divisor: float, values: Floats) -> None:
    """Divide sums of whole ticks over a window: the bits of the kernel of `SMA`, without stepping through it."""
    values[: window - 1] = np.nan
    for t in range(window - 1, values.size):
        values[t] = (sums[t + 1] - sums[t + 1 - window]) / divisor


class Sums(NamedTuple):
    """Two means over the same sums.

    Attributes
    ----------
    source
        The price column that was summed.
    ticks
        float64, shape (n + 1,): its sums in whole ticks.
    fast, slow
        Lengths of the windows.
    """

    source: str
    ticks: Floats
    fast: int
    slow: int


class ColumnStore:
    """Columns by what they are made of.

    A column is named by a tree of `expression` whose leaves are ``("column", name)`` of a column of the bars, or
    ``("column", number)`` of a feature.

    Parameters
    ----------
    bars
        What they are computed on.
    known
        The features by number.
    """

    def __init__(self, bars: BarColumns, known: FeatureList) -> None:
        self.bars = bars
        self._known = known
        self._kept: OrderedDict[Any, NDArray[Any]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._spans: dict[Any, Span] = {}
        self._ticks: dict[str, NDArray[np.float64] | None] = {}
        self._windows: dict[Tree, tuple[str, int] | None] = {}
        self._highest: dict[str, float] = {}

    def leaf(self, feature: Feature) -> Tree:
        """Return the name of a feature's column."""
        return ("column", self._known.number(feature))

    def feature(self, tree: Tree) -> Feature | None:
        """Return the feature that a column is of; None when it is not the plain column of one."""
        return self._known.features[tree[1]] if tree[0] == "column" and isinstance(tree[1], int) else None

    def highest(self, source: str) -> float:
        """Return the highest of a price column, in ticks."""
        if source not in self._highest:
            self._highest[source] = float(getattr(self.bars, source).max()) * self.bars.grid.scale
        return self._highest[source]

    def ticks(self, source: str) -> NDArray[np.float64] | None:
        """Return sums of a price column in whole ticks, float64 of shape (n + 1,); None when they are not exact."""
        if source not in self._ticks:
            scale = self.bars.grid.scale
            sums = None
            if scale > 0.0 and source in PRICES:
                made = tick_sums(np.ascontiguousarray(getattr(self.bars, source)), scale)
                sums = made if made[-1] < _EXACT else None
            self._ticks[source] = sums
        return self._ticks[source]

    def window(self, tree: Tree) -> tuple[str, int] | None:
        """Tell whether a column is the mean of a window of exact ticks: its source and length.

        A price itself is the mean of one bar.
        """
        if tree not in self._windows:
            self._windows[tree] = self._window(tree)
        return self._windows[tree]

    def _window(self, tree: Tree) -> tuple[str, int] | None:
        feature = self.feature(tree)
        if feature is None:
            source, size = (str(tree[1]), 1) if tree[0] == "column" else ("", 0)
        elif type(feature) is SMA:
            source, size = str(feature.sources[0]), int(feature.window)
        else:
            return None
        known = source in PRICES and size <= len(self.bars) and self.ticks(source) is not None
        return (source, size) if known else None

    def sums(self, a: Tree, b: Tree) -> Sums | None:
        """Return the sums of ticks that tell when two columns cross; None when their own values must be compared.

        Means that differ do so by at least 1 / (ticks × fast × slow) of their size. While that is above a rounding,
        rounded means compare as exact ones do, and these as their sums, crosswise multiplied.
        """
        fast, slow = self.window(a), self.window(b)
        if fast is None or slow is None or fast[0] != slow[0]:
            return None
        ticks = self.ticks(fast[0])
        if ticks is None or not self.highest(fast[0]) * fast[1] * slow[1] < COMPARABLE:
            return None
        return Sums(fast[0], ticks, fast[1], slow[1])

    def span(self, tree: Tree) -> Span:
        """Tell where a column has values."""
        span = self._spans.get(tree)
        if span is None:
            span = self._spans[tree] = self._known_span(tree) or self._seen_span(self.values(tree))
        return span

    def _known_span(self, tree: Tree) -> Span | None:
        feature = self.feature(tree)
        if feature is None:
            return Span(0, True) if tree[0] == "column" else None
        if type(feature) in (SMA, RollingVolatility) and feature.sources[0] in PRICES:
            return Span(min(feature.warm_up, len(self.bars)), True)
        return None

    def _seen_span(self, values: NDArray[Any]) -> Span:
        defined = np.isfinite(values)
        first = int(np.argmax(defined)) if defined.any() else values.size
        return Span(first, bool(defined[first:].all()))

    def values(self, tree: Tree) -> NDArray[Any]:
        """Return a column (or a condition over all rows), read-only, of shape (n,)."""
        if tree[0] == "column" and isinstance(tree[1], str):
            column: NDArray[Any] = getattr(self.bars, tree[1])
            return column
        with self._lock:
            if tree in self._kept:
                self._kept.move_to_end(tree)
                return self._kept[tree]
        made = self._compute(tree)
        made.flags.writeable = False
        with self._lock:
            if tree not in self._kept:
                self._kept[tree] = made
                self._bytes += made.nbytes
            while self._bytes > _ROOM and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return made

    def _compute(self, tree: Tree) -> NDArray[Any]:
        if tree[0] != "column":
            with np.errstate(all="ignore"):
                made = np.asarray(evaluate(tree, self.values, kept=self.values))
            return made if made.ndim else np.full(len(self.bars), made)
        mean = self.window(tree)
        sums = self.ticks(mean[0]) if mean is not None else None
        if mean is not None and sums is not None:
            values = np.empty(len(self.bars))
            window_means(sums, mean[1], float(mean[1]) * self.bars.grid.scale, values)
            return values
        feature = self._known.features[tree[1]]
        known = {source: self.values(self.leaf(source)) for source in feature.sources if isinstance(source, Feature)}
        return feature_columns({"feature": feature}, self.bars, known)["feature"]
