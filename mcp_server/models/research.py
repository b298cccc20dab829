"""Strategies and backtests."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mcp_server.models.base import Answer, Number, Outcome, UtcTime
from mcp_server.models.bot import TradeRow


class StrategyInfo(Answer):
    """A strategy and its parameters."""

    name: str
    text: str = Field(description="What it does")
    parameters: dict[str, Any] = Field(description="JSON schema of its parameters")


class Strategies(Answer):
    """All strategies."""

    strategies: list[StrategyInfo]


class BacktestRequest(BaseModel):
    """What to backtest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str = Field(min_length=1, max_length=40, description="Market, for example BTC-USDT")
    strategy: str = Field(min_length=1, max_length=80, description="Name of a strategy: see list_strategies")
    parameters: dict[str, bool | int | float | str] = Field(default_factory=dict, max_length=50)
    timeframe: str = Field(default="1h", max_length=10, description="Candle interval")
    start: UtcTime | None = Field(default=None, description="First candle, ISO 8601; null for as early as there is")
    end: UtcTime | None = Field(default=None, description="After the last candle, ISO 8601; null for the newest")
    cash: float = Field(
        default=10_000, gt=0, le=1e12, strict=True, allow_inf_nan=False, description="In the quote currency"
    )
    fee: float = Field(
        default=0.001, ge=0, lt=1, strict=True, allow_inf_nan=False, description="Fraction of each fill's value"
    )
    slippage_bps: float = Field(
        default=0, ge=0, lt=10_000, strict=True, allow_inf_nan=False, description="In basis points"
    )


class BacktestSummary(Outcome):
    """The result of a backtest in one row."""

    id: str = Field(description="Give it to compare_backtests, or read backtest://{id} for the whole report")
    symbol: str
    timeframe: str
    strategy: str
    parameters: dict[str, Any]
    bars: int
    start: UtcTime | None = None
    end: UtcTime | None = None
    total_return_pct: Number
    warning: str = Field(default="", description="What to doubt about this result")


class BacktestReport(Answer):
    """A whole report: the summary, the newest trades and a thinned equity curve."""

    summary: BacktestSummary
    trades: list[TradeRow] = Field(default_factory=list)
    equity_time: list[UtcTime] = Field(default_factory=list)
    equity: list[Number] = Field(default_factory=list)


class Comparison(Answer):
    """Several backtests side by side."""

    rows: list[BacktestSummary]
    best: dict[str, str] = Field(default_factory=dict, description="Id of the best one by each figure")
