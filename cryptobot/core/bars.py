"""Bars as columns: the checked, read-only arrays that every room computes on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.grid import PriceGrid
from cryptobot.core.suggest import closest, listed
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar

if TYPE_CHECKING:
    import pandas as pd

PRICES: Final = ("open", "high", "low", "close")
COLUMNS: Final = (*PRICES, "volume")
_PIECE: Final = 32_768  # rows that a processor's cache holds with all their columns


@dataclass(frozen=True, slots=True)
class Hole:
    """Bars that are missing between two rows.

    Attributes
    ----------
    after, before
        Open times of the bars around the hole, nanoseconds since 1970-01-01 UTC.
    missing
        How many bars are missing.
    """

    after: int
    before: int
    missing: int


@dataclass(frozen=True, slots=True, eq=False)
class BarColumns:
    """Checked bars, a column an array.

    Attributes
    ----------
    time
        int64, shape (n,): open times, nanoseconds since 1970-01-01 UTC, rising.
    open, high, low, close, volume
        float64, shape (n,), read-only.
    timeframe
        The interval of a bar: the smallest step between two rows.
    grid
        The decimal grid of the prices.
    """

    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    timeframe: Timeframe
    grid: PriceGrid = field(default_factory=lambda: PriceGrid(None))

    @classmethod
    def of(cls, bars: pd.DataFrame | BarColumns, *, source: str = "bars") -> BarColumns:
        """Check a DataFrame of bars and take its columns out.

        Parameters
        ----------
        bars
            UTC DatetimeIndex of open times, float columns open, high, low, close, volume.
        source
            What to call the bars in an error, for example a file's name.

        Raises
        ------
        DataError
            If a column is missing, the index is not UTC, unsorted or has duplicates, or a value is impossible;
            the message names the first such bar.
        """
        if isinstance(bars, BarColumns):
            return bars
        if not hasattr(bars, "columns") or not hasattr(bars, "index"):
            raise ConfigError(
                f"{source}: a {type(bars).__name__} is not a table of bars. Give a pandas DataFrame with a UTC "
                "DatetimeIndex and the columns open, high, low, close, volume, for example from cb.read_bars(path) "
                "or cb.practice_bars()."
            )
        _check_columns(bars, source)
        time = _times(bars, source)
        columns = {name: _floats(bars, name, source) for name in COLUMNS}
        steps = np.diff(time)
        _check_order(time, steps, source)
        _check_values(time, columns, source)
        step = int(steps.min()) if time.size > 1 else 60_000_000_000
        if step % 1_000_000_000:
            raise DataError(f"{source}: bars {step / 1e9} s apart. Bars are whole seconds long, at least one.")
        _check_steps(time, steps, step, source)
        return cls.unchecked(time, columns, Timeframe(step // 1_000_000_000))

    @classmethod
    def unchecked(
        cls, time: NDArray[np.int64], columns: dict[str, NDArray[np.float64]], timeframe: Timeframe
    ) -> BarColumns:
        """Wrap arrays that are known to be good; they become read-only."""
        for array in (time, *columns.values()):
            array.flags.writeable = False
        grid = PriceGrid.of(*(columns[name] for name in PRICES))
        return cls(time=time, **columns, timeframe=timeframe, grid=grid)

    def __len__(self) -> int:
        return int(self.time.size)

    def bar(self, row: int) -> Bar:
        """One row as a Bar."""
        return Bar(
            int(self.time[row]),
            float(self.open[row]),
            float(self.high[row]),
            float(self.low[row]),
            float(self.close[row]),
            float(self.volume[row]),
        )

    def rows(self) -> list[Bar]:
        """All rows as Bars: quicker than calling `bar` for each."""
        lists = (getattr(self, name).tolist() for name in ("time", *COLUMNS))
        return [Bar(*values) for values in zip(*lists, strict=True)]

    def head(self, n: int) -> BarColumns:
        """Return the first ``n`` rows, on the same grid and timeframe."""
        parts = {name: getattr(self, name)[:n] for name in ("time", *COLUMNS)}
        return BarColumns(**parts, timeframe=self.timeframe, grid=self.grid)

    def holes(self) -> list[Hole]:
        """Name every place where bars are missing."""
        step = self.timeframe.nanoseconds
        rows = np.flatnonzero(np.diff(self.time) > step)
        return [
            Hole(int(self.time[r]), int(self.time[r + 1]), int((self.time[r + 1] - self.time[r]) // step) - 1)
            for r in rows
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return the usual DataFrame: UTC DatetimeIndex ``time``, columns open, high, low, close, volume."""
        import pandas as pd

        index = pd.DatetimeIndex(self.time.view("M8[ns]"), tz="UTC", name="time")
        return pd.DataFrame({name: np.array(getattr(self, name)) for name in COLUMNS}, index=index)


