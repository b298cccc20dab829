"""The decimal grid that prices lie on.

Prices of a market are whole multiples of its tick, yet 0.1 has no exact float64. Sums of such floats depend on the
order of the additions, and averages that are equal on paper then cross each other in the machine. Held as whole
ticks (exact in float64 below 2**53) every sum is exact, whatever the order: see ``strategy.indicators``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cryptobot.core.errors import DataError
from cryptobot.core.types import Bar

MAX_DECIMALS: Final = 12
# Ticks stay below 2**36, so that windows of up to 2**17 bars sum below 2**53.
MAX_TICKS: Final = 2.0**36
_PIECE: Final = 32_768


@dataclass(frozen=True, slots=True)
class PriceGrid:
    """How many decimals the prices of a market have, or None if they lie on no decimal grid.

    Attributes
    ----------
    decimals
        Digits after the point, 0 to 12; None switches window sums to plain summation, oldest value first.

    Examples
    --------
    >>> PriceGrid.of(np.array([0.1, 0.25, 3.0]))
    PriceGrid(decimals=2)
    >>> PriceGrid.of(np.array([1 / 3]))
    PriceGrid(decimals=None)
    """

    decimals: int | None

    @property
    def scale(self) -> float:
        """Ticks in one unit of price (a power of ten), or 0.0 without a grid."""
        return 0.0 if self.decimals is None else 10.0**self.decimals

    @classmethod
    def of(cls, *prices: NDArray[np.float64]) -> PriceGrid:
        """Find the coarsest decimal grid that holds every price exactly.

        Parameters
        ----------
        *prices
            Arrays of positive finite prices.
        """
        decimals = 0
        for column in prices:
            while decimals <= MAX_DECIMALS and not _on_grid(column, 10.0**decimals):
                decimals += 1
        highest = max((float(column.max()) for column in prices if column.size), default=0.0)
        if decimals > MAX_DECIMALS or highest * 10.0**decimals >= MAX_TICKS:
            return cls(None)
        return cls(decimals)

    @classmethod
    def of_tick(cls, tick_size: Decimal | None) -> PriceGrid:
        """Return the grid of a market's tick size, or no grid when it has none.

        Examples
        --------
        >>> PriceGrid.of_tick(Decimal("0.0100"))
        PriceGrid(decimals=2)
        """
        if tick_size is None:
            return cls(None)
        exponent = tick_size.normalize().as_tuple().exponent
        return cls(max(0, -exponent) if isinstance(exponent, int) else None)

    def check(self, bar: Bar) -> None:
        """Refuse a bar whose prices do not lie on this grid.

        Raises
        ------
        DataError
            If a price has more decimals than the grid, or is too large for exact sums.
        """
        scale = self.scale
        if scale == 0.0:
            return
        for price in (bar.open, bar.high, bar.low, bar.close):
            if not math.isfinite(price):
                raise DataError(f"price {price!r} is not a number above 0: the bar cannot be trusted. Drop it.")
            ticks = math.floor(price * scale + 0.5)
            if ticks / scale != price or ticks >= MAX_TICKS:
                raise DataError(
                    f"price {price!r} is not on this market's grid of {self.decimals} decimals. The exchange has "
                    "probably changed its tick size: stop the bot and start it again with the new market rules."
                )


def _on_grid(prices: NDArray[np.float64], scale: float) -> bool:
    # In pieces that a processor's cache holds, and a short look first: most grids are refused within a few prices.
    room = np.empty(min(prices.size, _PIECE))
    for begin, end in ((0, 256), *((at, at + _PIECE) for at in range(0, prices.size, _PIECE))):
        part = prices[begin:end]
        ticks = np.multiply(part, scale, out=room[: part.size])
        if not (np.divide(np.rint(ticks, out=ticks), scale, out=ticks) == part).all():
            return False
    return True
