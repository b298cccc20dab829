"""The figures of a backtest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.figures import Figures
from cryptobot.backtest.ledger import Ledger
from cryptobot.core.money import ZERO, exact_money
from cryptobot.core.portfolio import Portfolio


@dataclass(frozen=True, slots=True)
class Stats(Figures):
    """The figures of a backtest, as attributes and as a mapping: ``stats.sharpe`` is ``stats["sharpe"]``.

    Fractions, not percent: 0.1 is 10 %. A figure that has no value, such as the win rate of no trades, is NaN.

    Attributes
    ----------
    total_return
        Final equity / initial cash - 1.
    max_drawdown
        The deepest fall from a peak of the equity, as a fraction of the peak: 0 or negative.
    sharpe
        Mean / standard deviation (of a sample) of the returns per bar, × the root of the bars in 365 × 24 h, no
        risk-free rate. NaN when the equity never moved.
    trades
        Closed round trips.
    open_trades
        1 when a position is held at the end, else 0.
    win_rate
        Share of the closed trades with a profit after fees; NaN without a closed trade.
    profit_factor
        Profits / losses of the closed trades; infinite when none lost, NaN when nothing was won or lost.
    exposure
        Share of the bars at whose close a position is held.
    fees_paid
        In the quote currency, those of an open trade's entry included.
    buy_and_hold
        Total return of buying with all the cash at the first chance and never selling, with the same costs and market.
    final_equity
        In the quote currency; an open position is valued at the last close.
    refused
        Orders that the market's rules refused.
    """

    total_return: float
    max_drawdown: float
    sharpe: float
    trades: int
    open_trades: int
    win_rate: float
    profit_factor: float
    exposure: float
    fees_paid: float
    buy_and_hold: float
    final_equity: float
    refused: int

    _called: ClassVar[tuple[str, str]] = ("stats have", "They have")

    def as_dict(self) -> dict[str, float | None]:
        """Return plain numbers for JSON; NaN and infinity, which JSON does not have, become None."""
        return {name: self[name] if math.isfinite(self[name]) else None for name in self}


@exact_money
def measure(
    ledger: Ledger, close: NDArray[np.float64], equity: NDArray[np.float64], sharpe: float, buy_and_hold: float
) -> Stats:
    """Compute the figures.

    Money comes from the exact book, so that an account near zero loses no digits.

    Parameters
    ----------
    ledger
        The exact book.
    close
        float64, shape (n,).
    equity
        float64, shape (n,), at each close.
    sharpe
        Annualised.
    buy_and_hold
        Total return of the yardstick.
    """
    books = ledger.portfolio
    _, quantity = ledger.after_bar(close.size)
    final = books.equity(float(close[-1]))
    won = sum((trade.pnl for trade in books.trades if trade.pnl > 0), ZERO)
    lost = -sum((trade.pnl for trade in books.trades if trade.pnl < 0), ZERO)
    wins = sum(trade.pnl > 0 for trade in books.trades)
    return Stats(
        total_return=total_return(books, float(close[-1])),
        max_drawdown=float(drawdown(equity).min()),
        sharpe=sharpe,
        trades=len(books.trades),
        open_trades=0 if books.is_flat else 1,
        win_rate=wins / len(books.trades) if books.trades else math.nan,
        profit_factor=_ratio(won, lost),
        exposure=float((quantity > 0).mean()),
        fees_paid=float(books.fees),
        buy_and_hold=buy_and_hold,
        final_equity=float(final),
        refused=len(ledger.refused),
    )


@exact_money
def total_return(books: Portfolio, price: float) -> float:
    """Return equity at a price / initial cash - 1."""
    return float(books.equity(price) / books.initial_cash - 1)


def drawdown(equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far the equity is below its highest value so far, as a fraction of it: 0 or negative."""
    return equity / np.maximum.accumulate(equity) - 1.0


def _ratio(won: Decimal, lost: Decimal) -> float:
    if lost:
        return float(won / lost)
    return math.inf if won else math.nan