def problem_of(bar: Bar) -> str | None:
    """Say what is impossible about a bar, or return None when it can be trusted.

    Examples
    --------
    >>> problem_of(Bar(0, 1.0, 2.0, 0.5, 1.5, 10.0))
    >>> problem_of(Bar(0, 1.0, 2.0, 0.5, float("nan"), 10.0))
    'close is nan'
    """
    opened, high, low, close, volume = bar[1:]
    # Written so that NaN and infinities fail the first comparison and the slow search below is never paid for.
    if 0.0 < low <= opened <= high < math.inf and low <= close <= high and 0.0 <= volume < math.inf:
        return None
    for name, value in zip(COLUMNS, bar[1:], strict=True):
        if not math.isfinite(value) or value < 0 or (value == 0 and name != "volume"):
            return f"{name} is {value}"
    return f"high {high} and low {low} do not hold open {opened} and close {close}"


def time_text(nanoseconds: int) -> str:
    """Write a time for a message.

    Examples
    --------
    >>> time_text(1_700_000_000_000_000_000)
    '2023-11-14 22:13:20 UTC'
    """
    return str(np.datetime64(nanoseconds, "ns").astype("M8[s]")).replace("T", " ") + " UTC"


def _check_columns(bars: Any, source: str) -> None:
    seen = [str(name) for name in bars.columns]
    for name in COLUMNS:
        if seen.count(name) != 1:
            what = "twice or more" if name in seen else "not there"
            raise DataError(
                f"{source}: column `{name}` is {what}. Seen: {listed(seen) or 'no columns'}."
                f"{closest(name, seen) if name not in seen else ''} "
                f"Bars need each of {listed(COLUMNS)} once; rename or remove columns."
            )
    if len(bars) == 0:
        raise DataError(f"{source}: there are no rows. Give at least one bar.")


def _times(bars: Any, source: str) -> NDArray[np.int64]:
    index = bars.index
    zone = getattr(index, "tz", "none")
    if zone == "none":
        raise DataError(
            f"{source}: the index is a {type(index).__name__}, not a DatetimeIndex. Set the bars' open times as a UTC "
            "index: bars.index = pd.to_datetime(bars['time'], utc=True)."
        )
    if zone is None:
        raise DataError(
            f"{source}: the times have no time zone. If they are UTC, say so: bars = bars.tz_localize('UTC')."
        )
    if str(zone) not in ("UTC", "utc", "UTC+00:00", "Etc/UTC"):
        raise DataError(f"{source}: the times are in {zone}, not UTC. Convert them: bars = bars.tz_convert('UTC').")
    if index.hasnans:
        row = int(np.flatnonzero(index.isna())[0])
        raise DataError(f"{source}: row {row} has no time. Remove the row or give its open time.")
    try:
        return np.array(index.as_unit("ns").asi8, dtype=np.int64)
    except ValueError as error:  # pandas' OutOfBoundsDatetime
        raise DataError(
            f"{source}: the times reach from {index.min()} to {index.max()}; 1678 to 2261 is allowed. They were "
            "probably read with the wrong unit, such as milliseconds as seconds."
        ) from error


