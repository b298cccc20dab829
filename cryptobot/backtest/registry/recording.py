"""Recording runs as they happen, and looking them up."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptobot.backtest.registry.registry import RunRegistry
from cryptobot.backtest.registry.run import Kind, Run
from cryptobot.backtest.registry.words import short
from cryptobot.core.bars import BarColumns
from cryptobot.core.settings import Settings
from cryptobot.strategy.base import Strategy

if TYPE_CHECKING:
    import pandas as pd


class Runs(Sequence[Run]):
    """Recorded runs, newest first: a sequence of `Run`, and a table."""

    def __init__(self, found: Sequence[Run]) -> None:
        self._found = list(found)

    def __len__(self) -> int:
        return len(self._found)

    def __getitem__(self, at: Any) -> Any:
        found = self._found[at]
        return Runs(found) if isinstance(at, slice) else found

    @property
    def table(self) -> pd.DataFrame:
        """A row a run: id, time (UTC), kind, strategy, parameters, symbol, timeframe, bars and the main figures."""
        import pandas as pd

        figures = ("total_return", "max_drawdown", "sharpe", "trades")
        rows = [
            {
                "id": run.id,
                "time": pd.Timestamp(run.time, unit="ns", tz="UTC").floor("s"),
                "kind": run.kind,
                "strategy": run.strategy,
                "parameters": short(run.parameters),
                "symbol": run.symbol,
                "timeframe": run.timeframe,
                "bars": run.bars,
                **{name: run.results.get(name) for name in figures},
            }
            for run in self._found
        ]
        columns = ["id", "time", "kind", "strategy", "parameters", "symbol", "timeframe", "bars", *figures]
        return pd.DataFrame(rows, columns=columns)

    def compare(self) -> pd.DataFrame:
        """Return the runs side by side, a column a run: what differs between them first, then the figures."""
        import pandas as pd

        def facts(run: Run) -> dict[str, Any]:
            return {
                "kind": run.kind,
                "strategy": run.strategy,
                "code": run.code[:12],
                **run.parameters,
                "symbol": run.symbol,
                "timeframe": run.timeframe,
                "bars": run.bars,
                "data": run.data[:12],
                **run.assumptions,
            }

        told = pd.DataFrame({run.id: facts(run) for run in self._found}, dtype=object)
        differs = [len({repr(value) for value in row}) > 1 for row in told.to_numpy()]
        results = pd.DataFrame({run.id: dict(run.results) for run in self._found}, dtype=object)
        return pd.concat([told[differs], results])

    def __repr__(self) -> str:
        return self.table.to_string(index=False) if self._found else "Runs: none recorded yet."

    def _repr_html_(self) -> str:
        from cryptobot.backtest.registry.html_report import render

        return render(self)


def registry(directory: Path | None = None) -> RunRegistry:
    """Return the registry of a data directory; None is the one of the settings."""
    return RunRegistry((directory or Settings.load().data_directory) / "runs")


def runs(
    kind: Kind | None = None,
    *,
    strategy: str | None = None,
    symbol: str | None = None,
    n: int | None = 50,
    ids: Sequence[str] | None = None,
    directory: Path | None = None,
) -> Runs:
    """Return the newest recorded runs.

    Parameters
    ----------
    kind
        ``"backtest"``, ``"sweep"``, ``"walk_forward"`` or ``"check"``; None is all.
    strategy, symbol
        Only those of this strategy or market.
    n
        The most to return; None is all.
    ids
        These runs instead, in this order; the beginning of an id is enough.
    directory
        Data directory; None is the one of the settings.

    Returns
    -------
    Runs
        A sequence, with ``.table`` and ``.compare()``.

    Raises
    ------
    ConfigError
        If the kind or an id is unknown.
    """
    known = registry(directory)
    if ids is not None:
        return Runs([known.get(one) for one in ids])
    return Runs(known.find(kind=kind, strategy=strategy, symbol=symbol, limit=n))


def record(
    kind: Kind,
    strategy: type[Strategy],
    bars: BarColumns,
    *,
    parameters: Mapping[str, Any],
    symbol: str,
    assumptions: Mapping[str, Any],
    results: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> str | None:
    """Record a run where the settings say, and return its id; None where they say that none is recorded.

    A run that cannot be written is lost with a warning: its result is in the caller's hands already.
    """
    settings = Settings.load()
    if not settings.record_runs:
        return None
    kept = RunRegistry(settings.data_directory / "runs")
    try:
        return kept.add(
            kind,
            strategy,
            bars,
            parameters=parameters,
            symbol=symbol,
            assumptions=assumptions,
            results=results,
            tables=tables,
        ).id
    except (OSError, sqlite3.Error) as error:
        warnings.warn(
            f"This {kind.replace('_', '-')} could not be recorded in {kept.directory} ({error}); its "
            "result is not affected. Make room there, or set CRYPTOBOT_RECORD_RUNS=false.",
            stacklevel=3,
        )
        return None
