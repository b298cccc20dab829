"""Recorded runs on disk: an index in SQLite, tables in Parquet."""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryptobot.backtest.registry.run import KINDS, Kind, Run, bars_digest, versions
from cryptobot.core.bars import BarColumns
from cryptobot.core.clock import Clock, SystemClock
from cryptobot.core.errors import ConfigError
from cryptobot.core.suggest import closest, listed
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.digest import strategy_digest

if TYPE_CHECKING:
    import pandas as pd

_SCHEMA: Final = 1
_INDEXED: Final = ("id", "time", "kind", "strategy", "code", "symbol", "timeframe", "data")
_PATIENCE: Final = 10.0  # seconds that another process may hold the index


class RunRegistry:
    """Keeps runs in a directory; several processes may use it at once.

    Parameters
    ----------
    directory
        Made when the first run is recorded.
    clock
        For the times of runs.
    """

    def __init__(self, directory: Path, clock: Clock | None = None) -> None:
        self.directory = Path(directory)
        self._clock = clock or SystemClock()

    def add(
        self,
        kind: Kind,
        strategy: type[Strategy],
        bars: BarColumns,
        *,
        parameters: Mapping[str, Any],
        symbol: str,
        assumptions: Mapping[str, Any],
        results: Mapping[str, Any],
        tables: Mapping[str, pd.DataFrame] | None = None,
    ) -> Run:
        """Record a run. Its tables are written first: a run that is listed is whole.

        Raises
        ------
        OSError, sqlite3.Error
            If it cannot be written.
        """
        now = self._clock.now()
        stamp = datetime.fromtimestamp(now // 10**9, UTC).strftime("%Y%m%d-%H%M%S")
        run = Run(
            id=f"{stamp}-{secrets.token_hex(4)}",
            time=now,
            kind=kind,
            strategy=strategy.name,
            code=strategy_digest(strategy),
            parameters=_plain(parameters),
            symbol=symbol,
            timeframe=str(bars.timeframe),
            first=int(bars.time[0]),
            last=int(bars.time[-1]),
            bars=len(bars),
            data=bars_digest(bars),
            assumptions=_plain(assumptions),
            results=_plain(results),
            versions=versions(),
            tables=tuple(tables or ()),
        )
        folder = self.directory / run.id
        folder.mkdir(parents=True)
        try:
            for name, table in (tables or {}).items():
                table.to_parquet(folder / f"{name}.parquet")
            with self._index() as index:
                values = [getattr(run, name) for name in _INDEXED]
                index.execute(
                    f"INSERT INTO runs ({', '.join(_INDEXED)}, body) VALUES ({', '.join('?' * len(_INDEXED))}, ?)",  # noqa: S608 - our own names
                    [*values, json.dumps(asdict(run), allow_nan=True)],
                )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return run

    def find(self, *, limit: int | None = None, **wanted: Any) -> list[Run]:
        """Return runs, newest first.

        Parameters
        ----------
        limit
            The most to return.
        **wanted
            Values of ``kind``, ``strategy``, ``code``, ``symbol``, ``timeframe`` or ``data`` that they must have.

        Raises
        ------
        ConfigError
            If a name or a kind is unknown.
        """
        for name in wanted:
            if name not in _INDEXED:
                raise ConfigError(f"runs: `{name}` is unknown.{closest(name, _INDEXED)} Known: {listed(_INDEXED)}.")
        if wanted.get("kind") not in (None, *KINDS):
            kind = wanted["kind"]
            raise ConfigError(f"kind: {kind!r} is unknown.{closest(str(kind), KINDS)} Known: {listed(KINDS)}.")
        asked = {name: value for name, value in wanted.items() if value is not None}
        where = f"WHERE {' AND '.join(f'{name} = ?' for name in asked)}" if asked else ""
        if not (self.directory / "index.sqlite").exists():
            return []
        with self._index() as index:
            rows = index.execute(
                f"SELECT body FROM runs {where} ORDER BY time DESC, id DESC LIMIT ?",  # noqa: S608 - our own names
                [*asked.values(), -1 if limit is None else limit],
            ).fetchall()
        return [_run(json.loads(body)) for (body,) in rows]

    def get(self, id: str) -> Run:  # noqa: A002 - what it is called everywhere
        """Return a run by its id, or by the beginning of one that no other shares.

        Raises
        ------
        ConfigError
            If there is none, or several begin so.
        """
        known = [run for run in self.find() if run.id.startswith(id)]
        if len(known) == 1:
            return known[0]
        if known:
            raise ConfigError(
                f"run {id!r}: {len(known)} runs begin so. Give more of the id: {listed([r.id for r in known[:5]])}."
            )
        names = [run.id for run in self.find(limit=200)]
        raise ConfigError(f"run {id!r} is unknown.{closest(id, names)} cb.runs() lists those there are.")

    def table(self, id: str, name: str) -> pd.DataFrame:  # noqa: A002
        """Return a table that was kept with a run.

        Raises
        ------
        ConfigError
            If there is no such run, or it has no such table.
        """
        import pandas as pd

        run = self.get(id)
        if name not in run.tables:
            raise ConfigError(
                f"run {run.id} has no table `{name}`.{closest(name, run.tables)} It has: {listed(run.tables)}."
            )
        return pd.read_parquet(self.directory / run.id / f"{name}.parquet")

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.directory / "index.sqlite", timeout=_PATIENCE)) as index, index:
            index.execute("PRAGMA journal_mode = WAL")
            version = index.execute("PRAGMA user_version").fetchone()[0]
            if version > _SCHEMA:
                raise ConfigError(
                    f"{self.directory}: a newer version of cryptobot keeps its runs here (format {version}, known is "
                    f"{_SCHEMA}). Get the newer version, or set CRYPTOBOT_DATA_DIRECTORY to another place."
                )
            if version == 0:
                columns = ", ".join(f"{name} {'INTEGER' if name == 'time' else 'TEXT'} NOT NULL" for name in _INDEXED)
                index.execute(f"CREATE TABLE IF NOT EXISTS runs ({columns}, body TEXT NOT NULL, PRIMARY KEY (id))")
                index.execute("CREATE INDEX IF NOT EXISTS by_time ON runs (time)")
                index.execute(f"PRAGMA user_version = {_SCHEMA}")
            yield index


def _run(body: dict[str, Any]) -> Run:
    known = {entry.name for entry in fields(Run)}
    values: dict[str, Any] = {name: value for name, value in body.items() if name in known}
    return Run(**values | {"tables": tuple(values.get("tables", ()))})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON has them; what it has no word for is written as text."""
    return {str(name): _word(value) for name, value in values.items()}


def _word(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, list | tuple | range):
        return [_word(one) for one in value]
    item = getattr(value, "item", None)  # numpy's numbers
    return _word(item()) if callable(item) else str(value)
