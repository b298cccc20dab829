"""What orders pay and get, in whole units that float64 holds exactly.

A price that fills is the open, worsened by the slippage and rounded to the tick against the order. In units of the tick
(or of the bars' own grid, the slippage then being a constant factor) it is a whole number, so that the ratio of two of
them can be computed to twice the digits of a float64.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cryptobot.backtest.sweep.compiled import Factors, Floats
from cryptobot.backtest.sweep.setting import Setting
from cryptobot.core.bars import BarColumns
from cryptobot.core.money import decimal_of
from cryptobot.core.types import Side
from cryptobot.exchange.matching import fill_price

_INT64: Final = 2**63 - 1


def whole_ticks(prices: Floats, scale: float, into: Floats) -> Floats:
    """Write prices in whole ticks, without further arrays of that length."""
    np.multiply(prices, scale, out=into)
    into += 0.5
    return np.floor(into, out=into)


class Prices(NamedTuple):
    """The two sides of every open.

    Attributes
    ----------
    buy, sell
        float64, shape (n,): what a buy pays and a sell gets at each open, in units; or, with a ``scale``, the opens.
    scale
        Units in one of the quote currency where ``buy`` and ``sell`` are the bars' own opens, which saves a copy of
        them; 0 where they are units already.
    buy_unit, sell_unit
        The unit of each, in the quote currency: exact.
    """

    buy: NDArray[np.float64]
    sell: NDArray[np.float64]
    scale: float
    buy_unit: Fraction
    sell_unit: Fraction

    def in_units(self) -> Prices:
        """Return the same with both sides in units."""
        if not self.scale:
            return self
        units = whole_ticks(self.buy, self.scale, np.empty(self.buy.size))
        return Prices(units, units, 0.0, self.buy_unit, self.sell_unit)

    def factors(self, setting: Setting) -> Factors:
        """Return what `book.measure_trades` computes with.

        (buy, sell, scale, gain, rest of gain, cost, keeps): in units, sell / buy × gain is what a trade makes of 1,
        cost / buy is the quantity that 1 buys, sell × keeps what one of it brings, both after the fee.
        """
        fee = Fraction(setting.costs.fee)
        gain = self.sell_unit * (1 - fee) / (self.buy_unit * (1 + fee))
        high = float(gain)
        return (
            self.buy,
            self.sell,
            self.scale,
            high,
            float(gain - Fraction(high)),
            float(1 / (self.buy_unit * (1 + fee))),
            float(self.sell_unit * (1 - fee)),
        )


def prices_of(bars: BarColumns, setting: Setting) -> Prices:
    """Compute what orders would pay and get at every open."""
    slippage = Fraction(setting.costs.slippage_bps) / 10_000
    tick = setting.market.tick_size
    scale = bars.grid.scale
    if tick is None:
        unit = Fraction(1, int(scale)) if scale else Fraction(1)
        return Prices(bars.open, bars.open, scale, unit * (1 + slippage), unit * (1 - slippage))
    step = Fraction(tick)
    if not scale:
        sides = [_one_by_one(bars.open, side, setting, tick) for side in (Side.BUY, Side.SELL)]
        return Prices(sides[0], sides[1], 0.0, step, step)
    whole: Any = np.floor(bars.open * scale + 0.5).astype(np.int64)
    up, down = (factor / (int(scale) * step) for factor in (1 + slippage, 1 - slippage))
    if int(whole.max()) * max(up.numerator, down.numerator) > _INT64:
        whole = whole.astype(np.object_)  # Python's whole numbers have no end
    buy = -(-whole * up.numerator // up.denominator)
    sell = whole * down.numerator // down.denominator
    return Prices(buy.astype(np.float64), sell.astype(np.float64), 0.0, step, step)


def _one_by_one(opens: NDArray[np.float64], side: Side, setting: Setting, tick: Decimal) -> NDArray[np.float64]:
    """Round prices that lie on no grid, as the matching does it."""
    known: dict[float, float] = {}
    for price in opens.tolist():
        if price not in known:
            at = fill_price(side, decimal_of(price), setting.costs, setting.market)
            known[price] = float(Fraction(at) / Fraction(tick))
    return np.array([known[price] for price in opens.tolist()])
