"""A backend whose content is put in by hand.

For scripts that publish prices of their own, for trying things out, and for the server's own tests and figures.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mcp_server.backend import Progress
from mcp_server.errors import BackendError, Unavailable, UnknownName
from mcp_server.events import BarClosed, Event, Listener, PriceChanged, StatusChanged, Traded, Unsubscribe
from mcp_server.models.bot import (
    BotLogs,
    BotStatus,
    Explanation,
    Level,
    LogLine,
    Mark,
    Performance,
    Period,
    PriceFeed,
    TradePage,
    TradeRow,
)
from mcp_server.models.market import Bar, Candles, Indicators, Price, Tick
from mcp_server.models.research import BacktestReport, BacktestRequest, Comparison, StrategyInfo
from mcp_server.rest.market import ns

_LEVELS: Sequence[Level] = ("debug", "info", "warning", "error")
Backtester = Callable[[BacktestRequest, Progress], Awaitable[BacktestReport]]
Indicator = Callable[[Sequence[float]], list[float | None]]


@dataclass(slots=True)
class BotRecord:
    """A bot that is only shown.

    Attributes
    ----------
    status
        Where it stands.
    lines, trades, marks
        Its log, its round trips (oldest first) and its executions.
    text
        Why its newest candle did or did not trade.
    """

    status: BotStatus
    lines: list[LogLine] = field(default_factory=list)
    trades: list[TradeRow] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    text: str = "nothing yet"


class MemoryBackend:
    """Holds prices, candles, bots and strategies in memory; may be used from any thread.

    Parameters
    ----------
    name
        What it is called.
    timeframes
        Candle intervals on offer.
    indicators
        By name: a function of the closes that returns a column of the same length.
    backtester
        Runs backtests; None for none.
    """

    def __init__(
        self,
        name: str = "cryptobot",
        *,
        timeframes: Iterable[str] = ("1m", "1h"),
        indicators: Mapping[str, Indicator] | None = None,
        backtester: Backtester | None = None,
    ) -> None:
        self._name = name
        self._timeframes = tuple(timeframes)
        self._indicators = dict(indicators or {})
        self._backtester = backtester
        self._lock = threading.RLock()
        self._ticks: dict[str, Tick] = {}
        self._bars: dict[tuple[str, str], list[Bar]] = {}
        self._bots: dict[str, BotRecord] = {}
        self._strategies: dict[str, StrategyInfo] = {}
        self._reports: dict[str, BacktestReport] = {}
        self._metrics = ""
        self._listeners: dict[object, Listener] = {}

    @property
    def name(self) -> str:
        """What it is called."""
        return self._name

    # -- what the owner puts in ---------------------------------------------------------------------------------------

    def put_price(self, tick: Tick) -> None:
        """Set the newest price of a market."""
        with self._lock:
            self._ticks = {**self._ticks, tick.symbol: tick}
        self._tell(PriceChanged(tick))

    def put_bar(self, bar: Bar) -> None:
        """Add a closed candle."""
        with self._lock:
            self._bars.setdefault((bar.symbol, bar.timeframe), []).append(bar)
        self._tell(BarClosed(bar))

    def put_bot(self, record: BotRecord) -> None:
        """Add a bot, or replace one of the same name."""
        with self._lock:
            self._bots[record.status.bot] = record
        self._tell(StatusChanged(record.status))

    def put_trade(self, bot: str, mark: Mark) -> None:
        """Add an execution of a bot."""
        with self._lock:
            record = self._bots[bot]
            record.marks.append(mark)
        self._tell(Traded(bot, record.status.mode, record.status.symbol, mark))

    def put_strategy(self, info: StrategyInfo) -> None:
        """Add a strategy."""
        with self._lock:
            self._strategies[info.name] = info

    def put_report(self, report: BacktestReport) -> None:
        """Keep the report of a backtest."""
        with self._lock:
            self._reports[report.summary.id] = report

    def put_metrics(self, text: str) -> None:
        """Set the figures, in Prometheus' text format."""
        self._metrics = text

    # -- what the server asks -----------------------------------------------------------------------------------------

    async def symbols(self) -> Sequence[str]:
        """Return the markets."""
        return list(self._ticks)

    async def timeframes(self) -> Sequence[str]:
        """Return the candle intervals on offer."""
        return self._timeframes

    async def indicator_names(self) -> Sequence[str]:
        """Return the indicators on offer."""
        return list(self._indicators)

    async def price(self, symbol: str) -> Tick:
        """Return the newest price of a market."""
        tick = self._ticks.get(symbol)
        if tick is None:
            raise UnknownName("symbol", symbol, self._ticks)
        return tick

    async def prices(self) -> Sequence[Tick]:
        """Return the newest prices of all markets."""
        return list(self._ticks.values())

    async def candles(self, symbol: str, timeframe: str, limit: int, end: int | None) -> Candles:
        """Return the newest candles, oldest first."""
        with self._lock:
            kept = list(self._bars.get((symbol, timeframe), []))
        before = [bar for bar in kept if end is None or (ns(bar.time) or 0) < end]
        shown = before[-limit:]
        return Candles(
            symbol=symbol,
            timeframe=timeframe,
            time=[bar.time for bar in shown],
            open=[bar.open for bar in shown],
            high=[bar.high for bar in shown],
            low=[bar.low for bar in shown],
            close=[bar.close for bar in shown],
            volume=[bar.volume for bar in shown],
            next_end=shown[0].time if len(before) > len(shown) else None,
        )

    async def indicators(self, symbol: str, timeframe: str, names: Sequence[str], limit: int) -> Indicators:
        """Return the newest values of indicators, oldest first."""
        with self._lock:
            kept = list(self._bars.get((symbol, timeframe), []))
        closes = [bar.close for bar in kept]
        columns = {name: self._indicators[name](closes)[-limit:] for name in names}
        return Indicators(symbol=symbol, timeframe=timeframe, time=[bar.time for bar in kept[-limit:]], columns=columns)

    async def bots(self) -> Sequence[str]:
        """Return the names of all bots."""
        return list(self._bots)

    async def bot_status(self, bot: str | None) -> BotStatus:
        """Return where a bot stands."""
        return self._bot(bot).status

    async def bot_logs(self, bot: str | None, limit: int, level: Level) -> BotLogs:
        """Return the newest lines of a bot's log, oldest first."""
        record = self._bot(bot)
        least = _LEVELS.index(level)
        lines = [line for line in record.lines if _LEVELS.index(line.level) >= least]
        return BotLogs(bot=record.status.bot, mode=record.status.mode, lines=lines[-limit:])

    async def trades(self, bot: str | None, limit: int, cursor: str | None) -> TradePage:
        """Return a bot's round trips, newest first; the cursor counts those shown before."""
        record = self._bot(bot)
        if cursor is not None and not (cursor.isascii() and cursor.isdigit()):
            raise BackendError("`cursor` is not one that a page gave. Leave it out for the first page.")
        skipped = int(cursor or 0)
        newest = record.trades[::-1]
        page = newest[skipped : skipped + limit]
        more = len(newest) > skipped + limit
        return TradePage(
            bot=record.status.bot,
            mode=record.status.mode,
            trades=page,
            next_cursor=str(skipped + limit) if more else None,
        )

    async def performance(self, bot: str | None, period: Period) -> Performance:
        """Return how a bot did."""
        status = self._bot(bot).status
        start = status.initial_equity
        made = (status.equity / start - 1) * 100 if start else 0.0
        return Performance(
            bot=status.bot,
            mode=status.mode,
            period=period,
            return_pct=made,
            buy_and_hold_pct=0.0,
            max_drawdown_pct=min(0.0, made),
            trades=status.trades,
            fees=status.fees,
            equity=status.equity,
        )

    async def price_feed(self, bot: str | None, limit: int) -> PriceFeed:
        """Return what a bot's chart shows."""
        record = self._bot(bot)
        status = record.status
        found = await self.candles(status.symbol, status.timeframe, limit, None)
        tick = self._ticks.get(status.symbol)
        price = None if tick is None else Price.model_validate(tick.fields(tick.time))
        averages = {name: make(found.close) for name, make in self._indicators.items()}
        return PriceFeed(
            bot=status.bot,
            mode=status.mode,
            symbol=status.symbol,
            timeframe=status.timeframe,
            price=price,
            signal="none",
            time=found.time,
            close=found.close,
            averages=averages,
            trades=record.marks[-limit:],
        )

    async def explain(self, bot: str | None) -> Explanation:
        """Say why a bot's newest candle did or did not trade."""
        record = self._bot(bot)
        return Explanation(bot=record.status.bot, mode=record.status.mode, decision="hold", text=record.text)

    async def metrics(self) -> str:
        """Return the figures."""
        return self._metrics

    async def note_frontend_error(self, bot: str | None, text: str) -> None:
        """Write an error of a page to a bot's log."""
        record = self._bot(bot)
        record.lines.append(LogLine.model_validate({"time": time.time_ns(), "level": "error", "text": text}))

    async def strategies(self) -> Sequence[StrategyInfo]:
        """Return all strategies."""
        return list(self._strategies.values())

    async def run_backtest(self, request: BacktestRequest, progress: Progress) -> BacktestReport:
        """Run a backtest and keep its report."""
        if self._backtester is None:
            raise Unavailable("There is nothing to run backtests with here.")
        report = await self._backtester(request, progress)
        self.put_report(report)
        return report

    async def backtest(self, id: str) -> BacktestReport:  # noqa: A002 - it is called so on the wire
        """Return a kept report."""
        found = self._reports.get(id)
        if found is None:
            raise UnknownName("backtest", id, self._reports)
        return found

    async def compare_backtests(self, ids: Sequence[str]) -> Comparison:
        """Return several kept reports side by side."""
        rows = [(await self.backtest(name)).summary for name in ids]
        best = max(rows, key=lambda row: row.total_return_pct)
        return Comparison(rows=rows, best={"total_return_pct": best.id})

    async def start_bot(self, bot: str | None) -> BotStatus:
        """Let a bot be shown as running."""
        return self._change(bot, state="running", reason="")

    async def stop_bot(self, bot: str | None) -> BotStatus:
        """Let a bot be shown as stopped."""
        return self._change(bot, state="stopped", reason="stopped over the server")

    async def set_strategy(self, bot: str | None, strategy: str, parameters: dict[str, Any]) -> BotStatus:
        """Give a stopped bot another strategy."""
        if self._bot(bot).status.running:
            raise BackendError("The bot runs. Stop it first.")
        if strategy not in self._strategies:
            raise UnknownName("strategy", strategy, self._strategies)
        return self._change(bot, strategy=strategy, parameters=parameters)

    async def stop_all(self) -> Sequence[str]:
        """Stop every bot; return what stays open."""
        for name in list(self._bots):
            self._change(name, state="stopped", reason="stopped with the server")
        held = [record.status for record in self._bots.values() if record.status.quantity]
        return [f"{status.bot} holds {status.quantity:g} of {status.symbol}" for status in held]

    async def panel(self, bot: str | None) -> Sequence[str]:
        """Return ways to open the control panel."""
        return [f"cryptobot dashboard {self._bot(bot).status.bot}"]

    def subscribe(self, listener: Listener) -> Unsubscribe:
        """Call the listener with every event from now on."""
        key = object()
        with self._lock:
            self._listeners = {**self._listeners, key: listener}

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = {other: kept for other, kept in self._listeners.items() if other is not key}

        return unsubscribe

    def _tell(self, event: Event) -> None:
        for listener in self._listeners.values():
            listener(event)

    def _bot(self, bot: str | None) -> BotRecord:
        with self._lock:
            if bot is None and len(self._bots) == 1:
                return next(iter(self._bots.values()))
            if not self._bots:
                raise Unavailable("There is no bot here.")
            if bot is None or bot not in self._bots:
                raise UnknownName("bot", bot or "(none named)", self._bots)
            return self._bots[bot]

    def _change(self, bot: str | None, **changes: Any) -> BotStatus:
        with self._lock:
            record = self._bot(bot)
            record.status = record.status.model_copy(update=changes)
        self._tell(StatusChanged(record.status))
        return record.status
