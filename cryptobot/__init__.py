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
    # "as" makes each name public for type checkers (tests/contracts/test_public_api.py keeps this and _HOMES in step).
    from cryptobot.alerts.alert import Alert as Alert
    from cryptobot.alerts.alert import Digest as Digest
    from cryptobot.alerts.catalogue import alert as alert
    from cryptobot.alerts.catalogue import alert_channels as alert_channels
    from cryptobot.alerts.channel import AlertChannel as AlertChannel
    from cryptobot.alerts.channels.log import LogAlerts as LogAlerts
    from cryptobot.alerts.channels.slack import SlackAlerts as SlackAlerts
    from cryptobot.alerts.channels.webhook import WebhookAlerts as WebhookAlerts
    from cryptobot.alerts.errors import AlertError as AlertError
    from cryptobot.backtest.registry.checks import check_strategy as check_strategy
    from cryptobot.backtest.registry.recording import runs as runs
    from cryptobot.backtest.report import BacktestReport as BacktestReport
    from cryptobot.backtest.run import backtest as backtest
    from cryptobot.backtest.stability.report import StabilityReport as StabilityReport
    from cryptobot.backtest.stability.run import stability as stability
    from cryptobot.backtest.statistics.luck import Luck as Luck
    from cryptobot.backtest.sweep.report import SweepReport as SweepReport
    from cryptobot.backtest.sweep.run import sweep as sweep
    from cryptobot.backtest.sweep.symbols import SymbolSweeps as SymbolSweeps
    from cryptobot.backtest.walk_forward.cross_validation import cross_validate as cross_validate
    from cryptobot.backtest.walk_forward.cross_validation_report import CrossValidationReport as CrossValidationReport
    from cryptobot.backtest.walk_forward.report import WalkForwardReport as WalkForwardReport
    from cryptobot.backtest.walk_forward.run import walk_forward as walk_forward
    from cryptobot.control.attach import attach as attach
    from cryptobot.control.attach import launched_bots as launched_bots
    from cryptobot.control.attached_bot import AttachedBot as AttachedBot
    from cryptobot.control.config import BotConfig as BotConfig
    from cryptobot.control.gone import BotGoneError as BotGoneError
    from cryptobot.control.handle import BotHandle as BotHandle
    from cryptobot.control.launch import launch as launch
    from cryptobot.control.price_server.server import PriceServer as PriceServer
    from cryptobot.control.running import running_bots as running_bots
    from cryptobot.control.running import shutdown as shutdown
    from cryptobot.control.running import stop_all as stop_all
    from cryptobot.core.clock import SimulatedClock as SimulatedClock
    from cryptobot.core.clock import SystemClock as SystemClock
    from cryptobot.core.errors import AuthError as AuthError
    from cryptobot.core.errors import ConfigError as ConfigError
    from cryptobot.core.errors import CryptobotError as CryptobotError
    from cryptobot.core.errors import DataError as DataError
    from cryptobot.core.errors import ExchangeError as ExchangeError
    from cryptobot.core.errors import GapError as GapError
    from cryptobot.core.errors import JournalError as JournalError
    from cryptobot.core.errors import OrderNotFound as OrderNotFound
    from cryptobot.core.errors import OrderNotSent as OrderNotSent
    from cryptobot.core.errors import OrderRejected as OrderRejected
    from cryptobot.core.errors import OrderUnknown as OrderUnknown
    from cryptobot.core.errors import ParityError as ParityError
    from cryptobot.core.errors import RiskLimitError as RiskLimitError
    from cryptobot.core.errors import StaleDataError as StaleDataError
    from cryptobot.core.errors import StrategyError as StrategyError
    from cryptobot.core.errors import TransientError as TransientError
    from cryptobot.core.limits import Limits as Limits
    from cryptobot.core.money import Market as Market
    from cryptobot.core.order_types import OrderType as OrderType
    from cryptobot.core.order_types import TimeInForce as TimeInForce
    from cryptobot.core.orders import Order as Order
    from cryptobot.core.orders import OrderStatus as OrderStatus
    from cryptobot.core.quotes import Quote as Quote
    from cryptobot.core.settings import Settings as Settings
    from cryptobot.core.sizing import FixedQuote as FixedQuote
    from cryptobot.core.sizing import FractionOfEquity as FractionOfEquity
    from cryptobot.core.trading_state import TradingState as TradingState
    from cryptobot.core.types import Balance as Balance
    from cryptobot.core.types import Bar as Bar
    from cryptobot.core.types import Fill as Fill
    from cryptobot.core.types import Intent as Intent
    from cryptobot.core.types import Mode as Mode
    from cryptobot.core.types import OcoIntent as OcoIntent
    from cryptobot.core.types import Side as Side
    from cryptobot.core.types import Trade as Trade
    from cryptobot.exchange.connector.exchange import CcxtExchange as CcxtExchange
    from cryptobot.exchange.load import load_bars as load_bars
    from cryptobot.exchange.paper import PaperExchange as PaperExchange
    from cryptobot.exchange.practice import PracticeExchange as PracticeExchange
    from cryptobot.exchange.replay import ReplayExchange as ReplayExchange
    from cryptobot.exchange.simulator.faults import Fault as Fault
    from cryptobot.exchange.simulator.server import Simulator as Simulator
    from cryptobot.market.holes import holes as holes
    from cryptobot.market.practice import practice_bars as practice_bars
    from cryptobot.market.read import read_bars as read_bars
    from cryptobot.notebook.panel import ControlPanel as ControlPanel
    from cryptobot.strategy.base import Strategy as Strategy
    from cryptobot.strategy.catalogue import get_strategy as get_strategy
    from cryptobot.strategy.catalogue import strategies as strategies
    from cryptobot.strategy.catalogue import strategy as strategy
    from cryptobot.strategy.check_report import CheckReport as CheckReport
    from cryptobot.strategy.conditions import crossed_above as crossed_above
    from cryptobot.strategy.conditions import crossed_below as crossed_below
    from cryptobot.strategy.conditions import previous as previous
    from cryptobot.strategy.feature import Feature as Feature
    from cryptobot.strategy.feature import indicator as indicator
    from cryptobot.strategy.indicators import ATR as ATR
    from cryptobot.strategy.indicators import EMA as EMA
    from cryptobot.strategy.indicators import RSI as RSI
    from cryptobot.strategy.indicators import SMA as SMA
    from cryptobot.strategy.kernel import kernel as kernel
    from cryptobot.strategy.library.buy_and_hold import BuyAndHold as BuyAndHold
    from cryptobot.strategy.library.ma_crossover import MovingAverageCrossover as MovingAverageCrossover
    from cryptobot.strategy.library.rsi import RsiReversal as RsiReversal
    from cryptobot.strategy.param import param as param
    from cryptobot.strategy.volatility import EwmaVolatility as EwmaVolatility
    from cryptobot.strategy.volatility import GarmanKlassVolatility as GarmanKlassVolatility
    from cryptobot.strategy.volatility import ParkinsonVolatility as ParkinsonVolatility
    from cryptobot.strategy.volatility import RollingVolatility as RollingVolatility
    from cryptobot.strategy.volatility import YangZhangVolatility as YangZhangVolatility
    from cryptobot.trading.bot import Bot as Bot
    from cryptobot.trading.gate_report import GateReport as GateReport
    from cryptobot.trading.journal import JournalHeader as JournalHeader
    from cryptobot.trading.journal import SqliteJournal as SqliteJournal
    from cryptobot.trading.live_gate import LiveGate as LiveGate
    from cryptobot.trading.reconciliation import Reconciliation as Reconciliation
    from cryptobot.trading.reconciliation import reconcile as reconcile
    from mcp_server.client.synchronous import PriceClient as PriceClient