def _floats(bars: Any, name: str, source: str) -> NDArray[np.float64]:
    # Texts and objects are refused even where numpy could read them: "1,5" and "1.5" look alike to people.
    if getattr(bars[name].dtype, "kind", "O") not in "iuf":
        raise DataError(
            f"{source}: column `{name}` holds {bars[name].dtype}, not numbers. Convert it: "
            f"bars['{name}'] = pd.to_numeric(bars['{name}'])."
        )
    try:
        return np.array(bars[name], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{source}: column `{name}` holds something that is not a number ({error}). Convert it: "
            f"bars['{name}'] = pd.to_numeric(bars['{name}'])."
        ) from error


def _check_order(time: NDArray[np.int64], steps: NDArray[np.int64], source: str) -> None:
    wrong = np.flatnonzero(steps <= 0)
    if wrong.size == 0:
        return
    row = int(wrong[0]) + 1
    if time[row] == time[row - 1]:
        raise DataError(
            f"{source}: bar {row} ({time_text(int(time[row]))}) has the same time as the one before. "
            "Every bar comes once: look which of the two is right and drop the other."
        )
    raise DataError(
        f"{source}: bar {row} ({time_text(int(time[row]))}) is older than the one before "
        f"({time_text(int(time[row - 1]))}). Sort the bars by time: bars = bars.sort_index()."
    )


def _check_steps(time: NDArray[np.int64], steps: NDArray[np.int64], step: int, source: str) -> None:
    """Refuse bars that lie between the steps of the others: a missing bar leaves whole steps."""
    if (steps[steps != step] % step).any():
        wrong = np.flatnonzero(steps % step)
        row = int(wrong[0]) + 1
        raise DataError(
            f"{source}: bar {row} ({time_text(int(time[row]))}) opens {steps[row - 1] / 1e9:g} s after the one before, "
            f"which is no whole number of {Timeframe(step // 1_000_000_000)} bars, the smallest step seen. Bars are of "
            "one length; look which rows do not belong, or whether the times are those of a zone with summer time."
        )


def _check_values(time: NDArray[np.int64], columns: dict[str, NDArray[np.float64]], source: str) -> None:
    opened, high, low, close = (columns[name] for name in PRICES)
    if all(_look_good(*(columns[name][at : at + _PIECE] for name in COLUMNS)) for at in range(0, time.size, _PIECE)):
        return
    for name in COLUMNS:
        values = columns[name]
        allowed = "a finite number of at least 0" if name == "volume" else "a finite number above 0"
        with np.errstate(invalid="ignore"):
            good = np.isfinite(values) & ((values >= 0) if name == "volume" else (values > 0))
        _refuse_first(~good, time, lambda row, n=name, v=values, a=allowed: f"{n} is {v[row]}; it must be {a}", source)
    _refuse_first(
        high < np.maximum(np.maximum(opened, close), low),
        time,
        lambda row: f"high {high[row]} is under its open {opened[row]}, low {low[row]} or close {close[row]}",
        source,
    )
    _refuse_first(
        low > np.minimum(opened, close),
        time,
        lambda row: f"low {low[row]} is above its open {opened[row]} or close {close[row]}",
        source,
    )


def _look_good(
    opened: NDArray[np.float64],
    high: NDArray[np.float64],
    low: NDArray[np.float64],
    close: NDArray[np.float64],
    volume: NDArray[np.float64],
) -> bool:
    """Tell that some bars are all possible; comparisons with NaN are never true."""
    good = (low > 0.0) & (low <= opened) & (opened <= high) & (low <= close) & (close <= high) & (high < math.inf)
    return bool((good & (volume >= 0.0) & (volume < math.inf)).all())


def _refuse_first(bad: NDArray[np.bool_], time: NDArray[np.int64], words: Any, source: str) -> None:
    if bad.any():
        row = int(np.argmax(bad))
        more = int(bad.sum()) - 1
        others = f" ({more} more such bars)" if more else ""
        raise DataError(
            f"{source}: bar {row} ({time_text(int(time[row]))}): {words(row)}{others}. "
            "Mend it at the source or drop the bar; nothing is filled in silently."
        )
