"""How a bot did over a period, from the copy of its books and its equity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.control.price_server.watch import EQUITY, BotWatch
from cryptobot.core.money import ZERO, exact_money
from cryptobot.core.types import Trade
from mcp_server.models.bot import Performance, Period

_DAY: Final = 86_400_000_000_000
_DAYS: Final[dict[Period, int | None]] = {"1d": 1, "7d": 7, "30d": 30, "all": None}


@exact_money
def performance_of(watch: BotWatch, period: Period) -> Performance:
    """Measure a bot.

    A period ends with the newest candle; the equity at the candle before it is what returns are counted from, or the
    cash that the bot began with. Holding is the change of the price over the same candles, without costs. Trades count
    where they ended.

    Parameters
    ----------
    watch
        Of the bot.
    period
        Which.
    """
    status, first = watch.status, watch.first_time
    initial = float(status.initial_equity)
    time, values = watch.columns.newest(None, ("close", EQUITY), since=first)
    days = _DAYS[period]
    if first is None or not time.size:
        return _nothing(watch, period)
    start = 0 if days is None else int(np.searchsorted(time, time[-1] - days * _DAY, side="right"))
    if start:
        opening, price = values[EQUITY][start - 1], values["close"][start - 1]
    else:  # where rows were dropped, the first that is left stands in for the beginning
        opening, price = initial if time[0] == first else values[EQUITY][0], values["close"][0]
    equity = np.concatenate([[opening], values[EQUITY][start:]])
    since = int(time[start])
    trades = [trade for trade in watch.closed if (trade.exit_time or 0) >= since]
    opened = watch.open_trade
    returns = np.diff(equity) / equity[:-1]
    peak = np.maximum.accumulate(equity)
    return Performance.model_validate(
        {
            "bot": status.name,
            "mode": str(status.mode),
            "period": period,
            "start": since,
            "end": int(time[-1]) + watch.timeframe.nanoseconds,
            "return_pct": 100 * float(equity[-1] / opening - 1),
            "buy_and_hold_pct": 100 * float(values["close"][-1] / price - 1),
            "max_drawdown_pct": 100 * float((equity / peak - 1).min()),
            "sharpe": _sharpe(returns, watch.timeframe.bars_per_year),
            "trades": len(trades),
            "win_rate_pct": 100 * sum(trade.pnl > 0 for trade in trades) / len(trades) if trades else None,
            "profit_factor": _profit_factor(trades),
            "fees": float(sum((trade.fees for trade in trades), ZERO if opened is None else opened.fees)),
            "equity": float(status.equity),
        }
    )


def _nothing(watch: BotWatch, period: Period) -> Performance:
    status = watch.status
    return Performance(
        bot=status.name,
        mode=str(status.mode),
        period=period,
        return_pct=0.0,
        buy_and_hold_pct=0.0,
        max_drawdown_pct=0.0,
        trades=0,
        fees=0.0,
        equity=float(status.equity),
    )


def _sharpe(returns: NDArray[np.float64], bars_per_year: float) -> float | None:
    deviation = float(returns.std(ddof=1)) if returns.size > 1 else 0.0
    return float(returns.mean()) / deviation * math.sqrt(bars_per_year) if deviation > 0.0 else None


def _profit_factor(trades: Sequence[Trade]) -> float | None:
    won: Decimal = sum((trade.pnl for trade in trades if trade.pnl > 0), ZERO)
    lost: Decimal = -sum((trade.pnl for trade in trades if trade.pnl < 0), ZERO)
    return float(won / lost) if lost else None
