"""How orders fill: one exact core for replay, practice, paper and the simulator, and the backtest's rule beside it."""

from __future__ import annotations

from cryptobot.exchange.matching.core import MatchingCore
from cryptobot.exchange.matching.costs import Costs, affordable, fill_price
from cryptobot.exchange.matching.events import Accepted, CoreEvent, Ended, EndReason, Executed
from cryptobot.exchange.matching.fees import Fees
from cryptobot.exchange.matching.market_order import fill_market_order
from cryptobot.exchange.matching.pairs import Pair
from cryptobot.exchange.matching.refusal import Refused

__all__ = [
    "Accepted",
    "CoreEvent",
    "Costs",
    "EndReason",
    "Ended",
    "Executed",
    "Fees",
    "MatchingCore",
    "Pair",
    "Refused",
    "affordable",
    "fill_market_order",
    "fill_price",
]
