"""Round trips as rows of bars: what they earn in float64, thousands of times a second.

The exact books are `backtest.ledger`; this is for simulations that keep books for thousands of imagined traders, who
put everything into each trade and round nothing. Both agree to 1e-9 where both apply.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.ledger import Ledger
from cryptobot.core.bars import BarColumns
from cryptobot.core.types import Side
from cryptobot.exchange.matching import Costs
from cryptobot.strategy.conditions import Mask


@dataclass(frozen=True, slots=True, eq=False)
class Trips:
    """When was bought and sold.

    Attributes
    ----------
    entries, exits
        int64, shape (trades,): rows at whose open was bought and sold; a last exit of n means still held at the end.
    prices
        float64, shape (n + 1,): the opens, and the last close.
    buying, selling
        Logarithm of what is left of the money after the costs of a purchase, and of a sale.
    """

    entries: NDArray[np.int64]
    exits: NDArray[np.int64]
    prices: NDArray[np.float64]
    buying: float
    selling: float

    @classmethod
    def of(cls, entries: NDArray[np.int64], exits: NDArray[np.int64], bars: BarColumns, costs: Costs) -> Trips:
        """Put rows, prices and costs together; one exit less than entries means still held at the end."""
        if exits.size < entries.size:
            exits = np.append(exits, len(bars))
        slip, fee = float(costs.slippage_bps) / 1e4, float(costs.fee)
        return cls(
            entries.astype(np.int64),
            exits.astype(np.int64),
            np.append(bars.open, bars.close[-1]),
            -math.log1p(fee) - math.log1p(slip),
            math.log1p(-fee) + math.log1p(-slip),
        )

    @classmethod
    def of_ledger(cls, ledger: Ledger, bars: BarColumns, costs: Costs) -> Trips:
        """Read the rows out of the exact books."""
        rows = np.array(ledger.rows, dtype=np.int64)
        bought = np.array([fill.side is Side.BUY for fill in ledger.fills], dtype=bool)
        return cls.of(rows[bought], rows[~bought], bars, costs)

    def __len__(self) -> int:
        return int(self.entries.size)

    @property
    def closed(self) -> int:
        """How many were sold again."""
        return int((self.exits < self.prices.size - 1).sum())

    @property
    def total_return(self) -> float:
        """What they earned, everything invested each time."""
        return float(self.returns_of(self.entries[None, :], self.exits[None, :])[0])

    def returns_of(self, entries: NDArray[np.int64], exits: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return what other trades at the same prices and costs earn.

        Parameters
        ----------
        entries, exits
            int64, shape (traders, trades).

        Returns
        -------
        ndarray
            float64, shape (traders,): total returns.
        """
        logs = np.log(self.prices)
        sold = (exits < self.prices.size - 1).sum(axis=1)
        gained = (logs[exits] - logs[entries]).sum(axis=1) + entries.shape[1] * self.buying
        result: NDArray[np.float64] = np.expm1(np.minimum(gained + sold * self.selling, 700.0))
        return result


def alternate(buy: Mask, sell: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows at whose open signals are filled: the next buy while flat, the next sale while long.

    Parameters
    ----------
    buy, sell
        bool, shape (n,): signals at the closes; those on the last row are not filled.

    Returns
    -------
    tuple
        Rows of the purchases and of the sales; equally many, or one sale less.
    """
    buys, sells = np.flatnonzero(buy[:-1]).tolist(), np.flatnonzero(sell[:-1]).tolist()
    entries: list[int] = []
    exits: list[int] = []
    at_buy = at_sell = 0
    row = -1
    while True:
        while at_buy < len(buys) and buys[at_buy] <= row:
            at_buy += 1
        if at_buy == len(buys):
            break
        row = buys[at_buy]
        entries.append(row + 1)
        while at_sell < len(sells) and sells[at_sell] <= row:
            at_sell += 1
        if at_sell == len(sells):
            break
        row = sells[at_sell]
        exits.append(row + 1)
    return np.array(entries, dtype=np.int64), np.array(exits, dtype=np.int64)
