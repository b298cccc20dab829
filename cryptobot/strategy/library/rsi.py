"""Mean reversion by the relative strength index."""

from __future__ import annotations

from typing import Any

from cryptobot.core.errors import ConfigError
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.catalogue import strategy
from cryptobot.strategy.conditions import Mask, crossed_above
from cryptobot.strategy.feature import Feature
from cryptobot.strategy.indicators import RSI
from cryptobot.strategy.param import param


@strategy("rsi")
class RsiReversal(Strategy):
    """Buy when the RSI comes back up from oversold, sell when it rises into overbought."""

    window = param(14, ge=1, le=100_000, doc="Bars of the RSI")
    oversold = param(30.0, ge=0, le=100, doc="Buy when the RSI crosses above this")
    overbought = param(70.0, ge=0, le=100, doc="Sell when the RSI crosses above this")

    def validate(self) -> None:
        """Refuse thresholds that do not leave room between them."""
        if self.oversold >= self.overbought:
            raise ConfigError(
                f"RsiReversal: `oversold` is {self.oversold:g} and `overbought` is {self.overbought:g}. "
                "Allowed: `oversold` below `overbought`."
            )

    def features(self) -> dict[str, Feature]:
        """Return the RSI."""
        return {"rsi": RSI(self.window)}

    def should_buy(self, x: Any) -> Mask:
        """Tell the rows where the RSI crosses above oversold."""
        return crossed_above(x.rsi, self.oversold)

    def should_sell(self, x: Any) -> Mask:
        """Tell the rows where the RSI crosses above overbought."""
        return crossed_above(x.rsi, self.overbought)
