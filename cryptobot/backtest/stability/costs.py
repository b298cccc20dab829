"""The same decisions at other costs, a bar late, or with orders lost."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.statistics.record import Record, Terms
from cryptobot.backtest.statistics.trips import Trips, alternate
from cryptobot.core.bars import BarColumns
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.conditions import Mask
from cryptobot.strategy.decision import Decisions

if TYPE_CHECKING:
    import pandas as pd

_FEES: Final = (Decimal(0), Decimal("0.5"), Decimal(1), Decimal("1.5"), Decimal(2), Decimal(3))
_FREE: Final = (Decimal(0), Decimal("0.0005"), Decimal("0.001"), Decimal("0.002"))
_SLIPPAGES: Final = (0, 1, 2, 5, 10, 20)
_DELAYS: Final = (0, 1, 2)
_RATES: Final = (0.01, 0.05, 0.1, 0.2)
_STEPS: Final = 40


def cost_table(decisions: Decisions, bars: BarColumns, terms: Terms) -> pd.DataFrame:
    """Carry out the same decisions at other fees, with more slippage, and later.

    Returns
    -------
    DataFrame
        A case a row: ``what`` (``"fee"``, ``"slippage"`` or ``"delay"``), ``value`` (a fraction, basis points in all,
        bars), ``given`` (whether it is the case as given), ``total_return`` ``sharpe`` ``max_drawdown`` ``trades``
        (closed ones, as in a sweep's table).
    """
    import pandas as pd

    costs = terms.costs
    fees = sorted({costs.fee * times for times in _FEES} if costs.fee else set(_FREE))
    cases: list[tuple[str, float, bool, Record]] = [
        ("fee", float(fee), fee == costs.fee, _at(decisions, bars, terms, Costs(fee, costs.slippage_bps)))
        for fee in fees
        if fee < 1
    ]
    for more in _SLIPPAGES:
        slippage = costs.slippage_bps + more
        if slippage < 10_000:
            dearer = Costs(costs.fee, slippage)
            cases.append(("slippage", float(slippage), more == 0, _at(decisions, bars, terms, dearer)))
    cases += [
        ("delay", float(late), late == 0, Record.of_decisions(delayed(decisions, late), bars, terms))
        for late in _DELAYS
    ]
    return pd.DataFrame(
        [
            {
                "what": what,
                "value": value,
                "given": given,
                "total_return": record.total_return,
                "sharpe": record.sharpe,
                "max_drawdown": record.max_drawdown,
                "trades": record.trips.closed,
            }
            for what, value, given, record in cases
        ]
    )


def delayed(decisions: Decisions, late: int) -> Decisions:
    """Return decisions that come so many bars later."""
    if late == 0:
        return decisions

    def shift(mask: Mask) -> Mask:
        moved = np.zeros_like(mask)
        moved[late:] = mask[:-late]
        return moved

    return Decisions(decisions.time, shift(decisions.buy), shift(decisions.sell), {})


def dropped_table(decisions: Decisions, bars: BarColumns, costs: Costs, *, samples: int, seed: int) -> pd.DataFrame:
    """Lose orders at random; the next signal of the same kind tries again.

    Everything is invested each time and nothing is rounded.

    Returns
    -------
    DataFrame
        A share of lost orders a row: ``lost``, then of the total return ``median``, ``worst`` (one in twenty is worse)
        and ``best`` (one in twenty is better).
    """
    import pandas as pd

    rows = []
    for number, rate in enumerate(_RATES):
        low, middle, high = np.quantile(
            dropped(decisions, bars, costs, rate=rate, samples=samples, seed=seed + number), [0.05, 0.5, 0.95]
        )
        rows.append({"lost": rate, "median": middle, "worst": low, "best": high})
    return pd.DataFrame(rows)


def dropped(
    decisions: Decisions, bars: BarColumns, costs: Costs, *, rate: float, samples: int, seed: int
) -> NDArray[np.float64]:
    """Return the total returns with each order lost with a probability of ``rate``: float64, shape (samples,)."""
    random = np.random.default_rng(seed)
    returns = np.empty(samples)
    for sample in range(samples):
        # Losing signals is losing orders: a signal that would send none changes nothing.
        kept = random.random((2, len(bars))) >= rate
        entries, exits = alternate(decisions.buy & kept[0], decisions.sell & kept[1])
        returns[sample] = Trips.of(entries, exits, bars, costs).total_return if entries.size else 0.0
    return returns


def break_even_fee(decisions: Decisions, bars: BarColumns, terms: Terms) -> float:
    """Return the fee at which the same decisions neither gain nor lose, slippage as given.

    Returns
    -------
    float
        A fraction of an order's value; NaN when they never trade, or lose without any fee.
    """

    def gained(fee: float) -> float:
        return _at(decisions, bars, terms, Costs(Decimal(repr(fee)), terms.costs.slippage_bps)).total_return

    traded = _at(decisions, bars, terms, terms.costs)
    low, high = 0.0, 0.999
    if not len(traded.trips) or gained(low) <= 0:
        return math.nan
    if gained(high) > 0:
        return math.nan
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if gained(middle) > 0:
            low = middle
        else:
            high = middle
        if high - low < 1e-7:
            break
    return (low + high) / 2


def _at(decisions: Decisions, bars: BarColumns, terms: Terms, costs: Costs) -> Record:
    return Record.of_decisions(decisions, bars, replace(terms, costs=costs))
