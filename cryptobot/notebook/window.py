"""What part of a tape a chart draws, and how it is thinned: pure arithmetic, no widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cryptobot.trading.tape import TapeWindow

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MILLI = 1_000_000
MAX_CANDLES = 250


@dataclass(frozen=True)
class Candles:
    """At most 250 candles with the features' and the equity's last value in each.

    Attributes
    ----------
    time
        Opening time of each candle, milliseconds since 1970-01-01 UTC, shape ``(m,)``.
    prices
        Open, high, low and close, shape ``(m, 4)``.
    volume
        Sum of each candle, shape ``(m,)``.
    features
        By name, each of shape ``(m,)``.
    equity
        Shape ``(m,)``.
    bars_each
        How many bars one candle stands for.
    step
        Time from one candle to the next where none is missing, milliseconds.
    starts
        Position in the tape of each candle's first bar, shape ``(m,)``.
    stop
        Position after the last candle's last bar.
    """

    time: Ints
    prices: Floats
    volume: Floats
    features: dict[str, Floats]
    equity: Floats
    bars_each: int
    step: int
    starts: Ints
    stop: int

    def __len__(self) -> int:
        return len(self.time)

    def inside(self, low: float, high: float) -> slice:
        """Return which candles lie between two times in milliseconds."""
        return slice(int(np.searchsorted(self.time, low, "left")), int(np.searchsorted(self.time, high, "right")))

    def at(self, time: float) -> int:
        """Return the candle that a time in milliseconds belongs to."""
        return max(0, int(np.searchsorted(self.time, time, "right")) - 1)

    def least(self, values: Floats) -> Floats:
        """Return the least of a column of the tape in each candle, NaN where one is undefined."""
        if not len(self):
            return np.empty(0)
        return np.minimum.reduceat(values[self.starts[0] : self.stop], self.starts - self.starts[0])

    def summed(self, times: Ints, values: Floats) -> Floats:
        """Return the sum, in each candle, of what happened at some times in milliseconds; 0 where nothing did."""
        sums = np.zeros(len(self))
        if len(self):
            index = np.searchsorted(self.time, times, "right") - 1
            inside = (index >= 0) & (times < self.time[-1] + self.step)
            np.add.at(sums, index[inside], values[inside])
        return sums


def step_of(time: Ints) -> int:
    """Return the interval of a tape's bars in milliseconds: the smallest step between two of the newest 500."""
    steps = np.diff(time[-500:])
    return max(1, int(steps.min()) // MILLI) if len(steps) else 60_000


def candles(tape: TapeWindow, low: float, high: float, limit: int = MAX_CANDLES) -> Candles:
    """Thin the part of a tape around a window to at most `limit` candles.

    Bars just outside the window are drawn too, as far as the limit allows, so that panning shows them at once. Bars are
    joined by the clock (candles of 5 bars begin at a whole multiple of 5 intervals), so a joined candle keeps its bars
    while the window moves.

    Parameters
    ----------
    tape
        Bars of a bot, not empty.
    low, high
        The window, milliseconds since 1970-01-01 UTC.
    limit
        The most candles to return.
    """
    time = np.asarray(tape.time)
    step = step_of(time)
    first = int(np.searchsorted(time, low * MILLI, "left"))
    last = int(np.searchsorted(time, high * MILLI, "right"))
    count = last - first
    if count <= limit:
        spare = (limit - count) // 2
        last = min(len(time), max(last + spare, min(len(time), first + limit - spare)))
        first = max(0, last - limit)
        return _joined(tape, np.arange(first, last), 1, step)
    each = -(-count // (limit - 1))  # one candle less, as the window need not begin where a candle does
    buckets = time[first:last] // (each * step * MILLI)
    starts = first + np.flatnonzero(np.r_[True, buckets[1:] != buckets[:-1]])
    return _joined(tape, starts, each, step, last)


def _joined(tape: TapeWindow, starts: npt.NDArray[np.intp], each: int, step: int, stop: int | None = None) -> Candles:
    """Join the bars from each start to the next into one candle."""
    stop = int(starts[-1]) + 1 if stop is None and len(starts) else stop or 0
    part = slice(int(starts[0]), stop) if len(starts) else slice(0, 0)
    offsets = starts - part.start
    ends = np.r_[starts[1:], stop].astype(np.intp) - 1
    if len(starts):
        highs = np.maximum.reduceat(tape.high[part], offsets)
        lows = np.minimum.reduceat(tape.low[part], offsets)
        volume = np.add.reduceat(tape.volume[part], offsets)
    else:
        highs = lows = volume = np.empty(0)
    times = np.asarray(tape.time)[starts] // MILLI
    return Candles(
        time=times - times % (each * step) if each > 1 else times,
        prices=np.column_stack([tape.open[starts], highs, lows, tape.close[ends if len(starts) else starts]]),
        volume=volume,
        features={name: np.asarray(values, float)[ends] for name, values in tape.features.items()}
        if len(starts)
        else {},
        equity=np.asarray(tape.equity, float)[ends] if len(starts) else np.empty(0),
        bars_each=each,
        step=each * step,
        starts=starts.astype(np.int64),
        stop=stop,
    )


def on_price_scale(values: Floats, close: Floats) -> bool | None:
    """Say whether a feature lives on the price scale: its values are of the price's magnitude.

    Returns
    -------
    bool or None
        None while the feature has no value.
    """
    known = np.isfinite(values)
    if not known.any():
        return None
    ratio = np.median(np.abs(values[known])) / np.median(close[known])
    return bool(0.2 < ratio < 5)


def fitted(low: float, high: float, margin: float = 0.08) -> tuple[float, float]:
    """Widen a range by a margin on both sides; a single value gets room as well.

    Examples
    --------
    >>> fitted(100.0, 200.0, 0.1)
    (90.0, 210.0)
    """
    room = (high - low) * margin or abs(high) * 0.001 or 1.0
    return low - room, high + room


def round_ticks(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round numbers inside a range: multiples of 1, 2, 2.5 or 5 times a power of ten.

    Examples
    --------
    >>> round_ticks(0.0, 100.0, 4)
    [0.0, 25.0, 50.0, 75.0, 100.0]
    """
    rough = (high - low) / max(1, count)
    if not np.isfinite(rough) or rough <= 0:
        return [low]
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first = int(np.ceil(low / step - 1e-9))
    last = int(np.floor(high / step + 1e-9))
    return [float(np.round(index * step, 12)) for index in range(first, last + 1)]


def decimals_of(ticks: Sequence[float]) -> int:
    """Return how many decimals tell a list of ticks apart.

    Examples
    --------
    >>> decimals_of([0.0, 2.5, 5.0]), decimals_of([59_000.0, 60_000.0])
    (1, 0)
    """
    for digits in range(9):
        if all(abs(round(tick, digits) - tick) <= 1e-9 * max(1e-9, abs(tick)) for tick in ticks):
            return digits
    return 9


_MINUTE = 60_000
_DAY = 86_400_000
_TIME_STEPS = tuple(_MINUTE * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720)) + tuple(
    _DAY * days for days in (1, 2, 7, 14, 28, 91, 182, 364)
)


def time_ticks(low: float, high: float, count: int) -> tuple[list[int], str]:
    """Return round moments inside a window and the format to write them in.

    Parameters
    ----------
    low, high
        Milliseconds since 1970-01-01 UTC.
    count
        The most ticks wanted.

    Returns
    -------
    tuple
        The moments in milliseconds, and a strftime format.
    """
    rough = (high - low) / max(1, count)
    step = next((size for size in (1000, 5000, 10_000, 30_000, *_TIME_STEPS) if size >= rough), _TIME_STEPS[-1])
    ticks = [int(moment) for moment in np.arange(-(-low // step) * step, high + 1, step)]
    if step < _MINUTE:
        return ticks, "%H:%M:%S"
    if step >= _DAY:
        return ticks, "%d %b %y" if step > 28 * _DAY else "%d %b"
    return ticks, "%H:%M" if high - low < 1.5 * _DAY else "%d %b %H:%M"
