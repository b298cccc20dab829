"""The yardstick: what doing nothing would have earned."""

from __future__ import annotations

from typing import Any

from cryptobot.strategy.base import Strategy
from cryptobot.strategy.catalogue import strategy
from cryptobot.strategy.conditions import Mask


@strategy("buy_and_hold")
class BuyAndHold(Strategy):
    """Buy at the first chance and never sell."""

    def should_buy(self, x: Any) -> Mask:
        """Tell every row: only the first can act."""
        always: Mask = x.close > 0.0
        return always

    def should_sell(self, x: Any) -> Mask:
        """Tell no row."""
        never: Mask = x.close < 0.0
        return never
