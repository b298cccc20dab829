"""The loop that carries events from the exchange to the engine and its actions back."""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

from cryptobot.core.clock import Clock
from cryptobot.core.errors import (
    ConfigError,
    CryptobotError,
    ExchangeError,
    OrderNotSent,
    OrderRejected,
    OrderUnknown,
)
from cryptobot.core.events import BarClosed, ExchangeEvent, OrderFilled, OrderRefused
from cryptobot.core.money import ZERO
from cryptobot.core.portfolio import Portfolio
from cryptobot.core.sizing import Sizing
from cryptobot.core.timeframe import Timeframe
from cryptobot.core.types import Balance, Mode
from cryptobot.exchange.protocol import Exchange
from cryptobot.strategy.base import Strategy
from cryptobot.trading.actions import Action, Halt, Level, Submit
from cryptobot.trading.client_ids import session_prefix
from cryptobot.trading.engine import Engine
from cryptobot.trading.journal import (
    BookedFill,
    Journal,
    Kind,
    Outcome,
    OutcomeKind,
    ParametersSet,
    StateChange,
)
from cryptobot.trading.status import BotStatus, State

# History that a chart wants even when the strategy needs less.
_LEAST_HISTORY = 1_000


class Runner:
    """Runs one engine against one exchange on an event loop of its own.

    Parameters
    ----------
    strategy, exchange, symbol, timeframe, sizing, name, journal, clock
        As for `Bot`.
    log
        Takes a level and a text.
    lock
        Held while the engine handles an event, so that readers see one state.

    Attributes
    ----------
    engine
        The engine, or None before the first start.
    ready
        Set when a start has succeeded or failed.
    error
        Why the last start failed, or None.
    state
        See `BotStatus`.
    sequence
        Grows with everything that happens.
    """

    def __init__(
        self,
        *,
        strategy: Strategy,
        exchange: Exchange,
        symbol: str,
        timeframe: Timeframe,
        sizing: Sizing,
        name: str,
        journal: Journal,
        clock: Clock,
        log: Callable[[Level, str], None],
        lock: threading.RLock,
    ) -> None:
        self.exchange = exchange
        self.engine: Engine | None = None
        self.ready = threading.Event()
        self.error: CryptobotError | None = None
        self.state: State = "new"
        self.reason = ""
        self.sequence = 0
        self.bars = 0
        self.first_time: int | None = None
        self.sizing = sizing
        self._strategy = strategy
        self._symbol = symbol
        self._timeframe = timeframe
        self._name = name
        self._journal = journal
        self._clock = clock
        self._tell = log
        self._lock = lock
        self._changed = threading.Condition(lock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._may_wake = False
        self._intents = 0
        self._prefix = session_prefix(name, clock.now())

    @property
    def strategy(self) -> Strategy:
        """The strategy, with parameters that were asked for but not yet adopted included."""
        return self._strategy

    def begin(self) -> None:
        """Make ready for `run`: from here on a stop is heard. Called before the thread is started."""
        with self._lock:
            self.error = None
            self.ready.clear()
            self._stopping = False
            self.state, self.reason = "starting", ""
            self.touch()

    def run(self) -> None:
        """Trade until stopped, halted or out of bars. Blocks: this is the thread's main function."""
        try:
            asyncio.run(self._main())
        except Exception as error:  # noqa: BLE001 - the thread's last line of defence: nothing may end silently
            self._fail(error)
        finally:
            self.ready.set()

    def request_stop(self) -> None:
        """Ask for a clean end, from any thread."""
        with self._lock:
            self._stopping = True
            if self.state in ("starting", "running"):
                self._set_state("stopping")
            loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake)

    def change(self, changes: dict[str, Any]) -> Strategy:
        """Change parameters at the next bar's close; see `Bot.set_parameters`."""
        with self._lock:
            return self.change_to(self._strategy.replace(**changes))

    def change_to(self, changed: Strategy) -> Strategy:
        """Trade with another strategy from the next bar's close on; see `Bot.set_strategy`."""
        with self._lock:
            if changed == self._strategy:
                return changed
            self._strategy = changed
            self._record("parameters", ParametersSet(changed.name, changed.params))
            if self.engine is not None:
                self.engine.change_strategy(changed)
                self._log("info", f"Parameters asked for: {changed!r}; they count from the next bar's close.")
            else:
                self._log("info", f"Parameters set: {changed!r}.")
            self.touch()
        return changed

    def touch(self) -> None:
        """Say that something is new."""
        with self._changed:
            self.sequence += 1
            self._changed.notify_all()

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait until a condition of the session holds; see `Bot.wait_until`."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def _log(self, level: Level, text: str) -> None:
        self._tell(level, text)
        self.touch()

    def status(self) -> BotStatus:
        """Return where the bot stands."""
        with self._lock:
            engine = self.engine
            portfolio = engine.portfolio if engine is not None else None
            price = engine.last_bar.close if engine is not None and engine.last_bar is not None else None
            equity = ZERO if portfolio is None else portfolio.equity(price if price is not None else 0)
            opened = None if portfolio is None or price is None else portfolio.open_trade(price)
            return BotStatus(
                name=self._name,
                mode=self.exchange.mode,
                state=self.state,
                reason=self.reason,
                symbol=self._symbol,
                timeframe=str(self._timeframe),
                strategy=self._strategy.name,
                parameters=self._strategy.params,
                bars=self.bars,
                last_bar_time=engine.last_bar.time if engine is not None and engine.last_bar is not None else None,
                price=price,
                quantity=portfolio.quantity if portfolio is not None else ZERO,
                entry_price=portfolio.entry_price if portfolio is not None else None,
                cash=portfolio.cash if portfolio is not None else ZERO,
                equity=equity,
                initial_equity=portfolio.initial_cash if portfolio is not None else ZERO,
                realised_pnl=portfolio.realised_pnl if portfolio is not None else ZERO,
                unrealised_pnl=opened.pnl if opened is not None else ZERO,
                trades=len(portfolio.trades) if portfolio is not None else 0,
                fees=portfolio.fees if portfolio is not None else ZERO,
                sequence=self.sequence,
            )

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        try:
            self._set_state("starting")
            if not self._stopping:
                await self._open()
            if self._stopping:
                return
            self._set_state("running")
            self._log(
                "info", f"Started: {self._strategy!r} on {self._symbol} {self._timeframe}, mode {self.exchange.mode}."
            )
            self.ready.set()
            await self._listen()
        except asyncio.CancelledError:
            if not self._stopping:
                raise
        except Exception as error:  # noqa: BLE001 - whatever an exchange can raise: it is told, and nothing is traded
            self._fail(error)
        finally:
            await self._close_exchange()
            self._finish()

    async def _open(self) -> None:
        self._may_wake = True
        try:
            await self.exchange.connect()
            if self.engine is None:
                await self._prepare()
            else:
                self.engine.resume()
        finally:
            self._may_wake = False

    async def _close_exchange(self) -> None:
        try:
            await self.exchange.close()
        except Exception as error:  # noqa: BLE001 - the session ends all the same, and says so
            self._log("error", f"Closing {self.exchange.name} failed: {type(error).__name__}: {error}")

    async def _prepare(self) -> None:
        market = await self.exchange.market(self._symbol)
        balances = await self.exchange.balances()
        nothing = Balance(ZERO)
        held, cash = balances.get(market.base, nothing).total, balances.get(market.quote, nothing).free
        if market.round_quantity(held) > 0:
            raise ConfigError(
                f"{self._name}: the account holds {held} {market.base} that this bot did not buy. "
                "Sell or move it first, or use an account of its own: a bot never touches what is not its own."
            )
        grid = await self.exchange.grid(self._symbol)
        while True:
            strategy = self._strategy
            portfolio = Portfolio(cash, market)
            engine = Engine(strategy, market, self._timeframe, grid, portfolio, self.sizing, self._next_id)
            wanted = max(strategy.memory, _LEAST_HISTORY)
            notices = engine.prime(await self.exchange.history(self._symbol, self._timeframe, wanted))
            with self._lock:
                if strategy == self._strategy:  # else the parameters were changed meanwhile: once more with those
                    self.engine = engine
                    break
        self._record("parameters", ParametersSet(strategy.name, strategy.params))
        for notice in notices:
            self._log(notice.level, notice.text)

    def _next_id(self) -> str:
        self._intents += 1
        return f"{self._prefix}-{self._intents}"

    async def _listen(self) -> None:
        stream = self.exchange.stream(self._symbol, self._timeframe)
        try:
            while not self._stopping:
                self._may_wake = True
                try:
                    event = await anext(stream)
                except StopAsyncIteration:
                    self._set_state("finished", f"{self.exchange.name} has no more bars")
                    return
                finally:
                    self._may_wake = False
                if not await self._handle(event):
                    return
        finally:
            await _close(stream)

    async def _handle(self, event: ExchangeEvent) -> bool:
        """Pass an event through the engine and carry out its actions; False ends the session."""
        engine = self.engine
        if engine is None:
            raise ConfigError("an event came before the engine was there")
        if not isinstance(event, BarClosed):
            if isinstance(event, OrderFilled):
                own = any(intent.id == event.fill.intent_id for intent in reversed(engine.intents))
                self._record("fill", BookedFill(event.fill, own, event.complete))
            else:
                self._record("event", event)
        with self._lock:
            newest = engine.last_bar
            actions = engine.handle(event)
            if isinstance(event, BarClosed) and engine.last_bar is not newest:  # neither dropped nor impossible
                self.bars += 1
                if self.first_time is None:
                    self.first_time = event.bar.time
            self.touch()
        going = True
        for action in actions:
            going = await self._carry_out(engine, action) and going
        return going

    async def _carry_out(self, engine: Engine, action: Action) -> bool:
        if isinstance(action, Halt):
            held = engine.portfolio.quantity
            kept = f" A position of {held:,.8g} {engine.market.base} stays open." if held else ""
            self._set_state("halted", action.reason)
            self._log("error", f"Halted: {action.reason}{kept}")
            return False
        if not isinstance(action, Submit):
            self._log(action.level, action.text)
            return True
        intent = action.intent
        self._record("intent", intent)  # before it is sent, always
        self._log("debug", f"Order {intent.id}: {intent.reason}.")
        try:
            order = await self.exchange.submit(intent)
        except (OrderRejected, OrderNotSent) as error:
            kind: OutcomeKind = "rejected" if isinstance(error, OrderRejected) else "not_sent"
            reason = str(error).removeprefix(f"order {intent.id}: ").removesuffix(".")
            self._record("outcome", Outcome(intent.id, kind, reason=reason))
            return await self._handle(OrderRefused(intent.id, intent.time, reason))
        except OrderUnknown as error:
            self._record("outcome", Outcome(intent.id, "unknown", reason=str(error)))
            raise
        if order is not None:
            self._record("outcome", Outcome(intent.id, "acknowledged", order.exchange_id))
        return True

    def _record(self, kind: Kind, content: Any) -> None:
        self._journal.append(self._clock.now(), kind, content)

    def _wake(self) -> None:
        # Only while it connects or waits for an event: an order that is being sent is sent to its end.
        if self._may_wake and self._task is not None:
            self._task.cancel()

    def _finish(self) -> None:
        with self._lock:
            engine = self.engine
            if engine is not None:
                # A simulated exchange forgets its waiting orders when it is closed; any other still has them.
                ended = engine.withdraw() if self.exchange.mode is Mode.PRACTICE else engine.unanswered()
                for action in ended:
                    self._log(action.level, action.text)
            if self._stopping and self.state not in ("halted", "finished"):
                self._set_state("stopped", "stopped on request")
        if engine is None:
            return
        held = engine.portfolio.quantity
        what = f"a position of {held:,.8g} {engine.market.base} stays open" if held else "nothing is open"
        self._log("info", f"{self.state.capitalize()} after {self.bars:,} bars: {what}.")

    def _fail(self, error: Exception) -> None:
        reason = str(error) if isinstance(error, CryptobotError) else f"internal error: {type(error).__name__}: {error}"
        started = self.ready.is_set()
        self._set_state("halted", reason)
        self._log("error", f"{'Halted' if started else 'Start failed'}: {reason}")
        self._log("debug", "".join(traceback.format_exception(error)))
        if not started:
            self.error = error if isinstance(error, CryptobotError) else ExchangeError(reason)

    def _set_state(self, state: State, reason: str = "") -> None:
        with self._lock:
            self.state = state
            self.reason = reason
            self.touch()
        try:
            self._record("state", StateChange(state, reason))
        except Exception as error:
            if state in ("starting", "running"):
                raise  # never trade unrecorded; but an end is an end even when the disk is full
            self._log("error", f"The journal could not record the state {state!r}: {error}")


async def _close(stream: AsyncIterator[ExchangeEvent]) -> None:
    closer = getattr(stream, "aclose", None)
    if closer is not None:
        await closer()
