"""Tables from files: Feather, Parquet and CSV, with errors that say what to do."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final, Literal

import pandas as pd
import pyarrow as pa

from cryptobot.core.errors import ConfigError, DataError
from cryptobot.core.suggest import closest, listed

# What pandas and pyarrow raise for bytes they cannot make sense of. Their own errors mostly derive from these.
_UNREADABLE: Final = (
    *(ValueError, TypeError, LookupError, OverflowError, NotImplementedError),
    *(OSError, EOFError, zlib.error, pa.ArrowException),
)

# Numbers must be read to the last digit, or prices leave the grid of their ticks. pandas does so of itself from 3.1 on,
# and warns about the word that asks older ones for it.
_EXACT: Final[dict[str, Any]] = (
    {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}
)


def load(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a table as it is stored, whatever its columns.

    Parameters
    ----------
    path
        A file whose name ends in .feather, .parquet, .csv or .csv.gz.

    Raises
    ------
    ConfigError
        If the path is not that of such a file.
    DataError
        If the file is empty, cut off or not what its name says.
    """
    file = _existing(path)
    kind = _kind(file)
    if not kind:
        raise ConfigError(
            f"path: {file.name} ends in {file.suffix or 'nothing'}, which names no format that can be read."
            f"{closest(file.suffix, _READERS)} Allowed are {listed(_READERS)}; convert the file, or rename it if it is "
            "one of these."
        )
    if file.stat().st_size == 0:
        raise DataError(f"{file.name}: the file is empty. It was probably never finished; write or download it again.")
    try:
        with file.open("rb") as stream:
            return _READERS[kind](stream, file.name)
    except DataError:
        raise
    except _UNREADABLE as error:
        raise DataError(
            f"{file.name}: the file cannot be read as {kind} ({_first_line(error)}). It is cut off, damaged or of "
            "another format than its name says; write or download it again, or give it the name of its format."
        ) from error


def _existing(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise ConfigError(f"path: {path!r} is not the path of a file. Give a text or a pathlib.Path.")
    file = Path(path).expanduser()
    if file.is_dir():
        names = sorted(entry.name for entry in file.iterdir() if _kind(entry))
        more = " and more" if len(names) > 5 else ""
        advice = f"It holds {listed(names[:5])}{more}: give the path of one." if names else "Give the path of a file."
        raise ConfigError(f"path: {file} is a folder, not a file of bars. {advice}")
    if not file.exists():
        folder = file.parent
        beside = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        advice = "Check the name." if folder.is_dir() else f"Its folder {folder} does not exist either."
        start = "" if file.is_absolute() else f" A relative path starts at {Path.cwd()}."
        raise ConfigError(f"path: there is no file {file}.{closest(file.name, beside)} {advice}{start}")
    return file


def _kind(file: Path) -> str:
    """Return the end of the name that tells the format, or an empty text."""
    return next((end for end in _READERS if file.name.lower().endswith(end)), "")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _feather(stream: IO[bytes], source: str) -> pd.DataFrame:  # noqa: ARG001 - the readers are called alike
    return pd.read_feather(stream)


def _parquet(stream: IO[bytes], source: str) -> pd.DataFrame:  # noqa: ARG001
    return pd.read_parquet(stream)


def _csv(stream: IO[bytes], source: str) -> pd.DataFrame:
    compression: Literal["gzip"] | None = "gzip" if source.lower().endswith(".gz") else None
    table: pd.DataFrame = pd.read_csv(stream, compression=compression, low_memory=False, **_EXACT)
    if not isinstance(table.index, pd.RangeIndex):
        # pandas then makes an index of the first fields and gives the others to the wrong columns.
        raise DataError(
            f"{source}: the rows have more fields than the header has names ({listed(map(str, table.columns))}). Name "
            "every column on the first line, or remove the commas at the ends of the rows."
        )
    # pandas renames what comes twice. Numbers come twice where the header is missing, which has an advice of its own.
    double = next((name for name in table.columns if f"{name}.1" in table.columns and not name[:1].isdigit()), None)
    if double is not None:
        raise DataError(f"{source}: two columns are called `{double}`. Rename or remove one of them.")
    return table


_READERS: Final[dict[str, Callable[[IO[bytes], str], pd.DataFrame]]] = {
    ".feather": _feather,
    ".parquet": _parquet,
    ".csv": _csv,
    ".csv.gz": _csv,
}
