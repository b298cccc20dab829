"""Moving-average crossover with a volatility filter."""

from __future__ import annotations

import math
from typing import Any

from cryptobot.core.errors import ConfigError
from cryptobot.core.text import figure
from cryptobot.strategy.base import Strategy
from cryptobot.strategy.catalogue import strategy
from cryptobot.strategy.conditions import Mask, crossed_above, crossed_below
from cryptobot.strategy.decision import Decision
from cryptobot.strategy.feature import Feature
from cryptobot.strategy.indicators import SMA
from cryptobot.strategy.param import param
from cryptobot.strategy.volatility import RollingVolatility


@strategy("ma_crossover")
class MovingAverageCrossover(Strategy):
    """Buy when the fast average crosses above the slow one while the market moves enough to pay the fees."""

    fast = param(10, ge=1, le=100_000, doc="Bars in the fast average")
    slow = param(30, ge=2, le=100_000, doc="Bars in the slow average")
    volatility_window = param(20, ge=2, le=100_000, doc="Returns in the volatility")
    volatility_threshold = param(0.0, ge=0, doc="Least volatility per bar to buy: 0.001 is 0.1 %")

    def validate(self) -> None:
        """Refuse a fast average that is not the faster one."""
        if self.fast >= self.slow:
            raise ConfigError(
                f"MovingAverageCrossover: `fast` is {self.fast} and `slow` is {self.slow}. "
                "Allowed: `fast` below `slow`. Choose a shorter fast or a longer slow average."
            )

    def features(self) -> dict[str, Feature]:
        """Return both averages and the volatility."""
        return {
            "fast": SMA(self.fast),
            "slow": SMA(self.slow),
            "volatility": RollingVolatility(self.volatility_window),
        }

    def explain(self, now: Decision, before: Decision | None) -> str:
        """Say how the averages lie, whether they crossed, and how the volatility compares with its threshold."""
        fast, slow, volatility = (now.features[name] for name in ("fast", "slow", "volatility"))
        if not (math.isfinite(fast) and math.isfinite(slow) and math.isfinite(volatility)):
            return super().explain(now, before)
        side = "above" if fast > slow else "under" if fast < slow else "equal to"
        earlier = before.features if before is not None else {"fast": math.nan, "slow": math.nan}
        crossed = (fast > slow and earlier["fast"] <= earlier["slow"]) or (
            fast < slow and earlier["fast"] >= earlier["slow"]
        )
        crossing = f"it has just crossed {side}" if crossed else "no crossing"
        limit = self.volatility_threshold
        return (
            f"Fast {figure(fast)} is {side} slow {figure(slow)}: {crossing}; volatility {figure(volatility, 3)} is "
            f"{'above' if volatility > limit else 'not above'} the threshold {figure(limit, 3)}."
        )

    def should_buy(self, x: Any) -> Mask:
        """Tell the rows where fast crosses above slow and the volatility is above its threshold."""
        buy: Mask = crossed_above(x.fast, x.slow) & (x.volatility > self.volatility_threshold)
        return buy

    def should_sell(self, x: Any) -> Mask:
        """Tell the rows where fast crosses below slow."""
        return crossed_below(x.fast, x.slow)
