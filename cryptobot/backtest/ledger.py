"""The first book: a strategy's decisions carried out in exact arithmetic, by the code the bot uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.bars import BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.events import OrderFilled, OrderRefused
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.sizing import Sizing
from cryptobot.core.types import Fill, Intent, Side
from cryptobot.exchange.matching import Costs, fill_market_order
from cryptobot.strategy.decision import Decisions


@dataclass(frozen=True, slots=True, eq=False)
class Ledger:
    """What happened to the money.

    Attributes
    ----------
    portfolio
        The books after the last bar.
    fills
        Every execution, oldest first.
    rows
        For each fill, the row of the bar at whose open it happened.
    refused
        Orders that the market's rules refused.
    cash, quantity
        In the books after each fill.
    """

    portfolio: Portfolio
    fills: list[Fill] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    refused: list[OrderRefused] = field(default_factory=list)
    cash: list[Decimal] = field(default_factory=list)
    quantity: list[Decimal] = field(default_factory=list)

    def after_bar(self, n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return cash and quantity at the close of each of n bars, float64 arrays of shape (n,)."""
        done = np.zeros(n, dtype=np.int64)
        np.add.at(done, self.rows, 1)
        done = np.cumsum(done)
        cash = np.array([float(value) for value in (self.portfolio.initial_cash, *self.cash)])
        quantity = np.array([0.0, *(float(value) for value in self.quantity)])
        return cash[done], quantity[done]

    def equity(self, close: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return cash and position valued at each close, float64 of shape (n,)."""
        cash, quantity = self.after_bar(close.size)
        return cash + quantity * close


def keep_ledger(
    decisions: Decisions, bars: BarColumns, *, cash: float | Decimal, costs: Costs, sizing: Sizing, market: Market
) -> Ledger:
    """Trade every decision: decided at the close of row t, filled at the open of row t + 1.

    Flat, the next buy signal counts; long, the next sell signal. A signal on the last row is not filled: there is no
    next open. An order that the market refuses changes nothing, so that the next signal of its kind tries again.

    Parameters
    ----------
    decisions
        One a bar.
    bars
        Of the same rows.
    cash
        To begin with, in the quote currency.
    costs
        Fee and slippage.
    sizing
        What a buy may spend.
    market
        Its tick, lot and minimum notional.

    Raises
    ------
    ConfigError
        If the sizing wants to spend more than there is.
    """
    ledger = Ledger(Portfolio(cash, market))
    books = ledger.portfolio
    buys, sells = np.flatnonzero(decisions.buy[:-1]), np.flatnonzero(decisions.sell[:-1])
    row = -1
    while True:
        signals = buys if books.is_flat else sells
        at = int(np.searchsorted(signals, row, side="right"))
        if at == signals.size:
            return ledger
        row = int(signals[at])
        number = len(ledger.fills) + len(ledger.refused) + 1
        closed = int(bars.time[row]) + bars.timeframe.nanoseconds
        name = f"backtest-{number}"
        if books.is_flat:
            spend = spending(sizing, books.cash)
            intent = Intent(name, closed, market.symbol, Side.BUY, quote_amount=spend, reason="buy signal")
        else:
            intent = Intent(name, closed, market.symbol, Side.SELL, quantity=books.quantity, reason="sell signal")
        answer = fill_market_order(intent, float(bars.open[row + 1]), int(bars.time[row + 1]), costs, market, name)
        if isinstance(answer, OrderFilled):
            books.apply(answer.fill)
            ledger.fills.append(answer.fill)
            ledger.rows.append(row + 1)
            ledger.cash.append(books.cash)
            ledger.quantity.append(books.quantity)
        else:
            ledger.refused.append(answer)


def spending(sizing: Sizing, cash: Decimal) -> Decimal:
    """Return what an entry may spend; raises ConfigError if that is more than there is."""
    amount = decimal_of(sizing.quote_amount(cash), "sizing")
    if not 0 <= amount <= cash:
        raise ConfigError(
            f"sizing: {sizing!r} wants to spend {amount} of {cash}. "
            "Allowed: at least 0 and at most the cash there is; quote_amount(cash) must keep within it."
        )
    return amount
