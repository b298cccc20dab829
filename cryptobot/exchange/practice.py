"""An exchange without a network: the practice market, endless and at any speed."""

from __future__ import annotations

from cryptobot.core.clock import Clock
from cryptobot.core.errors import ConfigError
from cryptobot.core.grid import PriceGrid
from cryptobot.core.money import decimal_of
from cryptobot.core.timeframe import Timeframe
from cryptobot.exchange.matching import Costs
from cryptobot.exchange.simulated import SimulatedExchange
from cryptobot.market.practice import PRACTICE_MARKET, PracticeMarket


class PracticeExchange(SimulatedExchange):
    """Trades the practice market: no keys, no network, no end.

    Its bars are those of ``cb.practice_bars(seed=seed)``, so that a backtest of those is a backtest of this.

    Parameters
    ----------
    seed
        Another seed is another market.
    speed
        How many times faster than real time; 60 closes a one-minute bar every second.
    timeframe
        Interval of a bar.
    history
        How many of the first bars are past already: they fill the chart and warm the strategy up.
    cash
        Starting balance in USDT.
    fee
        Fraction of an order's value.
    slippage_bps
        Basis points by which a fill is worse than the open.
    clock
        For the waiting between bars.
    """

    def __init__(
        self,
        seed: int = 7,
        *,
        speed: float = 60,
        timeframe: str | Timeframe = "1m",
        history: int = 300,
        cash: float = 10_000,
        fee: float = 0.001,
        slippage_bps: float = 0,
        clock: Clock | None = None,
    ) -> None:
        if isinstance(history, bool) or not isinstance(history, int) or not 0 <= history <= 1_000_000:
            raise ConfigError(f"history: {history!r} is not allowed. Give a whole number of bars, 0 to 1,000,000.")
        market = PracticeMarket(seed, timeframe=timeframe)
        past = market.take(history) if history else None
        super().__init__(
            "practice",
            PRACTICE_MARKET,
            Timeframe.parse(timeframe),
            PriceGrid.of_tick(PRACTICE_MARKET.tick_size),
            past.rows() if past is not None else [],
            market,
            speed=speed,
            cash=cash,
            costs=Costs(decimal_of(fee, "fee"), decimal_of(slippage_bps, "slippage_bps")),
            clock=clock,
        )
