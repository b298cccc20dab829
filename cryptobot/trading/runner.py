"""The loop that carries events from the exchange to the engine and its actions back.

Long because a session begins, runs and ends in this one place, in an order that survives being broken off anywhere.
"""

from __future__ import annotations

import asyncio
import threading
import traceback
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, cast

from cryptobot.core.clock import Clock
from cryptobot.core.errors import ConfigError, CryptobotError, ExchangeError
from cryptobot.core.events import ExchangeEvent
from cryptobot.core.secrecy import redact, scrub
from cryptobot.core.text import count
from cryptobot.core.types import Mode
from cryptobot.strategy.base import Strategy
from cryptobot.trading.actions import Action, Level, Notice, SetTradingState
from cryptobot.trading.asking import asked
from cryptobot.trading.engine import Engine
from cryptobot.trading.gateway.gateway import Gateway
from cryptobot.trading.hands import Hands, left_open
from cryptobot.trading.journal import Journal, MemoryJournal, ParametersSet, StateChange, TradingStateChange
from cryptobot.trading.keeper import Keeper
from cryptobot.trading.live_gate import LiveGate, require_live, wish_of
from cryptobot.trading.notifier import Notifier
from cryptobot.trading.opening import Desk, Plan, open_desk
from cryptobot.trading.recorder import Recorder
from cryptobot.trading.session_state import SessionState
from cryptobot.trading.status import BotStatus, State, status_of
from cryptobot.trading.teller import Teller
from cryptobot.trading.terms import terms_of

if TYPE_CHECKING:
    from cryptobot.alerts.channel import AlertChannel

# So long a stop waits for an order that is being sent.
_DRAIN: Final = 6.0
# Comparisons at a start, before the first bar.
_COMPARISONS: Final = 3


