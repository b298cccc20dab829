"""What `backtest` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.stats import Stats, drawdown
from cryptobot.backtest.words import amount, charges, duration, number, percent, stretch
from cryptobot.core.bars import BarColumns
from cryptobot.core.events import OrderRefused
from cryptobot.core.money import Market
from cryptobot.core.sizing import Sizing
from cryptobot.core.text import count
from cryptobot.core.types import Fill
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.decision import Decisions

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, repr=False)
class BacktestReport:
    """The result of a backtest.

    Attributes
    ----------
    strategy
        What was traded.
    bars
        On what: the bars from ``start`` on.
    decisions
        What the strategy said at each of these bars, its features included.
    warm_up_bars
        How many bars before ``start`` only warmed the strategy up.
    cash
        To begin with, in the quote currency.
    costs, sizing, market
        As given.
    stats
        The figures: ``stats.sharpe`` or ``stats["sharpe"]``; see `Stats`.
    trades
        DataFrame, one round trip a row: entry_time, entry_price, exit_time, exit_price, quantity, fees, pnl, return,
        status. The last one may be open.
    fills
        Every execution in exact numbers, oldest first.
    refused
        Orders that the market's rules refused.
    portfolio
        The ``vectorbt.Portfolio``: its times are UTC without saying so.
    portfolio_scale
        Units of the portfolio's money in one of ours: 1 unless orders are too small for vectorbt.
    run_id
        Under which `runs` keeps it, or None.
    """

    strategy: Strategy
    bars: BarColumns
    decisions: Decisions
    warm_up_bars: int
    cash: Decimal
    costs: Costs
    sizing: Sizing
    market: Market | None
    stats: Stats
    trades: pd.DataFrame
    fills: list[Fill]
    refused: list[OrderRefused]
    portfolio: Any
    portfolio_scale: float
    equity_values: NDArray[np.float64] = field(repr=False)
    buy_and_hold_values: NDArray[np.float64] = field(repr=False)
    run_id: str | None = None

    @cached_property
    def equity(self) -> pd.Series[float]:
        """Cash and position at each close, in the quote currency, by the bars' open times."""
        return self._series(self.equity_values, "equity")

    @cached_property
    def drawdown(self) -> pd.Series[float]:
        """How far the equity is below its highest value so far, a fraction: 0 or negative."""
        return self._series(drawdown(self.equity_values), "drawdown")

    @cached_property
    def buy_and_hold(self) -> pd.Series[float]:
        """Equity of buying at the first chance and never selling, with the same costs."""
        return self._series(self.buy_and_hold_values, "buy_and_hold")

    def _series(self, values: NDArray[np.float64], name: str) -> pd.Series[float]:
        import pandas as pd

        index = pd.DatetimeIndex(self.bars.time.view("M8[ns]"), tz="UTC", name="time")
        return pd.Series(np.array(values), index=index, name=name)

    @property
    def quote(self) -> str:
        """The currency of the money, for example ``"USDT"``; empty when no market was given."""
        return "" if self.market is None else self.market.quote

    def summary(self) -> str:
        """Say in one sentence what came of it."""
        stats = self.stats
        seconds = (int(self.bars.time[-1]) - int(self.bars.time[0])) / 1e9 + self.bars.timeframe.seconds
        if stats.trades + stats.open_trades == 0:
            refused = f" ({count(stats.refused, 'order')} refused by the market's rules)" if stats.refused else ""
            return (
                f"{type(self.strategy).__name__} never traded in {duration(seconds)}{refused}, while buying and holding "
                f"{_moved(stats.buy_and_hold)}."
            )
        trades = count(stats.trades, "trade")
        still = ", one more still open," if stats.open_trades else ""
        worst = (
            f"at worst {percent(-stats.max_drawdown)} below its peak" if stats.max_drawdown else "never below its peak"
        )
        return (
            f"{type(self.strategy).__name__} {_moved(stats.total_return)} in {duration(seconds)} with {trades}{still} "
            f"and was {worst}; buying and holding {_moved(stats.buy_and_hold)}."
        )

    def plot(self, *, template: Literal["auto", "light", "dark"] = "auto", height: int = 720) -> go.Figure:
        """Draw candles with the strategy's averages and trades, equity against buy-and-hold, and drawdown.

        Long histories are merged into at most 1,500 candles, and lines keep the highs and lows of as many stretches.

        Parameters
        ----------
        template
            ``"auto"`` reads on light and dark pages alike; ``"light"`` and ``"dark"`` bring their own background.
        height
            In pixels.

        Raises
        ------
        ConfigError
            If the template is unknown, or plotly is not installed.
        """
        from cryptobot.backtest.plot import draw

        return draw(self, template, height)

    def __repr__(self) -> str:
        stats = self.stats
        quote, cash = f" {self.quote}".rstrip(), float(self.cash)
        rows = [
            ("total return", percent(stats.total_return, sign=True), "trades", f"{stats.trades:,}"),
            ("buy and hold", percent(stats.buy_and_hold, sign=True), "open trades", f"{stats.open_trades}"),
            ("max drawdown", percent(stats.max_drawdown), "win rate", percent(stats.win_rate)),
            ("sharpe", number(stats.sharpe), "profit factor", number(stats.profit_factor)),
            ("final equity", amount(stats.final_equity, cash) + quote, "exposure", percent(stats.exposure)),
            ("fees paid", amount(stats.fees_paid, cash) + quote, "refused", f"{stats.refused:,}"),
        ]
        width = max(len(row[1]) for row in rows)
        table = "\n".join(f"  {a:<13}{b:>{width}}   {c:<14}{d:>8}" for a, b, c, d in rows)
        return f"Backtest of {self.strategy!r}\non {stretch(self.bars)}, {charges(self.costs)}\n{table}"

    def _repr_html_(self) -> str:
        from cryptobot.backtest.html_report import render

        return render(self)


def _moved(fraction: float) -> str:
    verb = "gained" if fraction > 0 else "lost"
    return "changed nothing" if fraction == 0 else f"{verb} {percent(abs(fraction))}"