__version__ = "0.1.0"

_HOMES = {
    "cryptobot.alerts.alert": ("Alert", "Digest"),
    "cryptobot.alerts.catalogue": ("alert", "alert_channels"),
    "cryptobot.alerts.channel": ("AlertChannel",),
    "cryptobot.alerts.channels.log": ("LogAlerts",),
    "cryptobot.alerts.channels.slack": ("SlackAlerts",),
    "cryptobot.alerts.channels.webhook": ("WebhookAlerts",),
    "cryptobot.alerts.errors": ("AlertError",),
    "cryptobot.backtest.registry.checks": ("check_strategy",),
    "cryptobot.backtest.registry.recording": ("runs",),
    "cryptobot.backtest.report": ("BacktestReport",),
    "cryptobot.backtest.run": ("backtest",),
    "cryptobot.backtest.stability.report": ("StabilityReport",),
    "cryptobot.backtest.stability.run": ("stability",),
    "cryptobot.backtest.statistics.luck": ("Luck",),
    "cryptobot.backtest.sweep.report": ("SweepReport",),
    "cryptobot.backtest.sweep.run": ("sweep",),
    "cryptobot.backtest.sweep.symbols": ("SymbolSweeps",),
    "cryptobot.backtest.walk_forward.cross_validation": ("cross_validate",),
    "cryptobot.backtest.walk_forward.cross_validation_report": ("CrossValidationReport",),
    "cryptobot.backtest.walk_forward.report": ("WalkForwardReport",),
    "cryptobot.backtest.walk_forward.run": ("walk_forward",),
    "cryptobot.control.attach": ("attach", "launched_bots"),
    "cryptobot.control.attached_bot": ("AttachedBot",),
    "cryptobot.control.config": ("BotConfig",),
    "cryptobot.control.gone": ("BotGoneError",),
    "cryptobot.control.handle": ("BotHandle",),
    "cryptobot.control.launch": ("launch",),
    "cryptobot.control.price_server.server": ("PriceServer",),
    "cryptobot.control.running": ("running_bots", "shutdown", "stop_all"),
    "cryptobot.core.clock": ("SimulatedClock", "SystemClock"),
    "cryptobot.core.errors": (
        "AuthError",
        "ConfigError",
        "CryptobotError",
        "DataError",
        "ExchangeError",
        "GapError",
        "JournalError",
        "OrderNotFound",
        "OrderNotSent",
        "OrderRejected",
        "OrderUnknown",
        "ParityError",
        "RiskLimitError",
        "StaleDataError",
        "StrategyError",
        "TransientError",
    ),
    "cryptobot.core.limits": ("Limits",),
    "cryptobot.core.money": ("Market",),
    "cryptobot.core.order_types": ("OrderType", "TimeInForce"),
    "cryptobot.core.orders": ("Order", "OrderStatus"),
    "cryptobot.core.quotes": ("Quote",),
    "cryptobot.core.settings": ("Settings",),
    "cryptobot.core.sizing": ("FixedQuote", "FractionOfEquity"),
    "cryptobot.core.trading_state": ("TradingState",),
    "cryptobot.core.types": ("Balance", "Bar", "Fill", "Intent", "Mode", "OcoIntent", "Side", "Trade"),
    "cryptobot.exchange.connector.exchange": ("CcxtExchange",),
    "cryptobot.exchange.load": ("load_bars",),
    "cryptobot.exchange.paper": ("PaperExchange",),
    "cryptobot.exchange.practice": ("PracticeExchange",),
    "cryptobot.exchange.replay": ("ReplayExchange",),
    "cryptobot.exchange.simulator.faults": ("Fault",),
    "cryptobot.exchange.simulator.server": ("Simulator",),
    "cryptobot.market.holes": ("holes",),
    "cryptobot.market.practice": ("practice_bars",),
    "cryptobot.market.read": ("read_bars",),
    "cryptobot.notebook.panel": ("ControlPanel",),
    "cryptobot.strategy.base": ("Strategy",),
    "cryptobot.strategy.catalogue": ("get_strategy", "strategies", "strategy"),
    "cryptobot.strategy.check_report": ("CheckReport",),
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
    "cryptobot.trading.gate_report": ("GateReport",),
    "cryptobot.trading.journal": ("JournalHeader", "SqliteJournal"),
    "cryptobot.trading.live_gate": ("LiveGate",),
    "cryptobot.trading.reconciliation": ("Reconciliation", "reconcile"),
    "mcp_server.client.synchronous": ("PriceClient",),
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
    """The package itself, on which a public function wins over the room of the same name.

    Importing the room ``cryptobot.strategy`` makes Python set it as an attribute here, which would hide the decorator
    ``cb.strategy``; likewise ``cb.backtest``. ``from cryptobot.strategy.base import …`` does not go through attributes.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME_OF and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel by name: a class that was typed into a notebook speaks of ``cb`` on another machine, too."""
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _Package
