"""What is the same for every parameter set of a sweep: the money, the costs, the market, the blocks."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.money import Market
from cryptobot.exchange.matching import Costs


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """Under what the parameter sets are tried.

    Attributes
    ----------
    cash
        To begin with, in the quote currency.
    costs
        Fee and slippage.
    market
        Tick, lot and minimum notional; a market without rules rounds nothing.
    edges
        int64, shape (blocks + 1,): where the blocks of bars begin and end.
    """

    cash: Decimal
    costs: Costs
    market: Market
    edges: NDArray[np.int64]

    @property
    def rounds(self) -> bool:
        """Whether the market rounds or refuses anything."""
        market = self.market
        return not (market.tick_size is None and market.lot_size is None and market.min_notional is None)
