"""A strategy's trading as the statistics see it: returns per bar and round trips, from the exact books."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.ledger import Ledger, keep_ledger
from cryptobot.backtest.run import market_of
from cryptobot.backtest.statistics.sharpe import Shape
from cryptobot.backtest.statistics.trips import Trips
from cryptobot.backtest.stats import drawdown
from cryptobot.core.bars import COLUMNS, BarColumns
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.sizing import FractionOfEquity, Sizing
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.decision import Decisions
from cryptobot.strategy.library.buy_and_hold import BuyAndHold

_EVERYTHING: Final = FractionOfEquity()


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms is traded: the same for everything that one report compares.

    Attributes
    ----------
    cash
        To begin with, in the quote currency.
    costs
        Fee and slippage.
    market
        Tick, lot and minimum notional, or None to round nothing.
    sizing
        What a buy may spend.
    """

    cash: Decimal
    costs: Costs
    market: Market | None = None
    sizing: Sizing = _EVERYTHING

    @classmethod
    def of(
        cls, cash: float, fee: float, slippage_bps: float, market: Market | None, sizing: Sizing | None = None
    ) -> Terms:
        """Check what the user gave.

        Raises
        ------
        ConfigError
            If a number is not allowed.
        """
        costs = Costs(decimal_of(fee, "fee"), decimal_of(slippage_bps, "slippage_bps"))
        money = decimal_of(cash, "cash")
        if money <= 0:
            raise ConfigError(f"cash: {cash} is not allowed. Give an amount above 0 in the quote currency.")
        market_of(market)
        return cls(money, costs, market, _EVERYTHING if sizing is None else sizing)

    def trade(self, decisions: Decisions, bars: BarColumns) -> Ledger:
        """Carry decisions out in the exact books."""
        rules = market_of(self.market)
        return keep_ledger(decisions, bars, cash=self.cash, costs=self.costs, sizing=self.sizing, market=rules)


@dataclass(frozen=True, eq=False)
class Record:
    """What trading on bars came to.

    Attributes
    ----------
    bars
        The bars traded on.
    ledger
        The exact books.
    equity
        float64, shape (n,): at each close.
    terms
        On what terms.
    """

    bars: BarColumns
    ledger: Ledger
    equity: NDArray[np.float64]
    terms: Terms

    @classmethod
    def of(cls, strategy: Strategy, bars: BarColumns, terms: Terms, *, start: int = 0) -> Record:
        """Trade a strategy from row ``start`` on; rows before it only warm it up."""
        return cls.of_decisions(decisions_from(strategy.batch(bars), start), rows(bars, start, len(bars)), terms)

    @classmethod
    def of_decisions(cls, decisions: Decisions, bars: BarColumns, terms: Terms) -> Record:
        """Carry out decisions, one a bar."""
        ledger = terms.trade(decisions, bars)
        return cls(bars, ledger, ledger.equity(bars.close), terms)

    @classmethod
    def buy_and_hold(cls, bars: BarColumns, terms: Terms) -> Record:
        """Buy at the first chance and never sell, everything invested."""
        everything = Terms(terms.cash, terms.costs, terms.market)
        return cls.of_decisions(BuyAndHold().batch(bars), bars, everything)

    @cached_property
    def returns(self) -> NDArray[np.float64]:
        """Return of the equity at each bar's close on that at the close before it, float64 of shape (n,)."""
        before = np.concatenate([[float(self.terms.cash)], self.equity[:-1]])
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = self.equity / before - 1.0
        return np.where(before > 0, moved, 0.0)

    @cached_property
    def shape(self) -> Shape:
        """Sharpe ratio per bar, skewness and kurtosis of the returns."""
        return Shape.of(self.returns)

    @property
    def sharpe(self) -> float:
        """Sharpe ratio of a year; NaN when the equity never moved."""
        return self.shape.sharpe * float(np.sqrt(self.bars.timeframe.bars_per_year))

    @property
    def total_return(self) -> float:
        """Last equity / cash - 1."""
        return float(self.equity[-1]) / float(self.terms.cash) - 1.0

    @property
    def max_drawdown(self) -> float:
        """The deepest fall from a peak, a fraction: 0 or negative."""
        return float(drawdown(self.equity).min())

    @cached_property
    def trips(self) -> Trips:
        """The round trips as rows."""
        return Trips.of_ledger(self.ledger, self.bars, self.terms.costs)

    @property
    def trade_returns(self) -> NDArray[np.float64]:
        """What each trade did to the equity, the open one at the last close included: float64, shape (trades,)."""
        trips = self.trips
        if not len(trips):
            return np.empty(0)
        cash, _ = self.ledger.after_bar(len(self.bars))
        before = cash[trips.entries - 1]
        after = np.where(
            trips.exits < len(self.bars), cash[np.minimum(trips.exits, len(self.bars) - 1)], self.equity[-1]
        )
        return after / before - 1.0


def rows(bars: BarColumns, first: int, end: int) -> BarColumns:
    """Return rows ``first`` up to ``end`` as bars of their own, on the same grid and timeframe."""
    if first == 0 and end == len(bars):
        return bars
    parts = {name: getattr(bars, name)[first:end] for name in ("time", *COLUMNS)}
    return BarColumns(**parts, timeframe=bars.timeframe, grid=bars.grid)


def decisions_from(decisions: Decisions, first: int) -> Decisions:
    """Drop the decisions before row ``first``."""
    if first == 0:
        return decisions
    features = {name: values[first:] for name, values in decisions.features.items()}
    return Decisions(decisions.time[first:], decisions.buy[first:], decisions.sell[first:], features)
