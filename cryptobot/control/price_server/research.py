"""Strategies and backtests."""

from __future__ import annotations

import asyncio
import os
import pickle
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import cloudpickle  # type: ignore[import-untyped]
import numpy as np

from cryptobot.backtest.registry.registry import RunRegistry
from cryptobot.control.price_server.failures import answered
from cryptobot.control.price_server.jobs import Jobs
from cryptobot.control.price_server.prices import Prices
from cryptobot.control.price_server.reports import best_of, report_of
from cryptobot.control.price_server.strategies import catalogue
from cryptobot.core.bars import COLUMNS, BarColumns, time_text
from cryptobot.core.settings import Settings
from cryptobot.core.timeframe import Timeframe
from cryptobot.strategy.catalogue import get_strategy
from mcp_server.backend import Progress
from mcp_server.errors import BackendError, UnknownName
from mcp_server.models.research import BacktestReport, BacktestRequest, Comparison, StrategyInfo
from mcp_server.rest.market import ns

# More would be hundreds of questions to an exchange, or minutes of computing.
MOST_BARS: Final = 100_000
_USUAL_BARS: Final = 20_000
_A_TIME: Final = 5_000


class Research:
    """What the server computes; see `mcp_server.backend.ResearchBackend`.

    Parameters
    ----------
    prices
        Where candles come from.
    """

    def __init__(self, prices: Prices) -> None:
        self._candles = prices
        self._unrecorded: Path | None = None
        self.jobs = Jobs()

    async def strategies(self) -> Sequence[StrategyInfo]:
        """Return all strategies."""
        with answered():
            return catalogue()

    async def run_backtest(self, request: BacktestRequest, progress: Progress) -> BacktestReport:
        """Run a backtest in a process of its own and record it; being cancelled ends the process."""
        with answered():
            strategy = get_strategy(request.strategy, **request.parameters)
            await progress(0.0, "collecting candles")
            bars = await self._bars(request, progress)
            market = await self._candles.source_of(request.symbol, request.timeframe).market(request.symbol)
            options = {
                "cash": request.cash,
                "fee": request.fee,
                "slippage_bps": request.slippage_bps,
                "market": market,
            }
            content = pickle.dumps({"strategy": cloudpickle.dumps(strategy), "bars": bars, "options": options})
            settings = Settings.load()
            place = settings.data_directory if settings.record_runs else self._aside()
        environment = {"CRYPTOBOT_DATA_DIRECTORY": str(place), "CRYPTOBOT_RECORD_RUNS": "true"}
        run_id = await self.jobs.run(content, environment, progress)
        await progress(1.0, "done")
        return await self.backtest(run_id)

    async def backtest(self, id: str) -> BacktestReport:  # noqa: A002 - it is called so on the wire
        """Return a recorded backtest."""
        with answered():
            return await asyncio.to_thread(self._find, id)

    async def compare_backtests(self, ids: Sequence[str]) -> Comparison:
        """Return several recorded backtests side by side."""
        rows = [(await self.backtest(one)).summary for one in ids]
        return Comparison(rows=rows, best=best_of(rows))

    def forget(self) -> None:
        """End what is running, and drop what was not to be recorded."""
        self.jobs.end()
        place, self._unrecorded = self._unrecorded, None
        if place is not None:
            shutil.rmtree(place, ignore_errors=True)

    def _aside(self) -> Path:
        """Return a place for the runs of a user who wants none recorded: it lasts as long as the server."""
        if self._unrecorded is None:
            self._unrecorded = Path(tempfile.mkdtemp(prefix=f"cryptobot-runs-{os.getpid()}-"))
        return self._unrecorded

    def _find(self, name: str) -> BacktestReport:
        places = [Settings.load().data_directory, self._unrecorded]
        registries = [RunRegistry(place / "runs") for place in places if place is not None]
        for registry in registries:
            for run in registry.find(id=name, kind="backtest", limit=1):
                return report_of(run, registry)
        known = [run.id for registry in registries for run in registry.find(kind="backtest", limit=50)]
        raise UnknownName("backtest", name, known)

    async def _bars(self, request: BacktestRequest, progress: Progress) -> BarColumns:
        """Collect the candles of a request, the newest first, some thousand at a time."""
        source = self._candles.source_of(request.symbol, request.timeframe)
        timeframe = Timeframe.parse(request.timeframe)
        start, end = ns(request.start), ns(request.end)
        most = _USUAL_BARS if start is None else MOST_BARS
        parts: list[BarColumns] = []
        count = 0
        while count < most:
            wanted = min(_A_TIME, most - count)
            if start is not None and end is not None:
                wanted = min(wanted, max(1, -(-(end - start) // timeframe.nanoseconds)))
            part = await source.bars(request.symbol, timeframe, wanted, end)
            fresh = part if start is None else _since(part, start)
            if not len(fresh):
                break
            parts.insert(0, fresh)
            count += len(fresh)
            end = int(fresh.time[0])
            if len(fresh) < wanted or (start is not None and end <= start):
                break
            await progress(0.15 * count / most, f"{count:,} candles")
        else:
            if start is not None:
                raise BackendError(
                    f"There are more than {most:,} candles from then on. Choose a later start or a longer interval."
                )
        if count < 2:
            raise BackendError(await self._what_there_is(request))
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("time", *COLUMNS)}
        return BarColumns(**columns, timeframe=timeframe, grid=parts[-1].grid)

    async def _what_there_is(self, request: BacktestRequest) -> str:
        source = self._candles.source_of(request.symbol, request.timeframe)
        newest = await source.bars(request.symbol, Timeframe.parse(request.timeframe), _USUAL_BARS, None)
        there = (
            f"There are {len(newest):,} from {time_text(int(newest.time[0]))} to {time_text(int(newest.time[-1]))}"
            if len(newest)
            else "There are none yet"
        )
        return f"Fewer than two {request.timeframe} candles of {request.symbol} lie in this period. {there}."


def _since(bars: BarColumns, start: int) -> BarColumns:
    part = slice(int(np.searchsorted(bars.time, start)), None)
    columns: dict[str, Any] = {name: getattr(bars, name)[part] for name in ("time", *COLUMNS)}
    return BarColumns(**columns, timeframe=bars.timeframe, grid=bars.grid)
