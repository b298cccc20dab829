"""Recorded runs in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptobot.backtest.registry.run import Run


def told(run: Run) -> str:
    """Say what was run on what.

    Examples
    --------
    ``"ma_crossover, 58,419 bars of BTC/USDT 1h"``.
    """
    return f"{run.strategy}, {run.bars:,} bars of {f'{run.symbol} {run.timeframe}'.strip()}"


def short(value: Any) -> str:
    """Write what a run was made of, or came to, in a few words: of many values the first, the last and how many."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={short(one)}" for name, one in value.items())
    if isinstance(value, list):
        ends = [short(one) for one in value]
        return f"[{', '.join(ends)}]" if len(ends) <= 3 else f"{ends[0]}…{ends[-1]} ({len(ends)})"
    if value is None or value != value:  # noqa: PLR0124 - NaN: there is no such figure
        return "–"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
