"""cryptobot: from an idea to real money without changing tools or code.

Everything public is here: ``import cryptobot as cb``. Names are loaded on first use (PEP 562), so that the import
itself costs milliseconds and a bot's process never loads what only research needs.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptobot.backtest.report import BacktestReport
    from cryptobot.backtest.run import backtest
    from cryptobot.control.running import running_bots, stop_all
    from cryptobot.core.clock import SimulatedClock, SystemClock
    from cryptobot.core.errors import (
        AuthError,
        ConfigError,
        CryptobotError,
        DataError,
        ExchangeError,
        GapError,
        JournalError,
        OrderRejected,
        OrderUnknown,
        ParityError,
        RiskLimitError,
        StaleDataError,
        StrategyError,
        TransientError,
    )
    from cryptobot.core.money import Market
    from cryptobot.core.settings import Settings
    from cryptobot.core.sizing import FixedQuote, FractionOfEquity
    from cryptobot.core.types import Bar, Fill, Intent, Mode, Side, Trade
    from cryptobot.exchange.practice import PracticeExchange
    from cryptobot.exchange.replay import ReplayExchange
    from cryptobot.market.holes import holes
    from cryptobot.market.practice import practice_bars
    from cryptobot.market.read import read_bars
    from cryptobot.notebook.panel import ControlPanel
    from cryptobot.strategy.base import Strategy
    from cryptobot.strategy.catalogue import get_strategy, strategies, strategy
    from cryptobot.strategy.check_report import CheckReport
    from cryptobot.strategy.checks import check_strategy
    from cryptobot.strategy.conditions import crossed_above, crossed_below, previous
    from cryptobot.strategy.feature import Feature, indicator
    from cryptobot.strategy.indicators import ATR, EMA, RSI, SMA
    from cryptobot.strategy.kernel import kernel
    from cryptobot.strategy.library.buy_and_hold import BuyAndHold
    from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover
    from cryptobot.strategy.library.rsi import RsiReversal
    from cryptobot.strategy.param import param
    from cryptobot.strategy.volatility import (
        EwmaVolatility,
        GarmanKlassVolatility,
        ParkinsonVolatility,
        RollingVolatility,
        YangZhangVolatility,
    )
    from cryptobot.trading.bot import Bot
    from cryptobot.trading.reconciliation import Reconciliation, reconcile

__version__ = "0.1.0"

_HOMES = {
    "cryptobot.backtest.report": ("BacktestReport",),
    "cryptobot.backtest.run": ("backtest",),
    "cryptobot.control.running": ("running_bots", "stop_all"),
    "cryptobot.core.clock": ("SimulatedClock", "SystemClock"),
    "cryptobot.core.errors": (
        "AuthError",
        "ConfigError",
        "CryptobotError",
        "DataError",
        "ExchangeError",
        "GapError",
        "JournalError",
        "OrderRejected",
        "OrderUnknown",
        "ParityError",
        "RiskLimitError",
        "StaleDataError",
        "StrategyError",
        "TransientError",
    ),
    "cryptobot.core.money": ("Market",),
    "cryptobot.core.settings": ("Settings",),
    "cryptobot.core.sizing": ("FixedQuote", "FractionOfEquity"),
    "cryptobot.core.types": ("Bar", "Fill", "Intent", "Mode", "Side", "Trade"),
    "cryptobot.exchange.practice": ("PracticeExchange",),
    "cryptobot.exchange.replay": ("ReplayExchange",),
    "cryptobot.market.holes": ("holes",),
    "cryptobot.market.practice": ("practice_bars",),
    "cryptobot.market.read": ("read_bars",),
    "cryptobot.notebook.panel": ("ControlPanel",),
    "cryptobot.strategy.base": ("Strategy",),
    "cryptobot.strategy.catalogue": ("get_strategy", "strategies", "strategy"),
    "cryptobot.strategy.check_report": ("CheckReport",),
    "cryptobot.strategy.checks": ("check_strategy",),
    "cryptobot.strategy.conditions": ("crossed_above", "crossed_below", "previous"),
    "cryptobot.strategy.feature": ("Feature", "indicator"),
    "cryptobot.strategy.indicators": ("ATR", "EMA", "RSI", "SMA"),
    "cryptobot.strategy.kernel": ("kernel",),
    "cryptobot.strategy.library.buy_and_hold": ("BuyAndHold",),
    "cryptobot.strategy.library.ma_crossover": ("MovingAverageCrossover",),
    "cryptobot.strategy.library.rsi": ("RsiReversal",),
    "cryptobot.strategy.param": ("param",),
    "cryptobot.strategy.volatility": (
        "EwmaVolatility",
        "GarmanKlassVolatility",
        "ParkinsonVolatility",
        "RollingVolatility",
        "YangZhangVolatility",
    ),
    "cryptobot.trading.bot": ("Bot",),
    "cryptobot.trading.reconciliation": ("Reconciliation", "reconcile"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, "__version__"])  # noqa: PLE0605 - built from the table above


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        from cryptobot.core.suggest import closest

        raise AttributeError(f"module 'cryptobot' has no attribute {name!r}.{closest(name, _HOME_OF)}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)


class _Package(ModuleType):
    """This package, on which a public function wins over the room of the same name.

    Importing the room ``cryptobot.strategy`` makes Python set it as an attribute here, which would hide the decorator
    ``cb.strategy``; likewise ``cb.backtest``. ``from cryptobot.strategy.base import …`` does not go through attributes.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME_OF and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
