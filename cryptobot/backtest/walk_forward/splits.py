"""Windows that train on the past and test on what comes next.

Source: Pardo (2008), "The evaluation and optimization of trading strategies", chapter 11, for walk-forward analysis,
rolling and anchored.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.words import duration
from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.text import count
from cryptobot.core.timeframe import Timeframe

Length = int | str | dt.timedelta | np.timedelta64
_EXAMPLES: Final = "a whole number of bars, a time such as '90d' or '12h', or datetime.timedelta(days=90)"
_LEAST_TEST: Final = 2


@dataclass(frozen=True, slots=True)
class Window:
    """Rows to train on and rows to test on, each from the first up to and without the end.

    Attributes
    ----------
    train_first, train_end
        What the parameters are chosen on.
    test_first, test_end
        What the choice then trades; never before ``train_end``.
    """

    train_first: int
    train_end: int
    test_first: int
    test_end: int


@dataclass(frozen=True, slots=True)
class Splits:
    """The windows of a walk-forward.

    Attributes
    ----------
    windows
        Oldest first; the last one may have a shorter test.
    skipped
        In words, what was left out because a hole in the data left too few bars.
    """

    windows: tuple[Window, ...]
    skipped: tuple[str, ...]


def split(
    bars: BarColumns,
    train: Any,
    test: Any,
    *,
    step: Any = None,
    anchored: bool = False,
    purge: int = 0,
    embargo: int = 0,
    least: int = 2,
) -> Splits:
    """Cut a history into windows.

    Parameters
    ----------
    bars
        The history. A hole in it is a missing row: windows given in bars count rows and are never empty; windows given
        in time keep to the calendar and may hold fewer rows.
    train, test, step
        Lengths, all as numbers of bars or all as times. The next window starts ``step`` later, at most ``test``, as
        bars in between would be traded by nobody; the default is ``test``.
    anchored
        Whether every window trains from the first bar on, instead of on the latest stretch of equal length.
    purge
        Bars left out at the end of each training window.
    embargo
        Bars between training and test; unlike with ``purge``, the training window keeps its length.
    least
        Bars that a training window must have.

    Raises
    ------
    ConfigError
        If a length is not allowed, or the history is too short for a single window.
    """
    lengths = {name: value for name, value in (("train", train), ("test", test), ("step", step)) if value is not None}
    amounts = {name: _amount(name, value) for name, value in lengths.items()}
    kinds = {name: kind for name, (kind, _) in amounts.items()}
    if len(set(kinds.values())) > 1:
        given = ", ".join(f"{name}={lengths[name]!r}" for name in lengths)
        raise ConfigError(f"{given}: some are bars and some are times. Give all as bars, or all as times.")
    by_time = kinds["train"] == "time"
    sizes = {name: amount for name, (_, amount) in amounts.items()}
    advance = sizes.get("step", sizes["test"])
    if advance > sizes["test"]:
        raise ConfigError(
            f"step: {step!r} is longer than test={test!r}, so that nobody would trade the bars in between. Give at most "
            "the length of the test, or leave step out."
        )
    for name, value in (("purge", purge), ("embargo", embargo)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise ConfigError(f"{name}: {value!r} is not allowed. Give a whole number of bars of at least 0.")
    unit = bars.timeframe.nanoseconds if by_time else 1
    _check_sizes(bars.timeframe, sizes, unit, least + purge, purge)
    axis = bars.time if by_time else np.arange(len(bars))
    return _cut(bars, axis, unit, sizes["train"], sizes["test"], advance, anchored, int(purge), int(embargo), least)


def _cut(
    bars: BarColumns,
    axis: NDArray[np.int64],
    unit: int,
    train: int,
    test: int,
    step: int,
    anchored: bool,
    purge: int,
    embargo: int,
    least: int,
) -> Splits:
    origin, end = int(axis[0]), int(axis[-1]) + unit
    windows: list[Window] = []
    skipped: list[str] = []

    def row(position: int) -> int:
        return int(np.searchsorted(axis, position))

    # Purge and embargo count rows, also where the windows are times: what may leak is counted in bars.
    start = origin + train + embargo * unit
    while start < end:
        first = row(start)
        # At the same distance from the test's first row, whatever hole lies between.
        train_end = max(0, first - embargo - purge)
        train_first = 0 if anchored else row(start - embargo * unit - train)
        window = Window(min(train_first, train_end), train_end, first, row(min(start + test, end)))
        trained, tested = window.train_end - window.train_first, window.test_end - window.test_first
        if tested < _LEAST_TEST or trained < least:
            what = (
                f"{count(tested, 'bar')} to test on" if tested < _LEAST_TEST else f"{count(trained, 'bar')} to train on"
            )
            when = _minute(start) if unit > 1 else f"bar {start:,}"
            skipped.append(f"the window that tests from {when} has {what}")
        else:
            if windows and windows[-1].test_first == first:
                # Both begin in one hole: the later one has trained on newer bars.
                skipped.append(
                    f"a window that begins in the hole before {_minute(int(bars.time[first]))}, as the next does"
                )
                windows.pop()
            windows.append(window)
        start += step
    if not windows:
        have = duration(len(bars) * bars.timeframe.seconds) if unit > 1 else count(len(bars), "bar")
        need = train + embargo * unit + _LEAST_TEST * unit
        wanted = duration(need / 1e9) if unit > 1 else count(need, "bar")
        more = f" Left out: {skipped[0]}." if skipped else ""
        raise ConfigError(
            f"The bars reach over {have}; a single window of this split takes {wanted} at least.{more} Give more bars, "
            "or shorter train and test."
        )
    # What a window that was left out would have tested is traded on by the one before it.
    ends = [*(later.test_first for later in windows[1:]), len(bars)]
    whole = (replace(one, test_end=max(one.test_end, until)) for one, until in zip(windows, ends, strict=True))
    return Splits(tuple(whole), tuple(skipped))


def _minute(time: int) -> str:
    return str(np.datetime64(time, "ns").astype("M8[m]")).replace("T", " ")


def _check_sizes(timeframe: Timeframe, sizes: dict[str, int], unit: int, least: int, purge: int) -> None:
    for name, size in sizes.items():
        needed = least if name == "train" else 1 if name == "step" else _LEAST_TEST
        if size // unit < needed:
            left_out = f", of which {purge:,} are left out by purge" if purge and name == "train" else ""
            why = " The longest warm-up has to fit in." if name == "train" else ""
            raise ConfigError(
                f"{name}: {count(size // unit, 'bar')} of {timeframe}{left_out}; at least {needed:,} are needed.{why} "
                f"Give a longer {name}."
            )


def _amount(name: str, value: Any) -> tuple[str, int]:
    """Return whether a length is bars or time, and how many rows or nanoseconds."""
    # numpy counts its times among the whole numbers.
    if isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64) and value > 0:
        return "bars", int(value)
    amount = 0
    if isinstance(value, str):
        try:
            amount = Timeframe.parse(value).nanoseconds
        except ConfigError:
            amount = 0
    elif isinstance(value, dt.timedelta):
        amount = (value.days * 86_400 + value.seconds) * 1_000_000_000 + value.microseconds * 1_000
    elif isinstance(value, np.timedelta64) and not np.isnat(value):
        amount = int(value.astype("m8[ns]").astype(np.int64))
    if amount <= 0:
        raise ConfigError(f"{name}: {value!r} is not a length. Give {_EXAMPLES}.")
    return "time", amount
