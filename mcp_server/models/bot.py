"""What a bot shows: state, log, trades, the chart's data, its reasons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from mcp_server.models.base import AboutBot, Answer, Number, Outcome, UtcTime
from mcp_server.models.market import Price

State = Literal["new", "starting", "running", "stopping", "stopped", "finished", "halted", "unknown"]
Level = Literal["debug", "info", "warning", "error"]
TradingState = Literal["active", "reducing", "halted"]
Period = Literal["1d", "7d", "30d", "all"]


class BotStatus(AboutBot):
    """Where a bot stands. Amounts are in the quote currency, quantities in the base currency."""

    state: State
    reason: str = Field(default="", description="Why it halted or stopped")
    symbol: str
    timeframe: str
    strategy: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    bars: int = Field(default=0, description="Closed candles since the start")
    last_bar_time: UtcTime | None = None
    price: Number | None = Field(default=None, description="Close of the newest candle")
    quantity: Number = Field(default=0.0, description="Held")
    entry_price: Number | None = None
    cash: Number = 0.0
    equity: Number = Field(default=0.0, description="Cash and position at the newest price")
    initial_equity: Number = 0.0
    realised_pnl: Number = 0.0
    unrealised_pnl: Number = 0.0
    trades: int = Field(default=0, description="Closed round trips")
    fees: Number = 0.0
    day_pnl: Number = Field(default=0.0, description="Today's change of the equity (UTC)")
    trading_state: TradingState = Field(
        default="active",
        description="What may be traded: all, only less than before, or nothing until a person clears it",
    )
    trading_reason: str = Field(default="", description="Why not all may be traded")
    open_orders: int = Field(default=0, description="Orders that may still be filled")
    unknown_orders: int = Field(default=0, description="Orders whose fate nobody knows yet")
    protected: bool | None = Field(
        default=None, description="Whether orders on the exchange cover the position; null where none are wanted"
    )
    connected: bool = Field(default=True, description="Whether the exchange answers")
    bots: list[str] = Field(default_factory=list, description="All bots of this server")
    control_allowed: bool = Field(default=False, description="Whether assistants may control the bot here")

    def without_secrets(self, hide: Callable[[str], str]) -> BotStatus:
        """Return it with secrets blotted out of its texts."""
        return self.model_copy(update={"reason": hide(self.reason), "trading_reason": hide(self.trading_reason)})

    @property
    def running(self) -> bool:
        """Whether it trades."""
        return self.state in ("starting", "running")


class LogLine(Answer):
    """One line of a log."""

    time: UtcTime
    level: Level
    text: str


class BotLogs(AboutBot):
    """The newest lines of a bot's log, oldest first."""

    lines: list[LogLine]


class TradeRow(Answer):
    """A round trip; open while it has no exit."""

    entry_time: UtcTime
    entry_price: Number
    exit_time: UtcTime | None = None
    exit_price: Number | None = None
    quantity: Number
    fees: Number
    pnl: Number = Field(description="Profit or loss after fees, in the quote currency")
    return_pct: Number


class TradePage(AboutBot):
    """A bot's round trips, newest first."""

    trades: list[TradeRow]
    next_cursor: str | None = Field(default=None, description="Give it as `cursor` for older ones; null at the end")


class Performance(AboutBot, Outcome):
    """How a bot did over a period, beside simply holding."""

    period: Period
    start: UtcTime | None = None
    end: UtcTime | None = None
    return_pct: Number
    equity: Number


class Mark(Answer):
    """A trade on the chart."""

    time: UtcTime
    side: Literal["buy", "sell"]
    price: Number
    quantity: Number


class PriceFeed(AboutBot):
    """What the chart of a bot shows; columns are of equal length, oldest first."""

    symbol: str
    timeframe: str
    price: Price | None = Field(default=None, description="The newest price")
    signal: Literal["buy", "sell", "none"] = Field(description="Of the newest candle")
    volatility: Number | None = None
    time: list[UtcTime]
    close: list[Number]
    averages: dict[str, list[Number | None]] = Field(default_factory=dict)
    trades: list[Mark] = Field(default_factory=list)


class Explanation(AboutBot):
    """Why the newest candle did or did not trade."""

    time: UtcTime | None = None
    decision: str = Field(description="For example: hold, buy, sell")
    text: str = Field(description="In words")
    values: dict[str, Number | None] = Field(default_factory=dict, description="What the decision saw")


class ControlState(AboutBot):
    """Whether a bot runs, what may be done about it and how to open its panel."""

    state: State
    actions: list[str]
    panel: list[str] = Field(description="Ways to open the control panel")


class Stopping(Answer):
    """The answer to a request to shut down."""

    stopping: bool = True
    stop_bots: bool = False
    open_positions: list[str] = Field(default_factory=list, description="What stays open, in words")


class Noted(Answer):
    """Something was written to the log."""

    noted: bool = True
