"""The library's own words as the server's answers."""

from __future__ import annotations

import math
from collections.abc import Iterable

from cryptobot.core.bars import BarColumns
from cryptobot.core.money import exact_money
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Bar, Fill, Trade
from cryptobot.trading import status as library
from mcp_server.models.bot import BotStatus, Mark, TradeRow
from mcp_server.models.market import Bar as BarAnswer
from mcp_server.models.market import Candles


def status_of(status: library.BotStatus) -> BotStatus:
    """Return where a bot stands."""
    return BotStatus.model_validate(
        {
            "bot": status.name,
            "mode": str(status.mode),
            "state": status.state,
            "reason": status.reason,
            "symbol": status.symbol,
            "timeframe": status.timeframe,
            "strategy": status.strategy,
            "parameters": status.parameters,
            "bars": status.bars,
            "last_bar_time": status.last_bar_time,
            "price": status.price,
            "quantity": float(status.quantity),
            "entry_price": None if status.entry_price is None else float(status.entry_price),
            "cash": float(status.cash),
            "equity": float(status.equity),
            "initial_equity": float(status.initial_equity),
            "realised_pnl": float(status.realised_pnl),
            "unrealised_pnl": float(status.unrealised_pnl),
            "trades": status.trades,
            "fees": float(status.fees),
            "day_pnl": float(status.day_pnl),
            "trading_state": status.trading_state,
            "trading_reason": status.trading_reason,
            "open_orders": status.open_orders,
            "unknown_orders": status.unknown_orders,
            "protected": status.protected,
            "connected": status.connected,
        }
    )


@exact_money
def trade_of(trade: Trade) -> TradeRow:
    """Return a round trip."""
    return TradeRow.model_validate(
        {
            "entry_time": trade.entry_time,
            "entry_price": float(trade.entry_price),
            "exit_time": trade.exit_time,
            "exit_price": None if trade.exit_price is None else float(trade.exit_price),
            "quantity": float(trade.quantity),
            "fees": float(trade.fees),
            "pnl": float(trade.pnl),
            "return_pct": 100 * float(trade.return_),
        }
    )


def mark_of(fill: Fill) -> Mark:
    """Return an execution."""
    return Mark.model_validate(
        {
            "time": fill.time,
            "side": str(fill.side),
            "price": float(fill.price),
            "quantity": float(fill.quantity),
        }
    )


def bar_of(symbol: str, timeframe: str, bar: Bar) -> BarAnswer:
    """Return a closed candle."""
    return BarAnswer.model_validate({"symbol": symbol, "timeframe": timeframe, **bar._asdict()})


def candles_of(symbol: str, timeframe: Timeframe, bars: BarColumns, limit: int) -> Candles:
    """Return up to ``limit`` candles; one more than that shows that there are older ones."""
    shown = slice(max(0, len(bars) - limit), None)
    names = ("time", "open", "high", "low", "close", "volume")
    columns = {name: getattr(bars, name)[shown].tolist() for name in names}
    more = columns["time"][0] if len(bars) > limit else None
    return Candles.model_validate({"symbol": symbol, "timeframe": str(timeframe), **columns, "next_end": more})


def numbers(values: Iterable[float]) -> list[float | None]:
    """Return numbers as JSON has them: what is undefined is null."""
    return [float(value) if math.isfinite(value) else None for value in values]
