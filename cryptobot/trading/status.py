"""Where a bot stands, read in one piece."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from cryptobot.core.money import ZERO, decimal_of
from cryptobot.core.types import Mode
from cryptobot.trading.status_words import rows

if TYPE_CHECKING:
    from cryptobot.trading.engine import Engine
    from cryptobot.trading.runner import Runner

State = Literal["new", "starting", "running", "stopping", "stopped", "finished", "halted"]


@dataclass(frozen=True, slots=True)
class BotStatus:
    """Where a bot stands.

    Attributes
    ----------
    name
        Of the bot.
    mode
        Where its orders go.
    state
        ``"finished"`` when the exchange has no more bars, ``"halted"`` when it stopped itself.
    reason
        Why it halted or stopped, or an empty text.
    symbol, timeframe
        What it trades.
    strategy
        Registered name.
    parameters
        Of the strategy.
    bars
        How many closed since the start.
    last_bar_time
        Open time of the newest bar, nanoseconds since 1970-01-01 UTC, or None.
    price
        Its close, in the quote currency, or None.
    quantity
        Held, in the base currency.
    entry_price
        Average, in the quote currency, or None when flat.
    cash, equity, initial_equity
        In the quote currency; equity values the position at `price`.
    realised_pnl, unrealised_pnl
        After fees, in the quote currency.
    trades
        Closed round trips.
    fees
        Paid so far, in the quote currency.
    sequence
        Grows with everything that happens; the same number means nothing is new.
    trading_state, trading_reason
        What may be traded (`TradingState`), and why.
    open_orders
        How many of its orders may still be filled.
    unknown_orders
        How many of them nobody knows the fate of: nothing new is bought until they are resolved.
    protected
        Whether the position is covered by orders on the exchange; None without a position or where none are wanted.
    day_pnl
        Today's change of the equity (UTC), in the quote currency.
    connected
        Whether the exchange answers.
    limits
        Those that are set, by name, as texts.
    journal
        Path of the journal's file, or None for one in memory.
    pid
        Of the process that it runs in.
    alerts
        How its alerts fare, by channel.
    exchange
        Name of the exchange that its prices come from, for example ``"practice market"``.
    """

    name: str
    mode: Mode
    state: State
    reason: str
    symbol: str
    timeframe: str
    strategy: str
    parameters: dict[str, Any]
    bars: int
    last_bar_time: int | None
    price: float | None
    quantity: Decimal
    entry_price: Decimal | None
    cash: Decimal
    equity: Decimal
    initial_equity: Decimal
    realised_pnl: Decimal
    unrealised_pnl: Decimal
    trades: int
    fees: Decimal
    sequence: int
    trading_state: str = "active"
    trading_reason: str = ""
    open_orders: int = 0
    unknown_orders: int = 0
    protected: bool | None = None
    day_pnl: Decimal = ZERO
    connected: bool = True
    limits: dict[str, str] = field(default_factory=dict)
    journal: str | None = None
    pid: int = 0
    alerts: dict[str, str] = field(default_factory=dict)
    exchange: str = ""

    def __str__(self) -> str:
        return "\n".join([self.name, *(f"{heading + ':':10} {text}" for heading, text in rows(self).items())])


def status_of(runner: Runner) -> BotStatus:
    """Read where a bot stands; the caller holds its lock."""
    plan, strategy, desk, keeper = runner.plan, runner.strategy, runner.desk, runner.keeper
    limits = {name: str(getattr(plan.limits, name)) for name in plan.limits.set_names()}
    path = getattr(runner.journal, "path", None)
    common: dict[str, Any] = {
        "name": plan.name,
        "mode": plan.exchange.mode,
        "exchange": plan.exchange.name,
        "state": runner.state,
        "reason": runner.reason,
        "symbol": plan.symbol,
        "timeframe": str(plan.timeframe),
        "strategy": strategy.name,
        "parameters": strategy.params,
        "bars": runner.bars,
        "sequence": runner.sequence,
        "limits": limits,
        "journal": None if path is None else str(path),
        "pid": os.getpid(),
        "alerts": {} if runner.notifier is None else runner.notifier.status(),
    }
    if desk is None:
        common |= dict.fromkeys(_MONEY, ZERO)
        return BotStatus(last_bar_time=None, price=None, entry_price=None, trades=0, **common)
    engine, gateway, books = desk.engine, desk.gateway, desk.engine.portfolio
    last = engine.last_bar
    price = None if last is None else last.close
    opened = None if price is None else books.open_trade(price)
    return BotStatus(
        last_bar_time=None if last is None else last.time,
        price=price,
        quantity=books.quantity,
        entry_price=books.entry_price,
        cash=books.cash,
        equity=books.equity(price if price is not None else 0),
        initial_equity=books.initial_cash,
        realised_pnl=books.realised_pnl,
        unrealised_pnl=opened.pnl if opened is not None else ZERO,
        trades=len(books.trades),
        fees=books.fees,
        trading_state=str(engine.gate.state),
        trading_reason=engine.gate.reason,
        open_orders=len(gateway.open_lives),
        unknown_orders=len(gateway.unknown),
        protected=engine.exits.protected,
        day_pnl=_day_pnl(engine),
        connected=keeper is None or keeper.connected,
        **common,
    )


def _day_pnl(engine: Engine) -> Decimal:
    """Return what the equity has changed since the last close of the day before (UTC)."""
    last = engine.last_bar
    if last is None:
        return ZERO
    step = engine.timeframe.nanoseconds
    began = (last.time + step - 1) // _DAY * _DAY
    before = engine.tape.equity_before(began - step + 1)
    now = engine.portfolio.equity(last.close)
    return now - (engine.portfolio.initial_cash if before is None else decimal_of(before))


_DAY = 86_400 * 10**9
_MONEY = ("quantity", "cash", "equity", "initial_equity", "realised_pnl", "unrealised_pnl", "fees")
