"""The figures of a bot's session, named as a backtest's."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.ledger import Ledger
from cryptobot.backtest.stats import Stats, measure
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import ZERO, exact_money
from cryptobot.core.types import Side
from cryptobot.trading.bot import Bot


@exact_money
def session_stats(bot: Bot) -> Stats:
    """Measure what a bot has done, from its own books and its own tape.

    Parameters
    ----------
    bot
        A bot that has seen bars.

    Returns
    -------
    Stats
        ``buy_and_hold`` is NaN: that yardstick belongs to a backtest.

    Raises
    ------
    ConfigError
        If it has seen no bar yet.
    """
    with bot.lock:
        engine, first = bot.session.engine, bot.session.first_time
        if engine is None or first is None:
            raise ConfigError(f"{bot.name} has seen no bars yet. Start it and let some bars close.")
        tape, books = bot.tape(None), engine.portfolio
        traded = tape.time >= first
        time, close, equity = tape.time[traded], tape.close[traded], tape.equity[traded]
        ledger = Ledger(books)
        ledger.refused.extend(engine.refused)
        cash, quantity = books.initial_cash, ZERO
        for fill in tape.fills:
            sign = 1 if fill.side is Side.BUY else -1
            cash -= sign * fill.price * fill.quantity + fill.fee
            quantity += sign * fill.quantity
            ledger.fills.append(fill)
            # A fill may be there before the bar it happened in has closed.
            ledger.rows.append(min(int(np.searchsorted(time, fill.time)), time.size - 1))
            ledger.cash.append(cash)
            ledger.quantity.append(quantity)
        sharpe = _sharpe(equity, float(books.initial_cash), engine.timeframe.bars_per_year)
        return measure(ledger, close, equity, sharpe, math.nan)


def _sharpe(equity: NDArray[np.float64], initial: float, bars_per_year: float) -> float:
    returns = np.diff(equity, prepend=initial) / np.concatenate([[initial], equity[:-1]])
    deviation = float(returns.std(ddof=1)) if returns.size > 1 else 0.0
    return float(returns.mean()) / deviation * math.sqrt(bars_per_year) if deviation > 0.0 else math.nan
