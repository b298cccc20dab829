"""`backtest`: what a strategy would have done."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from cryptobot.backtest.ledger import keep_ledger
from cryptobot.backtest.limited_ledger import keep_limited_ledger
from cryptobot.backtest.second_book import keep_second_book
from cryptobot.backtest.stats import measure, total_return
from cryptobot.backtest.trade_table import trade_table
from cryptobot.core.bars import COLUMNS, BarColumns, time_text
from cryptobot.core.errors import ConfigError
from cryptobot.core.limits import Limits
from cryptobot.core.money import Market, decimal_of
from cryptobot.core.sizing import FractionOfEquity, Sizing
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.decision import Decisions
from cryptobot.strategy.library.buy_and_hold import BuyAndHold

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from cryptobot.backtest.report import BacktestReport


def backtest(
    strategy: Strategy,
    bars: pd.DataFrame | BarColumns,
    *,
    cash: float = 10_000,
    fee: float = 0.001,
    slippage_bps: float = 0,
    sizing: Sizing | float | None = None,
    market: Market | None = None,
    limits: Limits | None = None,
    start: str | dt.datetime | np.datetime64 | None = None,
    record: bool = True,
) -> BacktestReport:
    """Trade a strategy on past bars: long or flat, decided at a bar's close, filled at the next bar's open.

    Orders go through the same matching and the same books in exact arithmetic as those of a bot; vectorbt keeps a
    second book of them, and a result is given only when both agree.

    Parameters
    ----------
    strategy
        For example ``cb.MovingAverageCrossover(fast=10, slow=30)``.
    bars
        UTC DatetimeIndex of open times, float columns open, high, low, close, volume.
    cash
        To begin with, in the quote currency, above 0.
    fee
        Fraction of an order's value, at least 0 and below 1: 0.001 is 0.1 %.
    slippage_bps
        How much worse than the open an order fills, in basis points.
    sizing
        What a buy may spend, fee included: a fraction of the equity (a number, or `FractionOfEquity`) or a fixed
        amount (`FixedQuote`). The default is everything.
    market
        Tick, lot and minimum notional that orders must keep. Without one nothing is rounded.
    limits
        What may not be exceeded, and the protective orders that rest with a position; the same as for a bot.
    start
        First bar to trade, a time in UTC; bars before it only warm the strategy up. The default is the first bar.
    record
        Whether `runs` shows it later; see ``CRYPTOBOT_RECORD_RUNS`` in the settings.

    Returns
    -------
    BacktestReport
        Figures, trades, equity, plots.

    Raises
    ------
    ConfigError
        If an argument is not allowed, or the extra ``research`` is not installed.
    DataError
        If the bars cannot be trusted.
    ParityError
        If the two books differ.

    Examples
    --------
    >>> report = backtest(MovingAverageCrossover(fast=10, slow=30), practice_bars(50_000, seed=7))  # doctest: +SKIP
    >>> report.stats.total_return  # doctest: +SKIP
    """
    from cryptobot.backtest.registry.backtests import remember

    check_strategy_object(strategy)
    costs = Costs(decimal_of(fee, "fee"), decimal_of(slippage_bps, "slippage_bps"))
    money = decimal_of(cash, "cash")
    spending = checked_sizing(sizing)
    every_bar = BarColumns.of(bars)
    market_of(market)
    report = backtest_of(
        strategy,
        strategy.batch(every_bar),
        every_bar,
        first=0 if start is None else first_row(every_bar, start),
        cash=money,
        costs=costs,
        sizing=spending,
        market=market,
        limits=None if limits is None else _limits(limits),
    )
    return replace(report, run_id=remember(report, limits)) if record else report


def backtest_of(
    strategy: Strategy,
    decisions: Decisions,
    bars: BarColumns,
    *,
    first: int,
    cash: Decimal,
    costs: Costs,
    sizing: Sizing,
    market: Market | None,
    limits: Limits | None,
) -> BacktestReport:
    """Trade decisions that were made already, as `backtest` does; its arguments, checked.

    Parameters
    ----------
    strategy
        What made them.
    decisions
        One a bar.
    bars
        All of them.
    first
        Row of the first that is traded on.
    cash, costs, sizing, market, limits
        As for `backtest`.
    """
    from cryptobot.backtest.report import BacktestReport

    rules = market_of(market)
    decisions, traded = _from(decisions, bars, first)
    if limits is None:
        ledger = keep_ledger(decisions, traded, cash=cash, costs=costs, sizing=sizing, market=rules)
    else:
        ledger = keep_limited_ledger(
            decisions, traded, cash=cash, costs=costs, sizing=sizing, market=rules, limits=limits
        )
    book = keep_second_book(ledger, traded, costs)
    hold = keep_ledger(
        BuyAndHold().batch(traded), traded, cash=cash, costs=costs, sizing=FractionOfEquity(), market=rules
    )
    equity = ledger.equity(traded.close)
    last = float(traded.close[-1])
    yardstick = total_return(hold.portfolio, last)
    return BacktestReport(
        strategy=strategy,
        bars=traded,
        decisions=decisions,
        warm_up_bars=first,
        cash=cash,
        costs=costs,
        sizing=sizing,
        market=market,
        stats=measure(ledger, traded.close, equity, book.sharpe, yardstick),
        trades=trade_table(ledger.portfolio.trades, ledger.portfolio.open_trade(last)),
        fills=ledger.fills,
        refused=ledger.refused,
        equity_values=equity,
        buy_and_hold_values=hold.equity(traded.close),
        portfolio=book.portfolio,
        portfolio_scale=book.scale,
    )


def check_strategy_object(strategy: Any) -> None:
    """Refuse what is not a strategy, such as a class without parameters."""
    if isinstance(strategy, Strategy):
        return
    if isinstance(strategy, type) and issubclass(strategy, Strategy):
        name = strategy.__name__
        raise ConfigError(
            f"strategy: {name} is a class, not a strategy. Call it: {name}(), with parameters if you like."
        )
    advice = f" By its name: cb.get_strategy({strategy!r})." if isinstance(strategy, str) else ""
    raise ConfigError(
        f"strategy: {strategy!r} is not a strategy. Give an object of a class derived from cb.Strategy, for example "
        f"cb.MovingAverageCrossover(fast=10, slow=30).{advice}"
    )


def checked_sizing(sizing: Any) -> Sizing:
    """Return what a buy may spend, from what a user gave; raises ConfigError if it is nothing of the kind."""
    if sizing is None:
        return FractionOfEquity()
    if hasattr(sizing, "quote_amount") and not isinstance(sizing, type):
        chosen: Sizing = sizing
        return chosen
    if isinstance(sizing, int | float | Decimal | np.number):
        return FractionOfEquity(float(sizing) if isinstance(sizing, np.number) else sizing)  # type: ignore[arg-type]
    raise ConfigError(
        f"sizing: {sizing!r} is not a way to size orders. Give a fraction of the equity above 0 and at most 1, "
        "cb.FractionOfEquity(0.5), or cb.FixedQuote(1000) for an amount in the quote currency."
    )


def market_of(market: Any) -> Market:
    """Return a market's rules; without one, a market that rounds nothing."""
    if market is None:
        return Market("BASE/QUOTE")
    if isinstance(market, Market):
        return market
    raise ConfigError(
        f"market: {market!r} is not a Market. Give its rules, for example cb.Market('BTC/USDT', tick_size='0.01', "
        "lot_size='0.00001', min_notional='5'), or None to round nothing."
    )


