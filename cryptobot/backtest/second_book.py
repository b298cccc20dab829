"""The second book: vectorbt is told the same orders and keeps accounts of its own; both must agree."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.ledger import Ledger
from cryptobot.core.bars import BarColumns, time_text
from cryptobot.core.errors import ConfigError, ParityError
from cryptobot.core.types import Side
from cryptobot.exchange.matching import Costs

if TYPE_CHECKING:
    from types import ModuleType

TOLERANCE: Final = 1e-9
# vectorbt takes an amount under 1e-12 for nothing. No order comes near it when the smallest is at least this.
_SMALLEST: Final = 1e-4
_LARGEST_EXPONENT: Final = 900


@dataclass(frozen=True, slots=True, eq=False)
class SecondBook:
    """vectorbt's accounts of the orders in the ledger.

    Attributes
    ----------
    portfolio
        The ``vectorbt.Portfolio``. Its times are UTC without saying so.
    scale
        Units of its money in one of ours: a power of two, normally 1.
    sharpe
        Annualised by 365 × 24 h; NaN when no return differs from another.
    """

    portfolio: Any
    scale: float
    sharpe: float


def load_vectorbt() -> ModuleType:
    """Import vectorbt, with our `Portfolio` on top of it.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its import warns about pandas of the future, which is capped
            from cryptobot.backtest import vectorbt_portfolio
    except ImportError as error:
        raise ConfigError(
            f"Backtests need vectorbt, which cannot be imported here ({error}). Install the research extra: "
            'pip install ".[research]" in the checkout.'
        ) from error
    module: ModuleType = vectorbt_portfolio
    return module


def keep_second_book(ledger: Ledger, bars: BarColumns, costs: Costs) -> SecondBook:
    """Feed the ledger's orders to vectorbt and compare the two books.

    Parameters
    ----------
    ledger
        The first book.
    bars
        The bars it was kept on.
    costs
        vectorbt computes the fees itself; prices carry the slippage already.

    Raises
    ------
    ParityError
        If the books differ: in any order, or in the equity at any close by more than 1e-9.
    ConfigError
        If vectorbt is not installed.
    """
    portfolios = load_vectorbt()
    import pandas as pd

    scale = power_of_two(ledger)
    # Times without a zone: vectorbt turns a zoned index into a million Python objects at every step (0.1 s a step for
    # 66,000 bars, some fifteen steps). Whole Series, as it takes a bare 1-d array for a row.
    rows, places = places_of(ledger, len(bars))
    time, close = bars.time[rows], np.array(bars.close[rows])
    time = time + (np.arange(rows.size) - np.searchsorted(rows, rows))  # further rows of a bar are a nanosecond apart
    index = pd.DatetimeIndex(time.view("M8[ns]"), name="time")

    size, price = np.full(rows.size, np.nan), np.full(rows.size, np.nan)
    # The sign comes last: a Decimal's own minus would round to the caller's context.
    size[places] = [float(f.quantity) * (scale if f.side is Side.BUY else -scale) for f in ledger.fills]
    price[places] = [float(fill.price) for fill in ledger.fills]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # vectorbt's own, about pandas of the future
        # Simulated with boundless cash, which `init_cash="auto"` means: rounding in float64 can then never clip an
        # order that the exact book has paid for. The cash itself is put in afterwards.
        portfolio = portfolios.Portfolio.from_orders(
            pd.Series(close, index=index, name="close"),
            size=pd.Series(size, index=index),
            price=pd.Series(price, index=index),
            direction="longonly",
            fees=float(costs.fee),
            fixed_fees=0.0,
            slippage=0.0,
            init_cash="auto",
            freq=pd.Timedelta(bars.timeframe.nanoseconds, unit="ns"),
        )
        portfolio = portfolio.replace(init_cash=np.array([float(ledger.portfolio.initial_cash) * scale]))
        _compare_orders(ledger, portfolio.orders.records_arr, places, size, price)
        last_of_bar = np.searchsorted(rows, np.arange(len(bars)), side="right") - 1
        equity = (np.asarray(portfolio.value(), dtype=np.float64) / scale)[last_of_bar]
        if rows.size == len(bars):
            sharpe = float(portfolio.sharpe_ratio(year_freq="365 days"))
        else:  # vectorbt's figure would count the further rows as bars
            sharpe = _sharpe(equity, float(ledger.portfolio.initial_cash), bars.timeframe.seconds)
    _compare_equity(ledger, bars, equity)
    return SecondBook(portfolio, scale, sharpe if math.isfinite(sharpe) else math.nan)


