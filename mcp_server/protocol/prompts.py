"""The prompts: questions worth asking, with what an honest answer needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

_HONEST = (
    "This is no investment advice. Always name the bot's mode (practice, paper, testnet or live), the costs (fees and "
    "slippage), the largest drawdown, and what simply holding would have made. Say plainly where the data is too short "
    "to tell skill from luck."
)


def register(server: MCPServer) -> None:
    """Offer them."""
    for prompt in (review_strategy, explain_last_trades, daily_report, risk_check):
        server.prompt()(prompt)


def review_strategy(
    strategy: Annotated[str, Field(max_length=80, description="Name of a strategy")],
    symbol: Annotated[str, Field(max_length=40, description="Market, for example BTC-USDT")],
) -> str:
    """Review a strategy on a market."""
    return (
        f"Review the strategy {strategy} on {symbol}. Read docs://strategies, run run_backtest with its default "
        "parameters and with a few neighbours of them, and compare them with compare_backtests. Does the result depend "
        f"on one lucky parameter, one trade or one month? Would doubled costs eat it up? {_HONEST}"
    )


def explain_last_trades(
    n: Annotated[str, Field(max_length=4, pattern=r"^[0-9]+$", description="How many")] = "5",
) -> str:
    """Explain the bot's last trades."""
    return (
        f"Explain the bot's last {n} trades. Use get_bot_status, list_trades and explain_last_bar, and the candles "
        f"around each trade (get_ohlcv). For each: why it was made, what it cost, what it brought. {_HONEST}"
    )


def daily_report() -> str:
    """Write a report of the day."""
    return (
        "Write a short report of the day: get_bot_status, get_performance with period 1d, list_trades, get_price. "
        f"Lead with mode, equity, the day's result beside holding, open position and anything unusual. {_HONEST}"
    )


def risk_check() -> str:
    """Look for risks."""
    return (
        "Check the bot's risks: get_bot_status, get_performance with period 30d and all, list_trades. Look at the size "
        "of the position, the drawdown, the costs as a share of the result, losing runs, and whether prices are stale "
        f"(age_s). Name what to stop or reduce first. {_HONEST}"
    )