def _limits(limits: Any) -> Limits:
    if isinstance(limits, Limits):
        return limits
    raise ConfigError(
        f"limits: {limits!r} is not allowed. Give cb.Limits(max_order_value=500, stop_loss=0.05) or None."
    )


def first_row(bars: BarColumns, start: Any) -> int:
    """Return the row of the first bar at or after a time; raises ConfigError if that is not within the bars."""
    import pandas as pd

    allowed = f"a time from {time_text(int(bars.time[0]))} to {time_text(int(bars.time[-1]))}"
    try:
        moment = pd.Timestamp(start)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"start: {start!r} is not a time ({error}). Give {allowed}, for example '2024-01-31'."
        ) from error
    if pd.isna(moment):
        raise ConfigError(f"start: {start!r} is not a time. Give {allowed}, or None for the first bar.")
    moment = moment.tz_localize("UTC") if moment.tz is None else moment.tz_convert("UTC")
    when = moment.as_unit("ns").value
    if not bars.time[0] <= when <= bars.time[-1]:
        raise ConfigError(f"start: {moment} is outside the bars. Give {allowed}.")
    return int(np.searchsorted(bars.time, when))


def _from(decisions: Decisions, bars: BarColumns, first: int) -> tuple[Decisions, BarColumns]:
    """Drop the rows before ``first``."""
    if first == 0:
        return decisions, bars
    columns = {name: getattr(bars, name)[first:] for name in ("time", *COLUMNS)}
    return (
        Decisions(
            decisions.time[first:],
            decisions.buy[first:],
            decisions.sell[first:],
            {name: values[first:] for name, values in decisions.features.items()},
        ),
        BarColumns(**columns, timeframe=bars.timeframe, grid=bars.grid),
    )
