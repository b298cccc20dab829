"""The beginning of a session: a first one from what the account holds, any other one from the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, cast

from cryptobot.core.clock import Clock
from cryptobot.core.errors import ConfigError, JournalError
from cryptobot.core.limits import Limits
from cryptobot.core.money import ZERO, Market, exact_money
from cryptobot.core.order_types import OrderType, TimeInForce
from cryptobot.core.orders import Order, OrderStatus
from cryptobot.core.risk import RiskGate
from cryptobot.core.sizing import Sizing
from cryptobot.core.text import count, written
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.trading_state import TradingState
from cryptobot.core.types import Balance, Intent, OcoIntent
from cryptobot.exchange.protocol import Exchange
from cryptobot.strategy.base import Strategy
from cryptobot.trading.actions import Notice
from cryptobot.trading.asking import asked
from cryptobot.trading.client_ids import ClientIds
from cryptobot.trading.engine import Engine
from cryptobot.trading.gateway.gateway import Gateway
from cryptobot.trading.gateway.reconciler import Reconciler
from cryptobot.trading.journal import JournalView, SessionStarted
from cryptobot.trading.meter import Meter
from cryptobot.trading.recorder import Recorder

if TYPE_CHECKING:
    from cryptobot.exchange.protocol import ForgetfulExchange

# History that a chart wants even when the strategy needs less.
_LEAST_HISTORY = 1_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What a bot is to trade; see `Bot`."""

    exchange: Exchange
    symbol: str
    timeframe: Timeframe
    sizing: Sizing
    limits: Limits
    name: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that trades: the engine, its way to the exchange, and what compares the two."""

    engine: Engine
    gateway: Gateway
    reconciler: Reconciler
    meter: Meter = field(default_factory=Meter)


async def open_desk(
    plan: Plan, strategy: Callable[[], Strategy], recorder: Recorder, clock: Clock, tell: Callable[[Notice], None]
) -> Desk:
    """Make ready to trade, on a connected exchange.

    Parameters
    ----------
    plan
        What to trade.
    strategy
        Asked for the strategy, which may be changed while history is read.
    recorder
        The journal. If an earlier session is in it, that is gone on with.
    clock, tell
        For times, and for notices.

    Raises
    ------
    ConfigError
        If the account holds coins that are not the bot's.
    CryptobotError
        If the journal or the exchange cannot be trusted or used.
    """
    exchange, symbol = plan.exchange, plan.symbol
    market = await asked(partial(exchange.market, symbol), clock, tell)
    view = JournalView.of(recorder.journal, bars=False)
    session = view.session
    if session is None:
        session = await asked(partial(_first, plan, market, recorder), clock, tell)
    ids = ClientIds(plan.name, clock.now(), taken=view.lives)
    gateway = Gateway(exchange, market, recorder, clock, ids, tell)
    gateway.begin(session)
    gateway.restore(view)
    portfolio = view.portfolio(market, session.cash)
    gate = _gate(plan.limits, market, view)
    rules = await asked(partial(exchange.rules, symbol), clock, tell)
    able = exchange.capabilities
    costs = getattr(exchange, "costs", None)
    grid = await asked(partial(exchange.grid, symbol), clock, tell)
    if view.session is not None and not able.keeps_account:
        await _tell_forgetful(cast("ForgetfulExchange", exchange), symbol, gateway, view, recorder)
    at_work = [(life.intent, life.filled_quantity) for life in gateway.open_lives]
    while True:
        wanted = strategy()
        engine = Engine(
            wanted,
            market,
            plan.timeframe,
            grid,
            portfolio,
            plan.sizing,
            ids.next,
            gate=gate,
            order_types=rules.order_types & able.order_types,
            oco=rules.oco and able.oco,
            fee=ZERO if costs is None else costs.fee,
        )
        bars = max(wanted.memory, _LEAST_HISTORY)
        notices = engine.prime(await asked(partial(exchange.history, symbol, plan.timeframe, bars), clock, tell))
        if wanted == strategy():  # else the parameters were changed meanwhile: once more with those
            break
    decided = [each for each in view.intents if isinstance(each, Intent) and not _rests(each)]
    engine.restore(decided, view.fills, at_work)
    last = view.trading_state
    if last is not None and last.state == TradingState.HALTED and last.by != "reconciliation":
        engine.exits.killed_before(flatten=last.flatten)
    for notice in notices:
        tell(notice)
    if view.session is not None:
        held = portfolio.quantity
        what = f"a position of {written(held, 8)} {market.base}" if held else "no position"
        text = f"Goes on from its journal: {count(len(portfolio.trades), 'trade')}, {what}, {count(len(at_work), 'order')} at work."
        if last is not None and last.state != TradingState.ACTIVE:
            text += f" Trading is {last.state} since then: {last.reason}."
        tell(Notice("info", text, "started"))
    return Desk(engine, gateway, Reconciler(gateway, able.order_deadline))


async def _first(plan: Plan, market: Market, recorder: Recorder) -> SessionStarted:
    time = await plan.exchange.now()
    balances = await plan.exchange.balances()
    nothing = Balance(ZERO)
    held, cash = balances.get(market.base, nothing).total, balances.get(market.quote, nothing)
    if market.round_quantity(held) > 0:
        raise ConfigError(
            f"{plan.name}: the account holds {written(held)} {market.base} that this bot did not buy. "
            "Sell or move it first, or use an account of its own: a bot never touches what is not its own."
        )
    session = SessionStarted(cash.free, held, cash.locked, time)
    recorder.must_write("session", session)
    return session


def _gate(limits: Limits, market: Market, view: JournalView) -> RiskGate:
    gate = RiskGate(limits, market)
    if view.risk is not None:
        mark = view.risk
        gate.recall((mark.day, mark.day_equity, mark.last_equity, mark.peak, mark.until_day))
    last = view.trading_state
    if last is not None:
        try:
            gate.state, gate.reason = TradingState(last.state), last.reason
        except ValueError:
            known = ", ".join(f"`{each}`" for each in TradingState)
            raise JournalError(f"journal: the trading state {last.state!r} is unknown. Known: {known}.") from None
    return gate


async def _tell_forgetful(
    exchange: ForgetfulExchange, symbol: str, gateway: Gateway, view: JournalView, recorder: Recorder
) -> None:
    """Give a simulated venue its account and its resting orders back."""
    last = recorder.journal.last("bar")
    after = None if last is None else last.content.bar.time
    market = gateway.market
    resting = {
        life.client_id: _rest(life.intent, life.filled_quantity)
        for life in gateway.open_lives
        if life.known and _rests(life.intent)
    }
    orders: list[Intent | OcoIntent] = [
        OcoIntent(pair.id, resting.pop(pair.above.id), resting.pop(pair.below.id))
        for pair in view.pairs
        if pair.above.id in resting and pair.below.id in resting
    ]
    orders += resting.values()
    balances = {market.base: gateway.account.base, market.quote: gateway.account.quote}
    for client_id in await exchange.restore(symbol, balances, orders, after):
        gateway.observe(_withdrawn(gateway.lives[client_id].intent, gateway.lives[client_id].filled_quantity))


def _rests(intent: Intent) -> bool:
    return intent.type is not OrderType.MARKET and intent.time_in_force is TimeInForce.GTC


@exact_money
def _rest(intent: Intent, filled: Decimal) -> Intent:
    return intent if not filled or intent.quantity is None else replace(intent, quantity=intent.quantity - filled)


def _withdrawn(intent: Intent, filled: Decimal) -> Order:
    """Describe an order that a simulated venue no longer takes: it ended while nobody was there."""
    price = intent.price or intent.stop_price or ZERO
    return Order(
        intent.id,
        "",
        intent.symbol,
        intent.side,
        intent.type,
        OrderStatus.CANCELLED,
        intent.quantity,
        filled,
        filled * price,
        intent.time,
        intent.time,
    )
