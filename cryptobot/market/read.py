"""Bars from a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from cryptobot.core.bars import COLUMNS, BarColumns, time_text
from cryptobot.core.errors import DataError
from cryptobot.core.suggest import closest, listed
from cryptobot.market.factors import Floats
from cryptobot.market.files import load
from cryptobot.market.frame import frame_of
from cryptobot.market.times import utc_times

_TIMES: Final = ("time", "timestamp", "date", "datetime", "open_time")
# What pandas calls an index without a name when it writes one, to Feather and to CSV.
_UNNAMED: Final = ("index", "unnamed:_0")


def read_bars(path: str | os.PathLike[str], *, timezone: str | None = None) -> pd.DataFrame:
    """Read bars from a Feather, Parquet or CSV file and check them.

    Nothing is sorted, dropped or filled in: a file that is wrong is refused, and missing bars stay missing and are
    named in ``.attrs["holes"]``.

    Parameters
    ----------
    path
        A file whose name ends in .feather, .parquet, .csv or .csv.gz. It has the columns open, high, low, close,
        volume, and the bars' open times in a column time, timestamp, date, datetime or open_time or in the index it
        was stored with. Capital letters do not matter, other columns are left out. Times carry their zone, or are
        whole seconds, milli-, micro- or nanoseconds since 1970-01-01 UTC, told apart by their size.
    timezone
        The zone of the times, when the file does not say it or when it is not UTC: ``"UTC"``, a name such as
        ``"Europe/Berlin"`` or an offset such as ``"+02:00"``.

    Returns
    -------
    DataFrame
        UTC DatetimeIndex ``time`` of open times, float64 columns open, high, low, close, volume. ``.attrs`` holds
        ``source`` (the file's name), ``timeframe`` (for example ``"1m"``) and ``holes``, a list of
        ``{"after": "2023-03-24T12:39:00+00:00", "before": "2023-03-24T14:00:00+00:00", "missing": 80}``.

    Raises
    ------
    ConfigError
        If there is no such file, its name says no known format, or ``timezone`` is unknown or contradicts the file.
    DataError
        If the file cannot be read, columns are missing, nothing says that the times are UTC, or a bar is out of order,
        there twice or impossible; the message names the file and the first such bar.
    """
    source = Path(path).name if isinstance(path, str | os.PathLike) else ""
    table = load(path)
    columns = _columns(table)
    _check_names(columns, table, source)
    if len(table) == 0:
        raise DataError(f"{source}: there are no rows under the header. Give a file with at least one bar.")
    times = utc_times(_time_column(columns, table, source), timezone, source)
    values = {name: _floats(columns[name][0], name, times, source) for name in COLUMNS}
    bars = BarColumns.of(pd.DataFrame(values, index=times.rename("time")), source=source)
    return frame_of(bars, source)


def _columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the table's columns, and the named levels of its index, by their simplified names."""
    found: dict[str, list[Any]] = {}
    named: list[tuple[Any, Any]] = [(name, table.iloc[:, position]) for position, name in enumerate(table.columns)]
    for level, name in enumerate(table.index.names):
        times = table.index.get_level_values(level)
        if name is not None or isinstance(times, pd.DatetimeIndex):
            named.append(("time" if name is None else name, pd.Series(times)))
    for name, values in named:
        found.setdefault("_".join(str(name).lower().split()), []).append(values)
    return found


def _check_names(columns: dict[str, list[Any]], table: pd.DataFrame, source: str) -> None:
    missing = [name for name in COLUMNS if name not in columns]
    double = [name for name in COLUMNS if len(columns.get(name, [])) > 1]
    seen = [str(name) for name in table.columns]
    if double:
        raise DataError(
            f"{source}: column `{double[0]}` is there {len(columns[double[0]])} times (capital letters do not matter). "
            f"Seen: {listed(seen)}. Bars need each of {listed(COLUMNS)} once; rename or remove columns."
        )
    if missing:
        raise DataError(
            f"{source}: column `{missing[0]}` is not there. Seen: {listed(seen) or 'no columns'}."
            f"{_advice(seen) or closest(missing[0], seen)} Bars need a time ({' or '.join(_TIMES)}) and the columns "
            f"{listed(COLUMNS)}; rename the file's columns."
        )


def _advice(seen: list[str]) -> str:
    if len(seen) == 1 and (";" in seen[0] or "\t" in seen[0]):
        return " The file is separated by semicolons or tabs: separate it by commas."
    if seen and all(name[:1].isdigit() for name in seen):
        return " The first row holds numbers: the file has no header. Put the columns' names on its first line."
    return ""


def _time_column(columns: dict[str, list[Any]], table: pd.DataFrame, source: str) -> Any:
    names = [name for name in columns if name in _TIMES] or [name for name in columns if name in _UNNAMED]
    found = [values for name in names for values in columns[name]]
    seen = [str(name) for name in table.columns]
    if not found:
        raise DataError(
            f"{source}: there is no column with the bars' open times. Seen: {listed(seen)}. Name it one of "
            f"{listed(_TIMES)}."
        )
    if len(found) > 1:
        raise DataError(
            f"{source}: {len(found)} columns could hold the bars' open times: {listed(names)}. Keep one of them and "
            "remove or rename the others."
        )
    return found[0]


def _floats(column: Any, name: str, times: pd.DatetimeIndex, source: str) -> Floats:
    kind = column.dtype
    numbers: Floats
    if pd.api.types.is_float_dtype(kind) and kind.itemsize < 8:
        # 0.1 in 32 bits is 0.10000000149 in 64: the decimal that was meant is the shortest one, not the nearest.
        numbers = column.to_numpy(np.float32, na_value=np.nan).astype(str).astype(np.float64)
        return numbers
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        return numbers
    numbers = np.empty(len(column), dtype=np.float64)
    for row, value in enumerate(column):
        try:
            numbers[row] = np.nan if value is None else float(value)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{source}: bar {row} ({time_text(times[row].value)}): {name} is {value!r}, which is not a number. "
                "Mend the value; write 1234.5 without signs, spaces or commas."
            ) from error
    return numbers
