"""A journal as a table for other programs: csv, parquet or json."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np

from cryptobot.core.errors import ConfigError, JournalError
from cryptobot.core.suggest import closest, listed
from cryptobot.trading.journal.codec import encode
from cryptobot.trading.journal.sqlite import SqliteJournal
from cryptobot.trading.journal.view import JournalView

ExportFormat = Literal["csv", "parquet", "json"]
ExportTable = Literal["records", "intents", "fills", "trades", "bars", "notices"]
FORMATS: Final[tuple[str, ...]] = get_args(ExportFormat)
TABLES: Final[tuple[str, ...]] = get_args(ExportTable)


def export(
    path: str | Path,
    to: str | Path,
    format: ExportFormat | None = None,  # noqa: A002 - the word that readers look for
    *,
    table: ExportTable = "records",
    partly: bool = False,
) -> int:
    """Write a journal's content to a file. The bot may be running.

    Amounts and prices of orders are written as texts, so that no digit is lost; times are nanoseconds since 1970-01-01
    UTC with a readable one beside.

    Parameters
    ----------
    path
        The journal.
    to
        The file to write; what is there is replaced.
    format
        None takes it from the file's ending.
    table
        ``"records"``: everything, contents in JSON. Or the bot's ``"intents"``, its ``"fills"`` (foreign ones are
        marked), closed ``"trades"``, ``"bars"`` with features and equity, or ``"notices"``.
    partly
        Write the good beginning of a damaged journal instead of refusing it.

    Returns
    -------
    int
        How many rows were written.

    Raises
    ------
    ConfigError
        If the format, the table or the file's folder is not there.
    JournalError
        If the journal cannot be trusted, with what to do.
    """
    target = Path(to)
    chosen = format or target.suffix.removeprefix(".").lower()
    if chosen not in FORMATS:
        raise ConfigError(f"format: {chosen!r} is unknown.{closest(chosen, FORMATS)} Allowed: {listed(FORMATS)}.")
    if table not in TABLES:
        raise ConfigError(f"table: {table!r} is unknown.{closest(table, TABLES)} Allowed: {listed(TABLES)}.")
    if not target.absolute().parent.is_dir():
        raise ConfigError(f"to: {target} cannot be written. Name a file in a folder that exists.")
    with SqliteJournal(path, read_only=True, partly=partly) as journal:
        rows = list(_ROWS[table](journal))
    try:
        _write(rows, target, chosen)
    except OSError as error:
        raise JournalError(f"export: {target} cannot be written: {error}.") from error
    return len(rows)


def _write(rows: list[dict[str, Any]], target: Path, chosen: str) -> None:
    if chosen == "json":
        target.write_text(json.dumps(rows, indent=1), "utf-8")
        return
    import pandas as pd

    frame = pd.DataFrame(rows)
    if chosen == "csv":
        frame.to_csv(target, index=False)
    else:
        frame.to_parquet(target, index=False)


def _records(journal: SqliteJournal) -> Iterator[dict[str, Any]]:
    for record in journal.records():
        yield {
            "number": record.number,
            **_times(time=record.time),
            "kind": record.kind,
            "content": encode(record.content),
        }


def _intents(journal: SqliteJournal) -> Iterator[dict[str, Any]]:
    for record in journal.records(kinds=["intent"]):
        content = record.content
        legs = (content.above, content.below) if hasattr(content, "above") else (content,)
        for leg in legs:
            yield {"pair": content.id if len(legs) > 1 else None, **_flat(asdict(leg))}


def _fills(journal: SqliteJournal) -> Iterator[dict[str, Any]]:
    for booked in JournalView.of(journal).booked:
        yield {**_flat(asdict(booked.fill)), "own": booked.own, "complete": booked.complete}


def _trades(journal: SqliteJournal) -> Iterator[dict[str, Any]]:
    for trade in JournalView.of(journal).trades():
        yield _flat(asdict(trade))


def _bars(journal: SqliteJournal) -> Iterator[dict[str, Any]]:
    records = list(journal.records(kinds=["bar"]))
    gone = 0 if journal.forgotten is None else journal.forgotten.number  # some may have gone while they were read
    for record in records:
        if record.number <= gone:
            continue
        seen = record.content
        numbers = {**seen.bar._asdict(), **{f"feature_{name}": value for name, value in seen.features.items()}}
        del numbers["time"]
        yield {
            **_times(time=seen.bar.time),
            **{k: _finite(v) for k, v in numbers.items()},
            "equity": _finite(seen.equity),
        }


def _notices(journal: SqliteJournal) -> Iterator[dict[str, Any]]:
    for record in journal.records(kinds=["notice"]):
        yield {**_times(time=record.time), "level": record.content.level, "text": record.content.text}


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in values.items():
        if name == "time" or name.endswith("_time"):
            made |= _times(**{name: value})
        elif isinstance(value, Enum):
            made[name] = value.value
        else:
            made[name] = format_exact(value) if isinstance(value, Decimal) else value
    return made


def format_exact(value: Decimal) -> str:
    """Write a Decimal with all its digits and without an exponent."""
    return format(value, "f")


def _times(**times: int | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, time in times.items():
        made[name] = time
        made[f"{name}_utc"] = None if time is None else f"{np.datetime64(time, 'ns')}Z"
    return made


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


_ROWS: Final[dict[str, Callable[[SqliteJournal], Iterator[dict[str, Any]]]]] = {
    "records": _records,
    "intents": _intents,
    "fills": _fills,
    "trades": _trades,
    "bars": _bars,
    "notices": _notices,
}