def places_of(ledger: Ledger, bars: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Make room for every order: vectorbt takes one a row, and a protective stop may fill in its entry's own bar.

    Returns
    -------
    (rows, places)
        The bar of each row that vectorbt is given, and for each fill the row that it is given in.
    """
    filled = np.asarray(ledger.rows, dtype=np.int64)
    fills_of_bar = np.bincount(filled, minlength=bars) if filled.size else np.zeros(bars, dtype=np.int64)
    many = np.maximum(fills_of_bar, 1)
    first = np.concatenate([[0], np.cumsum(many)[:-1]])
    turn = np.arange(filled.size) - np.searchsorted(filled, filled)
    return np.repeat(np.arange(bars), many), first[filled] + turn


def _sharpe(equity: NDArray[np.float64], cash: float, seconds: float) -> float:
    returns = equity / np.concatenate([[cash], equity[:-1]]) - 1
    deviation = float(returns.std(ddof=1)) if returns.size > 1 else 0.0
    return float(returns.mean()) / deviation * math.sqrt(365 * 86_400 / seconds) if deviation else math.nan


def power_of_two(ledger: Ledger) -> float:
    """Return the factor that brings every order far above what vectorbt takes for nothing.

    A power of two changes no digit of a float64, so that results are the same with any cash.
    """
    amounts = [amount for f in ledger.fills for amount in (float(f.quantity), float(f.quantity) * float(f.price))]
    smallest = min((amount for amount in amounts if amount > 0), default=1.0)
    if smallest >= _SMALLEST:
        return 1.0
    room = _LARGEST_EXPONENT - math.frexp(max(*amounts, float(ledger.portfolio.initial_cash)))[1]
    return math.ldexp(1.0, min(1 - math.frexp(smallest)[1], room))


def _compare_orders(
    ledger: Ledger, records: Any, rows: NDArray[np.int64], size: NDArray[np.float64], price: NDArray[np.float64]
) -> None:
    if len(records) != len(ledger.fills):
        raise _differ(f"the exact book holds {len(ledger.fills)} orders, vectorbt's {len(records)}")
    signed = np.where(records["side"] == 0, records["size"], -records["size"])
    wrong = (records["idx"] != rows) | (signed != size[rows]) | (records["price"] != price[rows])
    if wrong.any():
        first = int(np.argmax(wrong))
        raise _differ(
            f"order {first + 1} is {ledger.fills[first]} in the exact book and {records[first]} in vectorbt's"
        )


def _compare_equity(ledger: Ledger, bars: BarColumns, equity: NDArray[np.float64]) -> None:
    exact = ledger.equity(bars.close)
    # Of the highest so far: float64 cannot keep all digits of the last cent of a fortune.
    wrong = ~(np.abs(equity - exact) <= TOLERANCE * np.maximum.accumulate(exact))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise _differ(
            f"at bar {row} ({time_text(int(bars.time[row]))}) the exact book is worth {float(exact[row])!r} "
            f"and vectorbt's {float(equity[row])!r}"
        )


def _differ(what: str) -> ParityError:
    return ParityError(
        f"The two books of this backtest differ: {what}. A result that two ways of keeping accounts do not agree on "
        "is not shown. Please report it with the strategy, the bars and the costs."
    )
