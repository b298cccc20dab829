"""What a bot has seen: bars, features and equity in compact columns."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.bars import COLUMNS
from cryptobot.core.types import Bar, Fill

# About two years of minutes at 100 bytes a bar; older bars are dropped a fifth at a time.
_KEPT: Final = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class TapeWindow:
    """The newest part of a tape, copied out.

    Attributes
    ----------
    time
        int64, shape (n,): open times, nanoseconds since 1970-01-01 UTC.
    open, high, low, close, volume
        float64, shape (n,).
    features
        float64 arrays of shape (n,) by name, NaN while undefined.
    equity
        float64, shape (n,): value of cash and position at each close, in the quote currency.
    fills
        Executions within the window, oldest first.
    sequence
        Grows with every event; the same number means nothing is new.
    """

    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    features: dict[str, NDArray[np.float64]]
    equity: NDArray[np.float64]
    fills: tuple[Fill, ...]
    sequence: int


class Tape:
    """Growing columns of bars, features and equity.

    Parameters
    ----------
    features
        Names of the features.
    """

    def __init__(self, features: list[str]) -> None:
        self._time = array("q")
        self._bars = {name: array("d") for name in COLUMNS}
        self._features = {name: array("d") for name in features}
        self._equity = array("d")

    def __len__(self) -> int:
        return len(self._time)

    def append(self, bar: Bar, features: Mapping[str, float], equity: float) -> None:
        """Add one closed bar."""
        self._time.append(bar.time)
        bars = self._bars
        bars["open"].append(bar.open)
        bars["high"].append(bar.high)
        bars["low"].append(bar.low)
        bars["close"].append(bar.close)
        bars["volume"].append(bar.volume)
        for name, values in self._features.items():
            values.append(features[name])
        self._equity.append(equity)
        if len(self._time) > _KEPT + _KEPT // 5:
            del self._time[:-_KEPT]
            for column in (*bars.values(), *self._features.values(), self._equity):
                del column[:-_KEPT]

    @property
    def last_equity(self) -> float:
        """Equity at the newest close, in the quote currency; raises IndexError while the tape is empty."""
        return self._equity[-1]

    def equity_before(self, time: int) -> float | None:
        """Return the equity at the newest close of a bar that opened before a time, or None if there is none."""
        row = bisect_left(self._time, time)
        return self._equity[row - 1] if row else None

    def window(self, n: int | None, fills: list[Fill], sequence: int) -> TapeWindow:
        """Copy out the newest ``n`` bars (all of them for None) with the fills among them."""
        start = 0 if n is None else max(0, len(self) - n)
        time = np.array(self._time[start:], dtype=np.int64)
        inside: list[Fill] = []
        for fill in reversed(fills):
            if time.size == 0 or fill.time < time[0]:
                break
            inside.append(fill)
        return TapeWindow(
            time=time,
            **{name: np.array(values[start:]) for name, values in self._bars.items()},
            features={name: np.array(values[start:]) for name, values in self._features.items()},
            equity=np.array(self._equity[start:]),
            fills=tuple(reversed(inside)),
            sequence=sequence,
        )

    def rows(self, n: int | None = None) -> Iterator[tuple[Bar, float]]:
        """Yield the newest ``n`` bars (None: all), oldest first, with the equity at their close."""
        start = 0 if n is None else max(0, len(self) - n)
        numbers = (column[start:] for column in (*self._bars.values(), self._equity))
        for time, opened, high, low, close, volume, equity in zip(self._time[start:], *numbers, strict=True):
            yield Bar(time, opened, high, low, close, volume), equity