class Runner(SessionState):
    """Runs one engine against one exchange on an event loop of its own.

    Parameters
    ----------
    strategy
        What decides.
    plan
        What is traded, where.
    journal, clock
        As for `Bot`.
    log
        Takes a level, a text, and what it is about.
    lock
        Held while the engine handles an event, so that readers see one state.
    gate
        What real money asks for; needed for real money only.
    channels
        Where people are told of notices.

    Attributes
    ----------
    desk
        What trades, or None before the first start.
    notifier
        What tells people outside, or None.
    """

    def __init__(
        self,
        *,
        strategy: Strategy,
        plan: Plan,
        journal: Journal,
        clock: Clock,
        log: Callable[[Level, str, Mapping[str, str] | None], None],
        lock: threading.RLock,
        gate: LiveGate | None = None,
        channels: Sequence[AlertChannel] = (),
    ) -> None:
        super().__init__(lock)
        self.plan = plan
        self.exchange = plan.exchange
        self.sizing = plan.sizing
        self.desk: Desk | None = None
        self.keeper: Keeper | None = None
        self._strategy = strategy
        self._clock = clock
        self._gate = gate
        self.notifier = Notifier(channels, journal, clock, plan) if channels else None
        self._recorder = Recorder(journal, clock, self._journal_changed)
        self._teller = Teller(log, self._recorder, self.notifier, self.hear, self.touch, self._give_up)
        self._hands: Hands | None = None
        self._turn: asyncio.Lock | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._deciding: set[asyncio.Task[Any]] = set()  # what people asked for
        self._stopping = False
        self._may_wake = False
        self._failure: BaseException | None = None

    @property
    def strategy(self) -> Strategy:
        """The strategy, with parameters that were asked for but not yet adopted included."""
        return self._strategy

    @property
    def engine(self) -> Engine | None:
        """The engine, or None before the first start."""
        return None if self.desk is None else self.desk.engine

    @property
    def gateway(self) -> Gateway | None:
        """What sends orders, or None before the first start."""
        return None if self.desk is None else self.desk.gateway

    @property
    def journal(self) -> Journal:
        """Where everything is written down."""
        return self._recorder.journal

    def begin(self) -> None:
        """Make ready for `run`: from here on a stop is heard. Called before the thread is started."""
        with self._lock:
            self.error = None
            self.ready.clear()
            self._stopping, self._failure = False, None
            self.state, self.reason = "starting", ""
            self.touch()

    def run(self) -> None:
        """Trade until stopped, halted or out of bars. Blocks: this is the thread's main function."""
        try:
            asyncio.run(self.main())
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
        if (loop := self._loop) is not None and not loop.is_closed():
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
            self._recorder.write("parameters", ParametersSet(changed.name, changed.params))
            if self.engine is not None:
                self._recorder.write("terms", terms_of(changed, self.plan, self.engine), durable=False)
                self.engine.change_strategy(changed)
                self._log("info", f"Parameters asked for: {changed!r}; they count from the next bar's close.")
            else:
                self._log("info", f"Parameters set: {changed!r}.")
            self.touch()
        return changed

    def command(self, decide: Callable[[Engine, int], list[Action]], otherwise: SetTradingState, wait: float) -> None:
        """Let the engine do something that a person wants, from any thread, and wait until it is done.

        Parameters
        ----------
        decide
            Given the engine and the time, nanoseconds since 1970-01-01 UTC.
        otherwise
            What is written down for the next start if the bot does not run.
        wait
            Seconds.

        Raises
        ------
        ConfigError
            If it is not done within that time; it goes on being done.
        """
        with self._lock:
            loop, running = self._loop, self.state == "running"
        if loop is None or not running or loop.is_closed():
            if self.engine is not None:
                gate = self.engine.gate
                gate.state, gate.reason = otherwise.state, otherwise.reason
            state = TradingStateChange(str(otherwise.state), otherwise.reason, otherwise.by, otherwise.flatten)
            self._recorder.write("trading_state", state)
            self._log("warning", f"{self.plan.name} does not run; from its next start on it is {otherwise.state}.")
            return
        done = asyncio.run_coroutine_threadsafe(self._decide(decide), loop)
        try:
            done.result(wait)
        except CancelledError:
            raise ConfigError(
                f"{self.plan.name} stopped before that was done. Start it, and look at its log."
            ) from None
        except TimeoutError:
            raise ConfigError(
                f"{self.plan.name} has not done that within {wait:g} s; it goes on trying. Look at its log: bot.logs()."
            ) from None

    def status(self) -> BotStatus:
        """Return where the bot stands."""
        with self._lock:
            return status_of(self)

    async def main(self) -> None:
        """Trade until stopped, halted or out of bars, on the running loop."""
        self._loop, self._turn, self.keeper = asyncio.get_running_loop(), asyncio.Lock(), None
        self._task = asyncio.current_task()
        keeping: asyncio.Task[None] | None = None
        try:
            self._set_state("starting")
            if self.notifier is not None:
                self.notifier.start()
            if not self._stopping:
                await self._open()
            if self._stopping or self.keeper is None:
                return
            self._set_state("running")
            what = f"{self._strategy!r} on {self.plan.symbol} {self.plan.timeframe}, mode {self.exchange.mode}"
            self.tell(Notice("info", f"Started: {what}.", "started"))
            self.ready.set()
            keeping = asyncio.create_task(self.keeper.run())
            keeping.add_done_callback(self._keeper_ended)
            await self._listen()
        except asyncio.CancelledError:
            if self._failure is not None:
                self._fail(self._failure)
            elif not self._stopping:
                raise
        except Exception as error:  # noqa: BLE001 - whatever an exchange can raise: it is told, and nothing is traded
            self._fail(error)
        finally:
            await self._end(keeping)

    async def _open(self) -> None:
        self._may_wake = True
        try:
            await asked(self.exchange.connect, self._clock, self.tell)
            if self.desk is None:
                if self.exchange.mode is Mode.LIVE:
                    report = await asyncio.to_thread(require_live, self._gate, wish_of(self._strategy, self.plan))
                    self._recorder.must_write("gate", report.record())
                desk = await open_desk(self.plan, lambda: self._strategy, self._recorder, self._clock, self.tell)
                with self._lock:
                    self.desk = desk
                self._recorder.must_write("parameters", ParametersSet(self._strategy.name, self._strategy.params))
                keeps_bars = not isinstance(self.journal, MemoryJournal)
                terms = terms_of(self._strategy, self.plan, desk.engine, history=keeps_bars)
                self._recorder.write("terms", terms, durable=False)
            else:
                self.desk.engine.resume()
            if self._turn is not None:
                self._hands = Hands(
                    self.desk,
                    self._recorder,
                    self._lock,
                    tell=self.tell,
                    changed=self._handled,
                    halt=self._halt,
                    keeps_bars=not isinstance(self.journal, MemoryJournal),  # otherwise the tape has them
                )
                self.keeper = Keeper(self.desk, self._clock, self._turn, self._hands, self.tell)
                for _ in range(_COMPARISONS):
                    await self.keeper.compare()
                    if self.keeper.hold is None:
                        break
                self.desk.gateway.remind()
        finally:
            self._may_wake = False

    async def _listen(self) -> None:
        stream = self.exchange.stream(self.plan.symbol, self.plan.timeframe)
        async with aclosing(cast("AsyncGenerator[ExchangeEvent, None]", stream)) as events:
            while not self._stopping and self.state == "running":
                self._may_wake = True
                try:
                    event = await anext(events)
                except StopAsyncIteration:
                    self._set_state("finished", f"{self.exchange.name} has no more bars")
                    return
                finally:
                    self._may_wake = False
                await self._take(event)

    async def _take(self, event: ExchangeEvent) -> None:
        """Take an event of the exchange's stream, and see it through."""
        desk, keeper, turn, hands = self.desk, self.keeper, self._turn, self._hands
        if desk is None or keeper is None or turn is None or hands is None:
            raise ConfigError("an event came before the engine was there")
        async with turn:
            with self._teller.after_orders():
                keeper.before(event, failing=self._recorder.failing is not None)
                for news in desk.gateway.take(event):
                    await hands.feed(news)

    def _halt(self, reason: str) -> None:
        left = "nothing is open" if self.desk is None else left_open(self.desk)
        self._set_state("halted", reason)
        text = f"Halted: {reason.removesuffix('.')}. What is left: {left}."
        self.tell(Notice("error", text, "halted", {"why": reason}))

    async def _decide(self, decide: Callable[[Engine, int], list[Action]]) -> None:
        turn, desk, hands = self._turn, self.desk, self._hands
        if turn is None or desk is None or hands is None:
            raise ConfigError("the bot does not run yet")
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._deciding.add(task)
        task.add_done_callback(self._deciding.discard)
        async with turn:
            with self._lock:
                actions = decide(desk.engine, self._clock.now())
            with self._teller.after_orders():
                await hands.carry_out(actions)

    def tell(self, notice: Notice) -> None:
        """Tell people something; from any thread. Within a bar's work, once the loop waits for an order's answer."""
        self._teller.tell(notice)

    def _log(self, level: Level, text: str, facts: Mapping[str, str] | None = None) -> None:
        self._teller.log(level, text, facts)

    def _journal_changed(self, problem: str | None) -> None:
        if problem is None:
            self._log("info", "The journal takes everything again.")
            return
        self._log("error", f"The journal cannot be written: {problem} Nothing new is bought; exits still pass.")

    def _keeper_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        self._failure = error
        if self._task is not None:
            self._task.cancel()

    def _wake(self) -> None:
        # Only while it connects or waits for an event: an order that is being sent is sent to its end.
        if self._may_wake and self._task is not None:
            self._task.cancel()

    async def _end(self, keeping: asyncio.Task[None] | None) -> None:
        """Let go of everything: an order that is being sent is sent to its end first."""
        turn = self._turn
        if turn is not None and keeping is not None:
            try:
                await asyncio.wait_for(turn.acquire(), _DRAIN)
                turn.release()
            except TimeoutError:
                self._log("warning", f"An order was still being sent after {_DRAIN:g} s; the next start looks for it.")
            left = [keeping, *self._deciding]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        practice, keeper = self.exchange.mode is Mode.PRACTICE, None if self._failure else self.keeper
        if keeper and not practice:
            await keeper.compare_last(self._fail)
        try:
            await self.exchange.close()
        except Exception as error:  # noqa: BLE001 - the session ends all the same, and says so
            self._log("error", f"Closing {self.exchange.name} failed: {type(error).__name__}: {error}")
        if keeper is not None and practice:  # it forgets orders that wait for its next bar when it is left
            await keeper.compare_last(self._fail)
        self._finish()
        if self.notifier is not None and not await asyncio.to_thread(self.notifier.close):
            self._log("warning", "Some alerts are not told yet; they are told at the next start.")

    def _finish(self) -> None:
        with self._lock:
            if self._stopping and self.state not in ("halted", "finished"):
                self._set_state("stopped", "stopped on request")
        if self.desk is not None:
            text = f"{self.state.capitalize()} after {count(self.bars, 'bar')}: {left_open(self.desk)}."
            self.tell(Notice("info", text, "stopped"))
            self._recorder.flush()

    def _fail(self, error: BaseException) -> None:
        scrub(error)
        self._failure = self._failure or error
        reason = str(error) if isinstance(error, CryptobotError) else f"internal error: {type(error).__name__}: {error}"
        what = "Halted" if self.ready.is_set() else "Start failed"
        self._set_state("halted", reason)
        self.tell(Notice("error", f"{what}: {reason}", "halted", {"why": reason}))
        self._log("debug", "".join(traceback.format_exception(error)))
        if not self.ready.is_set():
            self.error = error if isinstance(error, CryptobotError) else ExchangeError(reason)

    def _set_state(self, state: State, reason: str = "") -> None:
        with self._lock:
            self.state = state
            self.reason = reason = redact(reason)
            self.touch()
        if state in ("starting", "running"):
            self._recorder.must_write("state", StateChange(state, reason))  # never trade unrecorded
        else:
            self._recorder.write("state", StateChange(state, reason))  # but an end is an end even when the disk is full
