"""Recorded bars, traded as if they came now."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cryptobot.core.bars import BarColumns
from cryptobot.core.clock import Clock
from cryptobot.core.errors import ConfigError
from cryptobot.core.money import Market, decimal_of
from cryptobot.exchange.matching import Costs
from cryptobot.exchange.simulated import SimulatedExchange

if TYPE_CHECKING:
    import pandas as pd


class ReplayExchange(SimulatedExchange):
    """Streams given bars and fills orders at the next bar's open.

    Parameters
    ----------
    bars
        UTC DatetimeIndex of open times, float columns open, high, low, close, volume.
    speed
        How many times faster than real time; the default is as fast as possible.
    history
        How many of the first bars are past already: they warm a strategy up and are not traded.
    cash
        Starting balance in the quote currency.
    fee
        Fraction of an order's value.
    slippage_bps
        Basis points by which a fill is worse than the open.
    market
        Symbol and rules; the default rounds nothing.
    clock
        For the waiting between bars.
    """

    def __init__(
        self,
        bars: pd.DataFrame | BarColumns,
        *,
        speed: float = math.inf,
        history: int = 0,
        cash: float = 10_000,
        fee: float = 0.001,
        slippage_bps: float = 0,
        market: Market | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.columns = BarColumns.of(bars)
        if isinstance(history, bool) or not isinstance(history, int) or not 0 <= history < len(self.columns):
            raise ConfigError(
                f"history: {history!r} is not allowed. Give 0 to {len(self.columns) - 1}: bars are left to trade."
            )
        if market is not None and not isinstance(market, Market):
            raise ConfigError(
                f"market: {market!r} is not a Market. Give its rules, for example cb.Market('BTC/USDT', "
                "tick_size='0.01', lot_size='0.00001', min_notional='5'), or None to round nothing."
            )
        rows = self.columns.rows()
        super().__init__(
            "replay",
            market or Market("BASE/QUOTE"),
            self.columns.timeframe,
            self.columns.grid,
            rows[:history],
            iter(rows[history:]),
            speed=speed,
            cash=cash,
            costs=Costs(decimal_of(fee, "fee"), decimal_of(slippage_bps, "slippage_bps")),
            clock=clock,
        )
